import fc from 'fast-check'
import { be16, be32, be64, u8, u16, u32 } from '../../src/binary/codec'
import { MessageError } from '../../src/errors'
import {
  attribute,
  attributes,
  binary,
  choice,
  fixed,
  flag,
  list,
  networkOrder,
  nulString,
  type Payload,
  string,
} from '../../src/netlink/attribute'

const inner = attributes({ small: attribute(1, fixed(u8)), port: attribute(2, networkOrder(be16)) })
const every = attributes({
  byte: attribute(1, fixed(u8)),
  host: attribute(2, fixed(u32)),
  wire: attribute(3, networkOrder(be32)),
  wide: attribute(4, networkOrder(be64)),
  name: attribute(5, nulString),
  word: attribute(6, string),
  raw: attribute(7, binary),
  there: attribute(8, flag),
  nest: attribute(9, inner),
  many: attribute(10, list(1, inner)),
  numbers: attribute(11, list(3, fixed(u16))),
  either: attribute(
    12,
    choice({ short: attribute(1, string), long: attribute(2, string) }, (text) => (text.length < 3 ? 'short' : 'long')),
  ),
})

const write = <T>(payload: Payload<T>, value: T): Uint8Array => {
  const bytes = new Uint8Array(payload.size(value) + 8)
  const end = payload.write(bytes, 0, value)
  expect(end).toBe(payload.size(value))
  return bytes.subarray(0, end)
}
const read = <T>(payload: Payload<T>, bytes: Uint8Array): T => payload.read(bytes, 0, bytes.length)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

/** The layout that libnl and the kernel use: lengths in host byte order, padded to four bytes. */
test.each<[string, Parameters<typeof every.write>[2], string]>([
  ['nothing', {}, ''],
  ['a byte, padded', { byte: 7 }, '0500 0100 07000000'],
  ['a number of the machine', { host: 0x01020304 }, '0800 0200 04030201'],
  ['a number of the wire, which says so', { wire: 0x01020304 }, '0800 0340 01020304'],
  ['64 bits', { wide: 0x0102030405060708n }, '0c00 0440 0102030405060708'],
  ['text with its NUL', { name: 'abc' }, '0800 0500 61626300'],
  ['text without', { word: 'ab' }, '0600 0600 61620000'],
  ['a flag', { there: true }, '0400 0800'],
  ['a nest, which says so', { nest: { small: 1, port: 80 } }, '1400 0980 0500010001000000 0600024000500000'],
  ['a list', { many: [{ small: 1 }, {}] }, '1400 0a80 0c000180 0500010001000000 04000180'],
  ['a choice', { either: 'xyz' }, '0c00 0c80 0700 0200 78797a00'],
  ['what is not declared', { unknown: [{ type: 0x8063, value: Uint8Array.of(9) }] }, '0500 6380 09000000'],
])('lays out %s', (_, value, text) => {
  expect(hex(write(every, value))).toBe(text.replaceAll(' ', ''))
  expect(read(every, bytes(text))).toEqual(value)
})

const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((word) => word.replaceAll('\0', ''))
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const anyInner = fc.record({ small: fc.nat(255), port: fc.nat(0xffff) }, { requiredKeys: [] })
const anyValue = fc.record({
  byte: some(fc.nat(255)),
  host: some(fc.nat(0xffff_ffff)),
  wire: some(fc.nat(0xffff_ffff)),
  wide: some(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  name: some(text),
  word: some(text),
  raw: some(fc.uint8Array({ maxLength: 30 })),
  there: some(fc.constant(true as const)),
  nest: some(anyInner),
  many: some(fc.array(anyInner, { maxLength: 4 })),
  numbers: some(fc.array(fc.nat(0xffff), { maxLength: 4 })),
  either: some(text),
  unknown: some(
    fc.array(fc.record({ type: fc.integer({ min: 13, max: 0x3fff }), value: fc.uint8Array({ maxLength: 9 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
  ),
})
const present = (value: object) => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined))

test('written values are read back', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      expect(read(every, write(every, value))).toEqual(present(value))
    }),
    { numRuns: 500 },
  )
})

test('damage causes a MessageError inside the bytes, or gives another message', () => {
  const damage = fc.record({ at: fc.nat(), value: fc.nat(255), cut: fc.nat(40) })
  fc.assert(
    fc.property(anyValue, fc.array(damage, { minLength: 1, maxLength: 4 }), (value, damages) => {
      let message = write(every, value)
      for (const { at, value: byte, cut } of damages) {
        message = message.slice(0, Math.max(0, message.length - (cut > 20 ? cut - 20 : 0)))
        if (message.length > 0) message[at % message.length] = byte
      }
      try {
        write(every, read(every, message))
      } catch (error) {
        if (!(error instanceof MessageError)) throw error
        expect(error.offset).toBeGreaterThanOrEqual(0)
        expect(error.offset).toBeLessThanOrEqual(message.length)
      }
    }),
    { numRuns: 3000 },
  )
})

test.each<[string, string, RegExp]>([
  ['a head that is cut off', '0400 08', /at byte 0 .*3 bytes are too few/],
  ['a length less than a head', '0300 0800', /at byte 0 .*3 bytes is shorter than its head/],
  ['a length of nothing', '0000 0800', /0 bytes is shorter/],
  ['more than there is', '0900 0500 616263', /9 bytes, but only 7 are left/],
  ['a number too short', '0700 0200 010203 00', /at byte 4 .*host: it has 3 bytes, not 4/],
  ['a number too long', '0900 0200 0102030405 000000', /host: it has 5 bytes, not 4/],
  ['text without an end', '0700 0500 616263 00', /name: the text has no NUL at its end/],
  ['a flag with more', '0500 0800 01 000000', /there: it has 1 bytes, but a flag has none/],
  ['one twice', '04000800 04000800', /at byte 4 .*there: the attribute is repeated/],
  ['a fault inside', '0b00 0980 0700 0100 010203 00', /at byte 8 .*nest.small: it has 3 bytes/],
  [
    'a fault inside a list',
    '1400 0a80 0c000180 0500010001000000 04000180 '.replace('04000180', '03000180'),
    /at byte 16 .*many: an attribute of 3/,
  ],
  ['a fault inside an element', '1000 0a80 0c000180 0600010001000000', /many.0.small: it has 2 bytes/],
  ['a choice of nothing', '0400 0c80', /either: 0 bytes are too few/],
  ['a choice of another', '0800 0c80 0400 0300', /either: it is none of short, long/],
  ['a choice of two', '0c00 0c80 0400 0100 0400 0100', /either: it contains more than one attribute/],
])('refuses %s', (_, text, reason) => {
  expect(() => read(every, bytes(text))).toThrow(MessageError)
  expect(() => read(every, bytes(text))).toThrow(reason)
})

test.each<[string, Parameters<typeof every.write>[2], RegExp]>([
  ['a number that does not fit', { byte: 256 }, /256 does not fit/],
  ['a NUL within text', { name: 'a\0b' }, /NUL/],
  ['an attribute too long for its length', { raw: new Uint8Array(65532) }, /65536 does not fit/],
  ['what is not declared', { nope: 1 } as never, /no attribute nope/],
])('does not write %s', (_, value, reason) => {
  expect(() => every.write(new Uint8Array(70000), 0, value)).toThrow(RangeError)
  expect(() => every.write(new Uint8Array(70000), 0, value)).toThrow(reason)
})

test('names the attribute at an offset', () => {
  const value = { byte: 1, nest: { small: 1, port: 2 }, many: [{ small: 1 }, { small: 2, port: 3 }] }
  const message = write(every, value)
  const name = (offset: number) => every.nameAt?.(message, 0, message.length, offset)
  expect([0, 8, 12, 20, 28, 32, 36, 44, 48, 56].map(name)).toEqual([
    'byte',
    'nest',
    'nest.small',
    'nest.port',
    'many',
    'many.0',
    'many.0.small',
    'many.1',
    'many.1.small',
    'many.1.port',
  ])
  expect(name(1000)).toBeUndefined()
  const missing = (nest: number | undefined) => every.nameOf?.(message, 0, message.length, nest, 2)
  expect(missing(undefined)).toBe('host')
  expect(missing(8)).toBe('nest.port')
})

test('a declaration that uses a number twice is refused', () => {
  expect(() => attributes({ a: attribute(1, flag), b: attribute(1, flag) })).toThrow(/b declared twice/)
})

test('a number has host byte order unless its type says network byte order', () => {
  const masked = attributes({ mask: attribute(1, networkOrder(be32, u32)) })
  expect(hex(write(masked, { mask: 0xff00 }))).toBe('080001400000ff00')
  expect(read(masked, bytes('0800 0140 0000ff00'))).toEqual({ mask: 0xff00 })
  // Without NLA_F_NET_BYTEORDER
  expect(read(masked, bytes('0800 0100 00ff0000'))).toEqual({ mask: 0xff00 })
})
