/** Drops a packet and notifies its sender. */

import { NFT_REJECT } from '../../abi/nf-tables'
import { u32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { ends } from '../evaluation'
import { about, isProtocol, target } from '../extension'
import { readNatively } from '../native'
import { expression } from '../native-actions'
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

/** The ICMP codes of the replies, by the numbers above. linux/icmp.h, linux/icmpv6.h */
const ICMP_CODES: Codes = { 0: 0, 1: 1, 2: 2, 3: 3, 5: 9, 6: 10, 8: 13 }
const ICMP6_CODES: Codes = { 0: 0, 1: 1, 3: 3, 4: 4, 7: 5, 8: 6 }
type Codes = Readonly<Record<number, number>>

/** The expression `reject` of nf_tables. linux/netfilter/nf_tables.h */
type RejectData = { type?: number; icmpCode?: number }

const spelling = { anyCase: true, prefixes: true }

const byFamily = {
  ipv4: {
    codes: ICMP_CODES,
    type: name(ICMP, spelling),
    usual: ICMP['icmp-port-unreachable'],
    tcpReset: ICMP['tcp-reset'],
    echoReply: 4,
  },
  ipv6: {
    codes: ICMP6_CODES,
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
  native: (fields, family) => {
    const { tcpReset, codes } = byFamily[family]
    return readNatively(
      expression<RejectData>('reject', {
        write(bytes, at) {
          const type = fields.with.read(bytes, at)
          const icmpCode = codes[type]
          if (type === tcpReset) return { type: NFT_REJECT.TCP_RST }
          return icmpCode === undefined ? undefined : { type: NFT_REJECT.ICMP_UNREACH, icmpCode }
        },
        read({ type, icmpCode }, bytes, at) {
          const found = Object.keys(codes)
            .map(Number)
            .find((one) => codes[one] === icmpCode)
          const wanted = type === NFT_REJECT.TCP_RST ? tcpReset : type === NFT_REJECT.ICMP_UNREACH ? found : undefined
          if (wanted === undefined) return false
          fields.with.write(bytes, at, wanted)
          return true
        },
      }),
    )
  },
  does: ends('REJECT'),
  options: (fields, family) => ({
    'reject-with': option(byFamily[family].type, fields.with, { always: true, absent: byFamily[family].usual }),
  }),
  check: (fields, family) => (bytes, at, rule) => {
    const { tcpReset, echoReply } = byFamily[family]
    const type = fields.with.read(bytes, at)
    if (type === echoReply) return about('reject-with', 'the kernel no longer sends echo replies')
    return type === tcpReset && !isProtocol(rule, ['tcp'])
      ? about('reject-with', '--reject-with tcp-reset needs -p tcp')
      : undefined
  },
})
