/** The packet's type of service: the whole byte that contains the DSCP. */
import { be16, bool8, type Field, u8 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { match } from '../extension'
import { view } from '../fields'
import { network, readNatively } from '../native'
import { encoded, equality, valueTest } from '../native-tests'
import { option } from '../option'
import { tosName, tos as valueMask } from '../values/dscp'

/** The byte at its place in the first two bytes of an IPv6 header. */
const shifted = (byte: Field<number>): Field<number> =>
  view(
    byte,
    (value) => value << 4,
    (value) => value >> 4,
  )

/** linux/netfilter/xt_dscp.h */
export const tos = match('tos', {
  revisions: { 1: struct('struct xt_tos_match_info', 3, { tosMask: u8, tosValue: u8, invert: bool8 }) },
  native: ({ tosValue, tosMask, invert }, family) =>
    readNatively(
      family === 'ipv4'
        ? valueTest(network(1, 1), u8, { value: tosValue, mask: tosMask, negation: invert, isContained: true })
        : valueTest(network(0, 2), be16, {
            value: shifted(tosValue),
            mask: shifted(tosMask),
            negation: invert,
            max: 0x0ff0,
            isContained: true,
          }),
    ),
  // If the value has a bit outside the mask, no packet matches.
  asks: ({ tosValue, tosMask, invert }, family) => {
    const [source, shift] = family === 'ipv4' ? [network(0, 2), 0] : [network(0, 2), 4]
    return (bytes, at) => {
      const [mask, value] = [tosMask, tosValue].map((byte) => encoded(be16, byte.read(bytes, at) << shift))
      return [{ kind: 'test', source, mask, op: equality(invert.read(bytes, at)), value: value as Uint8Array }]
    }
  },
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
