/** The packet's type at the link layer, such as broadcast or multicast. */

import { NFT_META } from '../../abi/nf-tables'
import { bool32, u8, u32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { match } from '../extension'
import { meta, readNatively } from '../native'
import { valueTest } from '../native-tests'
import { option } from '../option'
import { name } from '../values/names'

/** linux/if_packet.h */
const TYPES = { unicast: 0, broadcast: 1, multicast: 2, otherhost: 3, host: 0, bcast: 1, mcast: 2 }

/** linux/netfilter/xt_pkttype.h */
export const pkttype = match('pkttype', {
  revisions: { 0: struct('struct xt_pkttype_info', 8, { pkttype: u32, invert: bool32 }) },
  native: ({ pkttype, invert }) =>
    readNatively(valueTest(meta(NFT_META.PKTTYPE), u8, { value: pkttype, negation: invert, max: TYPES.otherhost })),
  options: ({ pkttype, invert }) => ({
    'pkt-type': option(name(TYPES, { anyCase: true }), pkttype, {
      required: true,
      negation: invert,
      list: 'PKTTYPE [!]= $',
    }),
  }),
})
