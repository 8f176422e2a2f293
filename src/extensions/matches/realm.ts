/** The routing realm of the packet. */
import { bool8, u32 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { match } from '../extension'
import { option } from '../option'
import { realm as valueMask } from '../values/routing'

/** linux/netfilter/xt_realm.h */
export const realm = match('realm', {
  families: ['ipv4'],
  hooks: ['INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  revisions: { 0: struct('struct xt_realm_info', 12, { id: u32, mask: u32, invert: bool8 }) },
  options: ({ id, mask, invert }) => ({
    realm: option(valueMask, both(id, mask), { required: true, negation: invert }),
  }),
})
