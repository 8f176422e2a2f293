/** TCP header fields. */
import { pair, u8, u16 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { match } from '../extension'
import { is } from '../fields'
import { flag, option, synonym } from '../option'
import { integer } from '../values/integer'
import { nameList } from '../values/names'
import { anyPort, portRange } from '../values/port'

const FLAGS = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10, URG: 0x20 }
const flags = nameList(FLAGS, { aliases: { ALL: 0x3f }, none: 'NONE', anyCase: true, emptyItems: true })
const ports = portRange({ protocol: 'tcp' })
const SYN_ONLY = [FLAGS.SYN | FLAGS.RST | FLAGS.ACK | FLAGS.FIN, FLAGS.SYN] as const

/** linux/netfilter/xt_tcpudp.h */
export const tcp = match('tcp', {
  protocols: ['tcp'],
  revisions: {
    0: struct('struct xt_tcp', 12, {
      spts: pair(u16),
      dpts: pair(u16),
      option: u8,
      flgMask: u8,
      flgCmp: u8,
      invflags: u8,
    }),
  },
  options: ({ spts, dpts, option: kind, flgMask, flgCmp, invflags }) => {
    const examined = both(flgMask, flgCmp)
    const negation = bit(invflags, 0x04)
    return {
      sport: option(ports, spts, {
        aliases: ['source-port'],
        absent: anyPort,
        negation: bit(invflags, 0x01),
      }),
      dport: option(ports, dpts, {
        aliases: ['destination-port'],
        absent: anyPort,
        negation: bit(invflags, 0x02),
      }),
      'tcp-option': option(integer(255, 1), kind, { negation: bit(invflags, 0x08) }),
      'tcp-flags': option([flags, flags], examined, { negation }),
      syn: synonym('tcp-flags', flag(is(examined, SYN_ONLY, [0, 0]), { negation })),
    }
  },
})
