/** The Fragment header of IPv6. */
import { pair, u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { match } from '../extension'
import { glued, listRange } from '../listing'
import { joined, nftRangeOf } from '../nft-words'
import { flag, option } from '../option'
import { any32, integer, range32 } from '../values/integer'

/** linux/netfilter_ipv6/ip6t_frag.h */
export const frag = match('frag', {
  families: ['ipv6'],
  revisions: { 0: struct('struct ip6t_frag', 16, { ids: pair(u32), hdrlen: u32, flags: u8, invflags: u8 }) },
  bits: ({ invflags }) => [[invflags, 0x03]],
  list: () => glued('frag '),
  translate: ({ ids, flags, invflags }) => {
    const has = (mask: number) => bit(flags, mask)
    return (bytes, at) => {
      const isSet = (mask: number): boolean => has(mask).read(bytes, at)
      // The header says nothing of its length.
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
