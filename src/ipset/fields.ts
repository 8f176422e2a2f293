/**
 * The fields of entries and of set options as lenses: a users' value over attributes of a message. Everything
 * that reads or writes a field goes through its lens.
 */
import type { FamilyName } from '../abi/family'
import { IPSET_MAX_COMMENT_SIZE, SET_NAME_SIZE } from '../abi/ip-set'
import { IFNAMSIZ } from '../abi/netfilter'
import { PROTOCOLS, type ProtocolName } from '../abi/protocols'
import { isPlainIPv4, parseIPv6, parsePlainIPv4 } from '../binary/address'
import { encodeText, isEncodable } from '../binary/text'
import type { CreateAttributes, EntryAttributes } from './messages'

/** What a value is written for. */
export interface Aim {
  readonly family: FamilyName | 'any'
  readonly operation: 'create' | 'add' | 'remove' | 'test'
}

/** The kind of value in a field, for converting it to text. */
export type Kind =
  | 'number'
  /** A number of individual bits. */
  | 'bits'
  | 'prefix'
  | 'count'
  | 'flag'
  | 'comment'
  | 'set'
  | 'iface'
  | 'mac'
  | 'skbmark'
  | 'skbprio'
  | 'protocol'
  | 'port'
  | 'portRange'
  | 'host'
  /** As host. ipset(8) also parses networks and ranges here, and refuses them when all is read. */
  | 'loneHost'
  | 'hosts'
  | 'network'
  | 'addressRange'
  | 'mask'

/** @typeParam A the attributes that it covers. @typeParam Optional whether it may be omitted */
export interface Field<A, In, Out, Optional extends boolean = boolean> {
  readonly kind: Kind
  /** The least and greatest number, or of each number if there are two. */
  readonly bounds?: readonly [number, number]
  /** What would be accepted, for people. */
  readonly expects: string
  readonly optional: Optional
  /** @throws Mismatch */
  write(to: A, value: In, aim: Aim): void
  /** Undefined if it is absent. */
  read(from: A): Out | undefined
}

/** A value that a field does not accept. */
export class Mismatch extends Error {
  /** The reason, if there is more to say than what is expected. */
  readonly reason: string | undefined

  constructor(reason?: string) {
    super(reason)
    this.reason = reason
  }
}

const mismatch = (reason?: string): never => {
  throw new Mismatch(reason)
}

export const optional = <A, In, Out>(field: Field<A, In, Out>): Field<A, In, Out, true> => ({
  ...field,
  optional: true,
})

/** The attributes whose values have type T. */
type KeysOf<A, T> = {
  [K in keyof A]-?: [T] extends [NonNullable<A[K]>] ? ([NonNullable<A[K]>] extends [T] ? K : never) : never
}[keyof A]

type Any = CreateAttributes & EntryAttributes

const isWhole = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max

/** A whole number. */
export const number = <K extends KeysOf<Any, number>>(
  key: K,
  max: number,
  min = 0,
): Field<{ [P in K]?: number | undefined }, number, number, false> => ({
  kind: 'number',
  bounds: [min, max],
  expects: `a whole number from ${min} to ${max}`,
  optional: false,
  write(to, value) {
    to[key] = isWhole(value, min, max) ? value : mismatch()
  },
  read: (from) => from[key],
})

/** A number of 32 individual bits. */
export const bits = <K extends KeysOf<Any, number>>(
  key: K,
): Field<{ [P in K]?: number | undefined }, number, number, false> => ({ ...number(key, 0xffff_ffff), kind: 'bits' })

/** How many bits of an address count. */
export const prefix: Field<CreateAttributes, number, number, true> = {
  ...number('netmask', 128, 1),
  kind: 'prefix',
  optional: true,
}

/** The kernel treats 2^64-1 as not given. */
export const MAX_COUNT = 2n ** 64n - 2n

/** A 64-bit count; a `number` that is an integer is accepted too. */
export const count = (key: 'packets' | 'bytes'): Field<EntryAttributes, bigint | number, bigint, true> => ({
  kind: 'count',
  expects: 'a bigint or whole number from 0 to 2^64-2',
  optional: true,
  write(to, value) {
    const big = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value) : mismatch()
    to[key] = big >= 0n && big <= MAX_COUNT ? big : mismatch()
  },
  read: (from) => from[key],
})

/** One bit of the flags. false means the same as absent. */
export const bit = (mask: number): Field<{ flags?: number | undefined }, boolean, true, true> => ({
  kind: 'flag',
  expects: 'true or false',
  optional: true,
  write(to, value) {
    if (typeof value !== 'boolean') mismatch()
    if (value) to.flags = (to.flags ?? 0) | mask
  },
  read: ({ flags = 0 }) => (flags & mask) !== 0 || undefined,
})

const checkedText = (value: unknown, max: number): string => {
  if (typeof value !== 'string' || value.includes('\0')) return mismatch()
  if (!isEncodable(value)) return mismatch('it contains half of a surrogate pair')
  return encodeText(value).length <= max ? value : mismatch(`it has more than ${max} bytes`)
}

/** The name of a set. @throws Mismatch */
export const checkedName = (value: unknown): string =>
  value === '' ? mismatch('it is empty') : checkedText(value, SET_NAME_SIZE - 1)

export const comment: Field<EntryAttributes, string, string, true> = {
  kind: 'comment',
  expects: `text of ${IPSET_MAX_COMMENT_SIZE} bytes at most`,
  optional: true,
  write(to, value) {
    to.comment = checkedText(value, IPSET_MAX_COMMENT_SIZE)
  },
  read: (from) => from.comment,
}

export const setName: Field<EntryAttributes, string, string, false> = {
  kind: 'set',
  expects: 'the name of another set',
  optional: false,
  write(to, value) {
    to.name = checkedName(value)
  },
  read: (from) => from.name,
}

/** The neighbour of an entry in a list set. The kernel does not return it. */
export const beside = (flag: number): Field<EntryAttributes, string, never, true> => ({
  kind: 'set',
  expects: 'the name of a set in the list',
  optional: true,
  write(to, value) {
    if (to.nameref !== undefined) mismatch('before and after exclude each other')
    to.nameref = checkedName(value)
    to.flags = (to.flags ?? 0) | flag
  },
  read: () => undefined,
})

export const iface: Field<EntryAttributes, string, string, false> = {
  kind: 'iface',
  expects: `the name of an interface, of ${IFNAMSIZ - 1} bytes at most`,
  optional: false,
  write(to, value) {
    to.iface = value === '' ? mismatch() : checkedText(value, IFNAMSIZ - 1)
  },
  read: (from) => from.iface,
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0')

export const mac: Field<EntryAttributes, string, string, false> = {
  kind: 'mac',
  expects: 'a MAC address as 00:11:22:aa:bb:cc',
  optional: false,
  write(to, value) {
    if (typeof value !== 'string' || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(value)) mismatch()
    to.ether = Uint8Array.from(value.split(':'), (byte) => Number.parseInt(byte, 16))
  },
  read: ({ ether }) => ether && Array.from(ether, hex).join(':'),
}

/** Two whole numbers. */
const two = (
  key: 'skbmark' | 'skbprio',
  max: number,
): Field<EntryAttributes, readonly [number, number], readonly [number, number], true> => ({
  kind: key,
  expects: `two whole numbers from 0 to ${max}`,
  bounds: [0, max],
  optional: true,
  write(to, value) {
    to[key] = isPair(value, max) ? value : mismatch()
  },
  read: (from) => from[key],
})

const isPair = (value: unknown, max: number): value is readonly [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every((one) => isWhole(one, 0, max))

/** A mark, and a mask of the bits that count. */
export const skbmark = two('skbmark', 0xffff_ffff)
/** Major and minor number of a traffic class. */
export const skbprio = two('skbprio', 0xffff)

export const protocol: Field<EntryAttributes, ProtocolName | number, ProtocolName | number, false> = {
  kind: 'protocol',
  expects: 'the name or number of a protocol, from 1 to 255',
  bounds: [1, 0xff],
  optional: false,
  write(to, value) {
    const known = typeof value === 'string' && Object.hasOwn(PROTOCOLS, value) ? PROTOCOLS[value] : value
    to.proto = isWhole(known, 1, 0xff) ? known : mismatch()
  },
  read: ({ proto }) => (proto === undefined ? undefined : (PROTOCOL_NAMES.get(proto) ?? proto)),
}

const PROTOCOL_NAMES = new Map(
  Object.entries(PROTOCOLS).map(([name, value]) => [value as number, name as ProtocolName]),
)

const MAX_PORT = 0xffff

/** A port, or the first and last of a range. For ICMP, 256 times the type plus the code; for other protocols 0. */
export const port: Field<EntryAttributes, number | readonly [number, number], number, false> = {
  kind: 'port',
  expects: `a port from 0 to ${MAX_PORT}, or the first and the last of several`,
  bounds: [0, MAX_PORT],
  optional: false,
  write(to, value, { operation }) {
    if (isWhole(value, 0, MAX_PORT)) to.port = value
    else [to.port, to.portTo] = isPair(value, MAX_PORT) ? ordered(value, operation) : mismatch()
  },
  read: (from) => from.port,
}

/** As {@link port}, for the range of a bitmap. */
export const portRange: Field<CreateAttributes, readonly [number, number], readonly [number, number], false> = {
  kind: 'portRange',
  expects: 'the first and the last port',
  bounds: [0, MAX_PORT],
  optional: false,
  write(to, value, { operation }) {
    ;[to.port, to.portTo] = isPair(value, MAX_PORT) ? ordered(value, operation) : mismatch()
  },
  read: ({ port, portTo }) => (port === undefined || portTo === undefined ? undefined : [port, portTo]),
}

function ordered(range: readonly [number, number], operation: Aim['operation']): readonly [number, number] {
  if (operation === 'test') mismatch('only one entry can be tested at a time')
  return range[0] <= range[1] ? range : mismatch('the range is reversed')
}

/** Bits of an address. */
const fullLength = (text: string): number => (isIPv6(text) ? 128 : 32)

const isIPv6 = (text: string): boolean => text.includes(':')

const isIPv6Address = (text: string): boolean => parseIPv6(text) !== undefined

/** @throws Mismatch if it is not an address of the set's family */
function checkedAddress(text: string, family: Aim['family']): string {
  const [isOwn, isOther] = family === 'ipv6' ? [isIPv6Address, isPlainIPv4] : [isPlainIPv4, isIPv6Address]
  return isOwn(text) ? text : mismatch(isOther(text) ? `it is not of the set's family ${family}` : undefined)
}

interface Places {
  readonly ip: 'ip' | 'ip2'
  readonly cidr: 'cidr' | 'cidr2'
  readonly to: 'ipTo' | 'ip2To'
}
export const FIRST: Places = { ip: 'ip', cidr: 'cidr', to: 'ipTo' }
export const SECOND: Places = { ip: 'ip2', cidr: 'cidr2', to: 'ip2To' }

type AddressField = Field<EntryAttributes, string, string, false>

/** A single address. */
export const host = ({ ip }: Places): AddressField => ({
  kind: 'host',
  expects: 'an address of the set’s family',
  optional: false,
  write(to, value, { family }) {
    to[ip] = typeof value === 'string' ? checkedAddress(value, family) : mismatch()
  },
  read: (from) => from[ip],
})

export const loneHost = (places: Places): AddressField => ({ ...host(places), kind: 'loneHost' })

/** An address. For adding and removing, also an IPv4 network or range. */
export const hosts = (places: Places): AddressField => ({
  ...host(places),
  kind: 'hosts',
  expects: 'an address of the set’s family; to add or remove in IPv4, also ADDRESS/LENGTH or FIRST-LAST',
  write(to, value, aim) {
    if (typeof value !== 'string') mismatch()
    if (!writeSeveral(to, value, places, aim)) to[places.ip] = checkedAddress(value, aim.family)
    else if (aim.operation === 'test') mismatch('only one entry can be tested at a time')
    else if (aim.family === 'ipv6') mismatch('only sets of IPv4 take networks and ranges')
  },
})

/** A network; without a length it is a single address. For adding and removing, also an IPv4 range. */
export const network = (places: Places): AddressField => ({
  kind: 'network',
  expects: 'ADDRESS or ADDRESS/LENGTH of the set’s family; to add or remove in IPv4, also FIRST-LAST',
  optional: false,
  write(to, value, aim) {
    if (typeof value !== 'string') mismatch()
    if (!writeSeveral(to, value, places, aim)) to[places.ip] = checkedAddress(value, aim.family)
    else if (to[places.to] === undefined) return
    else if (aim.operation === 'test') mismatch('only one entry can be tested at a time')
    else if (aim.family === 'ipv6') mismatch('only sets of IPv4 take ranges')
  },
  read(from) {
    const text = from[places.ip]
    const length = from[places.cidr]
    return text === undefined || length === undefined || length === fullLength(text) ? text : `${text}/${length}`
  },
})

type Several = Pick<EntryAttributes, 'ip' | 'cidr' | 'ipTo' | 'ip2' | 'cidr2' | 'ip2To'>

/** @returns whether it was a network or a range. @throws Mismatch */
function writeSeveral(
  to: Several,
  text: string,
  { ip, cidr, to: last }: Places,
  { family }: Pick<Aim, 'family'>,
): boolean {
  const slash = text.indexOf('/')
  const dash = slash < 0 ? text.indexOf('-') : -1
  if (slash < 0 && dash < 0) return false
  const head = checkedAddress(text.slice(0, slash < 0 ? dash : slash), family)
  to[ip] = head
  const tail = text.slice((slash < 0 ? dash : slash) + 1)
  if (slash >= 0) to[cidr] = prefixLength(tail, fullLength(head))
  else {
    to[last] = checkedAddress(tail, family)
    if (isReversed(head, to[last])) mismatch('the range is reversed')
  }
  return true
}

const bytesOf = (text: string): Uint8Array => (parsePlainIPv4(text) ?? parseIPv6(text)) as Uint8Array

const isReversed = (first: string, last: string): boolean => Buffer.compare(bytesOf(first), bytesOf(last)) > 0

function prefixLength(text: string, max: number): number {
  const length = /^(0|[1-9]\d{0,2})$/.test(text) ? Number(text) : Number.NaN
  return length <= max ? length : mismatch(`the prefix length must be a number from 0 to ${max}`)
}

/** The range of addresses that a set covers. */
export const addressRange: Field<CreateAttributes, string, string, false> = {
  kind: 'addressRange',
  expects: 'FIRST-LAST or ADDRESS/LENGTH of IPv4',
  optional: false,
  write(to, value, aim) {
    if (typeof value !== 'string' || !writeSeveral(to, value, FIRST, aim)) mismatch()
  },
  read: ({ ip, ipTo }) => (ip && ipTo ? `${ip}-${ipTo}` : undefined),
}

/** A mask of the address bits that count. */
export const bitmask: Field<CreateAttributes, string, string, true> = {
  kind: 'mask',
  expects: 'a mask written as an address of the set’s family',
  optional: true,
  write(to, value, { family }) {
    to.bitmask = typeof value === 'string' ? checkedAddress(value, family) : mismatch()
  },
  read: ({ bitmask }) => bitmask,
}
