/** The operating system that sent a SYN packet, guessed from its fingerprint. */

import { u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { text as chars, encodeText } from '../../binary/text'
import { circumstance } from '../evaluation'
import { fixed, match } from '../extension'
import { bits, view } from '../fields'
import { option } from '../option'
import { integer } from '../values/integer'
import { name } from '../values/string'

/** linux/netfilter/xt_osf.h, linux/netfilter/nfnetlink_osf.h */
export const osf = match('osf', {
  families: ['ipv4'],
  protocols: ['tcp'],
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  revisions: {
    0: struct('struct xt_osf_info', 48, { genre: chars(32), len: u32, flags: u32, loglevel: u32, ttl: u32 }),
  },
  // The other flag is NF_OSF_GENRE, which iptables never sets and has no option for.
  worded: ({ flags }) => [fixed(bits(flags, ~0x0e), 0)],
  list: () => (payload) => `OS fingerprint match ${payload.texts['genre']}`,
  asks: circumstance('which system its SYN looks like'),
  options: ({ genre, len, flags, loglevel, ttl }) => ({
    // The kernel uses genre only; iptables also stores its length in bytes.
    genre: option(
      name(31),
      view(
        both(genre, len),
        ([text]) => text,
        (text) => [text, encodeText(text).length] as const,
      ),
      { required: true, absent: '', negation: bit(flags, 0x08), list: '[! ]$' },
    ),
    ttl: option(integer(2), ttl, { present: bit(flags, 0x02) }),
    log: option(integer(2), loglevel, { present: bit(flags, 0x04) }),
  }),
})
