/** Decimal fractions with a unit, as strtod(3) reads them. */
import { mismatch, type ValueType } from './value'

const NUMBER = /^\s*\+?((?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)([a-z]*)$/i

/** The number in `word` times its unit. Units are accepted in any case; the table has them in lower case. */
export function readFraction(word: string, units: Readonly<Record<string, number>> = { '': 1 }): number | undefined {
  const [, amount, unit = ''] = NUMBER.exec(word) ?? []
  const name = unit.toLowerCase()
  return amount === undefined || !Object.hasOwn(units, name) ? undefined : Number(amount) * (units[name] as number)
}

const ONE = 2 ** 31
const DIGITS = 11

/** 0 to 1, in parts of 2^31, printed with eleven digits, with half rounded to even. */
export const probability: ValueType<number> = {
  expects: 'a number from 0 to 1, such as 0.25',
  parse(word) {
    const value = readFraction(word)
    return value !== undefined && value <= 1 ? Math.round(value * ONE) : mismatch()
  },
  format(parts) {
    const scaled = BigInt(parts) * 10n ** BigInt(DIGITS)
    const [whole, rest, half] = [scaled / BigInt(ONE), scaled % BigInt(ONE), BigInt(ONE) / 2n]
    const rounded = whole + (rest > half || (rest === half && whole % 2n === 1n) ? 1n : 0n)
    const digits = String(rounded).padStart(DIGITS + 1, '0')
    return `${digits.slice(0, -DIGITS)}.${digits.slice(-DIGITS)}`
  },
}

const SECOND = 1_000_000

const TIMES = {
  ...{ '': 1, us: 1, usec: 1, usecs: 1 },
  ...{ ms: 1000, msec: 1000, msecs: 1000 },
  ...{ s: SECOND, sec: SECOND, secs: SECOND },
}

/** A time in microseconds, such as 250ms. */
export const duration: ValueType<number> = {
  expects: 'a time in s, ms or us, such as 250ms',
  parse: (word) => Math.floor(readFraction(word, TIMES) ?? mismatch()) || mismatch(),
  format: (time) => (time >= SECOND ? `${(time / SECOND).toFixed(1)}s` : `${(time / 1000).toFixed(1)}ms`),
}

/** Powers of 1000 or 1024, by the prefix of the unit. */
const SCALES = ['', 'k', 'm', 'g', 't'].flatMap((letter, i): [string, number][] => [
  [letter, 1000 ** i],
  ...(letter === '' ? [] : [[`${letter}i`, 1024 ** i] as [string, number]]),
])
const BITRATES = Object.fromEntries([
  ['', 1 / 8],
  ...SCALES.flatMap(([letters, scale]) => [
    [`${letters}bit`, scale / 8],
    [`${letters}bps`, scale],
  ]),
])

/** The unit for a number of bits, and the number in that unit. */
const unitOf = (bits: number): readonly [unit: string, size: number] =>
  bits >= 1e9 ? ['Mbit', 1e6] : bits >= 1e6 ? ['Kbit', 1e3] : ['bit', 1]

/** Bytes per second, printed in bits, or in kilobits or megabits if that is exact. Listings always use these. */
export const bitrate: ValueType<number> = {
  expects: 'a rate such as 2.5mbit or 64KiBps, less than 4294967296 bytes a second',
  parse(word) {
    const bytes = Math.floor(readFraction(word, BITRATES) ?? mismatch())
    return bytes < 2 ** 32 ? bytes : mismatch('the rate is too high')
  },
  format(bytes) {
    const [unit, size] = unitOf(bytes * 8)
    return (bytes * 8) % size === 0 ? `${(bytes * 8) / size}${unit}` : `${bytes * 8}bit`
  },
  list(bytes, { numeric }) {
    const [unit, size] = unitOf(bytes * 8)
    return numeric ? String(bytes) : `${Math.round((bytes * 8) / size)}${unit}`
  },
}
