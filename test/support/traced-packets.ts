/** Packets as Ethernet frames. Values come from small sets, so that rules match often. */
import type { FamilyName } from '../../src/abi/family'
import { HOP_BY_HOP, PROTOCOLS } from '../../src/abi/protocols'
import type { PacketDescription } from '../../src/trace/packet'
import type { Random } from '../kernel/random'

/** Interfaces of the host. */
export const CABLES = ['v0', 'w0'] as const
export const HOST_MAC = '02:00:00:00:00:01'
/** Addresses of the host, and of other hosts behind each cable. */
export const LOCAL: readonly [readonly string[], readonly string[]] = [
  ['10.9.0.1/16', '10.9.0.7/16', 'fd00:9::1/64', 'fd00:9::7/64'],
  ['10.1.0.1/16', 'fd00:1::1/64'],
]
export const REMOTE: readonly [readonly string[], readonly string[]] = [
  ['10.9.0.2', '10.9.1.3', '10.9.2.130', 'fd00:9::2', 'fd00:9::ff:fe00:2', 'fd00:9::1:0:82'],
  ['10.1.0.2', '10.1.1.3', '10.1.2.130', 'fd00:1::2', 'fd00:1::ff:fe00:2', 'fd00:1::1:0:82'],
]

/** A packet that comes in on a cable. */
export interface TracedPacket {
  readonly cable: (typeof CABLES)[number]
  readonly frame: Uint8Array
  /** The whole packet as bytes, and properties that are not in them. */
  readonly whole: PacketDescription
  /** Whether it has an authentication header, which nf_tables treats as the transport protocol. */
  readonly isAuthenticated: boolean
  /** The packet as named properties. */
  readonly described: PacketDescription
}

const octets = (number: number, size: number): number[] =>
  Array.from({ length: size }, (_, i) => Math.floor(number / 0x100 ** (size - 1 - i)) & 0xff)

export const addressBytes = (text: string): number[] => {
  const [address = ''] = text.split('/')
  if (!address.includes(':')) return address.split('.').map(Number)
  const [before = '', after = ''] = address.split('::')
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').flatMap((group) => octets(Number.parseInt(group, 16), 2))
  const [first, last] = [groups(before), groups(after)]
  return [...first, ...new Array(16 - first.length - last.length).fill(0), ...last]
}

const macBytes = (text: string): number[] => text.split(':').map((one) => Number.parseInt(one, 16))

/** The ones' complement of the sum of a packet's words (RFC 1071). */
function checksum(bytes: readonly number[]): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] as number) * 0x100 + (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

type Bytes = readonly number[]
interface Transport {
  readonly protocol: number
  readonly bytes: Bytes
  readonly described: PacketDescription
  /** The offset of its checksum, and whether that includes the addresses. */
  readonly checksum?: { readonly at: number; readonly isPseudo: boolean }
}

const of = (family: FamilyName, texts: readonly (readonly string[])[], i: number): string[] =>
  (texts[i] as readonly string[]).filter((text) => text.includes(':') === (family === 'ipv6'))

export const WORDS = ['GET', 'get', 'abcd', 'ABCDEFG'] as const
const payload = (random: Random): number[] => [
  ...Array.from({ length: random.below(4) }, () => random.pick([0, 1, 0x41])),
  ...(random.below(3) > 0 ? [] : [...Buffer.from(random.pick(WORDS))]),
  ...Array.from({ length: 4 * random.below(3) }, () => random.pick([0, 1, 0x61])),
]

export const PORTS = [22, 53, 80, 81, 443, 1024, 40000, 65535] as const

export const FLAGS: Readonly<Record<string, number>> = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 }

const TCP_OPTIONS: readonly Bytes[] = [
  [],
  [2, 4, 5, 0xb4],
  [2, 4, 2, 0x18, 1, 3, 3, 7],
  [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0],
  [4, 2, 1, 1],
  [1, 0, 2, 4, 5, 0xb4, 0, 0],
  [254, 4, 1, 2],
]

function tcp(random: Random, ports: readonly [number, number], isNew: boolean): Transport {
  const flags = isNew ? random.pick([2, 2, 2, 0xc2, 16]) : random.pick([2, 2, 18, 16, 24, 4, 1, 41, 0, 0x52, 0xd0])
  const options = random.pick(TCP_OPTIONS)
  const named = Object.keys(FLAGS).filter((name) => (flags & (FLAGS[name] as number)) !== 0)
  return {
    protocol: PROTOCOLS.tcp,
    bytes: [
      ...[...octets(ports[0], 2), ...octets(ports[1], 2), ...octets(random.below(3), 4), ...octets(0, 4)],
      ...[((20 + options.length) / 4) << 4, flags, 1, 0, 0, 0, 0, 0, ...options, ...payload(random)],
    ],
    described: { tcpFlags: named.length === 0 ? 'NONE' : named.join(',') },
    checksum: { at: 16, isPseudo: true },
  }
}

function udp(random: Random, ports: readonly [number, number], protocol: number): Transport {
  const data = payload(random)
  const length = octets(8 + data.length, 2)
  return {
    protocol,
    bytes: [...octets(ports[0], 2), ...octets(ports[1], 2), ...length, 0, 0, ...data],
    described: {},
    checksum: { at: 6, isPseudo: true },
  }
}

export const ICMP_TYPES: Readonly<Record<FamilyName, readonly number[]>> = {
  ipv4: [8, 0, 3, 11, 13],
  ipv6: [128, 129, 1, 3],
}

function icmp(random: Random, family: FamilyName, id: number, isNew: boolean): Transport {
  const types = ICMP_TYPES[family]
  const [type, code] = isNew ? [types[0] as number, 0] : [random.pick([...types]), random.below(3)]
  return {
    protocol: family === 'ipv4' ? PROTOCOLS.icmp : PROTOCOLS['ipv6-icmp'],
    bytes: [type, code, 0, 0, ...octets(id, 2), 0, 1, ...payload(random)],
    described: { icmpType: `${type}/${code}` },
    checksum: { at: 2, isPseudo: family === 'ipv6' },
  }
}

const SCTP_CHUNKS: readonly Bytes[] = [
  [1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0x10, 0, 0, 1, 0, 1, 0, 0, 0, 1],
  [0, 3, 0, 17, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0x41, 0, 0, 0],
  [0, 7, 0, 16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0],
  [3, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0],
  [6, 1, 0, 4],
  [10, 0, 0, 4],
]

function sctp(random: Random, ports: readonly [number, number], isNew: boolean): Transport {
  const several = Array.from({ length: 1 + random.below(3) }, () => random.pick([...SCTP_CHUNKS]))
  const chunks = isNew ? [SCTP_CHUNKS[0] as Bytes] : several
  const bytes = [...octets(ports[0], 2), ...octets(ports[1], 2), ...octets(0, 4), ...octets(0, 4), ...chunks.flat()]
  return { protocol: PROTOCOLS.sctp, bytes, described: {} }
}

/** The number of bytes in a header by its type, with a short sequence number. */
const DCCP_MORE = [4, 12, 0, 8, 8, 8, 8, 12, 8, 8]

function dccp(random: Random, ports: readonly [number, number]): Transport {
  const type = random.pick([0, 1, 2, 3, 4, 7, 8, 9])
  const isLong = random.below(2)
  const header = (isLong ? 16 : 12) + (DCCP_MORE[type] ?? 0)
  const options = random.pick([[], [0, 0, 0, 0], [1, 1, 32, 3, 0, 0, 0, 0], [38, 4, 1, 2], [2, 0, 0, 32]])
  const offset = (header + options.length) / 4
  const rest = new Array(header - 9).fill(0)
  return {
    protocol: PROTOCOLS.dccp,
    bytes: [...octets(ports[0], 2), ...octets(ports[1], 2), offset, 0, 0, 0, (type << 1) | isLong, ...rest, ...options],
    described: {},
  }
}

const spi = (random: Random): number[] => octets(random.pick([0, 5, 256, 0xffff_ffff]), 4)

function transport(random: Random, family: FamilyName, id: number | undefined): Transport {
  const isNew = id !== undefined
  const ports = [id ?? random.pick(PORTS), random.pick(PORTS)] as const
  const some = isNew
    ? ([6, 6, 17, 17, family === 'ipv4' ? 1 : 58] as const)
    : ([6, 6, 6, 6, 6, 17, 17, 1, 58, 132, 132, 33, 33, 136, 50, 51, 108, 135, 253] as const)
  const protocol = random.pick([...some])
  if (protocol === 6) return tcp(random, ports, isNew)
  if (protocol === 17 || protocol === 136) return udp(random, ports, protocol)
  if (protocol === 1 || protocol === 58) return icmp(random, family, id ?? 1, isNew)
  if (protocol === 132) return sctp(random, ports, isNew)
  if (protocol === 33) return dccp(random, ports)
  if (protocol === 50) return { protocol, bytes: [...spi(random), 0, 0, 0, 1, 1, 2, 3, 4], described: {} }
  // In IPv6, it is among the extension headers.
  if (protocol === 51 && family === 'ipv4')
    return { protocol, bytes: [59, 1, 0, 0, ...spi(random), 0, 0, 0, 1], described: {} }
  if (protocol === 108) return { protocol, bytes: [6, 0, 0, random.pick([0, 5, 255]), 1, 2, 3, 4], described: {} }
  if (protocol === 135 && family === 'ipv6')
    return {
      protocol,
      bytes: [59, 1, random.below(9), 0, ...new Array(12).fill(0)],
      described: {},
    }
  return {
    protocol: protocol === 51 || protocol === 135 ? 253 : protocol,
    bytes: [0, 0, 8, 0, ...payload(random)],
    described: {},
  }
}

/** Options of option headers. None of them makes a host drop the packet. */
const OPTIONS: readonly Bytes[] = [
  [1, 4, 0, 0, 0, 0],
  [0, 1, 3, 0, 0, 0],
  [5, 2, 0, 0, 1, 0],
  [30, 2, 7, 7, 0, 0],
  [30, 12, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
]

export const SEGMENTS = ['fd00:1::2', 'fd00:9::2', 'fd00:9::7'] as const

function routing(random: Random): number[] {
  const segments = SEGMENTS.slice(0, 1 + random.below(3)).flatMap(addressBytes)
  const last = segments.length / 16 - 1
  const left = random.below(last + 2)
  const type = random.pick([0, 0, 2, 4, 4, 4])
  const rest = type === 4 ? [last, 0, ...octets(random.pick([0, 5]), 2)] : [0, 0, 0, random.pick([0, 0, 1])]
  return [segments.length / 8, type, left, ...rest, ...segments]
}

interface Header {
  readonly number: number
  /** The bytes after the number of the next header. */
  readonly rest: Bytes
}

function optionHeaders(random: Random, { isNew }: Parts): Header[] {
  const options = (): number[] => {
    const list = random.pick([...OPTIONS])
    return [(list.length + 2) / 8 - 1, ...list]
  }
  const sometimes = (number: number, rest: () => number[], one: number): Header[] =>
    random.below(one) === 0 ? [{ number, rest: rest() }] : []
  return [
    ...sometimes(HOP_BY_HOP, options, 5),
    ...sometimes(PROTOCOLS['ipv6-opts'], options, 6),
    ...sometimes(PROTOCOLS['ipv6-route'], () => routing(random), 3),
    ...(isNew
      ? []
      : sometimes(
          PROTOCOLS['ipv6-frag'],
          () => [
            random.pick([0, 0, 3]),
            ...octets(random.pick([0, 1, 8, 9, 6]), 2),
            ...octets(random.pick([1, 5, 900]), 4),
          ],
          6,
        )),
    ...(isNew ? [] : sometimes(PROTOCOLS.ah, () => [1, 0, random.pick([0, 0, 1]), ...spi(random), 0, 0, 0, 1], 8)),
    ...sometimes(PROTOCOLS['ipv6-opts'], options, 6),
  ]
}

/** The bytes with the checksum for these addresses. */
function checked({ bytes, protocol, checksum: sum }: Transport, source: Bytes, destination: Bytes): number[] {
  if (sum === undefined) return [...bytes]
  const pseudo = sum.isPseudo ? [...source, ...destination, 0, protocol, ...octets(bytes.length, 2)] : []
  const number = checksum([...pseudo, ...bytes]) || 0xffff
  return [...bytes.slice(0, sum.at), ...octets(number, 2), ...bytes.slice(sum.at + 2)]
}

export interface PacketOptions {
  readonly family: FamilyName
  /** Distinguishes packets that each begin a connection. */
  readonly id: number | undefined
}

export const TOS = [0, 2, 0x10, 0x28, 0x2b, 0xb8, 0xff] as const
export const HOPS = [2, 31, 64, 64, 255] as const
export const SOURCE_MACS = ['02:00:00:00:00:02', '02:11:22:33:44:55'] as const

export function tracedPacket(random: Random, { family, id }: PacketOptions): TracedPacket {
  const isNew = id !== undefined
  const side = random.below(2)
  const [source, isInput] = [random.pick(of(family, REMOTE, side)), random.below(2) === 0]
  const destination = isInput
    ? (random.pick(of(family, LOCAL, random.below(2))).split('/')[0] as string)
    : random.pick(of(family, REMOTE, 1 - side))
  const carried = transport(random, family, id)
  const [tos, ttl] = [random.pick(TOS), random.pick(HOPS)]
  const body = checked(carried, addressBytes(source), addressBytes(destination))
  const build = family === 'ipv4' ? ipv4 : ipv6
  const {
    bytes,
    described,
    isAuthenticated = false,
  } = build(random, { source, destination, tos, ttl, carried, body, isNew, isInput })
  const sourceMac = random.pick(SOURCE_MACS)
  // To be forwarded, a packet must have the hardware address of this host.
  const packetType = isInput
    ? random.pick(['unicast', 'unicast', 'unicast', 'broadcast', 'multicast'] as const)
    : 'unicast'
  const to = { unicast: HOST_MAC, broadcast: 'ff:ff:ff:ff:ff:ff', multicast: '01:00:5e:00:00:20' }[packetType]
  const cable = CABLES[side] as TracedPacket['cable']
  const outside: PacketDescription = {
    ...{ in: cable, way: isInput ? 'input' : 'forward', mark: 0, connectionMark: 0, sourceMac, packetType },
    ...(isInput ? {} : { out: CABLES[1 - side] }),
    ...(isNew && { state: 'NEW' }),
  }
  return {
    cable,
    frame: Uint8Array.from([
      ...macBytes(to),
      ...macBytes(sourceMac),
      ...(family === 'ipv4' ? [8, 0] : [0x86, 0xdd]),
      ...bytes,
    ]),
    isAuthenticated,
    whole: { ...outside, bytes: Uint8Array.from(bytes) },
    described: { ...outside, ...described },
  }
}

/** A packet that a program on the host sends: to the host itself, or to a host behind a cable. */
export interface SentPacket {
  readonly uid: number
  readonly gid: number
  readonly mark: number
  readonly whole: PacketDescription
}

export const ACCOUNTS = [0, 1, 1000, 1001, 65534] as const

/** @param isLooped whether it is sent to the host itself, and is therefore also seen as it comes in */
export function sentPacket(random: Random, { family, id }: PacketOptions, isLooped: boolean): SentPacket {
  const side = random.below(2)
  const local = (): string => random.pick(of(family, LOCAL, random.below(2))).split('/')[0] as string
  const [source, destination] = [local(), isLooped ? local() : random.pick(of(family, REMOTE, side))]
  const carried = transport(random, family, id)
  const [tos, ttl] = [random.pick(TOS), random.pick(HOPS)]
  const body = checked(carried, addressBytes(source), addressBytes(destination))
  const parts = { source, destination, tos, ttl, carried, body, isNew: id !== undefined, isInput: true }
  const bytes = Uint8Array.from(family === 'ipv4' ? identified(ipv4(random, parts).bytes) : ipv6(random, parts).bytes)
  const [uid, gid] = [random.pick(ACCOUNTS), random.pick(ACCOUNTS)]
  const mark = random.pick([0, 0, 1, 2, 0x101])
  return {
    ...{ uid, gid, mark },
    whole: {
      ...(isLooped ? { in: 'lo', way: 'input' } : { out: CABLES[side], way: 'output', uid, gid }),
      ...{ mark, connectionMark: 0, packetType: 'unicast', bytes },
      ...(id !== undefined && { state: 'NEW' }),
    },
  }
}

/** Sets an identification: otherwise Linux chooses one for packets of programs. */
function identified(bytes: Bytes): number[] {
  const size = 4 * ((bytes[0] as number) & 0x0f)
  const head = [...bytes.slice(0, 4), 0, 7, ...bytes.slice(6, 10), 0, 0, ...bytes.slice(12, size)]
  return [...head.slice(0, 10), ...octets(checksum(head), 2), ...head.slice(12), ...bytes.slice(size)]
}

interface Parts {
  readonly source: string
  readonly destination: string
  readonly tos: number
  readonly ttl: number
  readonly carried: Transport
  readonly body: Bytes
  readonly isNew: boolean
  readonly isInput: boolean
}
interface Built {
  readonly isAuthenticated?: boolean
  readonly bytes: Bytes
  readonly described: PacketDescription
}

const describedBy = (
  { source, destination, tos, ttl, carried: { protocol, bytes, described } }: Parts,
  hasHeader: boolean,
): PacketDescription => {
  const port = (at: number): number => (bytes[at] as number) * 0x100 + (bytes[at + 1] as number)
  const hasPorts = [6, 17, 33, 132, 136].includes(protocol)
  return {
    ...{ source, destination, tos, ttl, protocol },
    ...(hasHeader && hasPorts && { sourcePort: port(0), destinationPort: port(2) }),
    ...(hasHeader && described),
  }
}

function ipv4(random: Random, parts: Parts): Built {
  const { source, destination, tos, ttl, carried, body, isNew, isInput } = parts
  const options = random.below(6) === 0 ? [0x94, 4, 0, 0] : []
  // Packets for this host are reassembled before INPUT. At offset 1, the match tcp makes the kernel drop the packet.
  const fragment = isNew || isInput ? random.pick([0, 0x4000]) : random.pick([0, 0, 0, 0, 0x2000, 3, 0x2002, 0x4000])
  const length = 20 + options.length + body.length
  const head = [
    ...[
      0x40 | (5 + options.length / 4),
      tos,
      ...octets(length, 2),
      ...octets(random.below(3), 2),
      ...octets(fragment, 2),
    ],
    ...[ttl, carried.protocol, 0, 0, ...addressBytes(source), ...addressBytes(destination), ...options],
  ]
  const isLater = (fragment & 0x1fff) !== 0
  return {
    bytes: [...head.slice(0, 10), ...octets(checksum(head), 2), ...head.slice(12), ...body],
    described: { ...describedBy(parts, !isLater), length, fragment: isLater },
  }
}

const FRAGMENT = PROTOCOLS['ipv6-frag']
const offsetOf = ([, high = 0, low = 0]: Bytes): number => (high * 0x100 + low) >>> 3

function ipv6(random: Random, parts: Parts): Built {
  const { source, destination, tos, ttl, carried, body } = parts
  const all = optionHeaders(random, parts)
  const later = all.findIndex(({ number, rest }) => number === FRAGMENT && offsetOf(rest) > 0)
  // For later fragments whose protocol comes after other headers, rules with -p make the kernel drop the packet.
  const headers = later < 0 ? all : all.slice(0, later + 1)
  const numbers = [...headers.map(({ number }) => number), carried.protocol]
  const before = headers.flatMap(({ rest }, i) => [numbers[i + 1] as number, ...rest])
  const length = before.length + body.length
  const isLater = later >= 0
  const label = random.pick([0, 0x12345])
  return {
    bytes: [
      ...[0x60 | (tos >>> 4), ((tos & 0x0f) << 4) | (label >>> 16), ...octets(label & 0xffff, 2), ...octets(length, 2)],
      ...[numbers[0] as number, ttl, ...addressBytes(source), ...addressBytes(destination), ...before, ...body],
    ],
    isAuthenticated: numbers.slice(0, -1).includes(PROTOCOLS.ah),
    described: { ...describedBy(parts, !isLater), length: 40 + length, fragment: isLater },
  }
}
