/** The dimensions of an entry in a hash set: what a message says, and what is stored. */
import type { FamilyName } from '../../../abi/family'
import { IPSET_ERR, IPSET_ERR_OF, IPSET_ERR_UNSAID } from '../../../abi/ip-set'
import { PROTOCOLS } from '../../../abi/protocols'
import type { EntryAttributes } from '../../../ipset/messages'
import { BITS, familyOf, isZero, masked, networkOf, networksIn, prefixMask, toNumber, toText } from './addresses'
import { refuse } from './failure'

const { HASH_ELEM, HASH_RANGE, HASH_RANGE_UNSUPPORTED, INVALID_PROTO, MISSING_PROTO } = IPSET_ERR_OF.hash
const { INVALID_CIDR, PROTOCOL } = IPSET_ERR

/** What of a set its parts depend on. */
export interface Frame {
  readonly family: FamilyName
  /** The bits of addresses that count, where not all do; and the prefix that they are, if they are one. */
  readonly mask: bigint | undefined
  readonly netmask: number | undefined
  readonly markmask: number
}

/** One part. What is asked of it, Linux asks of all parts before it goes on to the next. */
export interface Dimension {
  readonly attributes: readonly (keyof EntryAttributes)[]
  /** The attribute that an entry cannot do without. */
  readonly needs: keyof EntryAttributes
  /** What Linux answers where the family of this, or an extra of the entry, is wrong, if it does not say which. */
  readonly refusal?: number | undefined
  /** That there are no ranges in IPv6. @throws SetFailure */
  checkRange?(entry: EntryAttributes, frame: Frame): void
  /** That addresses are of the set's family. @throws SetFailure */
  checkFamily?(entry: EntryAttributes, frame: Frame): void
  /** The lengths of prefixes. @throws SetFailure */
  checkLength?(entry: EntryAttributes, frame: Frame): void
  /** @throws SetFailure */
  checkProtocol?(entry: EntryAttributes, frame: Frame): void
  /**
   * What is kept: one thing, or each of several that the entry stands for.
   * @param alone whether it is to be one thing alone, whatever else is said
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

/** The first and the last, whichever is said first. @throws SetFailure */
function ordered(one: string, other: string): readonly [bigint, bigint] {
  if (familyOf(other) !== familyOf(one)) refuse(PROTOCOL)
  const [a, b] = [toNumber(one), toNumber(other)]
  return a <= b ? [a, b] : [b, a]
}

/** How the addresses of a range are masked, beyond the first. */
type Stepping = 'each' | 'first'

/** Addresses: one, or all of a network or a range of IPv4. */
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

/** A network, or those that a range of IPv4 consists of. */
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
    // Of IPv6 Linux passes over the last address where it does not refuse it.
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
 * A protocol and a port of it, or several; type and code of ICMP; of other protocols nothing.
 * @param ranges attributes beside which Linux goes through several, whatever the protocol
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

/** Those of each type, in the order in which several are gone through. */
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
