/** The jumps to chains of ours in a chain of others: where they stand among its rules. */
import { NotFoundError } from '../errors'
import { type Ref, Rules } from '../ruleset/rules'
import { type Chain, type Entry, jumpOf } from '../ruleset/ruleset'
import { type Aligned, align, left, type NumberedRule } from './alignment'

/** Before or behind all rules of others, or next to one of these. */
export type JumpPlace<R> = 'first' | 'last' | { readonly before: R } | { readonly after: R }

/**
 * @param wanted jumps in their order
 * @param isOurs whether a chain is
 * @throws NotFoundError where the rule is not there that they are to stand next to
 */
export function alignJumps(
  chain: Chain,
  wanted: readonly Entry[],
  place: JumpPlace<Entry>,
  isOurs: (chain: string) => boolean,
  idsOf: (rules: Rules) => Int32Array,
): Aligned[] {
  const ids = idsOf(chain.rules)
  const jumps: (NumberedRule & { readonly behind: number })[] = []
  const others: number[] = []
  chain.rules.refs.forEach((ref, position) => {
    if (isJump(chain.rules, ref, isOurs)) jumps.push({ id: ids[position] as number, position, behind: others.length })
    else others.push(position)
  })
  const gap = gapOf(
    place,
    others.map((position) => ids[position] as number),
    chain.name,
    idsOf,
  )
  const ours = align(
    jumps.filter(({ behind }) => behind === gap),
    jumps.filter(({ behind }) => behind !== gap),
    wanted,
    idsOf(Rules.from(wanted)),
  )
  return [...others.slice(0, gap).map(left), ...ours, ...others.slice(gap).map(left)]
}

function isJump(rules: Rules, ref: Ref, isOurs: (chain: string) => boolean): boolean {
  const to = jumpOf(rules, ref)
  return to !== undefined && to !== '' && isOurs(to)
}

/** How many of the others' rules stand before the place. */
function gapOf(
  place: JumpPlace<Entry>,
  others: readonly number[],
  chain: string,
  idsOf: (rules: Rules) => Int32Array,
): number {
  if (place === 'first') return 0
  if (place === 'last') return others.length
  const [rule, behind] = 'before' in place ? [place.before, 0] : [place.after, 1]
  const at = others.indexOf(idsOf(Rules.of(rule))[0] as number)
  if (at < 0)
    throw new NotFoundError(`chain ${chain} has no rule of others that the jumps could stand next to as asked`)
  return at + behind
}
