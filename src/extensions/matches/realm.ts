/** The routing realm of the packet. */

import { NFT_META, NFT_RT } from '../../abi/nf-tables'
import { bool8, u32 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { match } from '../extension'
import { meta, readNatively, route } from '../native'
import { alsoFrom, valueTest } from '../native-tests'
import { option } from '../option'
import { realm as valueMask } from '../values/routing'

/** linux/netfilter/xt_realm.h */
export const realm = match('realm', {
  families: ['ipv4'],
  hooks: ['INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  revisions: { 0: struct('struct xt_realm_info', 12, { id: u32, mask: u32, invert: bool8 }) },
  native: ({ id, mask, invert }) =>
    readNatively(
      alsoFrom(route(NFT_RT.CLASSID), valueTest(meta(NFT_META.RTCLASSID), u32, { value: id, mask, negation: invert })),
    ),
  options: ({ id, mask, invert }) => ({
    realm: option(valueMask, both(id, mask), { required: true, negation: invert }),
  }),
})
