/** Longest increasing and common subsequences. */

/**
 * The longest strictly increasing subsequence: the indexes of its members, in O(n log n). If there are several, any of
 * them.
 */
export function longestIncreasing(values: ArrayLike<number>): number[] {
  // For each length, the index of the smallest value that ends a subsequence; and for each value, its predecessor.
  const ends: number[] = []
  const before = new Int32Array(values.length).fill(-1)
  for (let i = 0; i < values.length; i++) {
    const length = lengthBelow(ends, values, values[i] as number)
    if (length > 0) before[i] = ends[length - 1] as number
    ends[length] = i
  }
  const members: number[] = []
  for (let i = ends.at(-1) ?? -1; i >= 0; i = before[i] as number) members.push(i)
  return members.reverse()
}

/** The length of the longest subsequence that `value` can extend. */
function lengthBelow(ends: readonly number[], values: ArrayLike<number>, value: number): number {
  let [low, high] = [0, ends.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((values[ends[middle] as number] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * As {@link longestCommon}, for lists that differ in few elements (Myers' shortest edit script). Elements are compared
 * by a callback, so those that stay need not be numbered.
 * @param run the number of consecutive equal elements from two positions
 * @param most the maximum number of elements that are not common
 * @returns undefined if there are more
 */
export function longestCommonOfLike(
  old: number,
  now: number,
  run: (ofOld: number, ofNow: number) => number,
  most: number,
): Int32Array | undefined {
  // On diagonal k, `old` is k ahead. For each number of differences, alternately even and odd, the farthest position of
  // `old` on each diagonal.
  const farthest = new Int32Array(2 * most + 3)
  const middle = most + 1
  const before: Int32Array[] = []
  for (let different = 0; different <= most; different++) {
    before.push(farthest.slice(middle - different - 1, middle + different + 2))
    for (let k = -different; k <= different; k += 2) {
      const [less, more] = [farthest[middle + k - 1] as number, farthest[middle + k + 1] as number]
      let x = different === 0 ? 0 : k === -different || (k !== different && less < more) ? more : less + 1
      if (x < old && x - k < now) x += run(x, x - k)
      farthest[middle + k] = x
      if (x >= old && x - k >= now) return commonOf(old, now, before)
    }
  }
  return undefined
}

/** Walks back from the ends. */
function commonOf(old: number, now: number, before: readonly Int32Array[]): Int32Array {
  const found = new Int32Array(now).fill(-1)
  let [x, y] = [old, now]
  for (let different = before.length - 1; x > 0 && y > 0; different--) {
    const farthest = before[different] as Int32Array
    const k = x - y
    const [less, more] = [farthest[k + different] as number, farthest[k + different + 2] as number]
    const isNew = k === -different || (k !== different && less < more)
    const from = different === 0 ? 0 : isNew ? more : less + 1
    while (x > from && y > 0) found[--y] = --x
    if (different === 0) break
    if (isNew) y--
    else x--
  }
  return found
}

/** If there are more pairs of equal elements than this, not all are considered. */
const MOST_PAIRS = 1_000_000

/**
 * The longest common subsequence of two lists of numbers (Hunt and Szymanski): for each element of `now`, the index of
 * its element of `old`, or -1. If very many elements are equal, it may not be the longest.
 */
export function longestCommon(old: ArrayLike<number>, now: ArrayLike<number>): Int32Array {
  const found = new Int32Array(now.length).fill(-1)
  const most = Math.min(old.length, now.length)
  let start = 0
  while (start < most && old[start] === now[start]) found[start] = start++
  let end = 0
  while (end < most - start && old[old.length - 1 - end] === now[now.length - 1 - end]) {
    end++
    found[now.length - end] = old.length - end
  }
  const { olds, nows } = pairs(old, now, start, end)
  for (const i of longestIncreasing(olds)) found[nows[i] as number] = olds[i] as number
  return found
}

/**
 * Pairs of equal elements between the common start and end: for each element of `now`, those of `old` from last to
 * first.
 */
function pairs(old: ArrayLike<number>, now: ArrayLike<number>, start: number, end: number) {
  const places = new Map<number, number[]>()
  for (let i = old.length - end - 1; i >= start; i--) {
    const same = places.get(old[i] as number)
    if (same === undefined) places.set(old[i] as number, [i])
    else same.push(i)
  }
  let count = 0
  for (let i = start; i < now.length - end; i++) count += places.get(now[i] as number)?.length ?? 0
  const [olds, nows]: [number[], number[]] = [[], []]
  for (let i = start; i < now.length - end; i++) {
    const all = places.get(now[i] as number) ?? []
    // If there are too many, pair the first with the first, the second with the second.
    const some = count <= MOST_PAIRS ? all : all.splice(-1)
    for (const place of some) {
      olds.push(place)
      nows.push(i)
    }
  }
  return { olds, nows }
}
