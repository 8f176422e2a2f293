/** ICMP types of IPv6. */

import { pair, u8 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { match } from '../extension'
import { readNatively } from '../native'
import { icmpConditions, icmpTests } from '../native-icmp'
import { option } from '../option'
import { icmpType, listIcmp } from '../values/icmp'

export const icmp6Types = icmpType({
  'destination-unreachable': 1,
  'no-route': [1, 0],
  'communication-prohibited': [1, 1],
  'beyond-scope': [1, 2],
  'address-unreachable': [1, 3],
  'port-unreachable': [1, 4],
  'failed-policy': [1, 5],
  'reject-route': [1, 6],
  'packet-too-big': 2,
  'time-exceeded': 3,
  'ttl-exceeded': 3,
  'ttl-zero-during-transit': [3, 0],
  'ttl-zero-during-reassembly': [3, 1],
  'parameter-problem': 4,
  'bad-header': [4, 0],
  'unknown-header-type': [4, 1],
  'unknown-option': [4, 2],
  'echo-request': 128,
  ping: 128,
  'echo-reply': 129,
  pong: 129,
  'router-solicitation': 133,
  'router-advertisement': 134,
  'neighbour-solicitation': 135,
  'neighbor-solicitation': 135,
  'neighbour-advertisement': 136,
  'neighbor-advertisement': 136,
  redirect: 137,
})

/** linux/netfilter_ipv6/ip6_tables.h */
export const icmp6 = match('icmp6', {
  families: ['ipv6'],
  protocols: ['ipv6-icmp'],
  revisions: { 0: struct('struct ip6t_icmp', 4, { type: u8, code: pair(u8), invflags: u8 }) },
  bits: ({ invflags }) => [[invflags, 0x01]],
  native: ({ type: number, code, invflags }) => readNatively(icmpTests(number, code, bit(invflags, 0x01))),
  asks:
    ({ type: number, code, invflags }) =>
    (bytes, at) =>
      icmpConditions(number.read(bytes, at), code.read(bytes, at), bit(invflags, 0x01).read(bytes, at)),
  options: ({ type: number, code, invflags }) => ({
    'icmpv6-type': option(icmp6Types, both(number, code), {
      required: true,
      negation: bit(invflags, 0x01),
      list: listIcmp('ipv6-icmp'),
    }),
  }),
})
