/** Redirects packets to this host. */
import { bit, both } from '../../binary/struct'
import { target } from '../extension'
import { natRange, natRangeIPv4, oneRange, portsNeedProtocol } from '../nat'
import { readNatively } from '../native'
import { natPorts } from '../native-nat'
import { flag, option } from '../option'
import { natPortRange } from '../values/port'

/** linux/netfilter/nf_nat.h */
export const REDIRECT = target('REDIRECT', {
  tables: ['nat'],
  hooks: ['PREROUTING', 'OUTPUT'],
  revisions: { 0: { ipv4: natRangeIPv4, ipv6: natRange } },
  fixed: oneRange,
  // All flags but that of addresses: the kernel uses an address of the host.
  bits: ({ flags }) => [[flags, ~0x01]],
  usage: portsNeedProtocol('to-ports'),
  native: (at) => readNatively(natPorts('redir', at, 0x04)),
  options: ({ flags, minProto, maxProto }) => ({
    'to-ports': option(natPortRange, both(minProto, maxProto), { present: bit(flags, 0x02), list: 'redir ports $' }),
    random: flag(bit(flags, 0x04)),
  }),
})
