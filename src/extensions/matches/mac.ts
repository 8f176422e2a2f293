/** The packet's source MAC address. */

import { NFT_META } from '../../abi/nf-tables'
import { bool32, raw, u16 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { match } from '../extension'
import { link, meta, readNatively } from '../native'
import { after, bytesTest, encoded, equals } from '../native-tests'
import { option } from '../option'
import { mac as address } from '../values/string'

/** ARPHRD_ETHER, linux/if_arp.h */
const ETHER = 1
/** On other devices, something else is at the offset of the address. */
const ON_ETHERNET = equals(meta(NFT_META.IIFTYPE), encoded(u16, ETHER))

/** linux/netfilter/xt_mac.h */
export const mac = match('mac', {
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  revisions: { 0: struct('struct xt_mac_info', 12, { srcaddr: raw(6), invert: bool32 }) },
  native: ({ srcaddr, invert }) => readNatively(after(ON_ETHERNET, bytesTest(link(6, 6), srcaddr, invert))),
  options: ({ srcaddr, invert }) => ({
    'mac-source': option(address, srcaddr, { required: true, negation: invert, list: 'MAC [! ]$' }),
  }),
})
