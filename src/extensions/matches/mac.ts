/** The hardware address that a packet comes from. */
import { bool32, raw } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { match } from '../extension'
import { option } from '../option'
import { mac as address } from '../values/string'

/** linux/netfilter/xt_mac.h */
export const mac = match('mac', {
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  revisions: { 0: struct('struct xt_mac_info', 12, { srcaddr: raw(6), invert: bool32 }) },
  options: ({ srcaddr, invert }) => ({
    'mac-source': option(address, srcaddr, { required: true, negation: invert, list: 'MAC [! ]$' }),
  }),
})
