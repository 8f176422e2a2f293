/** The mark of the packet's connection. */

import { NFT_CT } from '../../abi/nf-tables'
import { bool8, u32 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { match } from '../extension'
import { connection, readNatively } from '../native'
import { valueTest } from '../native-tests'
import { option } from '../option'
import { valueMask } from '../values/integer'

/** linux/netfilter/xt_connmark.h */
export const connmark = match('connmark', {
  revisions: { 1: struct('struct xt_connmark_mtinfo1', 12, { mark: u32, mask: u32, invert: bool8 }) },
  native: ({ mark, mask, invert }) =>
    readNatively(valueTest(connection(NFT_CT.MARK), u32, { value: mark, mask, negation: invert })),
  options: ({ mark, mask, invert }) => ({
    mark: option(valueMask(), both(mark, mask), { required: true, negation: invert, list: 'connmark match [!] $' }),
  }),
})
