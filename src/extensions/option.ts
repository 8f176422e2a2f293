/**
 * One option of an extension as a lens: a parameter type laid over fields of the struct, with how its presence and its
 * negation are stored. Everything that reads or writes an option goes through it.
 */
import type { Field } from '../binary/codec'
import { type Extent, extentsOf, placesOf } from '../binary/struct'
import type { Context, Listing } from './context'
import { fill, fits, type Listed, type ListForm, usualForm } from './listing'
import type { Reading } from './reading'
import { Mismatch, same, type ValueType } from './values/value'

/** @typeParam In what an assignment accepts. @typeParam Alias other names of the option. */
export interface Option<In = unknown, Alias extends string = string> {
  readonly aliases: readonly Alias[]
  readonly negatable: boolean
  readonly required: boolean
  /** Options that may not stand beside it. */
  readonly excludes: readonly string[]
  /** Options that have to stand beside it. */
  readonly needs: readonly string[]
  /** Whether a text has to have them before it. */
  readonly trails: boolean
  /** The options that this is another spelling of, which are those that are printed. */
  readonly synonymOf: readonly string[]
  /** Where it stands in a text that has sections, and what it is called there. */
  readonly section?: Section | undefined
  /** One for each word that it takes; none for a flag. */
  readonly words: readonly Word[]
  /** How many of the words have to be there. */
  readonly fewest: number
  /** The name by which it is printed, where that depends on what is stored: one of its own, or of a synonym. */
  spelled?(bytes: Uint8Array, at: number): string
  read(bytes: Uint8Array, at: number, context: Context): Reading | undefined
  /** The bytes that reading looks at; undefined where it looks at more than its own. */
  readonly reads?: readonly Extent[] | undefined
  /** Those of them that hold its value, and no more than that: whether it is given and negated stands elsewhere. */
  readonly value?: readonly Extent[] | undefined
  /** As `read`, in the words of a listing. @param name that of the option */
  list(name: string, bytes: Uint8Array, at: number, listing: Listing): Listed | undefined
  /** @throws Mismatch */
  write(bytes: Uint8Array, at: number, reading: Reading, context: Context): void
  /** Back to how it is when not given. */
  clear(bytes: Uint8Array, at: number): void
  /** Carries `In` for the compiler; never there at run time. */
  readonly input?: In
}

/** A part of a text in which options are called as in the parts before and behind it. */
export interface Section {
  /** From 0. */
  readonly index: number
  /** The option that opens it, which stands before all others of it. */
  readonly opener: string
  /** What the option is called within it; the opener is called so too. */
  readonly name: string
}

export interface Word {
  readonly expects: string
  readonly names: readonly string[]
  readonly quotes: 'auto' | 'always' | undefined
  readonly local: boolean
}

interface Spec<T, Alias extends string> {
  /** Other names of it, which are understood and never printed. */
  aliases?: readonly Alias[]
  /** Where `!` is stored. Without it, the option cannot be negated. */
  negation?: Field<boolean>
  /** Where it is stored that the option was given. */
  present?: Field<boolean>
  /** Value of an option that was not given, where there is no such place; all bits zero unless said. */
  absent?: T
  /** The extension cannot be without it. */
  required?: boolean
  /** Printed also where it was not given, as its value then means something; or where this field says so. */
  always?: boolean | Field<boolean>
  /** Options that may not stand beside it. */
  excludes?: readonly string[]
  /** Options that have to stand beside it. */
  needs?: readonly string[]
  /** In a text, what it needs has to stand before it. */
  trails?: boolean
  /** The value that is stored where `!` stands before another. It reads as that value, without `!`. */
  negate?: (value: T) => T
  /** Makes the word one that may be left out, which means `absent`. It is printed without where this says so. */
  bare?: Pick<Field<boolean>, 'read'>
  /** The name by which it is printed, where that depends on what is stored. */
  spelled?: Spelled
  /** Why a value cannot be taken although its type allows it. */
  refuses?: (value: T, negated: boolean) => string | undefined
  /** How a listing shows it, where that is not as `[! ]name words`. */
  list?: ListForm<T>
}

type Spelled = (bytes: Uint8Array, at: number) => string

/** Long enough for every payload; read to learn what a field is before anything is written. */
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
  /** Undefined where it is plain, without the value, that the option is not given. */
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

/** Whether none of the one are among the other. */
export const areDisjoint = (some: readonly Extent[], others: readonly Extent[]): boolean =>
  !some.some((one) => others.some((other) => intersect(one, other)))

/** What an option over these fields looks at. */
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
 * Whether a field's bytes are those of a value, without reading it: most options of most rules are not given. Bytes that
 * differ say nothing. Undefined where the field is more than its bytes.
 */
function comparison<T>(field: Field<T>, value: T): ((bytes: Uint8Array, at: number) => boolean) | undefined {
  const extents = extentsOf(field)
  if (extents === undefined || value === undefined) return undefined
  let wanted: Wanted | null | undefined
  return (bytes, at) => {
    // Few of the options that are declared are ever looked at.
    if (wanted === undefined) wanted = wantedOf(extents, field, value)
    if (wanted === null) return false
    const { places, values } = wanted
    for (let i = 0; i < places.length; i++) if (bytes[at + (places[i] as number)] !== values[i]) return false
    return true
  }
}

/** Bytes, and where they are to stand. */
interface Wanted {
  readonly places: readonly number[]
  readonly values: readonly number[]
}

/** Null where a field that is some bits of others, or a view of one, cannot hold the value by itself. */
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

/** One value type for one word, or several whose values make a list. */
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
  /** As of an option with words. */
  list?: string
}

/** How a flag is given: `'1'` and `'true'` are how code for python-iptables says it. `!` negates one that can be negated. */
export type FlagInput = true | '' | '1' | 'true' | '!'

/** An option without a word: it is there, or it is not. */
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

/** A flag that is on unless it is negated: the bit says that something is not done. */
export const negatedFlag = (off: Field<boolean>, spec: { list?: string } = {}): Option<FlagInput, never> => ({
  ...flag(off, spec),
  negatable: true,
  read: (bytes, at) => (off.read(bytes, at) ? { negated: true, words: [] } : undefined),
  write: (bytes, at, { negated }) => off.write(bytes, at, negated),
})

/**
 * Another way to write the option `of`, or several at once, over the same fields. It is understood and can be asked for,
 * but never printed. `option` tells how it is written, its negation included.
 */
export const synonym = <In, Alias extends string>(
  of: string | readonly string[],
  option: Option<In, Alias>,
): Option<In, Alias> => ({ ...option, synonymOf: typeof of === 'string' ? [of] : of })

/** The options that print what is said by this one: itself, or those that it is another spelling of. */
export const originals = (options: ReadonlyMap<string, Option>, name: string): readonly string[] => {
  const of = options.get(name)?.synonymOf ?? []
  return of.length === 0 ? [name] : of
}

/** Whether two options say the same thing, or a part of it. */
export const overlap = (options: ReadonlyMap<string, Option>, one: string, other: string): boolean =>
  originals(options, one).some((name) => originals(options, other).includes(name))
