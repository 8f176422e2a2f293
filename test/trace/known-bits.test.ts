/** Results for partly known bytes hold for all values of the unknown bits. */
import fc from 'fast-check'
import type { Seen } from '../../src/extensions/evaluation'
import type { Comparison, Test } from '../../src/extensions/native'
import { changed, holds, learned, merged } from '../../src/trace/known-bits'

/** Few values, so that comparisons are often close. */
const byte = fc.constantFrom(0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff)
const bytes = (size: number): fc.Arbitrary<Uint8Array> =>
  fc.array(byte, { minLength: size, maxLength: size }).map((list) => Uint8Array.from(list))

/** Bytes with up to five unknown bits. */
const seen = (size: number): fc.Arbitrary<Seen> =>
  fc.record({ all: bytes(size), unknown: fc.array(fc.nat(8 * size - 1), { maxLength: 5 }) }).map(({ all, unknown }) => {
    const known = new Uint8Array(size).fill(0xff)
    for (const bit of unknown) known[bit >>> 3] = (known[bit >>> 3] as number) & ~(1 << (bit & 7))
    return { bytes: all.map((one, i) => one & (known[i] as number)), known }
  })

/** All possible values. */
function completions({ bytes, known }: Seen): Uint8Array[] {
  let all = [bytes]
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const [at, mask] = [bit >>> 3, 1 << (bit & 7)]
    if (((known[at] as number) & mask) === 0)
      all = all.flatMap((one) => [one, one.with(at, (one[at] as number) | mask)])
  }
  return all
}

const tests = (size: number): fc.Arbitrary<Test> =>
  fc
    .record({
      op: fc.constantFrom<Comparison>('eq', 'neq', 'lt', 'lte', 'gt', 'gte'),
      value: bytes(size),
      mask: fc.option(bytes(size), { nil: undefined }),
      to: fc.option(bytes(size), { nil: undefined }),
      or: fc.array(fc.record({ value: bytes(size), to: fc.option(bytes(size), { nil: undefined }) }), { maxLength: 2 }),
      isTurned: fc.boolean(),
    })
    .map(({ op, to, or, isTurned, ...rest }) => {
      const isEquality = op === 'eq' || op === 'neq'
      return {
        ...{ kind: 'test', source: { from: 'meta', key: 0 }, op, ...rest },
        ...(isEquality && to && { to }),
        ...(isEquality && or.length > 0 && { or }),
        ...((!isEquality || to) && { isTurned }),
      }
    })

/** Compares a register in the simplest way. */
function isMet({ op, value, mask, to, or, isTurned }: Test, whole: Uint8Array): boolean {
  const masked = whole.map((one, i) => one & (mask?.[i] ?? 0xff))
  const order = Buffer.compare(isTurned ? masked.toReversed() : masked, value)
  const isIn = (first: Uint8Array, last: Uint8Array): boolean => {
    const number = isTurned ? masked.toReversed() : masked
    return Buffer.compare(number, first) >= 0 && Buffer.compare(number, last) <= 0
  }
  const isAny = [{ value, to }, ...(or ?? [])].some((one) => isIn(one.value, one.to ?? one.value))
  return { eq: isAny, neq: !isAny, lt: order < 0, lte: order <= 0, gt: order > 0, gte: order >= 0 }[op]
}

const sizes = fc.constantFrom(1, 2, 4)
const options = { numRuns: 3_000 }

test('a test is only true or false if it is for all values of the unknown bits', () => {
  const some = sizes.chain((size) => fc.tuple(tests(size), seen(size)))
  fc.assert(
    fc.property(some, ([test, sight]) => {
      const truths = new Set(completions(sight).map((whole) => isMet(test, whole)))
      const said = holds(test, sight)
      if (said !== undefined) expect([...truths]).toEqual([said])
      // Comparisons with a single value are decided as soon as possible.
      const isPlain = test.to === undefined && test.or === undefined && (test.op === 'eq' || test.op === 'neq')
      if (isPlain) expect(said).toBe(truths.size === 1 ? [...truths][0] : undefined)
    }),
    options,
  )
})

test('fully known values are never undecided', () => {
  const some = sizes.chain((size) => fc.tuple(tests(size), bytes(size)))
  fc.assert(
    fc.property(some, ([test, whole]) => {
      const sight = { bytes: whole, known: new Uint8Array(whole.length).fill(0xff) }
      expect(holds(test, sight)).toBe(isMet(test, whole))
    }),
    options,
  )
})

test('results of changes are known as far as their inputs are', () => {
  const some = sizes.chain((size) => fc.tuple(seen(size), seen(size), bytes(size), bytes(size)))
  const isOneOf = (whole: Uint8Array, { bytes, known }: Seen): boolean =>
    whole.every((one, i) => ((one ^ (bytes[i] as number)) & (known[i] as number)) === 0)
  fc.assert(
    fc.property(some, ([sight, other, mask, value]) => {
      for (const whole of completions(sight)) {
        const xored = whole.map((one, i) => (one & (mask[i] as number)) ^ (value[i] as number))
        expect(isOneOf(xored, changed(sight, mask, value))).toBe(true)
        const [last] = completions(other) as [Uint8Array]
        const mixed = whole.map((one, i) => (one & ~(mask[i] as number)) | ((last[i] as number) & (mask[i] as number)))
        expect(isOneOf(mixed, merged(sight, other, mask))).toBe(true)
        const taught = whole.map(
          (one, i) => (one & ~(mask[i] as number)) | ((value[i] as number) & (mask[i] as number)),
        )
        expect(isOneOf(taught, learned(sight, value, mask))).toBe(true)
      }
      const { bytes, known } = changed(sight, mask, value)
      expect(bytes.every((one, i) => (one & ~(known[i] as number)) === 0)).toBe(true)
    }),
    options,
  )
})
