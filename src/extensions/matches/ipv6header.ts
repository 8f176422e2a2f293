/** The extension headers of an IPv6 packet. */

import { PROTOCOLS } from '../../abi/protocols'
import { u8 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { question } from '../evaluation'
import { about, match } from '../extension'
import { headerSize } from '../ipv6-headers'
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

/** Accepts these names, and those of the same headers in protocols(5). */
const headers = listedInHex({
  ...names,
  parse: (word, context) => {
    // `all` is protocol 0, the number of the hop-by-hop header, but does not name a header.
    const known = (item: string): boolean => Object.hasOwn({ ...LONG, ...SHORT, all: 0 }, item)
    const items = word.split(',').map((item) => (known(item) ? item : String(exactProtocolNumber(item) ?? item)))
    return names.parse(items.join(','), context)
  },
})

const HEADER = 40

/** The headers of a packet, in the bits of {@link LONG}; 'cut' if the packet ends before a header does. */
function headersOf(packet: Uint8Array): number | 'cut' {
  let [found, number, at] = [0, packet[6] as number, HEADER]
  while (isHeader(number)) {
    if (number === PROTOCOLS['ipv6-nonxt']) return found | NUMBERS[number]
    if (at + 2 > packet.length) return 'cut'
    found |= NUMBERS[number]
    if (number === PROTOCOLS.esp) return found
    ;[number, at] = [packet[at] as number, at + headerSize(number, packet[at + 1] as number)]
    if (at > packet.length) break
  }
  return found | LONG.protocol
}

const isHeader = (number: number): number is keyof typeof NUMBERS => number !== 255 && Object.hasOwn(NUMBERS, number)

/** linux/netfilter_ipv6/ip6t_ipv6header.h */
export const ipv6header = match('ipv6header', {
  families: ['ipv6'],
  revisions: { 0: struct('struct ip6t_ipv6header_info', 3, { matchflags: u8, invflags: u8, modeflag: u8 }) },
  check:
    ({ invflags, modeflag }) =>
    (bytes, at) =>
      modeflag.read(bytes, at) === 0 && ![0, 0xff].includes(invflags.read(bytes, at))
        ? about('header', 'either all headers must be inverted, or none')
        : undefined,
  list: 'ipv6header',
  asks:
    ({ matchflags, invflags, modeflag }) =>
    (bytes, at) => {
      const [wanted, negated] = [matchflags.read(bytes, at), invflags.read(bytes, at)]
      const isSoft = modeflag.read(bytes, at) !== 0
      return [
        question((packet) => {
          const found = packet.bytes && headersOf(packet.bytes)
          if (found === undefined || found === 'cut') return found && false
          if (isSoft) return ((found ^ wanted ^ negated) & wanted) === 0
          return (found === wanted) !== (negated !== 0)
        }),
      ]
    },
  options: ({ matchflags, invflags, modeflag }) => ({
    header: option(headers, matchflags, {
      required: true,
      // All of its bits, or none.
      negation: bit(invflags, 0xff),
      refuses: (bits) => (bits === 0 ? 'no header is given' : undefined),
      list: 'flags:[!]$',
    }),
    soft: flag(bit(modeflag, 0xff)),
  }),
})
