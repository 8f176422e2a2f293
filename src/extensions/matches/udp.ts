/** UDP ports. */
import { pair, u8, u16 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { match } from '../extension'
import { option } from '../option'
import { anyPort, portRange } from '../values/port'

const ports = portRange({ decimal: true, reversed: true })

/** linux/netfilter/xt_tcpudp.h */
export const udp = match('udp', {
  protocols: ['udp'],
  revisions: { 0: struct('struct xt_udp', 10, { spts: pair(u16), dpts: pair(u16), invflags: u8 }) },
  options: ({ spts, dpts, invflags }) => ({
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
  }),
})
