/** Reads and prints ports with their protocols, as ipset(8) does. */
import { PROTOCOLS } from '../../abi/protocols'
import { exactProtocolNumber, protocolName, servicePort } from '../../extensions/values/databases'
import { halves, parted, type Reading } from './addresses'
import { readNumber } from './numbers'
import { refused, syntax } from './text-errors'

const MAX_PORT = 0xffff
const { tcp: TCP, udp: UDP, sctp: SCTP, udplite: UDPLITE, icmp: ICMP, 'ipv6-icmp': ICMPV6 } = PROTOCOLS
/** Protocols that have ports. */
const PORTED: readonly number[] = [TCP, UDP, SCTP, UDPLITE]
/** Protocols whose service names are accepted in types that store ports without protocols. */
const NAMED: readonly number[] = [TCP, UDP]

/** Values are 256 times the ICMP type plus the code. If two names have the same value, the first is printed. */
const ICMP_NAMES: Readonly<Record<string, number>> = {
  'echo-reply': 0,
  pong: 0,
  'network-unreachable': 0x300,
  'host-unreachable': 0x301,
  'protocol-unreachable': 0x302,
  'port-unreachable': 0x303,
  'fragmentation-needed': 0x304,
  'source-route-failed': 0x305,
  'network-unknown': 0x306,
  'host-unknown': 0x307,
  'network-prohibited': 0x309,
  'host-prohibited': 0x30a,
  'TOS-network-unreachable': 0x30b,
  'TOS-host-unreachable': 0x30c,
  'communication-prohibited': 0x30d,
  'host-precedence-violation': 0x30e,
  'precedence-cutoff': 0x30f,
  'source-quench': 0x400,
  'network-redirect': 0x500,
  'host-redirect': 0x501,
  'TOS-network-redirect': 0x502,
  'TOS-host-redirect': 0x503,
  'echo-request': 0x800,
  ping: 0x800,
  'router-advertisement': 0x900,
  'router-solicitation': 0xa00,
  'ttl-zero-during-transit': 0xb00,
  'ttl-zero-during-reassembly': 0xb01,
  'ip-header-bad': 0xc00,
  'required-option-missing': 0xc01,
  'timestamp-request': 0xd00,
  'timestamp-reply': 0xe00,
  'address-mask-request': 0x1100,
  'address-mask-reply': 0x1200,
}
const ICMPV6_NAMES: Readonly<Record<string, number>> = {
  'no-route': 0x100,
  'communication-prohibited': 0x101,
  'address-unreachable': 0x103,
  'port-unreachable': 0x104,
  'packet-too-big': 0x200,
  'ttl-zero-during-transit': 0x300,
  'ttl-zero-during-reassembly': 0x301,
  'bad-header': 0x400,
  'unknown-header-type': 0x401,
  'unknown-option': 0x402,
  'echo-request': 0x8000,
  ping: 0x8000,
  'echo-reply': 0x8100,
  pong: 0x8100,
  'router-solicitation': 0x8500,
  'router-advertisement': 0x8600,
  'neighbour-solicitation': 0x8700,
  'neigbour-solicitation': 0x8700,
  'neighbour-advertisement': 0x8800,
  'neigbour-advertisement': 0x8800,
  redirect: 0x8900,
}

interface Icmp {
  readonly names: Readonly<Record<string, number>>
  readonly title: string
  readonly family: 'ipv4' | 'ipv6'
  readonly familyWord: string
}
const ICMPS: ReadonlyMap<number, Icmp> = new Map([
  [ICMP, { names: ICMP_NAMES, title: 'ICMP', family: 'ipv4', familyWord: 'inet' }],
  [ICMPV6, { names: ICMPV6_NAMES, title: 'ICMPv6', family: 'ipv6', familyWord: 'inet6' }],
])

type Ports = number | readonly [number, number]

export interface ProtocolAndPort {
  readonly protocol: number
  readonly port: Ports
}

/** @throws SetTextError */
function readProtocol(word: string): number {
  const known = word === 'icmpv6' ? ICMPV6 : exactProtocolNumber(word)
  if (known === 0) throw syntax(`Unsupported protocol '${word}'`)
  if (known !== undefined) return known
  let number: number
  try {
    number = readNumber(word, 0, 0xff)
  } catch {
    throw syntax(`cannot parse '${word}' as a protocol`)
  }
  // The message of ipset(8) for the kernel's refusal.
  if (number === 0) throw refused('Invalid protocol specified')
  return number
}

/** Reads a port number, or the name of a service of the protocol. @throws SetTextError */
function readPort(word: string, protocol: string): number {
  const name = /^\[(.*)\]$/s.exec(word)?.[1] ?? word
  const service = servicePort(name, serviceProtocol(protocol))
  if (service !== undefined) return service
  try {
    return readNumber(word, 0, MAX_PORT)
  } catch (error) {
    const { message } = error as Error
    const more = isNumber(protocol) ? [] : [`Syntax error: '${protocol}' is invalid as number`]
    throw refused([message, ...more, `cannot parse '${word}' as a ${protocol} port`].join('\n'))
  }
}

/** The service database identifies protocols by name only. */
const serviceProtocol = (word: string): string =>
  isNumber(word) ? (protocolName(readNumber(word, 0, 0xff)) ?? word) : word

const isNumber = (word: string): boolean => /^\s*\+?\d/.test(word)

/** @throws SetTextError */
function readPorts(word: string, protocol: string): Ports {
  const { first, separator, rest } = halves(word, '-')
  if (separator === '') return readPort(first, protocol)
  const high = readPort(rest, protocol)
  const low = readPort(first, protocol)
  return low <= high ? [low, high] : [high, low]
}

/** Reads an ICMP type and code: a name, which can be abbreviated, or two numbers. @throws SetTextError */
function readIcmp(word: string, { names, title }: Icmp): number {
  const begun = Object.keys(names).find((name) => name.toLowerCase().startsWith(word.toLowerCase()))
  if (begun !== undefined) return names[begun] as number
  const { first, separator, rest } = parted(word, '/')
  if (separator === '') throw refused(`Cannot parse ${word} as an ${title} type/code.`)
  return readNumber(first, 0, 0xff) * 256 + readNumber(rest, 0, 0xff)
}

/** `[PROTOCOL:]PORT[-PORT]`. @throws SetTextError */
export function readProtocolAndPort(word: string, reading: Reading): ProtocolAndPort {
  const { first, separator, rest } = parted(word, ':')
  if (separator === '') return { protocol: TCP, port: readPorts(first, 'tcp') }
  const protocol = readProtocol(first)
  return { protocol, port: readPortOf(protocol, first, rest, reading) }
}

function readPortOf(protocol: number, name: string, word: string, reading: Reading): Ports {
  if (PORTED.includes(protocol)) return readPorts(word, name)
  const icmp = ICMPS.get(protocol)
  if (icmp !== undefined && (reading.family === 'any' || reading.family === icmp.family)) return readIcmp(word, icmp)
  if (icmp !== undefined) throw syntax(`Protocol ${icmp.title} can be used with family ${icmp.familyWord} only`)
  if (word !== '0') throw syntax(`Protocol ${name} can be used with pseudo port value 0 only.`)
  return 0
}

/** Reads a port of a type that stores no protocol. A protocol in the text only selects the service names. @throws SetTextError */
export function readBarePort(word: string, reading: Reading): Ports {
  const { protocol, port } = readProtocolAndPort(word, reading)
  if (!NAMED.includes(protocol)) throw syntax('Only protocols TCP and UDP are valid')
  return port
}

export const printPorts = (port: unknown): string => (Array.isArray(port) ? port.join('-') : String(port))

export function printProtocolAndPort(protocol: string | number, port: unknown): string {
  const number = typeof protocol === 'number' ? protocol : (PROTOCOLS as Readonly<Record<string, number>>)[protocol]
  const name = (number !== undefined && protocolName(number)) || String(protocol)
  const icmp = number === undefined ? undefined : ICMPS.get(number)
  return `${name}:${icmp === undefined || typeof port !== 'number' ? printPorts(port) : printIcmp(port, icmp)}`
}

const printIcmp = (value: number, { names }: Icmp): string =>
  Object.keys(names).find((name) => names[name] === value) ?? `${value >> 8}/${value & 0xff}`
