/** Shared by the targets that translate addresses: their structs, and when a rule may give ports. */

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

/** A range of addresses and ports. linux/netfilter/nf_nat.h */
export const natRange = struct('struct nf_nat_range', 40, anyFamily)
/** The range of the nat table's targets, with a base port. linux/netfilter/nf_nat.h */
export const natRange2 = struct('struct nf_nat_range2', 44, { ...anyFamily, baseProto: be16 })
/** An array of ranges, of which the kernel accepts exactly one. */
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

/** The number of ranges, which must be one, as a fixed field; none if the struct has no count. */
export const oneRange = ({ rangesize }: RangeFields): Fixed[] => (rangesize === undefined ? [] : [fixed(rangesize, 1)])

/** For a target whose text has no base port: a range with one cannot be written. */
export const noBase = ({ flags, baseProto }: RangeFields): Fixed[] => [
  fixed(bits(flags, RANGE.OFFSET), 0),
  ...(baseProto === undefined ? [] : [fixed(baseProto, 0)]),
]

/** The bytes of a range's addresses that IPv4 does not use. */
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

/** `! -p` counts too: iptables looks only at the name. */
const PORT_PROTOCOLS = ['tcp', 'udp', 'sctp', 'dccp', 'icmp'] as const

/**
 * Ports need `-p` with a protocol that has ports.
 * @param parameter the option that holds the ports
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

/** How packets change. The address and the port are known if there is only one choice. */
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
