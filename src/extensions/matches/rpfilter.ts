/** Whether a reply to the packet would leave through the interface on which the packet arrived. */

import { u8 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { match } from '../extension'
import { flag } from '../option'

/** linux/netfilter/xt_rpfilter.h */
export const rpfilter = match('rpfilter', {
  tables: ['mangle', 'raw'],
  hooks: ['PREROUTING'],
  revisions: { 0: struct('struct xt_rpfilter_info', 1, { flags: u8 }) },
  bits: ({ flags }) => [[flags, 0x0f]],
  list: 'rpfilter',
  translate: ({ flags }) => {
    const [loose, validmark, acceptLocal, invert] = [0x01, 0x02, 0x04, 0x08].map((mask) => bit(flags, mask))
    return (bytes, at) => {
      const isSet = (field: typeof loose): boolean => field?.read(bytes, at) ?? false
      const inverted = isSet(invert)
      // Local sources match in addition to others, which a single nft rule cannot express.
      if (isSet(acceptLocal) && !inverted) return undefined
      const keys = ['saddr', ...(isSet(validmark) ? ['mark'] : []), ...(isSet(loose) ? [] : ['iif'])].join(' . ')
      const local = isSet(acceptLocal) ? 'fib saddr type != local ' : ''
      return `${local}fib ${keys} oif ${inverted ? '0' : '!= 0'}`
    }
  },
  asks: circumstance('by which interface an answer would leave'),
  options: ({ flags }) => ({
    loose: flag(bit(flags, 0x01)),
    validmark: flag(bit(flags, 0x02)),
    'accept-local': flag(bit(flags, 0x04)),
    invert: flag(bit(flags, 0x08)),
  }),
})
