/** ICMP and ICMPv6 types with their codes. */
import type { ListForm } from '../listing'
import { readInteger } from './integer'
import { findName } from './names'
import { halves, mismatch, same, type ValueType } from './value'

/** A type, and its first and last code. */
export type IcmpType = readonly [type: number, codes: readonly [number, number]]

/** The meaning of a name: a type, or a type and a code. */
type Value = number | readonly [type: number, code: number]

const ANY_CODE = [0, 255] as const
const ANY_TYPE = 255

const byte = (word: string): number => {
  const value = readInteger(word)
  return value === undefined || value > 255 ? mismatch() : value
}

function codes(word: string | undefined): readonly [number, number] {
  if (word === undefined) return ANY_CODE
  const [first, last] = halves(word, ':')
  return [byte(first), byte(last ?? first)]
}

/**
 * `type[/code[:code]]` in numbers, or a name from `names`, which may be abbreviated while it stays unique.
 * Printed as numbers, except `any` if `names` has it.
 * @param names the type, or the type and code, of each name.
 */
export const icmpType = (names: Readonly<Record<string, Value>>): ValueType<IcmpType> => ({
  expects: `type[/code[:code]], each 0 to 255, or one of ${Object.keys(names).join(', ')}`,
  parse(word) {
    const name = word === '' ? undefined : findName(Object.keys(names), word, { anyCase: true, prefixes: true })
    if (name !== undefined) return named(names[name] as Value)
    const [type, code] = halves(word, '/')
    return [byte(type), codes(code)]
  },
  format([type, [first, last]]) {
    if (first === 0 && last === 255) return type === ANY_TYPE && 'any' in names ? 'any' : String(type)
    return first === last ? `${type}/${first}` : `${type}/${first}:${last}`
  },
  list: (value, { numeric }) =>
    (numeric ? undefined : Object.keys(names).find((name) => same(named(names[name] as Value), value))) ?? spell(value),
})

/** The form in a listing, such as `icmptype 8`, `icmp !type 3 code 1`, `icmp echo-request`. */
export const listIcmp =
  (protocol: string): ListForm<IcmpType> =>
  (_, { negated, words: [word = ''] }) =>
    `${protocol}${negated ? ' !' : word.startsWith('type ') ? '' : ' '}${word}`

function spell([type, [first, last]]: IcmpType): string {
  if (first === 0 && last === 255) return `type ${type}`
  return first === last ? `type ${type} code ${first}` : `type ${type} codes ${first}-${last}`
}

const named = (value: Value): IcmpType =>
  typeof value === 'number' ? [value, ANY_CODE] : [value[0], [value[1], value[1]]]
