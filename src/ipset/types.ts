/**
 * The set types, each declared once: the parts of its entries, its families, its create options, and the revisions that
 * introduced them. Reading, writing, the TypeScript types and checks all derive from this table.
 */
import type { FamilyName } from '../abi/family'
import { IPSET_FLAG } from '../abi/ip-set'
import {
  addressRange,
  beside,
  bit,
  bitmask,
  bits,
  comment,
  count,
  FIRST,
  type Field,
  host,
  hosts,
  iface,
  loneHost,
  mac,
  network,
  number,
  optional,
  port,
  portRange,
  prefix,
  protocol,
  SECOND,
  setName,
  skbmark,
  skbprio,
} from './fields'
import type { CreateAttributes, EntryAttributes } from './messages'

const U32_MAX = 0xffff_ffff
/** In seconds. The kernel counts milliseconds, of which there can be at most 2^31-1. */
const MAX_TIMEOUT = 2147483

/** Options that any entry can have, if its set was created with them. */
const ENTRY_OPTIONS = {
  /** Seconds until the entry expires; 0 means never. When read, the seconds that are left. */
  timeout: optional(number('timeout', MAX_TIMEOUT)),
  packets: count('packets'),
  bytes: count('bytes'),
  comment,
  skbmark,
  skbprio,
  skbqueue: optional(number('skbqueue', 0xffff)),
}

// Create options are in the order in which ipset(8) prints them.

const FIRST_OPTIONS = {
  /** The default timeout of entries, in seconds; 0 means never. */
  timeout: optional(number('timeout', MAX_TIMEOUT)),
  counters: bit(IPSET_FLAG.WITH_COUNTERS),
  comment: bit(IPSET_FLAG.WITH_COMMENT),
}
const SKBINFO = { skbinfo: bit(IPSET_FLAG.WITH_SKBINFO) }
/** Create options of all types. */
const CREATE_OPTIONS = { ...FIRST_OPTIONS, ...SKBINFO }
/** The kernel rounds and limits the sizes. The header of the set has the actual values. */
const HASH_SIZES = {
  hashsize: optional(number('hashsize', U32_MAX)),
  maxelem: optional(number('maxelem', U32_MAX)),
}
const HASH_REST = {
  ...FIRST_OPTIONS,
  forceadd: bit(IPSET_FLAG.WITH_FORCEADD),
  ...SKBINFO,
  bucketsize: optional(number('bucketsize', 0xff)),
  initval: optional(bits('initval')),
}
const HASH_OPTIONS = { ...HASH_SIZES, ...HASH_REST }
const NETMASK = { netmask: prefix }
const MASKS = { ...NETMASK, bitmask }

const NOMATCH = { nomatch: bit(IPSET_FLAG.NOMATCH) }
const PORT = { port, protocol }

const BOTH = ['ipv4', 'ipv6'] as const

/** The revision that introduced an option or part; those missing here exist since revision 0. */
type Since = Readonly<Record<string, number>>

// From the output of `ipset help`.
const FIXED_SINCE = { counters: 1, comment: 2, skbinfo: 3 }
const NET_SINCE = { nomatch: 2, counters: 3, comment: 4, forceadd: 5, skbinfo: 6, bucketsize: 7, initval: 7 }
const PORT_SINCE = { counters: 2, comment: 3, forceadd: 4, skbinfo: 5, bucketsize: 6, initval: 6 }
const NET_PORT_SINCE = { nomatch: 3, counters: 4, comment: 5, forceadd: 6, skbinfo: 7, bucketsize: 8, initval: 8 }
const NET_NET_SINCE = { forceadd: 1, skbinfo: 2, bucketsize: 3, initval: 3 }

export const SET_TYPES = {
  'bitmap:ip': {
    families: ['ipv4'],
    revisions: [0, 3],
    since: FIXED_SINCE,
    create: { range: addressRange, ...NETMASK, ...CREATE_OPTIONS },
    entry: { ip: hosts(FIRST) },
  },
  'bitmap:ip,mac': {
    families: ['ipv4'],
    revisions: [0, 3],
    since: FIXED_SINCE,
    create: { range: addressRange, ...CREATE_OPTIONS },
    entry: { ip: host(FIRST), mac: optional(mac) },
  },
  'bitmap:port': {
    families: ['any'],
    revisions: [0, 3],
    since: FIXED_SINCE,
    create: { range: portRange, ...CREATE_OPTIONS },
    entry: { port },
  },
  'hash:ip': {
    families: BOTH,
    revisions: [0, 6],
    since: { counters: 1, comment: 2, forceadd: 3, skbinfo: 4, bucketsize: 5, initval: 5, bitmask: 6 },
    create: { ...HASH_SIZES, ...MASKS, ...HASH_REST },
    entry: { ip: hosts(FIRST) },
  },
  'hash:mac': {
    families: ['any'],
    revisions: [0, 1],
    since: { bucketsize: 1, initval: 1 },
    create: HASH_OPTIONS,
    entry: { mac },
  },
  'hash:ip,mac': {
    families: BOTH,
    revisions: [0, 1],
    since: { bucketsize: 1, initval: 1 },
    create: HASH_OPTIONS,
    entry: { ip: loneHost(FIRST), mac },
  },
  'hash:net': {
    families: BOTH,
    revisions: [0, 7],
    since: NET_SINCE,
    create: HASH_OPTIONS,
    entry: { net: network(FIRST), ...NOMATCH },
  },
  'hash:net,net': {
    families: BOTH,
    revisions: [0, 4],
    since: { ...NET_NET_SINCE, netmask: 4, bitmask: 4 },
    create: { ...HASH_OPTIONS, bitmask, ...NETMASK },
    entry: { net: network(FIRST), net2: network(SECOND), ...NOMATCH },
  },
  'hash:ip,port': {
    families: BOTH,
    revisions: [0, 7],
    since: { ...PORT_SINCE, netmask: 7, bitmask: 7 },
    create: { ...HASH_OPTIONS, ...MASKS },
    entry: { ip: hosts(FIRST), ...PORT },
  },
  'hash:net,port': {
    families: BOTH,
    revisions: [0, 8],
    since: NET_PORT_SINCE,
    create: HASH_OPTIONS,
    entry: { net: network(FIRST), ...PORT, ...NOMATCH },
  },
  'hash:ip,port,ip': {
    families: BOTH,
    revisions: [0, 6],
    since: PORT_SINCE,
    create: HASH_OPTIONS,
    entry: { ip: hosts(FIRST), ...PORT, ip2: host(SECOND) },
  },
  'hash:ip,port,net': {
    families: BOTH,
    revisions: [0, 8],
    since: NET_PORT_SINCE,
    create: HASH_OPTIONS,
    entry: { ip: hosts(FIRST), ...PORT, net2: network(SECOND), ...NOMATCH },
  },
  'hash:net,port,net': {
    families: BOTH,
    revisions: [0, 3],
    since: NET_NET_SINCE,
    create: HASH_OPTIONS,
    entry: { net: network(FIRST), ...PORT, net2: network(SECOND), ...NOMATCH },
  },
  'hash:net,iface': {
    families: BOTH,
    revisions: [0, 8],
    since: { nomatch: 1, counters: 3, comment: 4, forceadd: 5, skbinfo: 6, wildcard: 7, bucketsize: 8, initval: 8 },
    create: HASH_OPTIONS,
    entry: {
      net: network(FIRST),
      iface,
      /** The interface is a bridge port. */
      physdev: bit(IPSET_FLAG.PHYSDEV),
      /** Matches all interfaces whose names start with `iface`. */
      wildcard: bit(IPSET_FLAG.IFACE_WILDCARD),
      ...NOMATCH,
    },
  },
  'hash:ip,mark': {
    families: BOTH,
    revisions: [0, 3],
    since: { forceadd: 1, skbinfo: 2, bucketsize: 3, initval: 3 },
    create: { markmask: optional(bits('markmask')), ...HASH_OPTIONS },
    entry: { ip: hosts(FIRST), mark: bits('mark') },
  },
  'list:set': {
    families: ['any'],
    revisions: [0, 3],
    since: FIXED_SINCE,
    create: { size: optional(number('size', U32_MAX)), ...CREATE_OPTIONS },
    entry: { set: setName, before: beside(IPSET_FLAG.BEFORE), after: beside(0) },
  },
} as const

/**
 * The types of sets: `'hash:ip'`, `'hash:net'`, `'bitmap:port'`, `'list:set'` and so on.
 * @since 0.1.0
 */
export type SetTypeName = keyof typeof SET_TYPES

export const isSetType = (name: unknown): name is SetTypeName =>
  typeof name === 'string' && Object.hasOwn(SET_TYPES, name)

type Fields = Readonly<Record<string, Field<never, never, unknown>>>
type Flat<T> = { [K in keyof T]: T[K] }
type RequiredKeys<F> = { [K in keyof F]: F[K] extends { optional: false } ? K : never }[keyof F]
type In<F> = F extends { write(to: never, value: infer V, aim: never): void } ? V : never
type Out<F> = F extends { read(from: never): infer V } ? NonNullable<V> : never

/** The object that fields are written from. */
type Given<F> = Flat<
  { readonly [K in RequiredKeys<F>]: In<F[K]> } & {
    readonly [K in Exclude<keyof F, RequiredKeys<F>>]?: In<F[K]> | undefined
  }
>
/** The object that fields are read into. */
type Told<F> = Flat<
  { readonly [K in RequiredKeys<F>]: Out<F[K]> } & {
    readonly [K in Exclude<keyof F, RequiredKeys<F>> as [Out<F[K]>] extends [never] ? never : K]?: Out<F[K]>
  }
>

type EntryFields<T extends SetTypeName> = (typeof SET_TYPES)[T]['entry'] & typeof ENTRY_OPTIONS
/** The value of the only required part of an entry; never if there are several. */
type Alone<
  T extends SetTypeName,
  K = RequiredKeys<(typeof SET_TYPES)[T]['entry']>,
> = K extends keyof (typeof SET_TYPES)[T]['entry']
  ? IsUnion<RequiredKeys<(typeof SET_TYPES)[T]['entry']>> extends true
    ? never
    : Extract<In<(typeof SET_TYPES)[T]['entry'][K]>, string | number>
  : never
type IsUnion<T, U = T> = T extends unknown ? ([U] extends [T] ? false : true) : never

/**
 * An entry of a set of type T, to add, remove or test. If only one part is required, such as an address, its value alone can be
 * given instead of an object.
 * @typeParam T - the type of the set
 * @since 0.1.0
 */
export type SetEntry<T extends SetTypeName = SetTypeName> = T extends SetTypeName
  ? Given<EntryFields<T>> | Alone<T>
  : never

/**
 * An entry as it is read: its parts, counters and other options.
 * @typeParam T - the type of the set
 * @since 0.1.0
 */
export type ListedEntry<T extends SetTypeName = SetTypeName> = T extends SetTypeName ? Told<EntryFields<T>> : never

type FamilyOf<T extends SetTypeName> = 'ipv6' extends (typeof SET_TYPES)[T]['families'][number]
  ? { readonly family?: FamilyName | undefined }
  : unknown

/**
 * The options to create a set of type T with.
 * @typeParam T - the type of the set
 * @since 0.1.0
 */
export type CreateOptions<T extends SetTypeName = SetTypeName> = T extends SetTypeName
  ? Flat<Given<(typeof SET_TYPES)[T]['create']> & FamilyOf<T>>
  : never

/**
 * The options that a set of type T was created with, as the kernel reports them.
 * @typeParam T - the type of the set
 * @since 0.1.0
 */
export type ToldOptions<T extends SetTypeName = SetTypeName> = T extends SetTypeName
  ? Told<(typeof SET_TYPES)[T]['create']>
  : never

/** A set type, for code that handles all types. */
export interface SetType {
  readonly name: SetTypeName
  /** The first is the default. */
  readonly families: readonly (FamilyName | 'any')[]
  /** The oldest and newest revisions that this declaration describes. */
  readonly revisions: readonly [number, number]
  readonly since: Since
  readonly create: Readonly<Record<string, AnyField<CreateAttributes>>>
  /** The parts of an entry, then the options that any entry can have. */
  readonly entry: Readonly<Record<string, AnyField<EntryAttributes>>>
  /** The fields that identify an entry, without the options that any entry can have. */
  readonly parts: readonly string[]
}

export type AnyField<A> = Field<A, unknown, unknown>

const TYPES = new Map(
  Object.entries(SET_TYPES).map(([name, { families, revisions, since, create, entry }]): [string, SetType] => [
    name,
    {
      name: name as SetTypeName,
      families,
      revisions,
      since,
      create: create as Fields as SetType['create'],
      entry: { ...entry, ...ENTRY_OPTIONS } as Fields as SetType['entry'],
      parts: Object.keys(entry),
    },
  ]),
)

export const setType = (name: SetTypeName): SetType => TYPES.get(name) as SetType
