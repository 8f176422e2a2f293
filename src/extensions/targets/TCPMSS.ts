/** Changes the maximum segment size that SYN packets announce. */

import { NO_OUT } from '../../abi/netfilter'
import { u16 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { forget } from '../evaluation'
import { about, target } from '../extension'
import { is, view } from '../fields'
import { TCP_FLAGS, tcpHeader } from '../matches/tcp'
import { network } from '../native'
import { flag, option } from '../option'
import { integer } from '../values/integer'

/** XT_TCPMSS_CLAMP_PMTU */
const CLAMP = 0xffff
/** Offsets of what changes in a TCP header: the data offset, the checksum and the options. */
const [OFFSET, CHECKSUM, OPTIONS] = [12, 16, 20] as const
const kept = (byte: number, i: number): number =>
  i === OFFSET || i === CHECKSUM || i === CHECKSUM + 1 || i >= OPTIONS ? 0 : byte

/** The largest packet, less an IP header. */
const LIMITS = { ipv4: 65535 - 20, ipv6: 65535 - 40 }

const syn = bit(tcpHeader.fields.flgCmp, TCP_FLAGS.SYN)
const negated = bit(tcpHeader.fields.invflags, 0x04)

/** linux/netfilter/xt_TCPMSS.h */
export const TCPMSS = target('TCPMSS', {
  protocols: ['tcp'],
  revisions: { 0: struct('struct xt_tcpmss_info', 2, { mss: u16 }) },
  atLeastOne: true,
  list: 'TCPMSS',
  translate:
    ({ mss }) =>
    (bytes, at) => {
      const size = mss.read(bytes, at)
      return `tcp option maxseg size set ${size === CLAMP ? 'rt mtu' : size}`
    },
  // A missing option may be inserted, which makes the packet longer.
  does: (_, family) => () => [
    forget(network(family === 'ipv4' ? 2 : 4, 2)),
    { kind: 'rewrite', make: ({ bytes, known }) => ({ bytes: bytes.map(kept), known: known.map(kept) }) },
  ],
  options: ({ mss }, family) => {
    const number = view(
      mss,
      (bytes) => (bytes === CLAMP ? undefined : bytes),
      (bytes) => bytes,
    )
    return {
      'set-mss': option(integer(LIMITS[family]), number, {
        always: true,
        excludes: ['clamp-mss-to-pmtu'],
        list: 'set $',
      }),
      'clamp-mss-to-pmtu': flag(is(mss, CLAMP, 0), { list: 'clamp to PMTU' }),
    }
  },
  check:
    ({ mss }) =>
    (bytes, at, { hooks, matches }) => {
      if (mss.read(bytes, at) === CLAMP && hooks.some((hook) => NO_OUT.includes(hook)))
        return about(
          'clamp-mss-to-pmtu',
          '--clamp-mss-to-pmtu is for FORWARD, OUTPUT and POSTROUTING, where the path is known',
        )
      const asksForSyn = matches.some(
        (one) => one.name === 'tcp' && syn.read(bytes, one.at) && !negated.read(bytes, one.at),
      )
      if (asksForSyn) return undefined
      const parameter = mss.read(bytes, at) === CLAMP ? 'clamp-mss-to-pmtu' : 'set-mss'
      return about(parameter, `--${parameter} needs -m tcp with --syn, or with --tcp-flags that ask for SYN`)
    },
})
