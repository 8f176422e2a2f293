/**
 * Whole numbers as strtoul(3) with base 0 reads them: decimal, 0x for hexadecimal, 0 for octal, after
 * optional blanks or +.
 */
import { halves, mismatch, type ValueType } from './value'

const NUMBER = /^\s*\+?(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)$/i

/** The number in `word`; undefined if it is not a number. Exact up to 2^53. */
export function readInteger(word: string): number | undefined {
  const plain = readPlain(word)
  if (plain !== undefined) return plain
  const digits = NUMBER.exec(word)?.[1]
  if (digits === undefined) return undefined
  return /^0[0-7]/.test(digits) ? Number.parseInt(digits, 8) : Number(digits)
}

const [ZERO, MOST_PLAIN_DIGITS] = [0x30, 9] as const

/** The usual form: plain decimal. Five times as fast as the pattern. */
function readPlain(word: string): number | undefined {
  if (word.length === 0 || word.length > MOST_PLAIN_DIGITS) return undefined
  let number = 0
  for (let i = 0; i < word.length; i++) {
    const digit = word.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9 || (digit === 0 && i === 0 && word.length > 1)) return undefined
    number = number * 10 + digit
  }
  return number
}

/** The number in `word` in decimal, with any leading zeros. */
export const readDecimal = (word: string): number | undefined =>
  /^\s*\+?\d+$/.test(word) ? Number.parseInt(word, 10) : undefined

const inRange = (word: string, min: number, max: number, read = readInteger): number => {
  const value = read(word)
  return value === undefined || value < min || value > max ? mismatch() : value
}

/** `min` to `max`, both included, printed in decimal. */
export const integer = (max: number, min = 0): ValueType<number> => ({
  expects: `a number from ${min} to ${max}`,
  parse: (word) => inRange(word, min, max),
  format: String,
})

/** As {@link integer}, but leading zeros do not mean octal. */
export const decimal = (max: number, min = 0): ValueType<number> => ({
  ...integer(max, min),
  parse: (word) => inRange(word, min, max, readDecimal),
})

const U32_MAX = 0xffff_ffff

/** Hexadecimal with at least this many digits. */
export const hex = (value: number, digits = 1): string => `0x${value.toString(16).padStart(digits, '0')}`

/** 32 bits, printed in hexadecimal. */
export const bits32: ValueType<number> = {
  expects: `a number from 0 to ${hex(U32_MAX)}`,
  parse: (word) => inRange(word, 0, U32_MAX),
  format: (value) => hex(value),
}

/** 8 bits, printed in hexadecimal with both digits. */
export const bits8 = (max = 0xff): ValueType<number> => ({
  expects: `a number from 0 to ${hex(max)}`,
  parse: (word) => inRange(word, 0, max),
  format: hex8,
})

/** One byte as two hexadecimal digits. */
export const hex8 = (value: number): string => hex(value, 2)

/** 32 bits, printed as eight hexadecimal digits. */
export const wideBits = (min = 0): ValueType<number> => ({
  expects: `a number from ${min} to ${hex(U32_MAX)}`,
  parse: (word) => inRange(word, min, U32_MAX),
  format: (value) => hex(value, 8),
})

/** 0 to `max`, printed in hexadecimal with at least this many digits, and listed without padding. */
export const paddedHex = (max: number, digits: number): ValueType<number> => ({
  ...integer(max),
  format: (value) => hex(value, digits),
  list: (value) => hex(value),
})

/** 64 bits, decimal. */
export const integer64: ValueType<bigint, string | number | bigint> = {
  expects: `a number from 0 to ${2n ** 64n - 1n}`,
  parse(word) {
    const digits = NUMBER.exec(word)?.[1] ?? mismatch()
    const value = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits)
    return value < 2n ** 64n ? value : mismatch()
  },
  format: String,
}

/**
 * `value[/mask]` over 32 bits; without a mask, every bit counts. A full mask is not printed unless `fullMask`
 * is set.
 */
export const valueMask = (
  printing: { fullMask: boolean } = { fullMask: false },
): ValueType<readonly [number, number]> => ({
  expects: 'value[/mask], each 0 to 0xffffffff',
  parse(word) {
    const [value, mask] = halves(word, '/')
    return [inRange(value, 0, U32_MAX), mask === undefined ? U32_MAX : inRange(mask, 0, U32_MAX)]
  },
  format: ([value, mask]) => (mask === U32_MAX && !printing.fullMask ? hex(value) : `${hex(value)}/${hex(mask)}`),
})

interface RangeOptions {
  readonly ordered?: boolean
}

/**
 * `first[:last]`, both of `type`, 0 and `max` if omitted. A single value is a range of one. Some extensions
 * accept a reversed range, which contains nothing.
 */
export const rangeOf = <In>(
  type: ValueType<number, In>,
  max: number,
  { ordered = false }: RangeOptions = {},
): ValueType<readonly [number, number]> => ({
  expects: `first[:last], each ${type.expects}`,
  parse(word, context) {
    const [first, last] = halves(word, ':')
    const low = first === '' && last !== undefined ? 0 : type.parse(first, context)
    const high = last === undefined ? low : last === '' ? max : type.parse(last, context)
    return ordered && low > high ? mismatch('the range is reversed') : [low, high]
  },
  format: (range, context) => ends(range, (value) => type.format(value, context)),
  list: (range, listing) => ends(range, (value) => type.list?.(value, listing) ?? type.format(value, listing)),
})

const ends = ([first, last]: readonly [number, number], word: (value: number) => string): string =>
  first === last ? word(first) : `${word(first)}:${word(last)}`

/** As {@link rangeOf}, for numbers from 0 to `max`. */
export const integerRange = (max: number, options: RangeOptions = {}): ValueType<readonly [number, number]> => ({
  ...rangeOf(integer(max), max, options),
  expects: `first[:last], each 0 to ${max}`,
})

/** A range over 32 bits, for identifiers in packets such as the SPI or the fragment identification. */
export const range32 = integerRange(U32_MAX)

/** The value of such a range if none was given. */
export const any32 = [0, U32_MAX] as const

const U64_MAX = 2n ** 64n - 1n

/** `first[:last]`. Omitted ends mean 0 and the greatest number. */
export const range64: ValueType<readonly [bigint, bigint], string | number | bigint> = {
  expects: `first[:last], each 0 to ${U64_MAX}`,
  parse(word, context) {
    const [first, last] = halves(word, ':')
    const bound = (half: string | undefined, absent: bigint): bigint =>
      half === undefined || half === '' ? absent : integer64.parse(half, context)
    return word === '' ? mismatch() : [bound(first, 0n), bound(last, U64_MAX)]
  },
  format: ([first, last]) => (last === U64_MAX ? String(first) : `${first}:${last}`),
}
