/** UDP ports. */

import { pair, u8, u16 } from '../../binary/codec'
import { bit, type Fields, struct } from '../../binary/struct'
import { asked, HAS_TRANSPORT } from '../evaluation'
import { match } from '../extension'
import { type NativePart, native } from '../native'
import { portTests } from '../native-ports'
import { portOptions } from '../ports'
import { portRange } from '../values/port'

const fields = { spts: pair(u16), dpts: pair(u16), invflags: u8 }

const portsOf = ({ spts, dpts, invflags }: Fields<typeof fields>): NativePart =>
  portTests([spts, dpts], [bit(invflags, 0x01), bit(invflags, 0x02)])

/** linux/netfilter/xt_tcpudp.h */
export const udp = match('udp', {
  protocols: ['udp'],
  revisions: { 0: struct('struct xt_udp', 10, fields) },
  bits: ({ invflags }) => [[invflags, 0x03]],
  list: 'udp',
  native: (at) => native(portsOf(at)),
  asks: (at) => (bytes, place) => [HAS_TRANSPORT, ...asked([portsOf(at)], bytes, place)],
  options: (at) => portOptions(at, portRange({ listed: 'udp', decimal: true, reversed: true })),
})
