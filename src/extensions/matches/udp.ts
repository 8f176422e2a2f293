/** UDP ports. */
import { pair, u8, u16 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { match } from '../extension'
import { native } from '../native'
import { portTests } from '../native-ports'
import { portOptions } from '../ports'
import { portRange } from '../values/port'

/** linux/netfilter/xt_tcpudp.h */
export const udp = match('udp', {
  protocols: ['udp'],
  revisions: { 0: struct('struct xt_udp', 10, { spts: pair(u16), dpts: pair(u16), invflags: u8 }) },
  bits: ({ invflags }) => [[invflags, 0x03]],
  list: 'udp',
  native: ({ spts, dpts, invflags }) => native(portTests([spts, dpts], [bit(invflags, 0x01), bit(invflags, 0x02)])),
  options: (at) => portOptions(at, portRange({ listed: 'udp', decimal: true, reversed: true })),
})
