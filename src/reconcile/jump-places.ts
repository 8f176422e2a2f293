/** Reads where jumps to owned chains stand in chains of others, given by the names of the latter. */

import { isObject, shown } from '../check-input'
import { IptcError } from '../errors'
import type { Context } from '../extensions/context'
import type { Entry } from '../ruleset/table-entry'
import { type DesiredRule, entryOf } from './desired'
import type { JumpPlace } from './jumps'

export type SaidPlaces = Readonly<Record<string, JumpPlace<DesiredRule>>>

export class JumpPlaces {
  readonly #said: SaidPlaces
  readonly #unused: Set<string>
  readonly #tables: Set<string>

  /** @param tables names of all tables that may have such chains */
  constructor(said: SaidPlaces, tables: Iterable<string>) {
    this.#said = said
    this.#unused = new Set(Object.keys(said))
    this.#tables = new Set(tables)
  }

  /** @throws IptcError, XtablesError */
  of(chain: string, context: Context): JumpPlace<Entry> {
    this.#unused.delete(chain)
    return placeIn(Object.hasOwn(this.#said, chain) ? this.#said[chain] : 'first', chain, context)
  }

  /**
   * Marks all chains of a table as asked for. @throws IptcError if a place is given for a chain that was not asked for
   */
  leave(table: string): void {
    this.#tables.delete(table)
    const [chain] = this.#unused
    if (this.#tables.size === 0 && chain !== undefined)
      throw new IptcError(
        'XT_BAD_OPTION',
        `the option jumps names chain ${chain}, which gets no jumps; accepted: chains that are not yours: built-in ones, and those that the desired state names`,
      )
  }
}

function placeIn(place: JumpPlace<DesiredRule> | undefined, chain: string, context: Context): JumpPlace<Entry> {
  if (place === 'first' || place === 'last') return place
  const [[side, rule] = ['', undefined], ...others] = isObject(place) ? Object.entries(place) : []
  if (others.length > 0 || (side !== 'before' && side !== 'after'))
    throw new IptcError(
      'XT_BAD_OPTION',
      `the option jumps: the place in chain ${chain} must be 'first', 'last', { before: rule } or { after: rule }, not ${shown(place)}`,
    )
  const entry = entryOf(
    rule as DesiredRule,
    context,
    ['jumps', chain, side],
    () => `the option jumps: chain ${chain} ${side}`,
  )
  return side === 'before' ? { before: entry } : { after: entry }
}
