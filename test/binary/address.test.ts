/** Parses and prints IPv6 addresses, and compares with Node. */
import { isIPv6, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { formatIPv6, parseIPv6, parsePlainIPv6 } from '../../src/binary/address'

const group = fc.oneof(
  fc.nat(0xffff).map((number) => number.toString(16)),
  fc.constantFrom('0', '00', '0000', '0001', 'F', 'aBcD', '12345', 'g', '', '1.2.3.4', '255.0.0.256'),
)
const words = fc
  .array(fc.tuple(group, fc.constantFrom(':', ':', ':', '::', '.', '%')), { maxLength: 10 })
  .chain((pairs) => fc.tuple(fc.constant(pairs.flat()), fc.boolean()))
  .map(([parts, isCut]) => (isCut ? parts.slice(0, -1) : parts).join(''))

/** Like inet_pton(3) and inet_ntop(3), which Node uses. */
const canonical = (word: string): string | undefined =>
  isIPv6(word) && !word.includes('%') ? new SocketAddress({ address: word, family: 'ipv6' }).address : undefined

test('words that look like addresses are parsed and printed as by Node', () => {
  fc.assert(
    fc.property(words, (word) => {
      const bytes = parseIPv6(word)
      expect(bytes && formatIPv6(bytes)).toBe(canonical(word))
    }),
    { numRuns: 20_000, seed: 1 },
  )
})

test('any sixteen bytes are printed as by inet_ntop(3), and parsed again', () => {
  const byte = fc.oneof(fc.constant(0), fc.constant(0), fc.constant(0xff), fc.nat(255))
  fc.assert(
    fc.property(fc.array(byte, { minLength: 16, maxLength: 16 }), (list) => {
      const bytes = Uint8Array.from(list)
      const text = formatIPv6(bytes)
      expect(text).toBe(canonical(text))
      expect(parseIPv6(text)).toEqual(bytes)
    }),
    { numRuns: 5_000, seed: 1 },
  )
})

test.each(['::', '1::', '::1', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', 'ABCD::ef'])(
  '%s is plain',
  (word) => {
    expect(parsePlainIPv6(word)).toEqual(parseIPv6(word))
    expect(formatIPv6(parsePlainIPv6(word) as Uint8Array)).toBe(canonical(word))
  },
)

test.each([
  '',
  ':',
  ':::',
  '1',
  '1:',
  ':1',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1::2::3',
  '1:::2',
  '::1:',
  '12345::',
  '::1.2.3.4',
  '1::2%3',
  '1:2:3:4::5:6:7:8',
])('%j is not an address, or needs the general parser', (word) => expect(parsePlainIPv6(word)).toBeUndefined())
