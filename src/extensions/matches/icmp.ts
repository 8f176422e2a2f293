/** ICMP types of IPv4. */

import { pair, u8 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { match } from '../extension'
import { readNatively } from '../native'
import { icmpConditions, icmpTests } from '../native-icmp'
import { option } from '../option'
import { icmpType, listIcmp } from '../values/icmp'

export const icmpTypes = icmpType({
  any: 255,
  'echo-reply': 0,
  pong: 0,
  'destination-unreachable': 3,
  'network-unreachable': [3, 0],
  'host-unreachable': [3, 1],
  'protocol-unreachable': [3, 2],
  'port-unreachable': [3, 3],
  'fragmentation-needed': [3, 4],
  'source-route-failed': [3, 5],
  'network-unknown': [3, 6],
  'host-unknown': [3, 7],
  'network-prohibited': [3, 9],
  'host-prohibited': [3, 10],
  'TOS-network-unreachable': [3, 11],
  'TOS-host-unreachable': [3, 12],
  'communication-prohibited': [3, 13],
  'host-precedence-violation': [3, 14],
  'precedence-cutoff': [3, 15],
  'source-quench': 4,
  redirect: 5,
  'network-redirect': [5, 0],
  'host-redirect': [5, 1],
  'TOS-network-redirect': [5, 2],
  'TOS-host-redirect': [5, 3],
  'echo-request': 8,
  ping: 8,
  'router-advertisement': 9,
  'router-solicitation': 10,
  'time-exceeded': 11,
  'ttl-exceeded': 11,
  'ttl-zero-during-transit': [11, 0],
  'ttl-zero-during-reassembly': [11, 1],
  'parameter-problem': 12,
  'ip-header-bad': [12, 0],
  'required-option-missing': [12, 1],
  'timestamp-request': 13,
  'timestamp-reply': 14,
  'address-mask-request': 17,
  'address-mask-reply': 18,
})

/** The number that means any type. */
const ANY = 255

/** linux/netfilter_ipv4/ip_tables.h */
export const icmp = match('icmp', {
  families: ['ipv4'],
  protocols: ['icmp'],
  revisions: { 0: struct('struct ipt_icmp', 4, { type: u8, code: pair(u8), invflags: u8 }) },
  bits: ({ invflags }) => [[invflags, 0x01]],
  native: ({ type: number, code, invflags }) => readNatively(icmpTests(number, code, bit(invflags, 0x01), ANY)),
  asks:
    ({ type: number, code, invflags }) =>
    (bytes, at) =>
      icmpConditions(number.read(bytes, at), code.read(bytes, at), bit(invflags, 0x01).read(bytes, at), ANY),
  options: ({ type: number, code, invflags }) => ({
    'icmp-type': option(icmpTypes, both(number, code), {
      required: true,
      negation: bit(invflags, 0x01),
      list: listIcmp('icmp'),
    }),
  }),
})
