/** Changes the packet's type of service: the whole byte that contains the DSCP. */
import { be16, u8 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { bitwise, listBitwise } from '../bitwise'
import { target } from '../extension'
import { network } from '../native'
import { encoded } from '../native-tests'
import { option } from '../option'
import { tos, tosName } from '../values/dscp'
import { bits8, hex8 } from '../values/integer'

/** The new byte is `(old & ~mask) ^ value`. linux/netfilter/xt_DSCP.h */
export const TOS = target('TOS', {
  tables: ['mangle'],
  revisions: { 1: struct('struct xt_tos_target_info', 2, { tosValue: u8, tosMask: u8 }) },
  does: ({ tosValue, tosMask }, family) => {
    // In IPv6, the byte spans the first two bytes of the header.
    const [source, shift, rest] = family === 'ipv4' ? [network(0, 2), 0, 0xff00] : [network(0, 2), 4, 0xf00f]
    return (bytes, at) => {
      const [value, mask] = [tosValue.read(bytes, at), tosMask.read(bytes, at)]
      const [kept, xor] = [rest | ((~mask & 0xff) << shift), value << shift].map((bits) => encoded(be16, bits)) as [
        Uint8Array,
        Uint8Array,
      ]
      return [{ kind: 'change', to: source, from: source, mask: kept, xor }]
    }
  },
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
