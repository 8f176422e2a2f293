/** Which rules of a chain stay, move, come and go, so that it becomes what is wanted: the fewest that can. */
import { type Ref, Rules } from '../ruleset/rules'
import { type Entry, moved } from '../ruleset/ruleset'
import { longestCommon } from '../ruleset/subsequence'

/** A rule of a chain as it is, with its number among rules that say the same, and where it stands, from 0. */
export interface NumberedRule {
  readonly id: number
  readonly position: number
}

/** A rule of a chain as it is to be; `R` is what a new one is made of. */
export interface Aligned<R = Entry> {
  /** Where it stands now, from 0; undefined for a new one. */
  readonly from: number | undefined
  /** The new rule, or the same in other memory. */
  readonly rule: R | undefined
  /** Whether it stands in the same order with all others that stay. */
  readonly isStaying: boolean
}

/** A rule that is not ours. */
export const left = (from: number): Aligned => ({ from, rule: undefined, isStaying: true })

/**
 * @param old rules that may stay where they are, in their order
 * @param spare rules that can only be moved
 * @param ids the numbers of what is wanted
 */
export function align<R>(
  old: readonly NumberedRule[],
  spare: readonly NumberedRule[],
  wanted: readonly R[],
  ids: Int32Array,
): Aligned<R>[] {
  const stays = longestCommon(
    old.map(({ id }) => id),
    ids,
  )
  const staying = new Set(stays)
  const free = byId([...old.filter((_, i) => !staying.has(i)), ...spare])
  return wanted.map((rule, i) => {
    const stay = old[stays[i] as number]
    return stay === undefined
      ? { rule, from: free.get(ids[i] as number)?.pop(), isStaying: false }
      : { rule, from: stay.position, isStaying: true }
  })
}

/** Where rules stand, the first of those that say the same last. */
function byId(rules: readonly NumberedRule[]): Map<number, number[]> {
  const positions = new Map<number, number[]>()
  for (const { id, position } of rules.toReversed()) {
    const same = positions.get(id)
    if (same === undefined) positions.set(id, [position])
    else same.push(position)
  }
  return positions
}

/** The rules of a chain as they are to be. @param make makes a new one, which nobody else has */
export function alignedRules<R>(rules: Rules, aligned: readonly Aligned<R>[], make: (rule: R) => Entry): Rules {
  const refs = aligned.map(({ rule, from, isStaying }): Ref => {
    if (from === undefined) return make(rule as R)
    const ref = rules.refs[from] as Ref
    return isStaying ? ref : moved(rules.at(from) as Entry, ref)
  })
  return new Rules(rules.image, refs)
}
