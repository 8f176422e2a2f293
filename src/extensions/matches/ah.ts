/** The Authentication Header of IPsec. */
import { PROTOCOLS } from '../../abi/protocols'
import { be16, bool8, pair, u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { HAS_TRANSPORT, ofHeader } from '../evaluation'
import { isProtocol, match, needsProtocol } from '../extension'
import { headerSize } from '../ipv6-headers'
import { glued, listRange } from '../listing'
import { optionalHeader, readNatively, transport } from '../native'
import { NETWORK32, rangeAsTest, rangeTest } from '../native-tests'
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
  // The IPv6 match also finds the header behind others, whatever the protocol of the rule.
  check: (_, family) => (_bytes, _at, rule) =>
    family === 'ipv4' && !isProtocol(rule, ['ah']) ? needsProtocol(['ah']) : undefined,
  list: () => glued('ah '),
  native: ({ spis, invflags }, family) =>
    // In IPv6, the header comes before what nf_tables treats as the transport header.
    family === 'ipv6'
      ? undefined
      : readNatively(
          rangeTest(transport(4, 4), NETWORK32, { range: spis, negation: bit(invflags, 0x01), absent: any32 }),
        ),
  asks: ({ spis, invflags, ...at }, family) => {
    const source = family === 'ipv4' ? transport(4, 4) : optionalHeader(PROTOCOLS.ah, 4, 4)
    return (bytes, place) => {
      const [ofSpi, ofSize] = [0x01, 0x02].map((mask) => bit(invflags, mask).read(bytes, place)) as [boolean, boolean]
      const spi = rangeAsTest(source, NETWORK32, spis.read(bytes, place), ofSpi)
      if (!('hdrlen' in at)) return [HAS_TRANSPORT, spi]
      const [size, isReserved] = [at.hdrlen.read(bytes, place), at.hdrres.read(bytes, place)]
      const isAsked = (header: Uint8Array): boolean =>
        size === 0 || (headerSize(PROTOCOLS.ah, header[1] as number) === size) !== ofSize
      return [spi, ofHeader(PROTOCOLS.ah, (header) => isAsked(header) && !(isReserved && be16.read(header, 2) !== 0))]
    }
  },
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
