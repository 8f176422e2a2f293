/** Changes the whole byte that holds the packet's DSCP, or its type of service. */
import { u8 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { bitwise, listBitwise } from '../bitwise'
import { target } from '../extension'
import { option } from '../option'
import { tos, tosName } from '../values/dscp'
import { bits8, hex8 } from '../values/integer'

/** The new byte is `(old & ~mask) ^ value`. linux/netfilter/xt_DSCP.h */
export const TOS = target('TOS', {
  tables: ['mangle'],
  revisions: { 1: struct('struct xt_tos_target_info', 2, { tosValue: u8, tosMask: u8 }) },
  options: ({ tosValue, tosMask }) => {
    const stored = both(tosValue, tosMask)
    const { and, or, xor } = bitwise(stored, { of: 'set-tos', bits: bits8(), all: 0xff })
    return {
      'set-tos': option(tos, stored, {
        required: true,
        list: (change, { numeric, words: [word] }) => {
          if (numeric) return `TOS set ${word}`
          if (tosName(change) !== undefined) return ` TOS set${word}`
          return `TOS ${listBitwise(change, 0xff, hex8) ?? `set ${word}`}`
        },
      }),
      'and-tos': and,
      'or-tos': or,
      'xor-tos': xor,
    }
  },
})
