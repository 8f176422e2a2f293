/** The Mobility Header of IPv6. */
import { PROTOCOLS } from '../../abi/protocols'
import { pair, u8 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { match } from '../extension'
import { transport } from '../native'
import { equals, NETWORK8, rangeAsTest } from '../native-tests'
import { rangeWords } from '../nft-words'
import { option } from '../option'
import { rangeOf } from '../values/integer'
import { nameOrNumber } from '../values/names'

const ANY = [0, 255] as const

const LONG = {
  'binding-refresh-request': 0,
  'home-test-init': 1,
  'careof-test-init': 2,
  'home-test': 3,
  'careof-test': 4,
  'binding-update': 5,
  'binding-acknowledgement': 6,
  'binding-error': 7,
}
const SHORT = { brr: 0, hoti: 1, coti: 2, hot: 3, cot: 4, bu: 5, ba: 6, be: 7 }

const numbered = nameOrNumber({ ...LONG, ...SHORT }, 255, { anyCase: true, prefixes: true })
const type: typeof numbered = {
  ...numbered,
  list: (number, { numeric }) => (numeric ? undefined : Object.keys(LONG)[number]) ?? String(number),
}

/** linux/netfilter_ipv6/ip6t_mh.h */
export const mh = match('mh', {
  families: ['ipv6'],
  protocols: ['mobility-header'],
  revisions: { 0: struct('struct ip6t_mh', 3, { types: pair(u8), invflags: u8 }) },
  bits: ({ invflags }) => [[invflags, 0x01]],
  list: 'mh',
  translate: ({ types, invflags }) => rangeWords('mh type', types, bit(invflags, 0x01), ANY),
  asks:
    ({ types, invflags }) =>
    (bytes, at) => [
      equals(transport(0, 1), Uint8Array.of(PROTOCOLS['ipv6-nonxt'])),
      rangeAsTest(transport(2, 1), NETWORK8, types.read(bytes, at), bit(invflags, 0x01).read(bytes, at)),
    ],
  options: ({ types, invflags }) => ({
    'mh-type': option(rangeOf(type, 255, { ordered: true }), types, {
      absent: ANY,
      negation: bit(invflags, 0x01),
      list: '[!]$',
    }),
  }),
})
