/** Names from closed lists: one of them, or a set of them as bits. */
import { readInteger } from './integer'
import { mismatch, type ValueType } from './value'

/** Suggests the names of a table but accepts any string: what the compiler cannot check is checked at run time. */
export type Named<N extends string> = N | (string & {})

const keys = <N extends string>(table: Readonly<Record<N, unknown>>): N[] => Object.keys(table) as N[]

/** The first name in `table` with this value, which is the canonical one. */
const nameOf = <V>(table: Readonly<Record<string, V>>, value: V): string | undefined =>
  keys(table).find((name) => table[name] === value)

interface NameOptions {
  readonly anyCase?: boolean
  /** A name may be abbreviated while it stays unique. */
  readonly prefixes?: boolean
}

/** The name that `word` means. An exact name takes precedence over longer names that start with it. */
export function findName<N extends string>(
  names: readonly N[],
  word: string,
  { anyCase = false, prefixes = false }: NameOptions,
): N | undefined {
  const fold = (one: string): string => (anyCase ? one.toLowerCase() : one)
  const whole = names.find((one) => fold(one) === fold(word))
  if (whole !== undefined || !prefixes || word === '') return whole
  const begun = names.filter((one) => fold(one).startsWith(fold(word)))
  return begun.length === 1 ? begun[0] : undefined
}

/** One name from `table`; of several names with the same value, the first is printed. */
export const name = <const N extends string, V extends number | boolean>(
  table: Readonly<Record<N, V>>,
  { anyCase = false, prefixes = false }: NameOptions = {},
): ValueType<V, Named<N>> => ({
  expects: `one of ${keys(table).join(', ')}`,
  names: keys(table),
  parse(word) {
    const found = findName(keys(table), word, { anyCase, prefixes })
    return found === undefined ? mismatch() : table[found]
  },
  // A value without a name was written by another program: it is read as a number, and refused when written.
  format: (value) => nameOf<V>(table, value) ?? String(value),
})

/** As {@link name}, but also accepts numbers from 0 to `max`, and is printed as a number. */
export const nameOrNumber = <const N extends string>(
  table: Readonly<Record<N, number>>,
  max: number,
  options: NameOptions = {},
): ValueType<number, Named<N> | number> => ({
  expects: `one of ${keys(table).join(', ')} or a number from 0 to ${max}`,
  names: keys(table),
  parse(word) {
    const found = findName(keys(table), word, options)
    const value = found === undefined ? readInteger(word) : table[found]
    return value === undefined || value > max ? mismatch() : value
  },
  format: String,
})

interface ListOptions {
  /** Names that stand for several bits; accepted, never printed. */
  aliases?: Readonly<Record<string, number>>
  /** The word for no bits. Without it, a list needs at least one name. */
  none?: string
  anyCase?: boolean
  /** A name may be abbreviated; the first match is meant. */
  prefixes?: boolean
  /** Empty items between commas are ignored. */
  emptyItems?: boolean
}

/** A comma list of names, each standing for bits. Printed in the order of `table`. */
export function nameList<const N extends string>(
  table: Readonly<Record<N, number>>,
  { aliases = {}, none, anyCase = false, prefixes = false, emptyItems = false }: ListOptions = {},
): ValueType<number, Named<N>> {
  const printed = Object.entries<number>(table)
  const understood = [...printed, ...Object.entries(aliases), ...(none === undefined ? [] : [[none, 0] as const])]
  const fold = (word: string): string => (anyCase ? word.toLowerCase() : word)
  const begins = (name: string, word: string): boolean =>
    fold(name) === fold(word) || (prefixes && word !== '' && fold(name).startsWith(fold(word)))
  const bitsOf = (word: string): number => {
    if (word === '' && emptyItems) return 0
    const found = understood.find(([name]) => begins(name, word))
    return found === undefined ? mismatch(`unknown name ${JSON.stringify(word)}`) : found[1]
  }
  return {
    expects: `a comma list of ${understood.map(([name]) => name).join(', ')}`,
    names: understood.map(([name]) => name),
    parse: (word) => (word === '' ? mismatch() : word.split(',').reduce((bits, one) => bits | bitsOf(one), 0)),
    format(bits) {
      const names = printed.filter(([, value]) => (bits & value) !== 0).map(([name]) => name)
      return names.length === 0 && none !== undefined ? none : names.join(',')
    },
  }
}

const hex = (bits: number): string => `0x${bits.toString(16).toUpperCase().padStart(2, '0')}`

/** As `type`, with the bits of a byte in hexadecimal in numeric listings. */
export const listedInHex = <In>(type: ValueType<number, In>): ValueType<number, In> => ({
  ...type,
  list: (bits, listing) => (listing.numeric ? hex(bits) : type.format(bits, listing)),
})
