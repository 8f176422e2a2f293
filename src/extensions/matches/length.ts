/** The length of the packet, headers included. */

import { NFT_META } from '../../abi/nf-tables'
import { bool8, u16 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { match } from '../extension'
import { meta, readNatively } from '../native'
import { HOST32, rangeAsTest, rangeTest } from '../native-tests'
import { option } from '../option'
import { integerRange } from '../values/integer'

/** linux/netfilter/xt_length.h */
export const length = match('length', {
  revisions: { 0: struct('struct xt_length_info', 6, { min: u16, max: u16, invert: bool8 }) },
  native: ({ min, max, invert }) =>
    readNatively(rangeTest(meta(NFT_META.LEN), HOST32, { range: both(min, max), negation: invert, max: 0xffff })),
  asks:
    ({ min, max, invert }) =>
    (bytes, at) => [
      rangeAsTest(meta(NFT_META.LEN), HOST32, [min.read(bytes, at), max.read(bytes, at)], invert.read(bytes, at)),
    ],
  options: ({ min, max, invert }) => ({
    length: option(integerRange(65535), both(min, max), { required: true, negation: invert, list: 'length [!]$' }),
  }),
})
