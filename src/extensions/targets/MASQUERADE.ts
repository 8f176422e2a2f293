/** Gives packets the address of the interface that they leave through. */
import { PROTOCOLS } from '../../abi/protocols'
import { be16, raw, u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { fixed, target } from '../extension'
import { flag, option } from '../option'
import { natPortRange } from '../values/port'

/** With `! -p` as well: iptables looks at the name alone. */
const PORT_PROTOCOLS: readonly number[] = [PROTOCOLS.tcp, PROTOCOLS.udp, PROTOCOLS.sctp, PROTOCOLS.dccp, PROTOCOLS.icmp]

/** linux/netfilter/nf_nat.h. The kernel takes exactly one range. */
export const MASQUERADE = target('MASQUERADE', {
  tables: ['nat'],
  hooks: ['POSTROUTING'],
  revisions: {
    0: {
      ipv4: struct('struct nf_nat_ipv4_multi_range_compat', 20, {
        rangesize: u32,
        flags: u32,
        minIp: raw(4, 4),
        maxIp: raw(4, 4),
        minProto: be16,
        maxProto: be16,
      }),
      ipv6: struct('struct nf_nat_range', 40, {
        flags: u32,
        minAddr: raw(16, 4),
        maxAddr: raw(16, 4),
        minProto: be16,
        maxProto: be16,
      }),
    },
  },
  fixed: (at) => ('rangesize' in at ? [fixed(at.rangesize, 1)] : []),
  // All but addresses, which are those of the interface.
  bits: ({ flags }) => [[flags, ~0x01]],
  options: ({ flags, minProto, maxProto }) => ({
    'to-ports': option(natPortRange, both(minProto, maxProto), { present: bit(flags, 0x02), list: 'masq ports: $' }),
    random: flag(bit(flags, 0x04)),
    'random-fully': flag(bit(flags, 0x10)),
  }),
  usage: ({ flags }) => {
    const hasPorts = bit(flags, 0x02)
    return (bytes, at, rule) =>
      hasPorts.read(bytes, at) && !PORT_PROTOCOLS.includes(rule.protocol)
        ? '--to-ports needs -p with a protocol that has ports'
        : undefined
  },
})
