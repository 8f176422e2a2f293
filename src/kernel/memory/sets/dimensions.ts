/** The dimensions of an entry in a hash set: what a message says, and what is stored. */
import type { FamilyName } from '../../../abi/family'
import { IPSET_ERR, IPSET_ERR_OF, IPSET_ERR_UNSAID } from '../../../abi/ip-set'
import { PROTOCOLS } from '../../../abi/protocols'
import type { EntryAttributes } from '../../../ipset/messages'
import { BITS, familyOf, isZero, masked, networkOf, networksIn, prefixMask, toNumber, toText } from './addresses'
import { refuse } from './failure'

const { HASH_ELEM, HASH_RANGE, HASH_RANGE_UNSUPPORTED, INVALID_PROTO, MISSING_PROTO } = IPSET_ERR_OF.hash
const { INVALID_CIDR, PROTOCOL } = IPSET_ERR

/** What the dimensions need to know about the set. */
export interface Frame {
  readonly family: FamilyName
  /** The bits of addresses that are stored; undefined if all are. `netmask` is the option of that name. */
  readonly mask: bigint | undefined
  readonly netmask: number | undefined
  readonly markmask: number
}

/** One dimension. Linux makes each check for all dimensions before it makes the next check. */
export interface Dimension {
  readonly attributes: readonly (keyof EntryAttributes)[]
  /** The attribute that an entry must have. */
  readonly needs: keyof EntryAttributes
  /** The error of Linux for a wrong family, and for a wrong extension of the entry, if it does not distinguish them. */
  readonly refusal?: number | undefined
  /** Refuses ranges in IPv6. @throws SetFailure */
  checkRange?(entry: EntryAttributes, frame: Frame): void
  /** Checks that addresses are of the set's family. @throws SetFailure */
  checkFamily?(entry: EntryAttributes, frame: Frame): void
  /** Checks the lengths of prefixes, and zero addresses where Linux does so at this point. @throws SetFailure */
  checkLength?(entry: EntryAttributes, frame: Frame): void
  /** @throws SetFailure */
  checkProtocol?(entry: EntryAttributes, frame: Frame): void
  /**
   * The values to store: one, or all of a range.
   * @param alone whether to return only the first, even if the entry contains a range
   * @throws SetFailure
   */
  values(entry: EntryAttributes, frame: Frame, alone: boolean): Iterable<EntryAttributes>
}

type Address = 'ip' | 'ip2'

const checkAddress = (text: string | undefined, { family }: Frame, refusal: number = PROTOCOL): void => {
  if (text === undefined || familyOf(text) !== family) refuse(refusal)
}

/** Exactly one address. */
const host = (ip: Address, refusal?: number): Dimension => ({
  refusal,
  attributes: [ip],
  needs: ip,
  checkFamily: (entry, frame) => checkAddress(entry[ip], frame, refusal),
  values: (entry) => [{ [ip]: entry[ip] }],
})

interface Places {
  readonly ip: Address
  readonly cidr: 'cidr' | 'cidr2'
  readonly to: 'ipTo' | 'ip2To'
}
const FIRST: Places = { ip: 'ip', cidr: 'cidr', to: 'ipTo' }
const SECOND: Places = { ip: 'ip2', cidr: 'cidr2', to: 'ip2To' }

/** The first and last address of a range, which may be given in either order. @throws SetFailure */
function ordered(one: string, other: string): readonly [bigint, bigint] {
  if (familyOf(other) !== familyOf(one)) refuse(PROTOCOL)
  const [a, b] = [toNumber(one), toNumber(other)]
  return a <= b ? [a, b] : [b, a]
}

/** Which addresses of a range are masked. */
type Stepping = 'each' | 'first'

/** Addresses: one, or all of an IPv4 network or range. @param zero the error for a zero address, if it is refused */
const hosts = (zero: number | undefined, stepping: Stepping = 'each'): Dimension => ({
  attributes: ['ip', 'cidr', 'ipTo'],
  needs: 'ip',
  checkRange({ ipTo, cidr = BITS.ipv6 }, { family }) {
    if (family === 'ipv6' && ipTo !== undefined) refuse(HASH_RANGE_UNSUPPORTED)
    if (family === 'ipv6' && cidr !== BITS.ipv6) refuse(INVALID_CIDR)
  },
  checkFamily: (entry, frame) => checkAddress(entry.ip, frame),
  checkLength({ ip = '' }, { mask }) {
    if (stepping === 'first' && zero !== undefined && isZero(mask === undefined ? ip : masked(ip, mask))) refuse(zero)
  },
  *values(entry, frame, alone) {
    const { ip = '', cidr, ipTo } = entry
    const { family, mask, netmask } = frame
    const first = mask === undefined ? ip : masked(ip, mask)
    const kept = (address: string): EntryAttributes =>
      zero !== undefined && isZero(address) ? refuse(zero) : { ip: address }
    if (alone || family === 'ipv6') return yield kept(first)
    if (cidr !== undefined && ipTo === undefined && (cidr === 0 || cidr > BITS.ipv4)) refuse(INVALID_CIDR)
    if (cidr === undefined && ipTo === undefined) return yield kept(first)
    const [from, last] = ipTo === undefined ? networkRange(first, cidr as number) : ordered(first, ipTo)
    const step = netmask === undefined || stepping === 'first' ? 1n : 1n << BigInt(BITS.ipv4 - netmask)
    for (let at = from; at <= last; at += step) {
      const address = toText(at, 'ipv4')
      yield kept(mask === undefined || stepping === 'first' ? address : masked(address, mask))
    }
  },
})

function networkRange(address: string, length: number): readonly [bigint, bigint] {
  const mask = prefixMask(length, 'ipv4')
  const first = toNumber(address) & mask
  return [first, first | (prefixMask(BITS.ipv4, 'ipv4') ^ mask)]
}

/** A network, or the networks that make up an IPv4 range. */
const network = (places: Places, shortest: 0 | 1 = 1, hasNoRangeOfIPv6 = places === FIRST): Dimension => ({
  attributes: [places.ip, places.cidr, places.to],
  needs: places.ip,
  checkRange(entry, { family }) {
    if (family === 'ipv6' && hasNoRangeOfIPv6 && entry[places.to] !== undefined) refuse(HASH_RANGE_UNSUPPORTED)
  },
  checkFamily: (entry, frame) => checkAddress(entry[places.ip], frame),
  checkLength(entry, { family }) {
    const { [places.cidr]: length = BITS[family] } = entry
    if (length < shortest || length > BITS[family]) refuse(INVALID_CIDR)
  },
  *values(entry, { family }, alone) {
    const { ip, cidr, to } = places
    const [address = '', length = BITS[family], last] = [entry[ip], entry[cidr], entry[to]]
    // In IPv6, Linux ignores the last address if it does not refuse it.
    if (last === undefined || alone || family === 'ipv6')
      return yield { [ip]: networkOf(address, length), [cidr]: length }
    const [from, end] = ordered(address, last)
    if (from === 0n && end === prefixMask(BITS.ipv4, 'ipv4')) refuse(HASH_RANGE)
    for (const one of networksIn(from, end)) yield { [ip]: toText(one.address, family), [cidr]: one.length }
  },
})

const PORTED: readonly number[] = [PROTOCOLS.tcp, PROTOCOLS.udp, PROTOCOLS.sctp, PROTOCOLS.udplite]
const ICMP = { ipv4: PROTOCOLS.icmp, ipv6: PROTOCOLS['ipv6-icmp'] } as const

/**
 * A protocol and one or several ports; for ICMP, type and code; for other protocols, port 0.
 * @param ranges attributes with which Linux goes through several ports in IPv4, whatever the protocol
 */
const port = (...ranges: (keyof EntryAttributes)[]): Dimension => ({
  attributes: ['port', 'portTo', 'proto'],
  needs: 'port',
  checkProtocol({ proto }) {
    if (proto === undefined) refuse(MISSING_PROTO)
    if (proto === 0) refuse(INVALID_PROTO)
  },
  *values(entry, { family }, alone) {
    const { proto = 0 } = entry
    const isPorted = PORTED.includes(proto)
    const port = isPorted || proto === ICMP[family] ? (entry.port as number) : 0
    const isOne = alone || !(isPorted || (family === 'ipv4' && ranges.some((name) => entry[name] !== undefined)))
    const other = isOne ? port : (entry.portTo ?? port)
    for (let at = Math.min(port, other); at <= Math.max(port, other); at++) yield { port: at, proto }
  },
})

const mac: Dimension = {
  attributes: ['ether'],
  needs: 'ether',
  values: ({ ether }) => (ether?.every((byte) => byte === 0) ? refuse(HASH_ELEM) : [{ ether }]),
}

const iface: Dimension = {
  attributes: ['iface'],
  needs: 'iface',
  values: ({ iface }) => [{ iface }],
}

const mark: Dimension = {
  attributes: ['mark'],
  needs: 'mark',
  values: ({ mark = 0 }, { markmask }) => [{ mark: (mark & markmask) >>> 0 }],
}

const EINVAL = 22

/** The dimensions of each type. Of several ranges, Linux goes through the last one fastest. */
export const DIMENSIONS: Readonly<Record<string, readonly Dimension[]>> = {
  'hash:ip': [hosts(HASH_ELEM)],
  'hash:mac': [mac],
  'hash:ip,mac': [host('ip', IPSET_ERR_UNSAID), mac],
  'hash:net': [network(FIRST)],
  'hash:net,net': [network(FIRST), network(SECOND)],
  'hash:ip,port': [hosts(EINVAL, 'first'), port()],
  'hash:net,port': [network(FIRST), port('ipTo')],
  'hash:ip,port,ip': [hosts(undefined), port(), host('ip2')],
  'hash:ip,port,net': [hosts(undefined), port('ipTo', 'cidr', 'ip2To'), network(SECOND)],
  'hash:net,port,net': [network(FIRST, 0), port('ipTo', 'ip2To'), network(SECOND, 0, true)],
  'hash:net,iface': [network(FIRST, 0), iface],
  'hash:ip,mark': [hosts(undefined), mark],
}
