/** Sets the packet's mark. */
import { u32 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { markChanges } from '../bitwise'
import { target } from '../extension'

/** The new mark is `(old & ~mask) ^ mark`. linux/netfilter/xt_mark.h */
export const MARK = target('MARK', {
  revisions: { 2: struct('struct xt_mark_tginfo2', 8, { mark: u32, mask: u32 }) },
  list: 'MARK',
  options: ({ mark, mask }) => markChanges(both(mark, mask), { required: true }),
})
