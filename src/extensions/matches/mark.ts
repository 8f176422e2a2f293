/** The packet's mark. */

import { NFT_META } from '../../abi/nf-tables'
import { bool8, u32 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { match } from '../extension'
import { meta, native } from '../native'
import { valueTest } from '../native-tests'
import { option } from '../option'
import { valueMask } from '../values/integer'

/** linux/netfilter/xt_mark.h */
export const mark = match('mark', {
  revisions: { 1: struct('struct xt_mark_mtinfo1', 12, { mark: u32, mask: u32, invert: bool8 }) },
  native: ({ mark, mask, invert }) =>
    native(valueTest(meta(NFT_META.MARK), u32, { value: mark, mask, negation: invert })),
  options: ({ mark, mask, invert }) => ({
    mark: option(valueMask(), both(mark, mask), { required: true, negation: invert, list: 'mark match [! ]$' }),
  }),
})
