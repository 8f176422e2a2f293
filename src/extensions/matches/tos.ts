/** The whole byte that holds the packet's DSCP, or its type of service. */
import { bool8, u8 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { match } from '../extension'
import { option } from '../option'
import { tosName, tos as valueMask } from '../values/dscp'

/** linux/netfilter/xt_dscp.h */
export const tos = match('tos', {
  revisions: { 1: struct('struct xt_tos_match_info', 3, { tosMask: u8, tosValue: u8, invert: bool8 }) },
  options: ({ tosValue, tosMask, invert }) => ({
    tos: option(valueMask, both(tosValue, tosMask), {
      required: true,
      negation: invert,
      list: (value, { negated, numeric, words: [word] }) => {
        const isName = !numeric && tosName(value) !== undefined
        return `tos match${negated ? '!' : ''}${isName ? ' ' : ''}${word}`
      },
    }),
  }),
})
