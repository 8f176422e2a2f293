/** Translates the source address of packets to that of the output interface. */
import { bit, both } from '../../binary/struct'
import { target } from '../extension'
import { natRange, natRangeIPv4, oneRange, portsNeedProtocol } from '../nat'
import { readNatively } from '../native'
import { natPorts } from '../native-nat'
import { flag, option } from '../option'
import { natPortRange } from '../values/port'

/** linux/netfilter/nf_nat.h */
export const MASQUERADE = target('MASQUERADE', {
  tables: ['nat'],
  hooks: ['POSTROUTING'],
  revisions: { 0: { ipv4: natRangeIPv4, ipv6: natRange } },
  fixed: oneRange,
  // All flags but that of addresses: the kernel uses the address of the interface.
  bits: ({ flags }) => [[flags, ~0x01]],
  usage: portsNeedProtocol('to-ports'),
  native: (at) => readNatively(natPorts('masq', at, 0x14)),
  options: ({ flags, minProto, maxProto }) => ({
    'to-ports': option(natPortRange, both(minProto, maxProto), { present: bit(flags, 0x02), list: 'masq ports: $' }),
    random: flag(bit(flags, 0x04)),
    'random-fully': flag(bit(flags, 0x10)),
  }),
})
