/** Positions the jumps to owned chains among the rules of a chain of others. */
import { NotFoundError } from '../errors'
import { RulePairs } from '../ruleset/rule-pairs'
import { Rules } from '../ruleset/rules'
import { type Chain, canonicalOf, jumpOf, type Ruleset } from '../ruleset/ruleset'
import type { Entry, Ref } from '../ruleset/table-entry'
import { type Alignment, align, joined, left } from './alignment'
import { RuleComparison } from './comparison'

/**
 * Where jumps to owned chains stand in a chain of others: before or after all other rules, or next to one of them.
 * @typeParam R - the type of the rule
 * @since 0.1.0
 */
export type JumpPlace<R> =
  | 'first'
  | 'last'
  | {
      /** The first equal rule of others. */
      readonly before: R
    }
  | {
      /** The first equal rule of others. */
      readonly after: R
    }

/**
 * @param wanted jumps in order
 * @param isOurs whether a chain is owned
 * @throws NotFoundError if the rule to stand next to does not exist
 */
export function alignJumps(
  ruleset: Ruleset,
  { name, rules }: Chain,
  wanted: readonly Entry[],
  place: JumpPlace<Entry>,
  isOurs: (chain: string) => boolean,
): Alignment {
  const jumps: number[] = []
  const others: number[] = []
  rules.refs.forEach((ref, position) => {
    if (isJump(rules, ref, isOurs)) jumps.push(position)
    else others.push(position)
  })
  const foreign = Int32Array.from(others)
  if (jumps.length === 0 && wanted.length === 0) return left(foreign)
  const gap = gapOf(ruleset, rules, place, others, name)
  const [above, below] = [others[gap - 1] ?? -1, others[gap] ?? rules.length]
  const isInPlace = (position: number): boolean => position > above && position < below
  const ours = align(
    Int32Array.from(jumps.filter(isInPlace)),
    Int32Array.from(jumps.filter((position) => !isInPlace(position))),
    wanted,
    new RuleComparison(ruleset, rules, wanted),
  )
  return joined(left(foreign.subarray(0, gap)), ours, left(foreign.subarray(gap)))
}

function isJump(rules: Rules, ref: Ref, isOurs: (chain: string) => boolean): boolean {
  const to = jumpOf(rules, ref)
  return to !== undefined && to !== '' && isOurs(to)
}

/** The number of rules of others before the place. */
function gapOf(
  ruleset: Ruleset,
  rules: Rules,
  place: JumpPlace<Entry>,
  others: readonly number[],
  chain: string,
): number {
  if (place === 'first') return 0
  if (place === 'last') return others.length
  const [rule, behind] = 'before' in place ? [place.before, 0] : [place.after, 1]
  const pairs = new RulePairs(ruleset.family, rules, Rules.of(canonicalOf(ruleset, rule)))
  const at = others.findIndex((position) => pairs.run(position, 0) === 1)
  if (at < 0)
    throw new NotFoundError(
      'XT_NO_RULE',
      `chain ${chain} of table ${ruleset.table} does not have the rule of { ${'before' in place ? 'before' : 'after'}: rule } in the option jumps; add the rule, or give 'first' or 'last'`,
    )
  return at + behind
}
