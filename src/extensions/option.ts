/**
 * One option of an extension as a lens: a value type applied to fields of the struct, plus how its presence
 * and negation are stored. Everything that reads or writes an option goes through it.
 */
import type { Field } from '../binary/codec'
import { type Extent, extentsOf, placesOf } from '../binary/struct'
import type { Context, Listing } from './context'
import { fill, fits, type Listed, type ListForm, usualForm } from './listing'
import type { Reading } from './reading'
import { Mismatch, same, type ValueType } from './values/value'

/**
 * An option, declared.
 * @typeParam In what an assignment accepts
 * @typeParam Alias other names of the option
 */
export interface Option<In = unknown, Alias extends string = string> {
  readonly aliases: readonly Alias[]
  readonly negatable: boolean
  readonly required: boolean
  /** Options that may not be given with it. */
  readonly excludes: readonly string[]
  /** Options that must be given with it. */
  readonly needs: readonly string[]
  /** Whether the options that it needs must come before it in a text. */
  readonly trails: boolean
  /** The options for which this is another spelling. Those are the ones that are printed. */
  readonly synonymOf: readonly string[]
  /** In a text with sections: the section that it belongs to, and its name there. */
  readonly section?: Section | undefined
  /** One per word that it takes; empty for a flag. */
  readonly words: readonly Word[]
  /** How many of the words are required. */
  readonly fewest: number
  /** The name under which it is printed, if that depends on what is stored: one of its own names, or a synonym's. */
  spelled?(bytes: Uint8Array, at: number): string
  read(bytes: Uint8Array, at: number, context: Context): Reading | undefined
  /** The bytes that `read` looks at; undefined if it looks at more than its own. */
  readonly reads?: readonly Extent[] | undefined
  /** The bytes among `reads` that hold only its value. Presence and negation are stored elsewhere. */
  readonly value?: readonly Extent[] | undefined
  /** As `read`, in the words of a listing. @param name the option's name */
  list(name: string, bytes: Uint8Array, at: number, listing: Listing): Listed | undefined
  /** @throws Mismatch if the words cannot be stored */
  write(bytes: Uint8Array, at: number, reading: Reading, context: Context): void
  /** Restores the bytes of an option that is not given. */
  clear(bytes: Uint8Array, at: number): void
  /** Carries `In` for the compiler; never set at run time. */
  readonly input?: In
}

/** A part of a text in which options have the same names as in the parts before and after it. */
export interface Section {
  /** Counts from 0. */
  readonly index: number
  /** The option that opens it, and comes before all others in it. */
  readonly opener: string
  /** The option's name within the section. The opener has this name too. */
  readonly name: string
}

export interface Word {
  readonly expects: string
  readonly names: readonly string[]
  readonly quotes: 'auto' | 'always' | undefined
  readonly local: boolean
}

interface Spec<T, Alias extends string> {
  /** Other names, accepted but never printed. */
  aliases?: readonly Alias[]
  /** Where `!` is stored. Without it, the option cannot be negated. */
  negation?: Field<boolean>
  /** Where it is stored that the option was given. */
  present?: Field<boolean>
  /** Value of an option that was not given, if presence is not stored. Default: all bits zero. */
  absent?: T
  /** The extension requires it. */
  required?: boolean
  /** Printed even if it was not given, because its value then has a meaning; or if this field is true. */
  always?: boolean | Field<boolean>
  /** Options that may not be given with it. */
  excludes?: readonly string[]
  /** Options that must be given with it. */
  needs?: readonly string[]
  /** The options that it needs must come before it in a text. */
  trails?: boolean
  /** Maps a value after `!` to the value that is stored. That reads back without `!`. */
  negate?: (value: T) => T
  /** Makes the word optional; without it the value is `absent`. Printed without the word where this field is true. */
  bare?: Pick<Field<boolean>, 'read'>
  /** The name under which it is printed, if that depends on what is stored. */
  spelled?: Spelled
  /** Why a value is refused although its type accepts it. */
  refuses?: (value: T, negated: boolean) => string | undefined
  /** How a listing shows it, if not as `[! ]name words`. */
  list?: ListForm<T>
}

type Spelled = (bytes: Uint8Array, at: number) => string

/** Long enough for every payload. Fields are read from it to learn their values before anything is written. */
const ZEROS = new Uint8Array(65536)

type One = ValueType<unknown, unknown>

/** An option with one word. */
export function option<T, In, const Alias extends string = never>(
  type: ValueType<T, In>,
  field: Field<NoInfer<T>>,
  spec?: Spec<NoInfer<T>, Alias>,
): Option<In | string, Alias>
/** An option with two words, over a pair of fields (see `both`). */
export function option<A, B, const Alias extends string = never>(
  types: readonly [ValueType<A, unknown>, ValueType<B, unknown>],
  field: Field<readonly [NoInfer<A>, NoInfer<B>]>,
  spec?: Spec<readonly [NoInfer<A>, NoInfer<B>], Alias>,
): Option<readonly [string, string] | string, Alias>
export function option<T, const Alias extends string>(
  type: ValueType<T, unknown> | readonly One[],
  field: Field<T>,
  spec: Spec<T, Alias> = {},
): Option<unknown, Alias> {
  const { types, parse, format, list } = wordsOf(type as One | readonly One[])
  checkForm(spec.list, types.length)
  const absent = spec.absent ?? field.read(ZEROS, 0)
  const shown = spec.present !== undefined || spec.required === true || spec.always === true
  const always = typeof spec.always === 'object' ? spec.always : undefined
  const isGiven = (bytes: Uint8Array, at: number, value: T, negated: boolean): boolean =>
    shown || negated || !same(value, absent) || always?.read(bytes, at) === true
  const isBlank = shown || always !== undefined ? undefined : comparison(field, absent)
  /** Returns undefined if a plain, non-negated value means that the option is not given. */
  const negationOf = (bytes: Uint8Array, at: number): boolean | undefined => {
    if (spec.present?.read(bytes, at) === false) return undefined
    const negated = spec.negation?.read(bytes, at) ?? false
    return !negated && isBlank?.(bytes, at) ? undefined : negated
  }
  const hold = (bytes: Uint8Array, at: number): { value: T; negated: boolean } | undefined => {
    const negated = negationOf(bytes, at)
    if (negated === undefined) return undefined
    const value: T | undefined = field.read(bytes, at)
    if (value === undefined) return undefined
    return isGiven(bytes, at, value, negated) ? { value, negated } : undefined
  }
  const places = placesOf(field)
  const { formatAt } = types[0] as One
  const readInPlace = (bytes: Uint8Array, at: number, context: Context): Reading | undefined => {
    const negated = negationOf(bytes, at)
    if (negated === undefined) return undefined
    return { negated, words: [formatAt?.(bytes, at, places as readonly number[], context) as string] }
  }
  const isOneWord = types.length === 1 && spec.bare === undefined
  const isInPlace = formatAt !== undefined && places !== undefined && always === undefined && isOneWord
  return {
    aliases: spec.aliases ?? [],
    negatable: spec.negation !== undefined || spec.negate !== undefined,
    required: spec.required ?? false,
    excludes: spec.excludes ?? [],
    needs: spec.needs ?? [],
    trails: spec.trails ?? false,
    synonymOf: [],
    words: types.map(({ expects, names = [], quotes, local = false }) => ({ expects, names, quotes, local })),
    fewest: spec.bare === undefined ? types.length : 0,
    ...(spec.spelled && { spelled: spec.spelled }),
    ...extentsIn(field, [spec.present, spec.negation, always, spec.bare]),
    read(bytes, at, context) {
      if (isInPlace) return readInPlace(bytes, at, context)
      const held = hold(bytes, at)
      if (held === undefined) return undefined
      const words = spec.bare?.read(bytes, at) === true ? [] : format(held.value, context)
      return { negated: held.negated, words }
    },
    list(name, bytes, at, listing) {
      const held = hold(bytes, at)
      if (held === undefined) return undefined
      const { value, negated } = held
      return listed(
        spec.list ?? usualForm(name, types.length),
        value,
        { negated, words: list(value, listing) },
        listing,
      )
    },
    write(bytes, at, { words, negated }, context) {
      const said = words.length < types.length ? absent : (parse(words, context) as T)
      const value = negated && spec.negate !== undefined ? spec.negate(said) : said
      const reason = spec.refuses?.(value, negated)
      if (reason !== undefined) throw new Mismatch(reason)
      field.write(bytes, at, value)
      spec.present?.write(bytes, at, true)
      spec.negation?.write(bytes, at, negated)
    },
    clear(bytes, at) {
      field.write(bytes, at, absent)
      spec.present?.write(bytes, at, false)
      spec.negation?.write(bytes, at, false)
    },
  }
}

const intersect = (one: Extent, other: Extent): boolean =>
  one.offset < other.offset + other.size && other.offset < one.offset + one.size

/** Whether two lists of extents have no byte in common. */
export const areDisjoint = (some: readonly Extent[], others: readonly Extent[]): boolean =>
  !some.some((one) => others.some((other) => intersect(one, other)))

/** The bytes that an option over these fields reads. */
function extentsIn(
  field: Field<unknown>,
  rest: readonly (Pick<Field<boolean>, 'read'> | undefined)[],
): Pick<Option, 'reads' | 'value'> {
  const value = extentsOf(field)
  const others = rest.flatMap((one) => (one === undefined ? [] : [extentsOf(one as Field<boolean>)]))
  if (value === undefined || others.includes(undefined)) return {}
  const about = (others as Extent[][]).flat()
  return { reads: [...value, ...about], ...(areDisjoint(value, about) && { value }) }
}

/**
 * Compares a field's bytes with those of a value without decoding it: most options of most rules are not
 * given. If the bytes differ, the values may still be equal. Undefined if the field depends on more than its
 * own bytes.
 */
function comparison<T>(field: Field<T>, value: T): ((bytes: Uint8Array, at: number) => boolean) | undefined {
  const extents = extentsOf(field)
  if (extents === undefined || value === undefined) return undefined
  let wanted: Wanted | null | undefined
  return (bytes, at) => {
    // Computed on first use: few of the declared options are ever looked at.
    if (wanted === undefined) wanted = wantedOf(extents, field, value)
    if (wanted === null) return false
    const { places, values } = wanted
    for (let i = 0; i < places.length; i++) if (bytes[at + (places[i] as number)] !== values[i]) return false
    return true
  }
}

/** Bytes, and their offset. */
interface Wanted {
  readonly places: readonly number[]
  readonly values: readonly number[]
}

/** Null if the field cannot hold the value by itself: it is some bits of other fields, or a view of one. */
function wantedOf<T>(extents: readonly Extent[], field: Field<T>, value: T): Wanted | null {
  const places = extents.flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i))
  const stored = new Uint8Array(Math.max(0, ...places) + 1)
  field.write(stored, 0, value)
  if (!same(field.read(stored, 0), value)) return null
  return { places, values: places.map((place) => stored[place] as number) }
}

function checkForm(form: ListForm<never> | undefined, words: number): void {
  if (typeof form === 'string' && !fits(form, words)) throw new Error(`${form} is no template for ${words} words`)
}

const listed = <T>(form: ListForm<T>, value: T, reading: Reading, { numeric }: Listing): Listed => ({
  ...reading,
  text: typeof form === 'string' ? fill(form, reading) : form(value, { ...reading, numeric }),
})

interface Words {
  readonly types: readonly One[]
  parse(words: readonly string[], context: Context): unknown
  format(value: unknown, context: Context): string[]
  list(value: unknown, listing: Listing): string[]
}

const listWord = (type: One, value: unknown, listing: Listing): string =>
  type.list === undefined ? type.format(value, listing) : type.list(value, listing)

/** One value type for one word, or several whose values form a list. */
function wordsOf(type: One | readonly One[]): Words {
  if ('parse' in type)
    return {
      types: [type],
      parse: ([word], context) => type.parse(word as string, context),
      format: (value, context) => [type.format(value, context)],
      list: (value, listing) => [listWord(type, value, listing)],
    }
  return {
    types: type,
    parse: (words, context) => type.map((one, i) => one.parse(words[i] as string, context)),
    format: (value, context) => type.map((one, i) => one.format((value as unknown[])[i], context)),
    list: (value, listing) => type.map((one, i) => listWord(one, (value as unknown[])[i], listing)),
  }
}

interface FlagSpec<Alias extends string> {
  aliases?: readonly Alias[]
  negation?: Field<boolean>
  excludes?: readonly string[]
  needs?: readonly string[]
  trails?: boolean
  spelled?: Spelled
  /** As for an option with words. */
  list?: string
}

/** How a flag is given. Code for python-iptables uses `'1'` and `'true'`. `!` negates a flag that can be negated. */
export type FlagInput = true | '' | '1' | 'true' | '!'

/** An option without a word: it is given or it is not. */
export const flag = <const Alias extends string = never>(
  present: Field<boolean>,
  spec: FlagSpec<Alias> = {},
): Option<FlagInput, Alias> => {
  checkForm(spec.list, 0)
  return {
    aliases: spec.aliases ?? [],
    negatable: spec.negation !== undefined,
    required: false,
    excludes: spec.excludes ?? [],
    needs: spec.needs ?? [],
    trails: spec.trails ?? false,
    synonymOf: [],
    words: [],
    fewest: 0,
    ...(spec.spelled && { spelled: spec.spelled }),
    reads: extentsIn(present, [spec.negation]).reads,
    read: (bytes, at) =>
      present.read(bytes, at) ? { negated: spec.negation?.read(bytes, at) ?? false, words: [] } : undefined,
    list(name, bytes, at, listing) {
      const reading = this.read(bytes, at, listing)
      return reading && listed(spec.list ?? usualForm(name, 0), true, reading, listing)
    },
    write(bytes, at, { negated }) {
      present.write(bytes, at, true)
      spec.negation?.write(bytes, at, negated)
    },
    clear(bytes, at) {
      present.write(bytes, at, false)
      spec.negation?.write(bytes, at, false)
    },
  }
}

/** A flag that is on unless it is negated: the stored bit means that something is not done. */
export const negatedFlag = (off: Field<boolean>, spec: { list?: string } = {}): Option<FlagInput, never> => ({
  ...flag(off, spec),
  negatable: true,
  read: (bytes, at) => (off.read(bytes, at) ? { negated: true, words: [] } : undefined),
  write: (bytes, at, { negated }) => off.write(bytes, at, negated),
})

/**
 * Another spelling of the option `of`, or of several at once, over the same fields. It is accepted and can be
 * read as a property, but is never printed. `option` says how it is written, including its negation.
 */
export const synonym = <In, Alias extends string>(
  of: string | readonly string[],
  option: Option<In, Alias>,
): Option<In, Alias> => ({ ...option, synonymOf: typeof of === 'string' ? [of] : of })

/** The options that print what this one stores: itself, or those that it is another spelling of. */
export const originals = (options: ReadonlyMap<string, Option>, name: string): readonly string[] => {
  const of = options.get(name)?.synonymOf ?? []
  return of.length === 0 ? [name] : of
}

/** Whether two options store the same thing, or part of it. */
export const overlap = (options: ReadonlyMap<string, Option>, one: string, other: string): boolean =>
  originals(options, one).some((name) => originals(options, other).includes(name))
