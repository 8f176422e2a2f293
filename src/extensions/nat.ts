/** What the targets that translate addresses share: their structs, and what a rule has to say for ports. */

import type { FamilyName } from '../abi/family'
import { PROTOCOLS } from '../abi/protocols'
import { be16, type Field, raw, u32 } from '../binary/codec'
import { bit, both, type Extent, struct } from '../binary/struct'
import { ACCEPTED, type Does, type Translate } from './evaluation'
import { about, type Fixed, fixed, type Usage } from './extension'
import { bits, constant } from './fields'
import { encoded } from './native-tests'
import { option } from './option'
import { unusedAddress } from './values/address'
import { RANGE, translation } from './values/nat'
import { same } from './values/value'

const anyFamily = { flags: u32, minAddr: raw(16, 4), maxAddr: raw(16, 4), minProto: be16, maxProto: be16 }

/** linux/netfilter/nf_nat.h */
export const natRange = struct('struct nf_nat_range', 40, anyFamily)
/** What the targets of the nat table translate to, with a base port. linux/netfilter/nf_nat.h */
export const natRange2 = struct('struct nf_nat_range2', 44, { ...anyFamily, baseProto: be16 })
/** Room for many ranges, of which the kernel takes exactly one. */
export const natRangeIPv4 = struct('struct nf_nat_ipv4_multi_range_compat', 20, {
  rangesize: u32,
  flags: u32,
  minAddr: raw(4, 4),
  maxAddr: raw(4, 4),
  minProto: be16,
  maxProto: be16,
})

export interface RangeFields {
  readonly rangesize?: Field<number>
  readonly flags: Field<number>
  readonly minAddr: Field<Uint8Array>
  readonly maxAddr: Field<Uint8Array>
  readonly minProto: Field<number>
  readonly maxProto: Field<number>
  readonly baseProto?: Field<number>
}

/** The number of ranges, which has to be one, as a fixed field; none where the struct does not count them. */
export const oneRange = ({ rangesize }: RangeFields): Fixed[] => (rangesize === undefined ? [] : [fixed(rangesize, 1)])

/** For a target whose text has no base port: a range with one has no words. */
export const noBase = ({ flags, baseProto }: RangeFields): Fixed[] => [
  fixed(bits(flags, RANGE.OFFSET), 0),
  ...(baseProto === undefined ? [] : [fixed(baseProto, 0)]),
]

/** Of addresses that have room for IPv6, what IPv4 leaves alone. */
export const unusedRange = ({ minAddr, maxAddr }: RangeFields, family: FamilyName): Extent[] =>
  minAddr.size === 4 ? [] : [minAddr, maxAddr].flatMap((address) => unusedAddress(address, family))

/** `--to-source` and `--to-destination` */
export function toOption({ flags, minAddr, maxAddr, minProto, maxProto, baseProto }: RangeFields) {
  const bases = baseProto !== undefined
  const what = bits(flags, RANGE.ADDRESSES | RANGE.PORTS | (bases ? RANGE.OFFSET : 0))
  const ports = both(both(minProto, maxProto), baseProto ?? constant(0))
  const where = both(both(minAddr, maxAddr), ports)
  return option(translation({ bases }), both(what, where), { required: true, list: 'to:$' })
}

/** With `! -p` as well: iptables looks at the name alone. */
const PORT_PROTOCOLS = ['tcp', 'udp', 'sctp', 'dccp', 'icmp'] as const

/**
 * That ports are given only with `-p` of a protocol that has them.
 * @param parameter in which the ports stand
 */
export const portsNeedProtocol =
  (parameter: string) =>
  ({ flags }: RangeFields): Usage => {
    const hasPorts = bit(flags, RANGE.PORTS)
    return (bytes, at, rule) =>
      hasPorts.read(bytes, at) && !PORT_PROTOCOLS.some((name) => PROTOCOLS[name] === rule.protocol)
        ? about(parameter, `ports need -p with a protocol that has them: ${PORT_PROTOCOLS.join(', ')}`)
        : undefined
  }

/** What becomes of packets: an address and a port where there is one alone to choose. */
export const translates =
  (
    of: NonNullable<Translate['of']>,
    { flags, minAddr, maxAddr, minProto, maxProto }: RangeFields,
    size: number,
  ): Does =>
  (bytes, at) => {
    const given = flags.read(bytes, at)
    const single = <T>(is: number, first: T, last: T): T | 'unknown' | undefined =>
      (given & is) === 0 ? undefined : same(first, last) ? first : 'unknown'
    const isChosen = (given & (RANGE.OFFSET | RANDOM)) !== 0
    const [address, port] = [
      single(RANGE.ADDRESSES, minAddr.read(bytes, at).slice(0, size), maxAddr.read(bytes, at).slice(0, size)),
      isChosen
        ? 'unknown'
        : single(RANGE.PORTS, encoded(be16, minProto.read(bytes, at)), encoded(be16, maxProto.read(bytes, at))),
    ]
    return [{ kind: 'translate', of, ...(address && { address }), ...(port && { port }) }, ACCEPTED]
  }
/** linux/netfilter/nf_nat.h: ports are chosen at random. */
const RANDOM = 0x04 | 0x10
