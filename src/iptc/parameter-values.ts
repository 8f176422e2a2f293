/** Converts parameter values of objects and dictionaries to and from words of the iptables language. */

import { shown } from '../check-input'
import { XtablesError } from '../errors'
import type { Option } from '../extensions/option'
import { expectation, takes } from '../extensions/payload'
import type { Reading } from '../extensions/reading'

/** Converts a name to its form with dashes: `toPorts`, `to_ports` and `to-ports` are the same name. */
export const dashed = (name: string): string => (/^[a-z0-9-]*$/.test(name) ? name : withDashes(name))

const withDashes = (name: string): string =>
  name.replace(/_/g, '-').replace(/[A-Z]/g, (letter, at: number) => `${at === 0 ? '' : '-'}${letter.toLowerCase()}`)

/** Converts `to-ports` to its property name, `toPorts`. */
export const camelCase = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())

/** Whether the option is a flag, which takes no value. */
const isFlag = ({ words }: Option): boolean => words.length === 0

/** Values that set a flag, and values that look as if they removed one. */
const ON: readonly unknown[] = ['1', 'true']
const OFF: readonly unknown[] = ['0', 'false', false]

const HOW_TO_UNSET = 'to take a flag back, set it to undefined, or leave it out of a dictionary'

const wrong = (extension: string, name: string, option: Option, value: unknown, reason?: string): XtablesError => {
  const expected = isFlag(option)
    ? `true, "", "1" or "true"${option.negatable ? ', "!" to negate' : ''}`
    : expectation(option)
  const said = shown(value)
  const why = reason === undefined ? '' : ` (${reason})`
  return new XtablesError('XT_BAD_VALUE', `${extension}: ${name} cannot be ${said}${why}; accepted: ${expected}`, {
    extension,
    parameter: name,
    value,
    expected,
  })
}

const isNumber = (value: unknown): value is number | bigint =>
  typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)

/**
 * Converts the value of one parameter to words: a string, a number, a list of words; `true`, `''`, `'1'` or `'true'`
 * for a flag. A leading `!`, in a string or as the first word of a list, negates.
 * @throws XtablesError for any other type, or the wrong number of words
 */
export function readValue(extension: string, name: string, option: Option, value: unknown): Reading {
  const { negated, words } = splitNegation(option, asWords(extension, name, option, value))
  const count = option.words.length
  const split = words.length === 1 && count > 1 ? (words[0] as string).trim().split(/\s+/) : words
  const exact = option.fewest === 0 ? split.filter((word) => word !== '') : split
  if (negated && !option.negatable) throw wrong(extension, name, option, value, 'it cannot be negated')
  if (!takes(option, exact.length)) throw wrong(extension, name, option, value)
  return { negated, words: exact }
}

function asWords(extension: string, name: string, option: Option, value: unknown): string[] {
  if (value === true && option.fewest === 0) return []
  if (isFlag(option) && ON.includes(value)) return []
  if (isFlag(option) && OFF.includes(value)) throw wrong(extension, name, option, value, HOW_TO_UNSET)
  const list = Array.isArray(value) ? value : [value]
  return list.map((word) => {
    if (typeof word === 'string') return word
    if (isNumber(word)) return String(word)
    throw wrong(extension, name, option, value, `${shown(value)} is neither text nor a whole number`)
  })
}

/** A list that starts with `!` is negated; so is a string that starts with it, if the option can be negated. */
function splitNegation(option: Option, words: readonly string[]): Reading {
  const [first = '', ...rest] = words
  if (first === '!' && (words.length > 1 || option.words.length === 0)) return { negated: true, words: rest }
  if (option.negatable && first.startsWith('!')) return { negated: true, words: [first.slice(1).trim(), ...rest] }
  return { negated: false, words }
}

/** The value of a property: canonical words in one string, with a leading `!` if negated; `true` or `!` for a flag. */
export function propertyValue({ negated, words }: Reading): string | true {
  if (words.length === 0) return negated ? '!' : true
  if (words.length === 1 && !negated) return words[0] as string
  return `${negated ? '!' : ''}${words.join(' ')}`
}
