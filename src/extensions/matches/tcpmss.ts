/** The maximum segment size that a TCP SYN packet offers. */

import { be16, bool8, u16 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { oneOf, question } from '../evaluation'
import { match } from '../extension'
import { optionPlaces } from '../header-options'
import { transport } from '../native'
import { rangeWords } from '../nft-words'
import { option } from '../option'
import { integerRange } from '../values/integer'
import { optionsOf } from './tcp'

const HEADER = transport(0, 1)
/** Kind and length of the option. */
const [MSS, SIZE] = [2, 4] as const

/** The MSS in the options, if any. */
function maxSegmentSize(options: Uint8Array): number | undefined {
  for (const [kind, at] of optionPlaces(options))
    if (kind === MSS && options[at + 1] === SIZE && at + SIZE <= options.length) return be16.read(options, at + 2)
  return undefined
}

/** linux/netfilter/xt_tcpmss.h */
export const tcpmss = match('tcpmss', {
  protocols: ['tcp'],
  revisions: { 0: struct('struct xt_tcpmss_match_info', 6, { mssMin: u16, mssMax: u16, invert: bool8 }) },
  translate: ({ mssMin, mssMax, invert }) => rangeWords('tcp option maxseg size', both(mssMin, mssMax), invert),
  asks:
    ({ mssMin, mssMax, invert }) =>
    (bytes, at) => {
      const [first, last] = [mssMin.read(bytes, at), mssMax.read(bytes, at)]
      const isWithin = question((packet) => {
        // In a fragment without a header, the kernel reads the payload as one.
        if (packet.look(HEADER) === 'absent') return undefined
        const options = optionsOf(packet)
        const size = options && maxSegmentSize(options)
        return options && size !== undefined && size >= first && size <= last
      })
      return [oneOf([[isWithin]], invert.read(bytes, at))]
    },
  options: ({ mssMin, mssMax, invert }) => ({
    mss: option(integerRange(65535, { ordered: true }), both(mssMin, mssMax), {
      required: true,
      negation: invert,
      list: 'tcpmss match [!]$',
    }),
  }),
})
