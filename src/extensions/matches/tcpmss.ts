/** The maximum segment size that a TCP SYN packet offers. */
import { bool8, u16 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { match } from '../extension'
import { rangeWords } from '../nft-words'
import { option } from '../option'
import { integerRange } from '../values/integer'

/** linux/netfilter/xt_tcpmss.h */
export const tcpmss = match('tcpmss', {
  protocols: ['tcp'],
  revisions: { 0: struct('struct xt_tcpmss_match_info', 6, { mssMin: u16, mssMax: u16, invert: bool8 }) },
  translate: ({ mssMin, mssMax, invert }) => rangeWords('tcp option maxseg size', both(mssMin, mssMax), invert),
  options: ({ mssMin, mssMax, invert }) => ({
    mss: option(integerRange(65535, { ordered: true }), both(mssMin, mssMax), {
      required: true,
      negation: invert,
      list: 'tcpmss match [!]$',
    }),
  }),
})
