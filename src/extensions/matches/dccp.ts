/** DCCP header fields. */

import { type Field, pair, u8, u16 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { asked, bytesAt, HAS_TRANSPORT, ofBytes, oneOf, type Question, question, thereIs } from '../evaluation'
import { invertsGiven, match } from '../extension'
import { holdsOption } from '../header-options'
import { type NativePart, readNatively, sourceKey, type Test, transport } from '../native'
import { givenPortTests } from '../native-ports'
import { equality, given, isEquality, onlyWhere } from '../native-tests'
import { option } from '../option'
import { portOptions } from '../ports'
import { integer } from '../values/integer'
import { nameList } from '../values/names'
import { portRange } from '../values/port'

const TYPES = {
  REQUEST: 0x0001,
  RESPONSE: 0x0002,
  DATA: 0x0004,
  ACK: 0x0008,
  DATAACK: 0x0010,
  CLOSEREQ: 0x0020,
  CLOSE: 0x0040,
  RESET: 0x0080,
  SYNC: 0x0100,
  SYNCACK: 0x0200,
  INVALID: 0xfc00,
}
const names = nameList(TYPES, { anyCase: true, emptyItems: true })

const numbers = (bits: number): number[] => Array.from({ length: 16 }, (_, i) => i).filter((i) => bits & (1 << i))
const types: typeof names = {
  ...names,
  list: (bits, listing) => (listing.numeric ? numbers(bits).join(',') : names.format(bits, listing)),
}

/** The byte of the header that contains the packet type, and its mask. */
const [TYPE, TYPE_BITS] = [transport(8, 1), 0x1e] as const
const typeOf = (byte: number): number => byte / 2
const [FIRST_INVALID, LAST] = [10, 15] as const

/** Tests that the packet has one of the types. INVALID covers the types 10 to 15. */
const typeTest = (mask: Field<number>, negation: Field<boolean>): NativePart => ({
  keys: [sourceKey(TYPE)],
  write(bytes, at) {
    const [first, ...or] = valuesOf(mask.read(bytes, at)) ?? []
    if (first === undefined) return undefined
    const op = equality(negation.read(bytes, at))
    const test: Test = { kind: 'test', source: TYPE, mask: Uint8Array.of(TYPE_BITS), op, ...first }
    return [or.length === 0 ? test : { ...test, or }]
  },
  read(statement, bytes, at) {
    if (statement.kind !== 'test' || !isEquality(statement.op) || statement.mask?.[0] !== TYPE_BITS) return false
    const asked = typeMask(statement)
    if (asked === undefined) return false
    mask.write(bytes, at, asked)
    negation.write(bytes, at, statement.op === 'neq')
    return true
  },
})

/** The types as values in the header; undefined if only some of the invalid types are selected. */
function valuesOf(mask: number): Pick<Test, 'value' | 'to'>[] | undefined {
  const invalid = mask & TYPES.INVALID
  if (invalid !== 0 && invalid !== TYPES.INVALID) return undefined
  const known = numbers(mask & ~TYPES.INVALID).map((type) => ({ value: Uint8Array.of(2 * type) }))
  return invalid === 0 ? known : [...known, { value: Uint8Array.of(2 * FIRST_INVALID), to: Uint8Array.of(2 * LAST) }]
}

/** The types that a test selects; undefined if they cannot be expressed. */
function typeMask({ value, to }: Test): number | undefined {
  const [first, last] = [value, to ?? value].map(([byte = 0]) => typeOf(byte)) as [number, number]
  if (first === FIRST_INVALID && last === LAST) return TYPES.INVALID
  return first === last && Number.isInteger(first) && first < FIRST_INVALID ? 1 << first : undefined
}

const HAS_TYPE = thereIs(TYPE)
const typeNumber = (byte: number): number => (byte & TYPE_BITS) >>> 1

/** Bytes before the options (RFC 4340): of the header with a short or long sequence number, and of what each type adds to it. */
const [SHORT_HEADER, LONG_HEADER] = [12, 16] as const
const MORE = [4, 12, 0, 8, 8, 8, 8, 12, 8, 8] as const

/** Whether the header is followed by an option of a kind. */
const hasOption = (wanted: number): Question =>
  question((packet) => {
    const header = bytesAt(packet, transport(0, SHORT_HEADER))
    if (header === undefined || header === 'absent') return header && false
    const [offset, byte] = [4 * (header[4] as number), header[8] as number]
    const more = MORE[typeNumber(byte)]
    if (more === undefined) return undefined
    const start = ((byte & 1) === 1 ? LONG_HEADER : SHORT_HEADER) + more
    if (offset <= start) return false
    const options = bytesAt(packet, transport(start, offset - start))
    return options === undefined || options === 'absent' ? options && false : holdsOption(options, wanted)
  })

/** linux/netfilter/xt_dccp.h */
export const dccp = match('dccp', {
  protocols: ['dccp'],
  revisions: {
    0: struct('struct xt_dccp_info', 16, {
      dpts: pair(u16),
      spts: pair(u16),
      flags: u16,
      invflags: u16,
      typemask: u16,
      option: u8,
    }),
  },
  bits: ({ flags, invflags }) => [
    [flags, 0x0f],
    [invflags, 0x0f],
  ],
  check: ({ flags, invflags }) => invertsGiven(flags, invflags, ['sport', 'dport', 'dccp-types', 'dccp-option']),
  list: 'dccp',
  native: ({ spts, dpts, flags, invflags, typemask }) =>
    readNatively(
      givenPortTests({ spts, dpts, flags, invflags }),
      given(bit(flags, 0x04), typeTest(typemask, bit(invflags, 0x04))),
      onlyWhere(bit(flags, 0x08), false),
    ),
  asks:
    ({ spts, dpts, flags, invflags, typemask, option: number }) =>
    (bytes, at) => {
      const asks = (mask: number): boolean => bit(flags, mask).read(bytes, at)
      const not = (mask: number): boolean => bit(invflags, mask).read(bytes, at)
      const ofType = ofBytes(TYPE, ([byte = 0]) => ((typemask.read(bytes, at) >>> typeNumber(byte)) & 1) === 1)
      return [
        HAS_TRANSPORT,
        ...asked([givenPortTests({ spts, dpts, flags, invflags })], bytes, at),
        ...(asks(0x04) ? [HAS_TYPE, oneOf([[ofType]], not(0x04))] : []),
        ...(asks(0x08) ? [oneOf([[hasOption(number.read(bytes, at))]], not(0x08))] : []),
      ]
    },
  options: ({ typemask, option: number, ...at }) => {
    const stored = (mask: number) => ({ present: bit(at.flags, mask), negation: bit(at.invflags, mask) })
    return {
      ...portOptions(at, portRange({ listed: 'dccp', decimal: true, reversed: true })),
      'dccp-types': option(types, typemask, {
        ...stored(0x04),
        refuses: (bits) => (bits === 0 ? 'no type is given' : undefined),
        list: '[! ]$',
      }),
      'dccp-option': option(integer(255, 1), number, { ...stored(0x08), list: 'option=[!]$' }),
    }
  },
})
