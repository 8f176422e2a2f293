/** Bytes of which only some bits are known, and tests of them. */
import type { Seen, Truth } from '../extensions/evaluation'
import type { Test } from '../extensions/native'

export const known = (bytes: Uint8Array): Seen => ({ bytes, known: new Uint8Array(bytes.length).fill(0xff) })

export const slice = ({ bytes, known }: Seen, start: number, end: number): Seen => ({
  bytes: bytes.subarray(start, end),
  known: known.subarray(start, end),
})

/** Replaces bytes in the middle. */
export function spliced(seen: Seen, at: number, middle: Seen): Seen {
  const [bytes, known] = [seen.bytes.slice(), seen.known.slice()]
  bytes.set(middle.bytes, at)
  known.set(middle.known, at)
  return { bytes, known }
}

/** Marks the bits of a mask as known, with the bits of a value. */
export const learned = (seen: Seen, value: Uint8Array, mask: Uint8Array | undefined): Seen => {
  const [bytes, known] = [seen.bytes.slice(), seen.known.slice()]
  for (let i = 0; i < value.length; i++) {
    const bits = mask === undefined ? 0xff : (mask[i] as number)
    bytes[i] = ((bytes[i] as number) & ~bits) | ((value[i] as number) & bits)
    known[i] = (known[i] as number) | bits
  }
  return { bytes, known }
}

/** Takes the bits of a mask from `other`; all bits if there is no mask. */
export const merged = (seen: Seen, other: Seen, mask: Uint8Array | undefined): Seen => {
  if (mask === undefined) return other
  const merge = (one: Uint8Array, two: Uint8Array): Uint8Array =>
    one.map((byte, i) => (byte & ~(mask[i] as number)) | ((two[i] as number) & (mask[i] as number)))
  return { bytes: merge(seen.bytes, other.bytes), known: merge(seen.known, other.known) }
}

/** `(bits & mask) ^ xor`, for as many bytes as the mask has. */
export const changed = ({ bytes, known }: Seen, mask: Uint8Array, xor: Uint8Array): Seen => ({
  bytes: mask.map((bits, i) => (((bytes[i] as number) & bits) ^ (xor[i] as number)) & ((known[i] as number) | ~bits)),
  known: mask.map((bits, i) => (known[i] as number) | ~bits),
})

export { isWholly } from '../extensions/evaluation'

/** Bits of the value outside the mask never match. */
function isEqual({ bytes, known }: Seen, value: Uint8Array, mask: Uint8Array | undefined): Truth {
  let isKnown = true
  for (let i = 0; i < value.length; i++) {
    const bits = mask === undefined ? 0xff : (mask[i] as number)
    const wanted = value[i] as number
    const clear = known[i] as number
    if ((wanted & ~bits) !== 0 || (((bytes[i] as number) ^ wanted) & bits & clear) !== 0) return false
    if ((bits & ~clear) !== 0) isKnown = false
  }
  return isKnown ? true : undefined
}

/** Negative if the bytes are less than a value even if all unknown bits are `fill`; positive if they are greater. */
function compared({ bytes, known }: Seen, value: Uint8Array, fill: 0 | 0xff): number {
  for (let i = 0; i < value.length; i++) {
    const difference = ((bytes[i] as number) | (~(known[i] as number) & fill)) - (value[i] as number)
    if (difference !== 0) return difference
  }
  return 0
}

function isWithin(seen: Seen, first: Uint8Array | undefined, last: Uint8Array | undefined): Truth {
  if (first !== undefined && compared(seen, first, 0xff) < 0) return false
  if (last !== undefined && compared(seen, last, 0) > 0) return false
  const isInside =
    (first === undefined || compared(seen, first, 0) >= 0) && (last === undefined || compared(seen, last, 0xff) <= 0)
  return isInside ? true : undefined
}

const masked = ({ bytes, known }: Seen, mask: Uint8Array): Seen =>
  changed({ bytes, known }, mask, new Uint8Array(mask.length))

const turned = ({ bytes, known }: Seen): Seen => ({ bytes: bytes.toReversed(), known: known.toReversed() })

export const not = (truth: Truth): Truth => (truth === undefined ? undefined : !truth)

/** The bytes may be longer than the value; the rest is ignored. */
function positive({ op, mask, value, to, or, isTurned = false }: Test, seen: Seen): Truth {
  const isRange = to !== undefined || (op !== 'eq' && op !== 'neq')
  if (!isRange && or === undefined) return isEqual(seen, value, mask)
  const bits = mask === undefined ? seen : masked(seen, mask)
  const number = isTurned ? turned(bits) : bits
  if (op === 'lt') return not(isWithin(number, value, undefined))
  if (op === 'gte') return isWithin(number, value, undefined)
  if (op === 'gt') return not(isWithin(number, undefined, value))
  if (op === 'lte') return isWithin(number, undefined, value)
  return someOf([{ value, to }, ...(or ?? [])].map((one) => isWithin(number, one.value, one.to ?? one.value)))
}

export const someOf = (truths: readonly Truth[]): Truth =>
  truths.includes(true) ? true : truths.includes(undefined) ? undefined : false

/** Whether a test holds for these bytes, as far as they are known. */
export function holds(test: Test, seen: Seen): Truth {
  const truth = positive(test, seen)
  return test.op === 'neq' ? not(truth) : truth
}
