/** Whether the lower half of an IPv6 source address is made of the hardware address that the packet comes from. */
import { u32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { match } from '../extension'

export const eui64 = match('eui64', {
  families: ['ipv6'],
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  revisions: { 0: struct('int', 4, { pad: u32 }) },
  unused: ({ pad }) => [pad],
  list: () => () => 'eui64 ',
  adjoins: true,
  options: () => ({}),
})
