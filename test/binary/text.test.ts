/** Text with arbitrary bytes. */
import fc from 'fast-check'
import { decodeText, encodeText, isEncodable, readText, writeText } from '../../src/binary/text'

/** Bytes at the limits of UTF-8 sequences. */
const byte = fc.oneof(
  fc.constantFrom(0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xee, 0xef),
  fc.constantFrom(0xf0, 0xf3, 0xf4, 0xf5, 0xff),
  fc.integer({ min: 1, max: 255 }),
)
const bytes = fc.array(byte, { maxLength: 12 }).map((list) => Uint8Array.from(list))

test('any bytes survive a round trip', () => {
  fc.assert(
    fc.property(bytes, (some) => {
      expect([...encodeText(decodeText(some))]).toEqual([...some])
      expect(isEncodable(decodeText(some))).toBe(true)
    }),
    { numRuns: 5000 },
  )
})

test('valid UTF-8 is decoded, and every other byte is kept as it is', () => {
  fc.assert(
    fc.property(bytes, (some) => {
      const text = decodeText(some)
      const escapes = [...text].filter((char) => /^[\udc80-\udcff]$/u.test(char)).length
      // The standard decoder emits U+FFFD exactly if the bytes are not valid UTF-8.
      const marks = [...new TextDecoder('utf-8', { ignoreBOM: true }).decode(some)].filter((char) => char === '\ufffd')
      expect(escapes > 0).toBe(marks.length > [...text].filter((char) => char === '\ufffd').length)
      expect(text.replace(/[\udc80-\udcff]/gu, '')).toBe(
        Buffer.from(encodeText(text.replace(/[\udc80-\udcff]/gu, ''))).toString(),
      )
    }),
    { numRuns: 5000 },
  )
})

test('text in a field ends with NUL, or fills it', () => {
  const field = new Uint8Array(80).fill(0xff)
  for (const text of ['', 'abc', 'é', 'x'.repeat(64), 'y'.repeat(70), 'a\udcffb']) {
    writeText(field, 4, 72, text)
    expect(readText(field, 4, 72)).toBe(text)
    expect([...field.slice(0, 4), ...field.slice(76)]).toEqual(Array(8).fill(0xff))
    expect(field.slice(4 + encodeText(text).length, 76).every((one) => one === 0)).toBe(true)
  }
  expect(() => writeText(field, 0, 3, 'four')).toThrow(RangeError)
})
