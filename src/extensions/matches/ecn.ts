/** The ECN bits of the IP and TCP headers. */
import type { FamilyName } from '../../abi/family'
import { type Field, u8 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { asked, HAS_TRANSPORT, oneOf } from '../evaluation'
import { about, isStoredProtocol, match } from '../extension'
import { type NativePart, network, readNatively, transport } from '../native'
import { bitFieldTest, given, oneBitTest } from '../native-tests'
import { flag, option } from '../option'
import { integer } from '../values/integer'

const [IP, ECE, CWR] = [0x01, 0x10, 0x20] as const

interface EcnFields {
  readonly operation: Field<number>
  readonly invert: Field<number>
  readonly ipEct: Field<number>
}

const ipTest = ({ operation, invert, ipEct }: EcnFields, family: FamilyName): NativePart =>
  given(
    bit(operation, IP),
    bitFieldTest(network(1, 1), u8, family === 'ipv4' ? 0x03 : 0x30, { value: ipEct, negation: bit(invert, IP) }),
  )

const tcpTests = ({ operation, invert }: EcnFields): NativePart[] =>
  (
    [
      [CWR, 0x80],
      [ECE, 0x40],
    ] as const
  ).map(([flag, bits]) => oneBitTest(transport(13, 1), bits, bit(operation, flag), bit(invert, flag)))

/** The kernel reads the payload of a later fragment as a TCP header. */
const IS_LATER_FRAGMENT = oneOf([[HAS_TRANSPORT]], true)
const TAKEN_FOR_HEADER = { kind: 'circumstance', decides: 'what a fragment without a header has in its place' } as const

/** linux/netfilter/xt_ecn.h */
export const ecn = match('ecn', {
  revisions: { 0: struct('struct xt_ecn_info', 4, { operation: u8, invert: u8, ipEct: u8, ect: u8 }) },
  atLeastOne: true,
  bits: ({ operation, invert }) => [operation, invert].map((field) => [field, IP | ECE | CWR] as const),
  list: 'ECN match',
  native: (at, family) => readNatively(ipTest(at, family), ...tcpTests(at)),
  asks: (at, family) => (bytes, place) => [
    ...asked([ipTest(at, family)], bytes, place),
    ...asked(tcpTests(at), bytes, place).map((test) => oneOf([[test], [IS_LATER_FRAGMENT, TAKEN_FOR_HEADER]])),
  ],
  translate: ({ operation, invert, ipEct }, family) => {
    return (bytes, at) => {
      const [asked, negated] = [operation.read(bytes, at), invert.read(bytes, at)]
      const tcp = (
        [
          [ECE, 'ecn'],
          [CWR, 'cwr'],
        ] as const
      )
        .filter(([mask]) => (asked & mask) !== 0)
        .map(([mask, name]) => `tcp flags ${(negated & mask) !== 0 ? '! ' : ''}${name}`)
      const header = family === 'ipv4' ? 'ip' : 'ip6'
      const name = ['not-ect', 'ect1', 'ect0', 'ce'][ipEct.read(bytes, at)]
      return [
        ...tcp,
        ...((asked & IP) !== 0 ? [`${header} ecn ${(negated & IP) !== 0 ? '!= ' : ''}${name}`] : []),
      ].join(' ')
    }
  },
  options: ({ operation, invert, ipEct }) => {
    const negation = (mask: number) => ({ negation: bit(invert, mask) })
    return {
      'ecn-tcp-ece': flag(bit(operation, ECE), { ...negation(ECE), list: '[!]ECE' }),
      'ecn-tcp-cwr': flag(bit(operation, CWR), { ...negation(CWR), list: '[!]CWR' }),
      'ecn-ip-ect': option(integer(3), ipEct, { present: bit(operation, IP), ...negation(IP), list: '[!]ECT=$' }),
    }
  },
  check: ({ operation }) => {
    const asksTcp = bit(operation, ECE | CWR)
    return (bytes, at, rule) =>
      asksTcp.read(bytes, at) && !isStoredProtocol(rule, ['tcp'])
        ? about(bit(operation, ECE).read(bytes, at) ? 'ecn-tcp-ece' : 'ecn-tcp-cwr', 'needs -p tcp')
        : undefined
  },
})
