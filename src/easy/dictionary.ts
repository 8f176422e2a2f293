/** Rules as plain data, in the shape that python-iptables gives them: what a program keeps as JSON. */
import type { Extension } from '../extensions/extension'
import type { Matches, Targets } from '../extensions/modules'
import type { FlagInput, Option } from '../extensions/option'
import type { CamelCase, NamesIn } from '../iptc/extension-object'

type SnakeCase<S extends string> = S extends `${infer Head}-${infer Tail}` ? `${Head}_${SnakeCase<Tail>}` : S
/** The three ways to spell a key. */
type Spelt<S extends string> = S | CamelCase<S> | SnakeCase<S>

type Word = string | number | bigint
/**
 * A parameter that is read: its word, `''` for a flag. Several words are a list; a negated parameter is a list that
 * begins with `!`, a negated flag the word `!`.
 */
export type Value = string | readonly string[]

type ValueOf<In> = In extends FlagInput ? '' | '!' : Value
type OptionsOf<E> = E extends Extension<string, infer O> ? O : never

/** What is written for one extension: every parameter by its name or alias, with dashes, underscores or in camel case. */
export type ParametersIn<E> = {
  readonly [P in NamesIn<OptionsOf<E>> as Spelt<P[0]>]?: P[1] | readonly Word[]
}
/** What is read of one extension: its parameters by their names, with dashes. */
export type ParametersOut<E> = {
  readonly [K in keyof OptionsOf<E> & string]?: OptionsOf<E>[K] extends Option<infer In> ? ValueOf<In> : never
}

/** A match or target that is not known here, or another revision of one that is: its bytes, `0x` before them. */
export interface OpaqueDictionary {
  readonly revision: number
  readonly payload: string
}

type OneOrMore<T> = T | readonly T[]
/** `dst` is an address, and the match of that name is `-m dst`. */
type MatchKey<N extends string> = N extends 'dst' ? `-m ${N}` : N
/** A string or number stands for the parameter that is called like the extension, `''` for no parameter. */
type MatchesIn = {
  readonly [N in keyof Matches as MatchKey<N>]?: OneOrMore<ParametersIn<Matches[N]> | OpaqueDictionary> | Word
}
type MatchesOut = {
  readonly [N in keyof Matches as MatchKey<N>]?: OneOrMore<ParametersOut<Matches[N]> | OpaqueDictionary>
}

interface Destinations {
  /** A chain to go on in, without coming back to this one. */
  readonly goto?: string
  /** A chain to jump to, whatever else has its name. */
  readonly jump?: string
}
type TargetsIn = {
  readonly [N in keyof Targets]?: ParametersIn<Targets[N]> | OpaqueDictionary | ''
}
type TargetsOut = {
  readonly [N in keyof Targets]?: ParametersOut<Targets[N]> | OpaqueDictionary
}

interface Head<Address, Protocol, Fragment> {
  /** An address, or a network with its mask; `!` in front negates. */
  readonly src?: Address
  readonly dst?: Address
  readonly protocol?: Protocol
  /** Second and further fragments alone; `!` for all packets but these. IPv4 only. */
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
  /** Names of all matches in their order, where the order of the keys cannot tell it. */
  readonly matches?: readonly string[]
}

/** Packets and bytes: numbers up to 2^53 - 1, above that a bigint or a decimal string. */
export type CountersIn = readonly [packets: Word, bytes: Word]
/** Packets and bytes: numbers up to 2^53 - 1, a bigint above that. */
export type CountersOut = readonly [packets: number | bigint, bytes: number | bigint]

/**
 * A rule as it is written. Keys are taken with dashes, underscores or in camel case.
 *
 * Parameters are strings in any form that iptables takes, or numbers; a flag is `''`, `true`, `'1'` or `'true'`. `!` in front of a string
 * negates it, where the parameter can be negated; in a list, only a first word `!` by itself does. A match that stands
 * in the rule more than once is a list. What the type does not know (an extension as {@link OpaqueDictionary}) can be
 * in data that comes from elsewhere.
 */
export type RuleDictionary = Head<Text, Text | number, boolean | '!' | readonly ['!', true]> &
  HeadAliases &
  InterfacesIn &
  MatchesIn &
  Order & {
    /** A verdict, a target without parameters, or a chain; `''` for none; or one of them by name with its parameters. */
    readonly target?: string | (TargetsIn & Destinations)
    readonly counters?: CountersIn
  }

/** A rule as it is read: what can be written, with dashes and in canonical spelling. A rule without target has no `target`. */
export type DumpedRule = Head<string, string, true | '!'> & {
  readonly [K in 'in-interface' | 'out-interface']?: string
} & MatchesOut &
  Order & {
    readonly target?: string | (TargetsOut & Destinations)
    readonly counters: CountersOut
  }

/**
 * Whether a value is what JSON calls an object; an instance of a class, which may hide what it
 * says, is none, nor is one with keys that others would pass over.
 */
export function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value) as object | null
  // Of another realm too, but nothing that inherits keys: they would be passed over.
  const isRoot = prototype === null || Object.hasOwn(prototype, 'hasOwnProperty')
  return isRoot && !Object.hasOwn(value, '__proto__') && Object.getOwnPropertySymbols(value).length === 0
}
