/** Ranges of source and destination addresses. */

import { FAMILIES } from '../../abi/family'
import { raw, u8 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { match } from '../extension'
import { ADDRESSES, network, readNatively } from '../native'
import { addressRangeTest, equality, given } from '../native-tests'
import { option } from '../option'
import { addressRange, unusedAddress } from '../values/address'

const inetAddr = raw(16, 4)

/** linux/netfilter/xt_iprange.h */
export const iprange = match('iprange', {
  revisions: {
    1: struct('struct xt_iprange_mtinfo', 68, {
      srcMin: inetAddr,
      srcMax: inetAddr,
      dstMin: inetAddr,
      dstMax: inetAddr,
      flags: u8,
    }),
  },
  atLeastOne: true,
  unused: ({ srcMin, srcMax, dstMin, dstMax }, family) =>
    [srcMin, srcMax, dstMin, dstMax].flatMap((address) => unusedAddress(address, family)),
  native: ({ srcMin, srcMax, dstMin, dstMax, flags }, family) => {
    const [source, destination] = ADDRESSES[family]
    const { addressSize: size } = FAMILIES[family]
    return readNatively(
      given(bit(flags, 0x01), addressRangeTest(network(source, size), size, both(srcMin, srcMax), bit(flags, 0x10))),
      given(
        bit(flags, 0x02),
        addressRangeTest(network(destination, size), size, both(dstMin, dstMax), bit(flags, 0x20)),
      ),
    )
  },
  asks: ({ srcMin, srcMax, dstMin, dstMax, flags }, family) => {
    const { addressSize: size } = FAMILIES[family]
    const ends = [
      { at: ADDRESSES[family][0], first: srcMin, last: srcMax, given: 0x01, inverted: 0x10 },
      { at: ADDRESSES[family][1], first: dstMin, last: dstMax, given: 0x02, inverted: 0x20 },
    ]
    return (bytes, place) =>
      ends
        .filter(({ given }) => bit(flags, given).read(bytes, place))
        .map(({ at, first, last, inverted }) => ({
          kind: 'test',
          source: network(at, size),
          op: equality(bit(flags, inverted).read(bytes, place)),
          value: first.read(bytes, place).slice(0, size),
          to: last.read(bytes, place).slice(0, size),
        }))
  },
  options: ({ srcMin, srcMax, dstMin, dstMax, flags }) => ({
    'src-range': option(addressRange, both(srcMin, srcMax), {
      present: bit(flags, 0x01),
      negation: bit(flags, 0x10),
      list: 'source IP range [! ]$',
    }),
    'dst-range': option(addressRange, both(dstMin, dstMax), {
      present: bit(flags, 0x02),
      negation: bit(flags, 0x20),
      list: 'destination IP range [! ]$',
    }),
  }),
})
