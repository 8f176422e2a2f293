/** Which headers an IPv6 packet has. */
import { u8 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { about, match } from '../extension'
import { flag, option } from '../option'
import { exactProtocolNumber } from '../values/databases'
import { listedInHex, nameList } from '../values/names'

const LONG = {
  'hop-by-hop': 0x80,
  'ipv6-opts': 0x40,
  'ipv6-route': 0x20,
  'ipv6-frag': 0x10,
  ah: 0x08,
  esp: 0x04,
  'ipv6-nonxt': 0x02,
  protocol: 0x01,
}
const SHORT = { hop: 0x80, dst: 0x40, route: 0x20, frag: 0x10, auth: 0x08, none: 0x02, prot: 0x01 }
const NUMBERS = { 0: 0x80, 60: 0x40, 43: 0x20, 44: 0x10, 51: 0x08, 50: 0x04, 59: 0x02, 255: 0x01 }

const names = nameList(LONG, { aliases: { ...SHORT, ...NUMBERS }, emptyItems: true })

/** Beside these, whatever protocols(5) calls such a header. */
const headers = listedInHex({
  ...names,
  parse: (word, context) => {
    // All protocols are 0 to iptables, and yet no header.
    const known = (item: string): boolean => Object.hasOwn({ ...LONG, ...SHORT, all: 0 }, item)
    const items = word.split(',').map((item) => (known(item) ? item : String(exactProtocolNumber(item) ?? item)))
    return names.parse(items.join(','), context)
  },
})

/** linux/netfilter_ipv6/ip6t_ipv6header.h */
export const ipv6header = match('ipv6header', {
  families: ['ipv6'],
  revisions: { 0: struct('struct ip6t_ipv6header_info', 3, { matchflags: u8, invflags: u8, modeflag: u8 }) },
  check:
    ({ invflags, modeflag }) =>
    (bytes, at) =>
      modeflag.read(bytes, at) === 0 && ![0, 0xff].includes(invflags.read(bytes, at))
        ? about('header', 'all headers are inverted or none')
        : undefined,
  list: 'ipv6header',
  options: ({ matchflags, invflags, modeflag }) => ({
    header: option(headers, matchflags, {
      required: true,
      // All of its bits, or none.
      negation: bit(invflags, 0xff),
      refuses: (bits) => (bits === 0 ? 'it names no header' : undefined),
      list: 'flags:[!]$',
    }),
    soft: flag(bit(modeflag, 0xff)),
  }),
})
