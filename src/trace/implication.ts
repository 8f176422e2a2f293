/** What one test of a number implies for another test of the same number. */
import type { Truth } from '../extensions/evaluation'
import type { Test } from '../extensions/native'

/** Numbers from the first to the last, both included. */
type Range = readonly [first: bigint, last: bigint]

const numberOf = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)

/**
 * The ranges that a test selects, in host order byte-swapped if either test is. Undefined if ranges cannot
 * express it.
 */
function rangesOf(
  { op, mask, value, to, or = [], isTurned = false }: Test,
  isOtherTurned: boolean,
): Range[] | undefined {
  if (mask !== undefined) return undefined
  const turn = !isTurned && isOtherTurned
  const number = (bytes: Uint8Array): bigint => numberOf(turn ? bytes.toReversed() : bytes)
  // The ends of a range that is not byte-swapped are not numbers in the other order.
  if (turn && (to !== undefined || (op !== 'eq' && op !== 'neq'))) return undefined
  const max = (1n << BigInt(8 * value.length)) - 1n
  const first = number(value)
  if (op === 'lt') return complement([[first, max]], max)
  if (op === 'lte') return [[0n, first]]
  if (op === 'gt') return complement([[0n, first]], max)
  if (op === 'gte') return [[first, max]]
  const asked = [{ value, to }, ...or].map((one): Range => [number(one.value), number(one.to ?? one.value)])
  return op === 'eq' ? asked : complement(asked, max)
}

/** All numbers up to `max` outside these ranges. */
function complement(ranges: readonly Range[], max: bigint): Range[] {
  const gaps: Range[] = []
  let next = 0n
  for (const [first, last] of ranges.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (first > next) gaps.push([next, first - 1n])
    if (last >= next) next = last + 1n
  }
  return next > max ? gaps : [...gaps, [next, max]]
}

const isWithin = ([first, last]: Range, ranges: readonly Range[]): boolean =>
  ranges.some(([from, to]) => from <= first && last <= to)
const isApart = ([first, last]: Range, ranges: readonly Range[]): boolean =>
  ranges.every(([from, to]) => last < from || to < first)

/**
 * Whether a test holds, given the result of another test of the same source.
 * @param truth result of the other test
 */
export function implied(test: Test, other: Test, truth: boolean): Truth {
  if (test.value.length !== other.value.length) return undefined
  const [asked, said] = [rangesOf(test, other.isTurned ?? false), rangesOf(other, test.isTurned ?? false)]
  if (asked === undefined || said === undefined) return undefined
  const taken = truth ? said : complement(said, (1n << BigInt(8 * test.value.length)) - 1n)
  if (taken.every((range) => isWithin(range, asked))) return true
  return taken.every((range) => isApart(range, asked)) ? false : undefined
}
