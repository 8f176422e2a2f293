/** Whether an answer to the packet would leave through the interface that it came in by. */
import { u8 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { match } from '../extension'
import { flag } from '../option'

/** linux/netfilter/xt_rpfilter.h */
export const rpfilter = match('rpfilter', {
  tables: ['mangle', 'raw'],
  hooks: ['PREROUTING'],
  revisions: { 0: struct('struct xt_rpfilter_info', 1, { flags: u8 }) },
  bits: ({ flags }) => [[flags, 0x0f]],
  list: 'rpfilter',
  options: ({ flags }) => ({
    loose: flag(bit(flags, 0x01)),
    validmark: flag(bit(flags, 0x02)),
    'accept-local': flag(bit(flags, 0x04)),
    invert: flag(bit(flags, 0x08)),
  }),
})
