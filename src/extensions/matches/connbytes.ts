/** How many bytes or packets the connection has transferred so far. */
import { u8, u64 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { about, match } from '../extension'
import { ordered } from '../fields'
import { nftRange } from '../nft-words'
import { option } from '../option'
import { range64 } from '../values/integer'
import { name } from '../values/names'

const MAX = 2n ** 64n - 1n

/** linux/netfilter/xt_connbytes.h */
export const connbytes = match('connbytes', {
  revisions: { 0: struct('struct xt_connbytes_info', 24, { from: u64, to: u64, what: u8, direction: u8 }) },
  translate:
    ({ from, to, what, direction }) =>
    (bytes, at) => {
      const way = ['original ', 'reply ', ''][direction.read(bytes, at)]
      const name = `ct ${way}${['packets', 'bytes', 'avgpkt'][what.read(bytes, at)]}`
      const [first, last] = [from.read(bytes, at), to.read(bytes, at)]
      if (last === MAX && first !== MAX) return `${name} ge ${first}`
      if (first === MAX && last !== MAX) return `${name} lt ${last}`
      return first > last ? nftRange(name, [last, first], true) : nftRange(name, [first, last])
    },
  options: ({ from, to, what, direction }) => {
    const { range, negated } = ordered(both(from, to))
    return {
      connbytes: option(range64, range, {
        required: true,
        negation: negated,
        refuses: ([first, last], isNegated) =>
          first > last
            ? 'the range is reversed'
            : isNegated && first === last
              ? 'the kernel cannot look for all but one number'
              : undefined,
        list: '[! ]connbytes $',
      }),
      'connbytes-mode': option(name({ packets: 0, bytes: 1, avgpkt: 2 }), what, {
        required: true,
        list: 'connbytes mode $',
      }),
      'connbytes-dir': option(name({ original: 0, reply: 1, both: 2 }), direction, {
        required: true,
        list: 'connbytes direction $',
      }),
    }
  },
  check:
    ({ what, direction }) =>
    (bytes, at) =>
      what.read(bytes, at) > 2
        ? about('connbytes-mode', 'there is no such mode')
        : direction.read(bytes, at) > 2
          ? about('connbytes-dir', 'there is no such direction')
          : undefined,
})
