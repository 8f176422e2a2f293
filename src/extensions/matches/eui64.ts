/** Whether the lower half of the IPv6 source address is derived from the packet's source MAC address (EUI-64). */

import { u32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { bytesAt, ofBytes } from '../evaluation'
import { match } from '../extension'
import { ADDRESSES, link, network } from '../native'
import { same } from '../values/value'

const [SOURCE] = ADDRESSES.ipv6
/** The universal/local bit of a MAC address, which is inverted in the IPv6 address (RFC 4291). */
const UNIVERSAL = 0x02

export const eui64 = match('eui64', {
  families: ['ipv6'],
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  revisions: { 0: struct('int', 4, { pad: u32 }) },
  unused: ({ pad }) => [pad],
  list: () => () => 'eui64 ',
  adjoins: true,
  asks: () => () => [
    ofBytes(network(SOURCE + 8, 8), (half, packet) => {
      const mac = bytesAt(packet, link(6, 6))
      if (mac === undefined || mac === 'absent') return mac && false
      const [first = 0, second = 0, third = 0, ...rest] = mac
      return same([...half], [first ^ UNIVERSAL, second, third, 0xff, 0xfe, ...rest])
    }),
  ],
  options: () => ({}),
})
