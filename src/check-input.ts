/** Run-time checks of what callers pass to public functions: JavaScript callers have no compiler to check it. */
import { IptcError } from './errors'

/** Formats a value for use in a message. */
export const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : describe(value))

function describe(value: unknown): string {
  if (isObject(value)) return isRecord(value) ? 'an object' : `an object of class ${value.constructor.name}`
  const item = (one: unknown): string => (Array.isArray(one) ? 'a list' : describe(one))
  return Array.isArray(value) ? `[${value.map(item).join(', ')}]` : String(value)
}

/** Lists words for use in a message: `a`, `a or b`, `a, b or c`. */
export const oneOf = (words: readonly string[]): string =>
  [words.slice(0, -1).join(', '), ...words.slice(-1)].filter(Boolean).join(' or ')

/** A kind of accepted value, and how messages describe it. */
export interface Taken {
  readonly accepts: (value: unknown) => boolean
  readonly expected: string
}

export const text: Taken = { accepts: (value) => typeof value === 'string', expected: 'a string' }
export const number: Taken = { accepts: (value) => typeof value === 'number', expected: 'a number' }
export const flag: Taken = { accepts: (value) => typeof value === 'boolean', expected: 'true or false' }
export const callback: Taken = { accepts: (value) => typeof value === 'function', expected: 'a function' }
export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const object: Taken = { accepts: isObject, expected: 'an object' }
/** A plain object. An instance of a class, such as a Map, is not: its contents would be silently ignored. */
export const isRecord = (value: unknown): boolean => {
  if (!isObject(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
export const list: Taken = { accepts: Array.isArray, expected: 'a list' }
export const names: Taken = {
  accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  expected: 'a list of names',
}
/** Not NaN. */
export const duration: Taken = {
  accepts: (value) => typeof value === 'number' && value >= 0,
  expected: 'a number of milliseconds from 0, or Infinity',
}

/** Accepts an instance of `type`. */
export const instance = (
  // biome-ignore lint/suspicious/noExplicitAny: an abstract class takes whatever its constructor does.
  type: abstract new (...args: any[]) => unknown,
  expected: string,
): Taken => ({ accepts: (value) => value instanceof type, expected })

/** Accepts one of the keys of `object`. */
export const keyOf = (object: object): Taken => ({
  accepts: (value) => typeof value === 'string' && Object.hasOwn(object, value),
  expected: Object.keys(object).join(' or '),
})

/** @param what the argument, as named in messages @throws IptcError */
export function check(what: string, value: unknown, { accepts, expected }: Taken): void {
  if (!accepts(value)) throw new IptcError('XT_BAD_ARGUMENT', `${what} must be ${expected}, not ${shown(value)}`)
}

/**
 * Checks that a function without parameters was called without arguments: a caller who passes one expects it to narrow
 * the call.
 * @param hint what to do instead
 * @throws IptcError
 */
export function checkNone(what: string, given: readonly unknown[], hint: string): void {
  if (given.length > 0)
    throw new IptcError('XT_BAD_ARGUMENT', `${what} takes no argument, but was given ${shown(given[0])}; ${hint}`)
}
