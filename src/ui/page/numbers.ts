/** Formats counters and rates for people. */
import type { Count } from '../api'

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E']

/** Shortens a number with an SI prefix: 1234567 becomes 1.23M. */
export function short(value: Count, isWhole = true): string {
  const number = Number(value)
  if (number < 1000) return isWhole || number === 0 ? String(number) : number.toFixed(1)
  const power = Math.min(PREFIXES.length - 1, Math.floor(Math.log10(number) / 3))
  return `${(number / 1000 ** power).toFixed(2)}${PREFIXES[power]}`
}

/** All digits, in groups of three. */
export const exact = (value: Count): string => String(value).replace(/\B(?=(\d{3})+$)/g, ' ')

export const plural = (count: number, what: string): string => `${exact(count)} ${what}${count === 1 ? '' : 's'}`
