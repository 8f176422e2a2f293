/** Whom the packet is for at the link layer. */
import { bool32, u32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { match } from '../extension'
import { option } from '../option'
import { name } from '../values/names'

/** linux/if_packet.h */
const TYPES = { unicast: 0, broadcast: 1, multicast: 2, otherhost: 3, host: 0, bcast: 1, mcast: 2 }

/** linux/netfilter/xt_pkttype.h */
export const pkttype = match('pkttype', {
  revisions: { 0: struct('struct xt_pkttype_info', 8, { pkttype: u32, invert: bool32 }) },
  options: ({ pkttype, invert }) => ({
    'pkt-type': option(name(TYPES, { anyCase: true }), pkttype, {
      required: true,
      negation: invert,
      list: 'PKTTYPE [!]= $',
    }),
  }),
})
