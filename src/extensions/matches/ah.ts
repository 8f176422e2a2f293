/** The Authentication Header of IPsec. */
import { bool8, pair, u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { isProtocol, match, needsProtocol } from '../extension'
import { glued, listRange } from '../listing'
import { readNatively, transport } from '../native'
import { NETWORK32, rangeTest } from '../native-tests'
import { flag, option } from '../option'
import { any32, integer, range32 } from '../values/integer'

/** linux/netfilter_ipv4/ipt_ah.h, linux/netfilter_ipv6/ip6t_ah.h */
export const ah = match('ah', {
  revisions: {
    0: {
      ipv4: struct('struct ipt_ah', 12, { spis: pair(u32), invflags: u8 }),
      ipv6: struct('struct ip6t_ah', 16, { spis: pair(u32), hdrlen: u32, hdrres: bool8, invflags: u8 }),
    },
  },
  bits: (at) => [[at.invflags, 'hdrlen' in at ? 0x03 : 0x01]],
  // IPv6 finds the header behind others, whatever the rule's protocol.
  check: (_, family) => (_bytes, _at, rule) =>
    family === 'ipv4' && !isProtocol(rule, ['ah']) ? needsProtocol(['ah']) : undefined,
  list: () => glued('ah '),
  native: ({ spis, invflags }, family) =>
    // That of IPv6 stands before what nf_tables takes for the transport header.
    family === 'ipv6'
      ? undefined
      : readNatively(
          rangeTest(transport(4, 4), NETWORK32, { range: spis, negation: bit(invflags, 0x01), absent: any32 }),
        ),
  options: (at) => ({
    ahspi: option(range32, at.spis, {
      absent: any32,
      negation: bit(at.invflags, 0x01),
      list: listRange('spi', any32),
    }),
    ...('hdrlen' in at && {
      ahlen: option(integer(0xffff_ffff), at.hdrlen, { negation: bit(at.invflags, 0x02), list: 'length:[!]$' }),
      ahres: flag(at.hdrres, { list: ' reserved' }),
    }),
  }),
})
