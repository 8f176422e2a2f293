/** The mark of the packet's connection. */
import { bool8, u32 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { match } from '../extension'
import { option } from '../option'
import { valueMask } from '../values/integer'

/** linux/netfilter/xt_connmark.h */
export const connmark = match('connmark', {
  revisions: { 1: struct('struct xt_connmark_mtinfo1', 12, { mark: u32, mask: u32, invert: bool8 }) },
  options: ({ mark, mask, invert }) => ({
    mark: option(valueMask(), both(mark, mask), { required: true, negation: invert, list: 'connmark match [!] $' }),
  }),
})
