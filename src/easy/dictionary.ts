/** Types of rule dictionaries: rules as plain data in the form of python-iptables, which can be stored as JSON. */
import type { Extension } from '../extensions/extension'
import type { Matches, Targets } from '../extensions/modules'
import type { FlagInput, Option } from '../extensions/option'
import type { CamelCase, NamesIn } from '../iptc/extension-object'

type SnakeCase<S extends string> = S extends `${infer Head}-${infer Tail}` ? `${Head}_${SnakeCase<Tail>}` : S
/** The three spellings of a key. */
type Spelt<S extends string> = S | CamelCase<S> | SnakeCase<S>

type Word = string | number | bigint
/**
 * A parameter as it is read: its word, `''` for a flag. Several words are a list. A negated parameter is a list that
 * starts with `!`; a negated flag is the word `!`.
 */
export type Value = string | readonly string[]

type ValueOf<In> = In extends FlagInput ? '' | '!' : Value
type OptionsOf<E> = E extends Extension<string, infer O> ? O : never

/** The parameters of an extension as they are written: by name or alias, with dashes, underscores or in camel case. */
export type ParametersIn<E> = {
  readonly [P in NamesIn<OptionsOf<E>> as Spelt<P[0]>]?: P[1] | readonly Word[]
}
/** The parameters of an extension as they are read: by name, with dashes. */
export type ParametersOut<E> = {
  readonly [K in keyof OptionsOf<E> & string]?: OptionsOf<E>[K] extends Option<infer In> ? ValueOf<In> : never
}

/**
 * A match or target that this library does not know, or an unknown revision: its bytes in hexadecimal, with a leading
 * `0x`.
 * @since 0.1.0
 */
export interface OpaqueDictionary {
  /** Revision of the extension. */
  readonly revision: number
  /** The bytes in hexadecimal, such as `0x0a000001`. */
  readonly payload: string
}

type OneOrMore<T> = T | readonly T[]
/** `dst` is an address; the match of that name is `-m dst`. */
type MatchKey<N extends string> = N extends 'dst' ? `-m ${N}` : N
/** A string or number stands for the parameter that has the name of the extension, `''` for no parameter. */
type MatchesIn = {
  readonly [N in keyof Matches as MatchKey<N>]?: OneOrMore<ParametersIn<Matches[N]> | OpaqueDictionary> | Word
}
type MatchesOut = {
  readonly [N in keyof Matches as MatchKey<N>]?: OneOrMore<ParametersOut<Matches[N]> | OpaqueDictionary>
}

interface Destinations {
  /** Chain to continue in, without returning to this one (`-g`). */
  readonly goto?: string
  /** Chain to jump to, even if its name is also that of an extension. */
  readonly jump?: string
}
type TargetsIn = {
  readonly [N in keyof Targets]?: ParametersIn<Targets[N]> | OpaqueDictionary | ''
}
type TargetsOut = {
  readonly [N in keyof Targets]?: ParametersOut<Targets[N]> | OpaqueDictionary
}

interface Head<Address, Protocol, Fragment> {
  /** An address, or a network with a mask. A leading `!` negates. */
  readonly src?: Address
  readonly dst?: Address
  readonly protocol?: Protocol
  /** Second and further fragments only; `!` for all other packets. IPv4 only. */
  readonly fragment?: Fragment
}

type Text = string | readonly string[]
type InterfacesIn = { readonly [K in Spelt<'in-interface' | 'out-interface'>]?: Text }
interface HeadAliases {
  readonly source?: Text
  readonly destination?: Text
  readonly proto?: Text | number
}

interface Order {
  /** Names of all matches in order, if the order of the keys cannot express it. */
  readonly matches?: readonly string[]
}

/**
 * Packet and byte counters: numbers up to 2^53 - 1, above that bigints or decimal strings.
 * @since 0.1.0
 */
export type CountersIn = readonly [packets: Word, bytes: Word]
/**
 * Packet and byte counters: numbers up to 2^53 - 1, above that bigints.
 * @since 0.1.0
 */
export type CountersOut = readonly [packets: number | bigint, bytes: number | bigint]

/**
 * A rule dictionary as input. Keys may be spelt with dashes, underscores or in camel case.
 *
 * Parameters are strings in any form that iptables accepts, or numbers. A flag is `''`, `true`, `'1'` or `'true'`. A
 * leading `!` in a string negates it, if the parameter can be negated; in a list, only a first word `!` by itself does.
 * A match that occurs several times in the rule is a list. The type covers known extensions only; data from elsewhere
 * may contain others as an {@link OpaqueDictionary}.
 * @since 0.1.0
 * @example
 * ```ts
 * import type { RuleDictionary } from 'xtables'
 *
 * const rule: RuleDictionary = {
 *   src: '10.0.0.0/8',
 *   protocol: 'tcp',
 *   tcp: { dport: ['!', '22'] },
 *   comment: { comment: 'not ssh' },
 *   target: { REJECT: { 'reject-with': 'tcp-reset' } },
 * }
 * console.log(Object.keys(rule).length) // 5
 * ```
 */
export type RuleDictionary = Head<Text, Text | number, boolean | '!' | readonly ['!', true]> &
  HeadAliases &
  InterfacesIn &
  MatchesIn &
  Order & {
    /**
     * A verdict, a target without parameters, or a chain; `''` for none; or an object with one of these and its
     * parameters.
     */
    readonly target?: string | (TargetsIn & Destinations)
    /** Initial counters of the rule in a table; `[0, 0]` by default. */
    readonly counters?: CountersIn
  }

/**
 * A rule dictionary as output: valid input, with dashes and canonical values. A rule without a target has no `target`.
 * @since 0.1.0
 */
export type DumpedRule = Head<string, string, true | '!'> & {
  readonly [K in 'in-interface' | 'out-interface']?: string
} & MatchesOut &
  Order & {
    /** A verdict, a target without parameters, or a chain; or an object with one of these and its parameters. */
    readonly target?: string | (TargetsOut & Destinations)
    /** Packet and byte counters, as of when the rule was read. */
    readonly counters: CountersOut
  }

/**
 * Whether a value is a plain object as in JSON: not an instance of a class, which may hide data, and without keys that
 * an enumeration would skip.
 */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value) as object | null
  // Of another realm too, but nothing that inherits keys: they would be passed over.
  const isRoot = prototype === null || Object.hasOwn(prototype, 'hasOwnProperty')
  return isRoot && !Object.hasOwn(value, '__proto__') && Object.getOwnPropertySymbols(value).length === 0
}
