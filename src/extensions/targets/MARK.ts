/** Sets the packet's mark. */

import { NFT_META } from '../../abi/nf-tables'
import { u32 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { markChanges } from '../bitwise'
import { target } from '../extension'
import { meta, readNatively } from '../native'
import { markChange } from '../native-actions'

/** The new mark is `(old & ~mask) ^ mark`. linux/netfilter/xt_mark.h */
export const MARK = target('MARK', {
  revisions: { 2: struct('struct xt_mark_tginfo2', 8, { mark: u32, mask: u32 }) },
  list: 'MARK',
  native: ({ mark, mask }) => readNatively(markChange(meta(NFT_META.MARK), mark, mask)),
  options: ({ mark, mask }) => markChanges(both(mark, mask), { required: true }),
})
