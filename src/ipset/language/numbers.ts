/** Parses numbers as strtoull(3) does with base 0. */
import { syntax } from './text-errors'

const NUMBER = /^\s*[+-]?(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)$/i
const OCTAL = /^0[0-7]/

/** @throws SetTextError */
export function readBig(word: string, min: bigint, max: bigint): bigint {
  const digits = NUMBER.exec(word)?.[1]
  if (digits === undefined) throw syntax(`'${word}' is invalid as number`)
  const value = BigInt(OCTAL.test(digits) ? `0o${digits}` : digits)
  if (value < min || value > max || (value !== 0n && word.includes('-')))
    throw syntax(`'${word}' is out of range ${min}-${max}`)
  return value
}

const PLAIN = /^(0|[1-9]\d{0,9})$/

/** @throws SetTextError */
export function readNumber(word: string, min: number, max: number): number {
  const value = PLAIN.test(word) ? Number(word) : Number.NaN
  return value >= min && value <= max ? value : Number(readBig(word, BigInt(min), BigInt(max)))
}
