/** The bridge ports through which a packet comes in and goes out. */

import { raw, u8 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { about, match } from '../extension'
import { flag, option } from '../option'
import { interfaceName } from '../values/interface'

const [IN, OUT, BRIDGED, IS_IN, IS_OUT] = [0x01, 0x02, 0x04, 0x08, 0x10] as const

/** linux/netfilter/xt_physdev.h */
export const physdev = match('physdev', {
  revisions: {
    0: struct('struct xt_physdev_info', 66, {
      physindev: raw(16),
      inMask: raw(16),
      physoutdev: raw(16),
      outMask: raw(16),
      invert: u8,
      bitmask: u8,
    }),
  },
  atLeastOne: true,
  bits: ({ bitmask }) => [[bitmask, IN | OUT | BRIDGED | IS_IN | IS_OUT]],
  list: 'PHYSDEV match',
  asks: circumstance('by which ports of a bridge it goes'),
  options: ({ physindev, inMask, physoutdev, outMask, invert, bitmask }) => {
    const negation = (mask: number) => ({ negation: bit(invert, mask) })
    const device = (mask: number) => ({ present: bit(bitmask, mask), ...negation(mask) })
    return {
      'physdev-is-in': flag(bit(bitmask, IS_IN), { ...negation(IS_IN), list: '[! ]--physdev-is-in' }),
      'physdev-in': option(interfaceName, both(physindev, inMask), { ...device(IN), list: '[! ]--physdev-in $' }),
      'physdev-is-out': flag(bit(bitmask, IS_OUT), { ...negation(IS_OUT), list: '[! ]--physdev-is-out' }),
      'physdev-out': option(interfaceName, both(physoutdev, outMask), { ...device(OUT), list: '[! ]--physdev-out $' }),
      'physdev-is-bridged': flag(bit(bitmask, BRIDGED), { ...negation(BRIDGED), list: '[! ]--physdev-is-bridged' }),
    }
  },
  check:
    ({ invert, bitmask }) =>
    (bytes, at, { hooks }) => {
      const [given, not] = [bitmask.read(bytes, at), invert.read(bytes, at)]
      if (given === 0)
        return about(
          'physdev-is-in',
          'one of --physdev-is-in, --physdev-in, --physdev-is-out, --physdev-out or --physdev-is-bridged is required',
        )
      const isBridged = (given & BRIDGED) !== 0 && (not & BRIDGED) === 0
      return hooks.includes('OUTPUT') && (given & (OUT | IS_OUT)) !== 0 && !isBridged
        ? about(
            (given & OUT) !== 0 ? 'physdev-out' : 'physdev-is-out',
            'in OUTPUT, this option needs --physdev-is-bridged',
          )
        : undefined
    },
})
