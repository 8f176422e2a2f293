/** The Fragment header of IPv6. */

import { PROTOCOLS } from '../../abi/protocols'
import { be16, pair, u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { match } from '../extension'
import { bits } from '../fields'
import { glued, listRange } from '../listing'
import type { Test } from '../native'
import { optionalHeader, readNatively } from '../native'
import { encoded, given, NETWORK32, onlyWhere, presence, rangeAsTest, rangeTest, statedBy } from '../native-tests'
import { joined, nftRangeOf } from '../nft-words'
import { flag, option } from '../option'
import { any32, integer, range32 } from '../values/integer'

/** Bits of the header: the fragment offset, and the flag for more fragments. */
const [OFFSET, MORE] = [Uint8Array.of(0xff, 0xf8), 0x01] as const

const [OFFSET_BITS, RESERVED_BITS] = [0xfff8, 0x0006] as const

/** linux/netfilter_ipv6/ip6t_frag.h */
export const frag = match('frag', {
  families: ['ipv6'],
  revisions: { 0: struct('struct ip6t_frag', 16, { ids: pair(u32), hdrlen: u32, flags: u8, invflags: u8 }) },
  bits: ({ invflags }) => [[invflags, 0x03]],
  list: () => glued('frag '),
  native: ({ ids, flags, invflags }) => {
    const header = (offset: number, length: number) => optionalHeader(PROTOCOLS['ipv6-frag'], offset, length)
    const isMore = (flag: number, bits: number) =>
      statedBy(header(3, 1), Uint8Array.of(MORE), Uint8Array.of(bits), bit(flags, flag))
    return readNatively(
      presence(header(0, 1), flags),
      given(bit(flags, 0x01), rangeTest(header(4, 4), NETWORK32, { range: ids, negation: bit(invflags, 0x01) })),
      statedBy(header(2, 2), OFFSET, new Uint8Array(2), bit(flags, 0x08)),
      isMore(0x10, MORE),
      isMore(0x20, 0),
      onlyWhere(bits(flags, 0x06), 0),
    )
  },
  translate: ({ ids, flags, invflags }) => {
    const has = (mask: number) => bit(flags, mask)
    return (bytes, at) => {
      const isSet = (mask: number): boolean => has(mask).read(bytes, at)
      // The header has no length field that nft could test.
      if (isSet(0x02)) return undefined
      const isNegated = bit(invflags, 0x01).read(bytes, at)
      const id = isSet(0x01) ? nftRangeOf('frag id', ids.read(bytes, at), isNegated, any32) : ''
      const words = [
        id,
        ...(isSet(0x04) ? ['frag reserved 1'] : []),
        ...(isSet(0x08) ? ['frag frag-off 0'] : []),
        ...(isSet(0x10) ? ['frag more-fragments 1'] : []),
        ...(isSet(0x20) ? ['frag more-fragments 0'] : []),
      ]
      return joined(words) || (id === undefined ? undefined : 'exthdr frag exists')
    }
  },
  asks: ({ ids, flags, invflags }) => {
    const header = (offset: number, length: number) => optionalHeader(PROTOCOLS['ipv6-frag'], offset, length)
    const isZero = (offset: number, bits: number): Test => ({
      kind: 'test',
      source: header(offset, 2),
      mask: encoded(be16, bits),
      op: 'eq',
      value: new Uint8Array(2),
    })
    return (bytes, at) => {
      const isSet = (mask: number): boolean => bit(flags, mask).read(bytes, at)
      return [
        rangeAsTest(header(4, 4), NETWORK32, ids.read(bytes, at), bit(invflags, 0x01).read(bytes, at)),
        ...(isSet(0x04) ? [isZero(0, 0x00ff), isZero(2, RESERVED_BITS)] : []),
        ...(isSet(0x08) ? [isZero(2, OFFSET_BITS)] : []),
        ...(isSet(0x10) ? [{ ...isZero(2, MORE), op: 'neq' as const }] : []),
        ...(isSet(0x20) ? [isZero(2, MORE)] : []),
      ]
    }
  },
  options: ({ ids, hdrlen, flags, invflags }) => ({
    fragid: option(range32, ids, {
      absent: any32,
      present: bit(flags, 0x01),
      negation: bit(invflags, 0x01),
      list: listRange('id', any32),
    }),
    fraglen: option(integer(0xffff_ffff), hdrlen, {
      present: bit(flags, 0x02),
      negation: bit(invflags, 0x02),
      list: ' length:[!]$',
    }),
    fragres: flag(bit(flags, 0x04), { list: ' reserved' }),
    fragfirst: flag(bit(flags, 0x08), { list: ' first' }),
    fragmore: flag(bit(flags, 0x10), { excludes: ['fraglast'], list: ' more' }),
    fraglast: flag(bit(flags, 0x20), { list: ' last' }),
  }),
})
