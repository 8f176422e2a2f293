/** The Encapsulating Security Payload of IPsec. */

import { pair, u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { match } from '../extension'
import { listRange } from '../listing'
import { readNatively, transport } from '../native'
import { NETWORK32, rangeAsTest, rangeTest } from '../native-tests'
import { option } from '../option'
import { any32, range32 } from '../values/integer'

/** linux/netfilter/xt_esp.h */
export const esp = match('esp', {
  protocols: ['esp'],
  revisions: { 0: struct('struct xt_esp', 12, { spis: pair(u32), invflags: u8 }) },
  bits: ({ invflags }) => [[invflags, 0x01]],
  list: 'esp',
  native: ({ spis, invflags }) =>
    readNatively(rangeTest(transport(0, 4), NETWORK32, { range: spis, negation: bit(invflags, 0x01), absent: any32 })),
  asks:
    ({ spis, invflags }) =>
    (bytes, at) => [rangeAsTest(transport(0, 4), NETWORK32, spis.read(bytes, at), bit(invflags, 0x01).read(bytes, at))],
  options: ({ spis, invflags }) => ({
    espspi: option(range32, spis, { absent: any32, negation: bit(invflags, 0x01), list: listRange('spi', any32) }),
  }),
})
