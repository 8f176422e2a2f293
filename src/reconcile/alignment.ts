/** Computes which rules of a chain stay, move, come and go to reach the desired list, with the fewest changes. */

import { Rules } from '../ruleset/rules'
import { moved } from '../ruleset/ruleset'
import type { Entry, Ref } from '../ruleset/table-entry'

/** Compares the rules of a chain, by position, with the desired ones, by index. */
export interface Comparison {
  /** For each desired rule, the index in `old` of the equal rule, or -1: a longest common subsequence. */
  common(old: Int32Array): Int32Array
  /** Ids of the rules and the desired rules: equal rules have equal ids. */
  idsOf(positions: Int32Array, indexes: Int32Array): readonly [ArrayLike<number>, ArrayLike<number>]
}

/** The desired rules of a chain, by position from 0. `R` is the source of a new rule. */
export interface Alignment<R = Entry> {
  /** Present position of each rule, from 0; -1 for a new one. */
  readonly from: Int32Array
  /** 1 if the rule keeps its order relative to all others that stay. */
  readonly isStaying: Uint8Array
  /** The source of each new rule. */
  readonly wanted: readonly (R | undefined)[]
}

/** Rules that are not ours: they stay. */
export const left = <R>(positions: Int32Array): Alignment<R> => ({
  from: positions,
  isStaying: new Uint8Array(positions.length).fill(1),
  wanted: new Array<undefined>(positions.length).fill(undefined),
})

/** Concatenates alignments. */
export const joined = <R>(...parts: readonly Alignment<R>[]): Alignment<R> => ({
  from: Int32Array.from(parts.flatMap(({ from }) => [...from])),
  isStaying: Uint8Array.from(parts.flatMap(({ isStaying }) => [...isStaying])),
  wanted: parts.flatMap(({ wanted }) => wanted),
})

/** Whether all rules of a chain of this length stay, and none is added. */
export const isUnchanged = ({ from, isStaying }: Alignment<unknown>, count: number): boolean =>
  from.length === count && !isStaying.includes(0)

/** The numbers from 0 to `count` - 1. */
export function numbersTo(count: number): Int32Array {
  const numbers = new Int32Array(count)
  for (let i = 0; i < count; i++) numbers[i] = i
  return numbers
}

/** The indexes at which `flags` has the value `flag`. */
function placesOf(flags: Uint8Array, flag: number): Int32Array {
  const places: number[] = []
  for (let i = flags.indexOf(flag); i >= 0; i = flags.indexOf(flag, i + 1)) places.push(i)
  return Int32Array.from(places)
}

/**
 * @param old positions of rules that may stay, in order
 * @param spare positions of rules that can only be moved
 * @param wanted the desired rules
 */
export function align<R>(
  old: Int32Array,
  spare: Int32Array,
  wanted: readonly R[],
  comparison: Comparison,
): Alignment<R> {
  const from = comparison.common(old)
  const isStaying = new Uint8Array(from.length)
  const isFree = new Uint8Array(old.length).fill(1)
  for (let i = 0; i < from.length; i++) {
    const stay = from[i] as number
    if (stay < 0) continue
    from[i] = old[stay] as number
    isStaying[i] = 1
    isFree[stay] = 0
  }
  const unused = placesOf(isFree, 1)
  const missing = placesOf(isStaying, 0)
  const free = Int32Array.from([...unused.map((i) => old[i] as number), ...spare])
  // Between the same two staying rules, everything that is not common differs.
  const isApart = spare.length > 0 || !isOneGap(unused, missing)
  if (free.length > 0 && missing.length > 0 && isApart) {
    const moves = movesOf(free, missing, comparison)
    missing.forEach((index, i) => {
      from[index] = moves[i] as number
    })
  }
  return { from, isStaying, wanted }
}

/** Whether all removed and all added rules lie between the same two staying rules. */
const isOneGap = (going: Int32Array, coming: Int32Array): boolean =>
  going[0] === coming[0] &&
  (going.at(-1) as number) - (going[0] as number) === going.length - 1 &&
  (coming.at(-1) as number) - (coming[0] as number) === coming.length - 1

/** For each missing rule, an equal rule of the chain, first to first; or -1. */
function movesOf(free: Int32Array, missing: Int32Array, comparison: Comparison): Int32Array {
  const [freeIds, missingIds] = comparison.idsOf(free, missing)
  const positions = new Map<number, number[]>()
  for (let i = free.length - 1; i >= 0; i--) {
    const same = positions.get(freeIds[i] as number)
    if (same === undefined) positions.set(freeIds[i] as number, [free[i] as number])
    else same.push(free[i] as number)
  }
  return missing.map((_, i) => positions.get(missingIds[i] as number)?.pop() ?? -1)
}

/** The new rules of a chain. @param make makes a new rule, which nothing else refers to */
export function alignedRules<R>(
  rules: Rules,
  { from, isStaying, wanted }: Alignment<R>,
  make: (rule: R) => Entry,
): Rules {
  const refs = new Array<Ref>(from.length)
  for (let to = 0; to < from.length; to++) {
    const position = from[to] as number
    if (position < 0) refs[to] = make(wanted[to] as R)
    else {
      const ref = rules.refs[position] as Ref
      refs[to] = isStaying[to] === 1 ? ref : moved(rules.at(position) as Entry, ref)
    }
  }
  return new Rules(rules.image, refs)
}
