/** TCP header fields. */

import { NFT_EXTHDR_OP } from '../../abi/nf-tables'
import { type Field, pair, u8, u16 } from '../../binary/codec'
import { bit, both, type Fields, struct } from '../../binary/struct'
import { asked, bytesAt, HAS_TRANSPORT, oneOf, type PacketView, question } from '../evaluation'
import { match } from '../extension'
import { is } from '../fields'
import { holdsOption } from '../header-options'
import { type NativePart, native, transport } from '../native'
import { portTests } from '../native-ports'
import { onlyWhere, optional, valueTest } from '../native-tests'
import { flag, option, synonym } from '../option'
import { portOptions } from '../ports'
import { integer } from '../values/integer'
import { listedInHex, nameList } from '../values/names'
import { portRange } from '../values/port'

export const TCP_FLAGS = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10, URG: 0x20 }
/** iptables has no names for ECE and CWR. */
const ALL_FLAGS = 0x3f
const flags = listedInHex(
  nameList(TCP_FLAGS, { aliases: { ALL: ALL_FLAGS }, none: 'NONE', anyCase: true, emptyItems: true }),
)
const SYN_ONLY = [TCP_FLAGS.SYN | TCP_FLAGS.RST | TCP_FLAGS.ACK | TCP_FLAGS.FIN, TCP_FLAGS.SYN] as const

/** The byte that contains the flags. */
const FLAGS = transport(13, 1)

/** linux/netfilter/xt_tcpudp.h */
const headerFields = {
  spts: pair(u16),
  dpts: pair(u16),
  option: u8,
  flgMask: u8,
  flgCmp: u8,
  invflags: u8,
}
export const tcpHeader = struct('struct xt_tcp', 12, headerFields)

/**
 * Whether an option is present. nf_tables does not check the last byte, which may hold an option of a single
 * byte, and ignores options that exceed the header. So this form is used only in the syntax of nft, not for rules.
 */
const optionTest = (kind: Field<number>, negation: Field<boolean>): NativePart => ({
  ...onlyWhere(kind, 0),
  translated(bytes, at) {
    const type = kind.read(bytes, at)
    if (type === 0) return []
    const source = { from: 'exthdr', op: NFT_EXTHDR_OP.TCPOPT, type, offset: 0, length: 1, isPresence: true } as const
    const value = Uint8Array.of(negation.read(bytes, at) ? 0 : 1)
    return type === NO_OPERATION ? undefined : [{ kind: 'test', source, op: 'eq', value }]
  },
})
const NO_OPERATION = 1

type HeaderFields = Pick<Fields<typeof headerFields>, 'flgMask' | 'flgCmp' | 'spts' | 'dpts' | 'invflags'>

function headerTests({ flgMask, flgCmp, spts, dpts, invflags }: HeaderFields): NativePart[] {
  const negation = bit(invflags, 0x04)
  return [
    optional(
      both(both(flgMask, flgCmp), negation),
      [[0, 0], false],
      valueTest(FLAGS, u8, { value: flgCmp, mask: flgMask, negation, max: ALL_FLAGS }),
    ),
    portTests([spts, dpts], [bit(invflags, 0x01), bit(invflags, 0x02)]),
  ]
}

/** Size of a header without options, and offset of its length field, which counts units of four bytes. */
const [HEADER, OFFSET] = [20, 12] as const

/** The options of a packet, which may be empty; undefined if they are not known. */
export function optionsOf(packet: PacketView): Uint8Array | undefined {
  const offset = bytesAt(packet, transport(OFFSET, 1))
  if (offset === undefined || offset === 'absent') return offset && new Uint8Array()
  const size = 4 * ((offset[0] as number) >>> 4) - HEADER
  const options = size <= 0 ? new Uint8Array() : bytesAt(packet, transport(HEADER, size))
  return options === 'absent' ? new Uint8Array() : options
}

export const tcp = match('tcp', {
  protocols: ['tcp'],
  revisions: { 0: tcpHeader },
  bits: ({ invflags }) => [[invflags, 0x0f]],
  list: 'tcp',
  native: ({ option: kind, flgMask, flgCmp, spts, dpts, invflags }) => {
    const parts = headerTests({ flgMask, flgCmp, spts, dpts, invflags })
    return native(...parts, optionTest(kind, bit(invflags, 0x08)))
  },
  asks: ({ option: kind, invflags, ...at }) => {
    const parts = headerTests({ ...at, invflags })
    return (bytes, place) => {
      const wanted = kind.read(bytes, place)
      const has = question((packet) => {
        const options = optionsOf(packet)
        return options && holdsOption(options, wanted)
      })
      const isNegated = bit(invflags, 0x08).read(bytes, place)
      return [HAS_TRANSPORT, ...asked(parts, bytes, place), ...(wanted === 0 ? [] : [oneOf([[has]], isNegated)])]
    }
  },
  options: ({ option: kind, flgMask, flgCmp, ...at }) => {
    const examined = both(flgMask, flgCmp)
    const negation = bit(at.invflags, 0x04)
    return {
      ...portOptions(at, portRange({ protocol: 'tcp', listed: 'tcp' })),
      'tcp-option': option(integer(255, 1), kind, { negation: bit(at.invflags, 0x08), list: 'option=[!]$' }),
      'tcp-flags': option([flags, flags], examined, { negation, list: 'flags:[!]$/$' }),
      syn: synonym('tcp-flags', flag(is(examined, SYN_ONLY, [0, 0]), { negation })),
    }
  },
})
