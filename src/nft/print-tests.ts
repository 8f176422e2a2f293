/** Tests in the syntax of nft(8), as iptables-translate 1.8.9 writes them. */
import type { FamilyName } from '../abi/family'
import { IP_CT_DIR, NFT_CT, NFT_EXTHDR_OP, NFT_FIB_RESULT, NFT_META, NFT_PAYLOAD, NFTA_FIB_F } from '../abi/nf-tables'
import { HOP_BY_HOP, PROTOCOLS } from '../abi/protocols'
import { be16, be32, type Codec, u8, u16, u32 } from '../binary/codec'
import { readText } from '../binary/text'
import type { Context } from '../extensions/context'
import {
  ADDRESSES,
  connection,
  link,
  lookup,
  meta,
  network,
  type OptionalHeader,
  optionalHeader,
  type Source,
  type Statement,
  sourceKey,
  type Test,
  transport,
} from '../extensions/native'
import { nftSet } from '../extensions/nft-words'
import { formatAddress, prefixLength } from '../extensions/values/address'
import { hex, valueMask } from '../extensions/values/integer'
import { namedProtocol } from '../extensions/values/protocol'
import { deviceGroup, realm } from '../extensions/values/routing'

const ALL = 0xffff_ffff
type Names = readonly (readonly [number, string])[]

/** How a test is written. @returns undefined if nft cannot express it */
type Words = (test: Test, context: Context) => string | undefined

const SIGNS = { eq: '', neq: '!= ', lt: 'lt ', lte: 'le ', gt: 'gt ', gte: 'ge ' } as const

/** A value without a mask. */
const plain =
  (name: string, value: (bytes: Uint8Array, context: Context) => string): Words =>
  ({ op, value: first, to, mask }, context) =>
    mask === undefined
      ? `${name} ${SIGNS[op]}${value(first, context)}${to === undefined ? '' : `-${value(to, context)}`}`
      : undefined

const decimal = (codec: Codec<number>) => (bytes: Uint8Array) => String(codec.read(bytes, 0))

/** A number in host order, which is byte-swapped before it is compared. */
const counted =
  (name: string): Words =>
  (test, context) =>
    plain(name, decimal(test.isTurned ? be32 : u32))(test, context)

/** Bits, optionally under a mask. Some values may have names. */
const bits =
  (name: string, type = valueMask()): Words =>
  ({ op, value, mask, to }, context) => {
    if (to !== undefined || (op !== 'eq' && op !== 'neq')) return undefined
    const number = u32.read(value, 0)
    if (mask === undefined) return `${name} ${SIGNS[op]}${type.format([number, ALL], context)}`
    return `${name} and ${hex(u32.read(mask, 0))} ${op === 'eq' ? '==' : '!='} ${hex(number)}`
  }

/** One value that has a name. */
const named = (name: string, codec: Codec<number>, names: Names): Words =>
  plain(name, (bytes) => {
    const value = codec.read(bytes, 0)
    return names.find(([number]) => number === value)?.[1] ?? String(value)
  })

/** Any of several bits, or none of them. */
const flags =
  (name: string, names: Names): Words =>
  ({ op, mask }) => {
    if (mask === undefined) return undefined
    const wanted = u32.read(mask, 0)
    const words = names.filter(([bit]) => (wanted & bit) !== 0).map(([, word]) => word)
    return `${name} ${op === 'eq' ? '! ' : ''}${words.join(',')}`
  }

/** A port. From the first or up to the last port, it is written as a range. */
const port =
  (name: string): Words =>
  ({ op, value, ...rest }, context) => {
    const range = { op: op === 'gt' ? ('neq' as const) : ('eq' as const), value: new Uint8Array(2), to: value }
    const test = op === 'lte' || op === 'gt' ? range : { op, value }
    return plain(name, decimal(be16))({ ...rest, ...test }, context)
  }

const address =
  (name: string): Words =>
  ({ op, value, to, mask }, context) => {
    const { addressSize: size } = context.family
    const text = (bytes: Uint8Array): string => {
      const whole = new Uint8Array(size)
      whole.set(bytes)
      return formatAddress(whole, context)
    }
    const sign = SIGNS[op]
    if (to !== undefined) return `${name} ${sign}${text(value)}-${text(to)}`
    if (mask === undefined) return `${name} ${sign}${text(value)}${value.length < size ? `/${8 * value.length}` : ''}`
    const length = prefixLength(mask)
    if (length !== undefined) return `${name} ${sign}${text(value)}/${length}`
    return `${name} & ${text(mask)} ${op === 'eq' ? '==' : '!='} ${text(value)}`
  }

/** The name of an interface: exact if it includes the NUL, otherwise a prefix. */
const interfaceName =
  (name: string): Words =>
  ({ op, value }) => {
    const text = readText(value, 0, value.length).replaceAll('*', '\\*')
    return /["]/.test(text) ? undefined : `${name} ${SIGNS[op]}"${text}${value.includes(0) ? '' : '*'}"`
  }

/** Some bits of a header that form a number. */
const bitField =
  (name: string, codec: Codec<number>, mask: number, value: (number: number) => string): Words =>
  (test) =>
    test.mask !== undefined && codec.read(test.mask, 0) === mask
      ? `${name} ${SIGNS[test.op]}${value(codec.read(test.value, 0) / (mask & -mask))}`
      : undefined

const firstOf =
  (...words: readonly Words[]): Words =>
  (test, context) => {
    for (const one of words) {
      const text = one(test, context)
      if (text !== undefined) return text
    }
    return undefined
  }

const TCP_FLAGS: Names = [
  [0x01, 'fin'],
  [0x02, 'syn'],
  [0x04, 'rst'],
  [0x08, 'psh'],
  [0x10, 'ack'],
  [0x20, 'urg'],
]
const flagNames = (bits: number): string =>
  TCP_FLAGS.filter(([bit]) => (bits & bit) !== 0)
    .map(([, name]) => name)
    .join(',') || '0x0'

/** nft ignores flags outside the mask, which no packet has. */
const tcpFlags: Words = ({ op, value, mask }) => {
  const [wanted, looked] = [value[0] as number, mask?.[0] ?? 0xff]
  return (wanted & ~looked) === 0 ? `tcp flags ${SIGNS[op]}${flagNames(wanted)} / ${flagNames(looked)}` : undefined
}

const dscp = (number: number): string => `0x${number.toString(16).padStart(2, '0')}`
const ecn = (number: number): string => ['not-ect', 'ect1', 'ect0', 'ce'][number] as string

const DCCP_TYPES = ['request', 'response', 'data', 'ack', 'dataack', 'closereq', 'close', 'reset', 'sync', 'syncack']

const dccpType: Words = ({ op, value, to, or = [] }) => {
  const typeText = ([byte = 0]: Uint8Array): string => DCCP_TYPES[byte / 2] ?? String(byte / 2)
  const values = [{ value, to }, ...or].map((one) => typeText(one.value) + (one.to ? `-${typeText(one.to)}` : ''))
  return `dccp type ${SIGNS[op]}${nftSet(values)}`
}

const STATES: Names = [
  [0x01, 'invalid'],
  [0x08, 'new'],
  [0x04, 'related'],
  [0x02, 'established'],
  [0x40, 'untracked'],
]
const STATUSES: Names = [
  [0x01, 'expected'],
  [0x02, 'seen-reply'],
  [0x04, 'assured'],
  [0x08, 'confirmed'],
  [0x10, 'snat'],
  [0x20, 'dnat'],
]
const PACKET_TYPES: Names = [
  [0, 'unicast'],
  [1, 'broadcast'],
  [2, 'multicast'],
]
const ROUTE_TYPES: Names = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
].map((name, number) => [number, name] as const)

/** The types that have names in the tool; it does not translate others. */
const ICMP_TYPES: Names = [
  [0, 'echo-reply'],
  [3, 'destination-unreachable'],
  [4, 'source-quench'],
  [5, 'redirect'],
  [8, 'echo-request'],
  [9, 'router-advertisement'],
  [10, 'router-solicitation'],
  [11, 'time-exceeded'],
  [12, 'parameter-problem'],
  [13, 'timestamp-request'],
  [14, 'timestamp-reply'],
  [17, 'address-mask-request'],
  [18, 'address-mask-reply'],
]
const ICMP6_TYPES: Names = [
  [1, 'destination-unreachable'],
  [2, 'packet-too-big'],
  [3, 'time-exceeded'],
  [4, 'parameter-problem'],
  [128, 'echo-request'],
  [129, 'echo-reply'],
  [133, 'nd-router-solicit'],
  [134, 'nd-router-advert'],
  [135, 'nd-neighbor-solicit'],
  [136, 'nd-neighbor-advert'],
  [137, 'nd-redirect'],
]

const directions = { original: IP_CT_DIR.ORIGINAL, reply: IP_CT_DIR.REPLY }

/** Properties of one end of a connection, in each direction. */
const ofConnection = (name: string, keys: readonly number[], words: (name: string) => Words): [Source, Words][] =>
  Object.entries(directions).flatMap(([direction, number]) =>
    keys.map((key): [Source, Words] => [connection(key, number), words(`ct ${direction} ${name}`)]),
  )

const ofRoute = (end: string, flag: number): [Source, Words][] =>
  (
    [
      [0, ''],
      [NFTA_FIB_F.IIF, ' . iif'],
      [NFTA_FIB_F.OIF, ' . oif'],
    ] as const
  ).map(([limit, text]) => [
    lookup(flag | limit, NFT_FIB_RESULT.ADDRTYPE),
    named(`fib ${end}${text} type`, u32, ROUTE_TYPES),
  ])

const table = (words: readonly [Source, Words][]): ReadonlyMap<string, Words> =>
  new Map(words.map(([source, one]) => [sourceKey(source), one]))

const ALWAYS = table([
  [meta(NFT_META.IIFNAME), interfaceName('iifname')],
  [meta(NFT_META.OIFNAME), interfaceName('oifname')],
  [meta(NFT_META.MARK), bits('mark')],
  [meta(NFT_META.CPU), counted('cpu')],
  [meta(NFT_META.PKTTYPE), named('pkttype', u8, PACKET_TYPES)],
  [meta(NFT_META.LEN), counted('meta length')],
  [meta(NFT_META.SKUID), counted('skuid')],
  [meta(NFT_META.SKGID), counted('skgid')],
  [meta(NFT_META.IIFGROUP), bits('iifgroup', deviceGroup)],
  [meta(NFT_META.OIFGROUP), bits('oifgroup', deviceGroup)],
  [meta(NFT_META.RTCLASSID), bits('rtclassid', realm)],
  [meta(NFT_META.CGROUP), counted('meta cgroup')],
  [meta(NFT_META.IIFTYPE), plain('meta iiftype', decimal(u16))],
  [
    link(6, 6),
    plain('ether saddr', (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':')),
  ],
  [connection(NFT_CT.MARK), bits('ct mark')],
  [connection(NFT_CT.STATE), flags('ct state', STATES)],
  [connection(NFT_CT.STATUS), flags('ct status', STATUSES)],
  [connection(NFT_CT.EXPIRATION), plain('ct expiration', (bytes) => `${be32.read(bytes, 0)}ms`)],
  [connection(NFT_CT.PROTOCOL), plain('ct original protocol', decimal(u8))],
  [
    connection(NFT_CT.DIRECTION),
    named('ct direction', u8, [
      [0, 'original'],
      [1, 'reply'],
    ]),
  ],
  ...ofConnection('saddr', [NFT_CT.SRC_IP, NFT_CT.SRC_IP6, NFT_CT.SRC], address),
  ...ofConnection('daddr', [NFT_CT.DST_IP, NFT_CT.DST_IP6, NFT_CT.DST], address),
  ...ofConnection('proto-src', [NFT_CT.PROTO_SRC], (name) => plain(name, decimal(be16))),
  ...ofConnection('proto-dst', [NFT_CT.PROTO_DST], (name) => plain(name, decimal(be16))),
  ...ofRoute('saddr', NFTA_FIB_F.SADDR),
  ...ofRoute('daddr', NFTA_FIB_F.DADDR),
])

const protocolWords: Words = (test, context) =>
  plain(context.family.name === 'ipv4' ? 'ip protocol' : 'meta l4proto', (bytes) =>
    namedProtocol.format(bytes[0] as number, context),
  )(test, context)

const addresses = (family: FamilyName, header: string): [Source, Words][] =>
  ADDRESSES[family].flatMap((offset, i) =>
    Array.from({ length: family === 'ipv4' ? 4 : 16 }, (_, length): [Source, Words] => [
      network(offset, length + 1),
      address(`${header} ${i === 0 ? 'saddr' : 'daddr'}`),
    ]),
  )

/** Fields of the network header, and the protocol. */
const OF_FAMILY: Readonly<Record<FamilyName, ReadonlyMap<string, Words>>> = {
  ipv4: table([
    [meta(NFT_META.L4PROTO), protocolWords],
    ...addresses('ipv4', 'ip'),
    [network(6, 2), ({ op }) => `ip frag-off & 0x1fff ${op === 'neq' ? '!= ' : ''}0`],
    [network(8, 1), plain('ip ttl', decimal(u8))],
    [network(1, 1), firstOf(bitField('ip dscp', u8, 0xfc, dscp), bitField('ip ecn', u8, 0x03, ecn))],
  ]),
  ipv6: table([
    [meta(NFT_META.L4PROTO), protocolWords],
    ...addresses('ipv6', 'ip6'),
    [network(7, 1), plain('ip6 hoplimit', decimal(u8))],
    [network(0, 2), bitField('ip6 dscp', be16, 0x0fc0, dscp)],
    [optionalHeader(HOP_BY_HOP, 1, 1), plain('hbh hdrlength', decimal(u8))],
    [network(1, 1), bitField('ip6 ecn', u8, 0x30, ecn)],
  ]),
}

const ports = (header: string): [Source, Words][] => [
  [transport(0, 2), port(`${header} sport`)],
  [transport(2, 2), port(`${header} dport`)],
]
const icmpType = (header: string, names: Names): [Source, Words][] => [
  [
    transport(0, 1),
    (test, context) =>
      names.some(([number]) => number === test.value[0])
        ? named(`${header} type`, u8, names)(test, context)
        : undefined,
  ],
]

/** Fields of a protocol's header. */
const OF_PROTOCOL: Readonly<Record<number, ReadonlyMap<string, Words>>> = {
  [PROTOCOLS.tcp]: table([...ports('tcp'), [transport(13, 1), tcpFlags]]),
  [PROTOCOLS.udp]: table(ports('udp')),
  [PROTOCOLS.sctp]: table(ports('sctp')),
  [PROTOCOLS.dccp]: table([...ports('dccp'), [transport(8, 1), dccpType]]),
  [PROTOCOLS.icmp]: table(icmpType('icmp', ICMP_TYPES)),
  [PROTOCOLS['ipv6-icmp']]: table(icmpType('icmpv6', ICMP6_TYPES)),
  [PROTOCOLS.esp]: table([[transport(0, 4), plain('esp spi', decimal(be32))]]),
  [PROTOCOLS.ah]: table([[transport(4, 4), plain('ah spi', decimal(be32))]]),
  [PROTOCOLS.ipcomp]: table([[transport(2, 2), plain('comp cpi', decimal(be16))]]),
}

/**
 * Whether a statement reads a field that only one protocol has at this offset, so that nft adds the protocol
 * test itself. The tool still writes the test for ICMPv6.
 */
export const impliesProtocol = (statement: Statement, { protocol }: Context): boolean =>
  statement.kind === 'test' && isOfTransport(statement.source) && protocol !== PROTOCOLS['ipv6-icmp']

const isOfTransport = (source: Source): boolean =>
  source.from === 'payload' ? source.base === NFT_PAYLOAD.TRANSPORT : isTcpOption(source)

const isTcpOption = (source: Source): source is OptionalHeader =>
  source.from === 'exthdr' && source.op === NFT_EXTHDR_OP.TCPOPT

/** Whether an option is present. */
const optionWords = (type: number, { value }: Test): string =>
  `tcp option ${type} ${value[0] === 0 ? 'missing' : 'exists'}`

const BOTH_PORTS = sourceKey(transport(0, 4))

/** The text of a test; undefined if it cannot be expressed. */
export function printTest(test: Test, context: Context): string | undefined {
  const { source } = test
  if (isTcpOption(source)) return source.isPresence ? optionWords(source.type, test) : undefined
  const key = sourceKey(source)
  const ofProtocol = OF_PROTOCOL[context.protocol ?? 0]
  const words = ALWAYS.get(key) ?? OF_FAMILY[context.family.name].get(key) ?? ofProtocol?.get(key)
  if (words !== undefined) return words(test, context)
  if (key !== BOTH_PORTS) return undefined
  const [first, second] = [transport(0, 2), transport(2, 2)].map((half, i) =>
    printTest({ ...test, source: half, value: test.value.slice(2 * i, 2 * i + 2) }, context),
  )
  return first === undefined || second === undefined ? undefined : `${first} ${second}`
}
