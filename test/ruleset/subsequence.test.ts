/** Longest increasing and common subsequences, compared with an exhaustive search. */
import fc from 'fast-check'
import { longestCommon, longestCommonOfLike, longestIncreasing } from '../../src/ruleset/subsequence'

/** The textbook recurrence. */
function lengthOfCommon(a: readonly number[], b: readonly number[]): number {
  let row = new Array<number>(b.length + 1).fill(0)
  for (const one of a)
    row = b.reduce<number[]>(
      (made, other, j) => {
        made.push(one === other ? (row[j] as number) + 1 : Math.max(row[j + 1] as number, made[j] as number))
        return made
      },
      [0],
    )
  return row.at(-1) as number
}

const isIncreasing = (values: readonly number[]): boolean =>
  values.every((value, i) => i === 0 || (values[i - 1] as number) < value)

const numbers = (most: number) => fc.array(fc.nat(most), { maxLength: 30 })

test('the longest increasing subsequence is increasing, and as long as possible', () => {
  fc.assert(
    fc.property(numbers(40), (values) => {
      const members = longestIncreasing(values)
      const sorted = [...new Set(values)].sort((a, b) => a - b)
      expect(isIncreasing(members)).toBe(true)
      expect(isIncreasing(members.map((i) => values[i] as number))).toBe(true)
      expect(members.length).toBe(lengthOfCommon(values, sorted))
    }),
    { numRuns: 2_000 },
  )
})

test.each([[3], [40]])(
  'the longest common subsequence of numbers up to %d is common, and as long as possible',
  (most) => {
    fc.assert(
      fc.property(numbers(most), numbers(most), (old, now) => {
        const found = [...longestCommon(old, now)]
        expect(found.every((place, i) => place === -1 || old[place] === now[i])).toBe(true)
        expect(isIncreasing(found.filter((place) => place >= 0))).toBe(true)
        expect(found.filter((place) => place >= 0).length).toBe(lengthOfCommon(old, now))
      }),
      { numRuns: 2_000 },
    )
  },
)

test.each([[1], [3], [40]])('also for similar lists of numbers up to %d', (most) => {
  fc.assert(
    fc.property(numbers(most), numbers(most), fc.nat(60), (old, now, different) => {
      const length = lengthOfCommon(old, now)
      const run = (i: number, k: number): number => {
        expect([i < old.length, k < now.length]).toEqual([true, true])
        const end = old.slice(i).findIndex((one, at) => one !== now[k + at])
        return end < 0 ? Math.min(old.length - i, now.length - k) : end
      }
      const found = longestCommonOfLike(old.length, now.length, run, different)
      expect(found !== undefined).toBe(old.length + now.length - 2 * length <= different)
      if (found === undefined) return
      expect(found.length).toBe(now.length)
      expect(found.every((place, i) => place === -1 || old[place] === now[i])).toBe(true)
      expect(isIncreasing([...found].filter((place) => place >= 0))).toBe(true)
      expect(found.filter((place) => place >= 0).length).toBe(length)
    }),
    { numRuns: 2_000 },
  )
})

test('of very many equal elements, as many as possible are kept', () => {
  const [old, now] = [new Int32Array(3_000).fill(7), new Int32Array(3_001).fill(7)]
  old[0] = now[3_000] = 1
  old[2_999] = 2
  expect(longestCommon(old, now).filter((place) => place >= 0).length).toBe(2_998)
})
