/** The error for a refused rule, with a likely reason: the kernel itself returns only an errno. */
import type { Family } from '../abi/family'
import { type KernelError, logged, RuleError, type RulePart, type RulePlace } from '../errors'
import { faultText } from '../extensions/extension'
import { entryExtensions } from '../ruleset/entry-extensions'
import type { Entry } from '../ruleset/table-entry'

/** A new rule of a table, and its place. */
export interface Candidate {
  readonly rule: Entry
  readonly place: RulePlace
}

interface Guess extends RulePart {
  readonly reason: string
}

/** Likely reasons for this errno, given the rule. */
function guesses(family: Family, { bytes }: Entry, errno: number): Guess[] {
  return entryExtensions(family, bytes).flatMap(({ at, known }) => {
    if (known === undefined) return []
    const { extension, variant } = known
    const suspicions = variant.suspects?.(bytes, at) ?? []
    return suspicions
      .filter((one) => one.errno === errno)
      .map((one) => ({
        extension: extension.name,
        parameter: one.parameter,
        reason: faultText(extension, variant, one),
      }))
  })
}

/** The value that all guesses share. */
function common(found: readonly Guess[], key: keyof RulePart): string | undefined {
  const [first, ...others] = found.map((one) => one[key])
  return others.every((one) => one === first) ? first : undefined
}

/** The error for the refused rule. @param note an additional remark */
export function blame(error: KernelError, family: Family, { rule, place }: Candidate, note = ''): RuleError {
  const found = guesses(family, rule, error.errno)
  if (found.length === 0) return new RuleError('XT_RULE_REFUSED', place, `${error.message}${note}`, { cause: error })
  const reasons = found.map(({ reason }) => reason).join(', or ')
  const log = error.log.length === 0 ? '' : `; ${logged(error.log)}`
  const part = { extension: common(found, 'extension'), parameter: common(found, 'parameter') }
  const reason = `${reasons} (${error.operation}: ${error.errnoName})${note}${log}`
  return new RuleError('XT_RULE_REFUSED', { ...place, ...part }, reason, { cause: error })
}
