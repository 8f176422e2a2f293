/** The header of a compressed payload (IPComp). */

import { bool8, pair, u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { oneOf } from '../evaluation'
import { match } from '../extension'
import { glued, listRange } from '../listing'
import { readNatively, transport } from '../native'
import { NETWORK16, onlyWhere, rangeAsTest, rangeTest } from '../native-tests'
import { flag, option } from '../option'
import { any32, range32 } from '../values/integer'

/** linux/netfilter/xt_ipcomp.h */
export const ipcomp = match('ipcomp', {
  protocols: ['ipcomp'],
  revisions: { 0: struct('struct xt_ipcomp', 12, { spis: pair(u32), invflags: u8, hdrres: bool8 }) },
  bits: ({ invflags }) => [[invflags, 0x01]],
  list: () => glued('comp '),
  native: ({ spis, invflags, hdrres }) =>
    readNatively(
      rangeTest(transport(2, 2), NETWORK16, { range: spis, negation: bit(invflags, 0x01) }),
      onlyWhere(hdrres, false),
    ),
  asks:
    ({ spis, invflags }) =>
    (bytes, at) => {
      const [first, last] = spis.read(bytes, at)
      const [source, negated] = [transport(2, 2), bit(invflags, 0x01).read(bytes, at)]
      if (first > 0xffff) return [oneOf([[rangeAsTest(source, NETWORK16, [1, 0], false)]], negated)]
      return [rangeAsTest(source, NETWORK16, [first, Math.min(last, 0xffff)], negated)]
    },
  options: ({ spis, invflags, hdrres }) => ({
    // The default is 0.
    ipcompspi: option(range32, spis, { always: true, negation: bit(invflags, 0x01), list: listRange('spi', any32) }),
    compres: flag(hdrres, { list: ' reserved' }),
  }),
})
