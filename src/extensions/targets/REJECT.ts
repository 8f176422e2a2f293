/** Refuses a packet and tells its sender. */
import { u32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { about, isProtocol, target } from '../extension'
import { option } from '../option'
import { name } from '../values/names'

/** enum ipt_reject_with, linux/netfilter_ipv4/ipt_REJECT.h */
const ICMP = {
  'icmp-net-unreachable': 0,
  'net-unreach': 0,
  'icmp-host-unreachable': 1,
  'host-unreach': 1,
  'icmp-proto-unreachable': 2,
  'proto-unreach': 2,
  'icmp-port-unreachable': 3,
  'port-unreach': 3,
  'icmp-net-prohibited': 5,
  'net-prohib': 5,
  'icmp-host-prohibited': 6,
  'host-prohib': 6,
  'tcp-reset': 7,
  'tcp-rst': 7,
  'icmp-admin-prohibited': 8,
  'admin-prohib': 8,
}

/** enum ip6t_reject_with, linux/netfilter_ipv6/ip6t_REJECT.h */
const ICMP6 = {
  'icmp6-no-route': 0,
  'no-route': 0,
  'icmp6-adm-prohibited': 1,
  'adm-prohibited': 1,
  'icmp6-addr-unreachable': 3,
  'addr-unreach': 3,
  'icmp6-port-unreachable': 4,
  'port-unreach': 4,
  'tcp-reset': 6,
  'icmp6-policy-fail': 7,
  'policy-fail': 7,
  'icmp6-reject-route': 8,
  'reject-route': 8,
}

const spelling = { anyCase: true, prefixes: true }

const byFamily = {
  ipv4: { type: name(ICMP, spelling), usual: ICMP['icmp-port-unreachable'], tcpReset: ICMP['tcp-reset'], echoReply: 4 },
  ipv6: {
    type: name(ICMP6, spelling),
    usual: ICMP6['icmp6-port-unreachable'],
    tcpReset: ICMP6['tcp-reset'],
    echoReply: 5,
  },
}

export const REJECT = target('REJECT', {
  tables: ['filter'],
  hooks: ['INPUT', 'FORWARD', 'OUTPUT'],
  revisions: {
    0: {
      ipv4: struct('struct ipt_reject_info', 4, { with: u32 }),
      ipv6: struct('struct ip6t_reject_info', 4, { with: u32 }),
    },
  },
  options: (fields, family) => ({
    'reject-with': option(byFamily[family].type, fields.with, { always: true, absent: byFamily[family].usual }),
  }),
  check: (fields, family) => (bytes, at, rule) => {
    const { tcpReset, echoReply } = byFamily[family]
    const type = fields.with.read(bytes, at)
    if (type === echoReply) return about('reject-with', 'echo replies are no longer sent')
    return type === tcpReset && !isProtocol(rule, ['tcp'])
      ? about('reject-with', '--reject-with tcp-reset needs -p tcp')
      : undefined
  },
})
