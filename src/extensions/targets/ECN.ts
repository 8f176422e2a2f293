/** Changes the ECN bits of the IP and TCP headers. */

import { type Field, u8 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import type { Effect } from '../evaluation'
import { about, isProtocol, target } from '../extension'
import { bits, view } from '../fields'
import { network, type Source, transport } from '../native'
import { flag, option } from '../option'
import { integer } from '../values/integer'

const [IP, ECE, CWR] = [0x01, 0x10, 0x20] as const
const TCP = ECE | CWR
/** Bits of `tcp`. */
const [ECE_VALUE, CWR_VALUE] = [0x01, 0x02] as const

/** Bits in the TCP flags. */
const [ECE_BIT, CWR_BIT] = [0x40, 0x80] as const

/** linux/netfilter_ipv4/ipt_ECN.h */
export const ECN = target('ECN', {
  families: ['ipv4'],
  tables: ['mangle'],
  revisions: { 0: struct('struct ipt_ECN_info', 3, { operation: u8, ipEct: u8, tcp: u8 }) },
  atLeastOne: true,
  bits: ({ operation, ipEct }) => [
    [operation, IP | TCP],
    [ipEct, 3],
  ],
  list: 'ECN',
  does:
    ({ operation, ipEct, tcp }) =>
    (bytes, at) => {
      const [asked, value] = [operation.read(bytes, at), tcp.read(bytes, at)]
      const change = (source: Source, cleared: number, set: number): Effect => ({
        ...{ kind: 'change', to: source, from: source },
        mask: Uint8Array.of(0xff & ~cleared),
        xor: Uint8Array.of(set),
      })
      const cleared = ((asked & ECE) !== 0 ? ECE_BIT : 0) | ((asked & CWR) !== 0 ? CWR_BIT : 0)
      const set = ((value & ECE_VALUE) !== 0 ? ECE_BIT : 0) | ((value & CWR_VALUE) !== 0 ? CWR_BIT : 0)
      return [
        ...((asked & IP) !== 0 ? [change(network(1, 1), 0x03, ipEct.read(bytes, at))] : []),
        ...(cleared !== 0 ? [change(transport(13, 1), cleared, set & cleared)] : []),
      ]
    },
  options: ({ operation, ipEct, tcp }) => {
    const change = both(bits(operation, TCP), tcp)
    /** `--ecn-tcp-remove` sets both bits to 0. A rule that sets both to 0 and nothing else is printed as that. */
    const removed: Field<boolean> = {
      ...operation,
      read: (bytes, at) => operation.read(bytes, at) === TCP && tcp.read(bytes, at) === 0,
      write: (bytes, at, truth) => change.write(bytes, at, [truth ? TCP : 0, 0]),
    }
    const tcpBit = (mask: number, value: number, excludes: string[], list: string) => {
      const asked = bit(operation, mask)
      return option(integer(1), view(bit(tcp, value), Number, Boolean), {
        present: { ...asked, read: (bytes, at) => asked.read(bytes, at) && !removed.read(bytes, at) },
        excludes,
        list,
      })
    }
    return {
      'ecn-tcp-remove': flag(removed, { excludes: ['ecn-tcp-ece', 'ecn-tcp-cwr'], list: 'TCP remove' }),
      'ecn-tcp-ece': tcpBit(ECE, ECE_VALUE, [], 'ECE=$'),
      'ecn-tcp-cwr': tcpBit(CWR, CWR_VALUE, [], 'CWR=$'),
      'ecn-ip-ect': option(integer(3), ipEct, { present: bit(operation, IP), list: 'ECT codepoint=$' }),
    }
  },
  check:
    ({ operation, tcp }) =>
    (bytes, at, rule) => {
      const changed = operation.read(bytes, at) & TCP
      if (changed === 0 || isProtocol(rule, ['tcp'])) return undefined
      const isRemoved = changed === TCP && tcp.read(bytes, at) === 0
      const parameter = isRemoved ? 'ecn-tcp-remove' : (changed & ECE) !== 0 ? 'ecn-tcp-ece' : 'ecn-tcp-cwr'
      return about(parameter, 'needs -p tcp')
    },
})
