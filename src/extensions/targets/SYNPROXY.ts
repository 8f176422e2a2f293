/** Answers TCP handshakes in place of a server, and forwards connections only after a complete handshake. */
import { u8, u16 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { isProtocol, needsProtocol, target } from '../extension'
import { headed } from '../listing'
import { readNatively } from '../native'
import { expression } from '../native-actions'
import { wordsWhere } from '../nft-words'
import { flag, option } from '../option'
import { integer } from '../values/integer'

/** The bits of the options for which nf_tables has flags. */
const KNOWN = 0x0f
type SynproxyData = { mss: number; wscale: number; flags: number }

/** linux/netfilter/nf_synproxy.h */
export const SYNPROXY = target('SYNPROXY', {
  protocols: ['tcp'],
  hooks: ['INPUT', 'FORWARD'],
  revisions: { 0: struct('struct nf_synproxy_info', 4, { options: u8, wscale: u8, mss: u16 }) },
  list: () => (payload) => `${headed('SYNPROXY')(payload)} `,
  native: ({ options, wscale, mss }) =>
    readNatively(
      expression<SynproxyData>('synproxy', {
        write(bytes, at) {
          const flags = options.read(bytes, at)
          return (flags & ~KNOWN) === 0
            ? { mss: mss.read(bytes, at), wscale: wscale.read(bytes, at), flags }
            : undefined
        },
        read({ mss: size = 0, wscale: scale = 0, flags = 0 }, bytes, at) {
          if ((flags & ~KNOWN) !== 0) return false
          options.write(bytes, at, flags)
          wscale.write(bytes, at, scale)
          mss.write(bytes, at, size)
          return true
        },
      }),
    ),
  translate: ({ options, wscale, mss }) => {
    const has = (mask: number) => bit(options, mask)
    const [sack, timestamp, ecn] = [
      wordsWhere(has(0x04), 'sack-perm'),
      wordsWhere(has(0x08), 'timestamp'),
      wordsWhere(has(0x10), 'ecn'),
    ] as const
    return (bytes, at) =>
      [
        'synproxy',
        ...sack(bytes, at),
        ...timestamp(bytes, at),
        ...(has(0x02).read(bytes, at) ? [`wscale ${wscale.read(bytes, at)}`] : []),
        ...(has(0x01).read(bytes, at) ? [`mss ${mss.read(bytes, at)}`] : []),
        ...ecn(bytes, at),
      ].join(' ')
  },
  does: () => () => [
    {
      kind: 'either',
      decides: 'whether the packet is part of a handshake',
      effects: [[{ kind: 'end', verdict: 'STOLEN' }], []],
    },
  ],
  options: ({ options, wscale, mss }) => ({
    'sack-perm': flag(bit(options, 0x04)),
    timestamp: flag(bit(options, 0x08)),
    wscale: option(integer(255), wscale, { present: bit(options, 0x02) }),
    mss: option(integer(65535), mss, { present: bit(options, 0x01) }),
    ecn: flag(bit(options, 0x10)),
  }),
  // In IPv6, Linux also requires the flag that makes the rule's protocol count.
  check: () => (_, __, rule) => (isProtocol(rule, ['tcp']) ? undefined : needsProtocol(['tcp'])),
})
