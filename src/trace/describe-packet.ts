/** Converts a packet that is described by properties, or given as bytes, to what is known about it. */
import { FAMILIES, type Family, type FamilyName } from '../abi/family'
import { IFNAMSIZ } from '../abi/netfilter'
import { NFT_CT, NFT_META } from '../abi/nf-tables'
import { PROTOCOLS } from '../abi/protocols'
import type { BackendName } from '../backend/store'
import { be16, type Codec, u8, u16, u32 } from '../binary/codec'
import { writeText } from '../binary/text'
import { IptcError } from '../errors'
import { type Context, NO_SETS } from '../extensions/context'
import { type Seen, type Sight, unknown } from '../extensions/evaluation'
import { headerSize, OPTION_HEADERS } from '../extensions/ipv6-headers'
import { icmpTypes } from '../extensions/matches/icmp'
import { icmp6Types } from '../extensions/matches/icmp6'
import { TCP_FLAGS } from '../extensions/matches/tcp'
import { ADDRESSES, connection, meta, type Source, sourceKey } from '../extensions/native'
import { encoded } from '../extensions/native-tests'
import { network } from '../extensions/values/address'
import { nameList } from '../extensions/values/names'
import { namedProtocol } from '../extensions/values/protocol'
import { mac } from '../extensions/values/string'
import { Mismatch, type ValueType } from '../extensions/values/value'
import { known, learned, spliced } from './known-bits'
import { KnownPacket, type PacketState } from './known-packet'
import { checkPacket, hasPorts, PACKET_TYPES, type PacketDescription, STATES } from './packet'

/** How many bytes of the transport header are represented; anything after that is payload, or unknown. */
export const TRANSPORT_SIZE = 60
const LINK_SIZE = 14
/** Offset of the source address in an Ethernet header. */
const LINK_SOURCE = 6

const HEADER_SIZES: Readonly<Record<FamilyName, number>> = { ipv4: 20, ipv6: 40 }

/**
 * @param backend matters for bytes: nf_tables finds the transport header differently
 * @throws IptcError if it is not a packet of the family
 */
export function knownPacket(
  description: PacketDescription,
  family: Family,
  backend: BackendName = 'legacy',
): KnownPacket {
  checkPacket(description)
  const { bytes } = description
  const headers = bytes === undefined ? described(description, family, backend) : parsed(bytes, family, backend)
  return new KnownPacket({
    ...headers,
    family: family.name,
    isWhole: bytes !== undefined,
    link: linkOf(description),
    values: new Map([...headers.values, ...metaOf(description)]),
    states: statesOf(description),
    isSaidFirst: undefined,
    original: undefined,
    isSourceChanged: false,
    isDestinationChanged: false,
    assumed: [],
  })
}

const statesOf = ({ state }: PacketDescription): readonly number[] =>
  state === undefined ? Object.values(STATES) : [STATES[state]]

/** Reads a property as a word of iptables. @throws IptcError */
function read<T>(
  name: keyof PacketDescription,
  word: string,
  { parse, expects }: Pick<ValueType<T>, 'parse' | 'expects'>,
  context: Context,
): T {
  try {
    return parse(word, context)
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error
    throw new IptcError(
      'XT_BAD_PACKET',
      `the ${name} of a packet cannot be ${JSON.stringify(word)}; accepted: ${expects}`,
    )
  }
}

// Headers

type Headers = Pick<PacketState, 'network' | 'transport' | 'bytes' | 'headers'> & { values: [string, Sight][] }

/** A header that is partly known. */
class Draft {
  seen: Seen
  constructor(size: number) {
    this.seen = unknown(size)
  }

  set<T>(offset: number, codec: Codec<T>, value: T | undefined): void {
    if (value !== undefined)
      this.seen = spliced(this.seen, offset, known(encoded(codec as Codec<never>, value as never)))
  }

  bits(offset: number, value: Uint8Array, mask: Uint8Array): void {
    const whole = (bytes: Uint8Array): Uint8Array => {
      const wide = new Uint8Array(this.seen.bytes.length)
      wide.set(bytes, offset)
      return wide
    }
    this.seen = learned(this.seen, whole(value), whole(mask))
  }
}

function described(packet: PacketDescription, family: Family, backend: BackendName): Headers {
  const context: Context = { family, sets: NO_SETS }
  const header = new Draft(HEADER_SIZES[family.name])
  const protocol =
    packet.protocol === undefined ? undefined : read('protocol', String(packet.protocol), namedProtocol, context)
  for (const [i, name] of (['source', 'destination'] as const).entries()) {
    const word = packet[name]
    if (word !== undefined) header.bits(ADDRESSES[family.name][i] as number, ...read(name, word, network, context))
  }
  const write = family.name === 'ipv4' ? writeIpv4 : writeIpv6
  write(header, packet, protocol)
  return {
    network: header.seen,
    transport: packet.fragment ? withoutTransport(backend) : transportOf(packet, protocol, context),
    bytes: undefined,
    headers: family.name === 'ipv4' ? NO_HEADERS : undefined,
    values:
      family.name === 'ipv4'
        ? []
        : [[sourceKey(meta(NFT_META.L4PROTO)), protocol === undefined ? unknown(1) : known(encoded(u8, protocol))]],
  }
}

const FRAGMENT_OFFSET = Uint8Array.of(0x1f, 0xff)

function writeIpv4(
  header: Draft,
  { tos, ttl, length, fragment = false }: PacketDescription,
  protocol: number | undefined,
): void {
  // It is not known whether there are options.
  header.bits(0, Uint8Array.of(0x40), Uint8Array.of(0xf0))
  header.set(1, u8, tos)
  header.set(2, be16, length)
  // Which of the later fragments it is does not matter.
  header.bits(6, Uint8Array.of(0, fragment ? 1 : 0), fragment ? Uint8Array.of(0, 1) : FRAGMENT_OFFSET)
  header.set(8, u8, ttl)
  header.set(9, u8, protocol)
}

function writeIpv6(header: Draft, { tos, ttl, length }: PacketDescription): void {
  header.bits(
    0,
    Uint8Array.of(0x60 | ((tos ?? 0) >>> 4), ((tos ?? 0) << 4) & 0xff),
    tos === undefined ? Uint8Array.of(0xf0, 0) : Uint8Array.of(0xff, 0xf0),
  )
  header.set(4, be16, length === undefined ? undefined : Math.max(0, length - 40))
  header.set(7, u8, ttl)
}

const ICMP_TYPES = { ipv4: icmpTypes, ipv6: icmp6Types }

const flagList = nameList(TCP_FLAGS, { none: 'NONE', anyCase: true })

/** @throws IptcError for properties that packets of the protocol do not have */
function transportOf(packet: PacketDescription, protocol: number | undefined, context: Context): Seen {
  const header = new Draft(TRANSPORT_SIZE)
  const { sourcePort, destinationPort, tcpFlags, icmpType } = packet
  const demand = (name: keyof PacketDescription, isRight: boolean, protocols: string): void => {
    if (packet[name] !== undefined && !isRight)
      throw new IptcError('XT_BAD_PACKET', `a packet has a ${name} only if its protocol is ${protocols}`)
  }
  const isPorted = protocol !== undefined && hasPorts(protocol)
  demand('sourcePort', isPorted, 'tcp, udp, udplite, sctp or dccp')
  demand('destinationPort', isPorted, 'tcp, udp, udplite, sctp or dccp')
  demand('tcpFlags', protocol === PROTOCOLS.tcp, 'tcp')
  const icmpProtocol = context.family.name === 'ipv4' ? PROTOCOLS.icmp : PROTOCOLS['ipv6-icmp']
  demand('icmpType', protocol === icmpProtocol, context.family.name === 'ipv4' ? 'icmp' : 'ipv6-icmp')
  header.set(0, be16, sourcePort)
  header.set(2, be16, destinationPort)
  if (tcpFlags !== undefined)
    // The two ECN flags have no names.
    header.bits(13, Uint8Array.of(read('tcpFlags', tcpFlags, flagList, context)), Uint8Array.of(0x3f))
  if (icmpType !== undefined) {
    const [type, [first, last]] = read('icmpType', String(icmpType), ICMP_TYPES[context.family.name], context)
    header.set(0, u8, type)
    if (first === last) header.set(1, u8, first)
  }
  return header.seen
}

/**
 * For later fragments. nf_tables rules read ports where the header would be; other matches know that there is
 * none. A rule does not say which of the two tests it.
 */
const withoutTransport = (backend: BackendName): Sight => (backend === 'nft' ? undefined : 'absent')

// Bytes

/** @throws IptcError if the bytes are not a packet of the family */
function parsed(bytes: Uint8Array, family: Family, backend: BackendName): Headers {
  const isRight =
    bytes.length >= HEADER_SIZES[family.name] && (bytes[0] as number) >>> 4 === (family.name === 'ipv4' ? 4 : 6)
  if (!isRight)
    throw new IptcError(
      'XT_BAD_PACKET',
      `the bytes are not a packet of ${family.name}: they do not begin with its header`,
    )
  return family.name === 'ipv4' ? parsedIpv4(bytes, backend) : parsedIpv6(bytes, backend)
}

function parsedIpv4(bytes: Uint8Array, backend: BackendName): Headers {
  const size = 4 * ((bytes[0] as number) & 0x0f)
  const isFragment = (be16.read(bytes, 6) & 0x1fff) !== 0
  return {
    network: known(bytes.slice(0, size)),
    transport: isFragment ? withoutTransport(backend) : known(bytes.slice(size)),
    bytes,
    headers: NO_HEADERS,
    values: [],
  }
}

const NO_HEADERS: ReadonlyMap<number, Uint8Array> = new Map()

/**
 * Walks over the extension headers. What follows a fragment header is the transport header only in the first
 * fragment.
 */
function parsedIpv6(bytes: Uint8Array, backend: BackendName): Headers {
  const headers = new Map<number, Uint8Array>()
  const values: [string, Sight][] = []
  let [at, next, isFragment] = [40, bytes[6] as number, false]
  let carried: { number: number; at: number } | undefined
  while (OPTION_HEADERS.includes(next) && at + 8 <= bytes.length && !isFragment) {
    // To nf_tables, the authentication header is the payload of the packet.
    if (next === PROTOCOLS.ah && backend === 'nft') carried ??= { number: next, at }
    // Of several headers of one kind, the first counts.
    if (!headers.has(next)) headers.set(next, bytes.subarray(at))
    isFragment = next === PROTOCOLS['ipv6-frag'] && (be16.read(bytes, at + 2) & 0xfff8) !== 0
    const size = headerSize(next, bytes[at + 1] as number)
    next = bytes[at] as number
    at += size
  }
  // The payload of a later fragment is not searched for after further headers.
  const isNone = carried === undefined && isFragment && OPTION_HEADERS.includes(next)
  const { number, at: start } = carried ?? { number: next, at }
  values.push([sourceKey(meta(NFT_META.L4PROTO)), isNone ? 'absent' : known(Uint8Array.of(number))])
  return {
    network: known(bytes.slice(0, 40)),
    transport: isFragment && carried === undefined ? withoutTransport(backend) : known(bytes.slice(start)),
    bytes,
    headers,
    values,
  }
}

// What no header says

function linkOf({ sourceMac }: PacketDescription): Sight {
  if (sourceMac === undefined) return undefined
  const address = read('sourceMac', sourceMac, mac, { family: FAMILIES.ipv4, sets: NO_SETS })
  return spliced(unknown(LINK_SIZE), LINK_SOURCE, known(address))
}

/** What rules see if a packet has no interface on this side. */
export const NO_INTERFACE = known(new Uint8Array(IFNAMSIZ))

const nameOf = (name: string): Seen => {
  const bytes = new Uint8Array(IFNAMSIZ)
  if (Buffer.byteLength(name) >= IFNAMSIZ)
    throw new IptcError(
      'XT_BAD_PACKET',
      `the name of an interface has at most ${IFNAMSIZ - 1} bytes; ${JSON.stringify(name)} is longer`,
    )
  writeText(bytes, 0, IFNAMSIZ, name)
  return known(bytes)
}

/** The interface on which a host sends packets to itself. */
export const LOOPBACK = 'lo'

function metaOf(packet: PacketDescription): [string, Sight][] {
  const number = <T extends number>(source: Source, codec: Codec<number>, value: T | undefined): [string, Sight] => [
    sourceKey(source),
    value === undefined ? unknown(codec.size) : known(encoded(codec, value)),
  ]
  const { packetType, uid, gid } = packet
  const names = (['in', 'out'] as const).map((side): [string, Sight] => {
    const name = packet[side]
    const key = side === 'in' ? NFT_META.IIFNAME : NFT_META.OIFNAME
    return [sourceKey(meta(key)), name === undefined ? unknown(IFNAMSIZ) : nameOf(name)]
  })
  return [
    ...names,
    number(meta(NFT_META.MARK), u32, packet.mark),
    number(meta(NFT_META.PKTTYPE), u8, packetType === undefined ? undefined : PACKET_TYPES[packetType]),
    // A packet that comes in was not sent by a program on this host.
    ...(packet.in === undefined && packet.way !== 'input' && packet.way !== 'forward' ? [] : NO_OWNER),
    ...(uid === undefined ? [] : [number(meta(NFT_META.SKUID), u32, uid)]),
    ...(gid === undefined ? [] : [number(meta(NFT_META.SKGID), u32, gid)]),
    number(meta(NFT_META.IIFTYPE), u16, packet.sourceMac === undefined ? undefined : ETHERNET),
    // If this host sent the packet to itself, rules may have marked the connection before.
    ...(packet.connectionMark === undefined && (packet.state !== 'NEW' || packet.in === LOOPBACK)
      ? []
      : [number(connection(NFT_CT.MARK), u32, packet.connectionMark ?? 0)]),
  ]
}

const NO_OWNER: [string, Sight][] = [NFT_META.SKUID, NFT_META.SKGID].map((key) => [sourceKey(meta(key)), 'absent'])

/** ARPHRD_ETHER, linux/if_arp.h */
const ETHERNET = 1
