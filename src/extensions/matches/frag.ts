/** The Fragment header of IPv6. */
import { pair, u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { match } from '../extension'
import { glued, listRange } from '../listing'
import { flag, option } from '../option'
import { any32, integer, range32 } from '../values/integer'

/** linux/netfilter_ipv6/ip6t_frag.h */
export const frag = match('frag', {
  families: ['ipv6'],
  revisions: { 0: struct('struct ip6t_frag', 16, { ids: pair(u32), hdrlen: u32, flags: u8, invflags: u8 }) },
  bits: ({ invflags }) => [[invflags, 0x03]],
  list: () => glued('frag '),
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
