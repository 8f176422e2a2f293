/** The groups of the packet's input and output interfaces. */

import { NFT_META } from '../../abi/nf-tables'
import { type Field, u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { match, withoutIn, withoutOut } from '../extension'
import { meta, readNatively } from '../native'
import { given, valueTest } from '../native-tests'
import { option } from '../option'
import { deviceGroup } from '../values/routing'

const [SRC, SRC_INVERTED, DST, DST_INVERTED] = [0x1, 0x2, 0x4, 0x8] as const

/** linux/netfilter/xt_devgroup.h */
export const devgroup = match('devgroup', {
  revisions: {
    0: struct('struct xt_devgroup_info', 20, { flags: u32, srcGroup: u32, srcMask: u32, dstGroup: u32, dstMask: u32 }),
  },
  atLeastOne: true,
  bits: ({ flags }) => [[flags, SRC | SRC_INVERTED | DST | DST_INVERTED]],
  native: ({ flags, srcGroup, srcMask, dstGroup, dstMask }) => {
    const group = (key: number, value: Field<number>, mask: Field<number>, stored: number, inverted: number) =>
      given(
        bit(flags, stored),
        valueTest(meta(key), u32, { value, mask, negation: bit(flags, inverted), isContained: true }),
      )
    return readNatively(
      group(NFT_META.IIFGROUP, srcGroup, srcMask, SRC, SRC_INVERTED),
      group(NFT_META.OIFGROUP, dstGroup, dstMask, DST, DST_INVERTED),
    )
  },
  options: ({ flags, srcGroup, srcMask, dstGroup, dstMask }) => ({
    'src-group': option(deviceGroup, both(srcGroup, srcMask), {
      present: bit(flags, SRC),
      negation: bit(flags, SRC_INVERTED),
    }),
    'dst-group': option(deviceGroup, both(dstGroup, dstMask), {
      present: bit(flags, DST),
      negation: bit(flags, DST_INVERTED),
    }),
  }),
  check: ({ flags }) => {
    const [hasSource, hasDestination] = [bit(flags, SRC), bit(flags, DST)]
    return (bytes, at, rule) =>
      (hasSource.read(bytes, at) ? withoutIn('src-group', rule) : undefined) ??
      (hasDestination.read(bytes, at) ? withoutOut('dst-group', rule) : undefined)
  },
})
