/** Positions of rules in a chain. */
import { shown } from '../check-input'
import { type RulePlace, XtablesError } from '../errors'

/** Checks a position in a chain, from 0. @throws XtablesError */
export function checkPosition(place: RulePlace, position: number, last: number): void {
  if (!Number.isInteger(position) || position < 0 || position > last)
    throw noPosition(place, position, last < 0 ? 'none, because the chain has no rules' : `0 to ${last}`)
}

/** @param expected the positions that would be accepted, for people */
export const noPosition = ({ table, chain }: RulePlace, position: number, expected: string): XtablesError =>
  new XtablesError(
    'XT_BAD_POSITION',
    typeof position === 'number'
      ? `table ${table} chain ${chain}: there is no position ${shown(position)}; accepted: ${expected}`
      : `table ${table} chain ${chain}: the position of a rule must be a number, not ${shown(position)}`,
    { extension: 'rule', parameter: 'position', value: position, expected },
  )
