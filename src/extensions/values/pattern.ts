/** Bytes to search for in packets: text, or text with hexadecimal digits between bars. */
import { encodeText, isEncodable } from '../../binary/text'
import { mismatch, type ValueType } from './value'

type Bytes = readonly number[]

/** Whether all bytes are printable ASCII. */
export const isPrintable = (bytes: Bytes): boolean => bytes.every((byte) => byte >= 0x20 && byte < 0x7f)

function encoded(text: string): Bytes {
  return isEncodable(text) ? [...encodeText(text)] : mismatch('it contains half of a surrogate pair')
}

const fitting = (bytes: Bytes, max: number): Bytes =>
  bytes.length >= 1 && bytes.length <= max ? bytes : mismatch(`it is ${bytes.length} bytes long`)

/** Text of at most `max` bytes. Only printable ASCII is printed back as text. */
export const textPattern = (max: number): ValueType<Bytes, string> => ({
  expects: `text of 1 to ${max} bytes`,
  quotes: 'always',
  parse: (word) => fitting(encoded(word), max),
  format: (bytes) => String.fromCharCode(...bytes),
})

/** Digits between bars, or plain text, in which a backslash escapes the next character. */
const PIECE = /\|((?: ?[0-9a-f]{2})+) ?\|(?!\|)|((?:[^\\|]|\\[\s\S])+)/giy

/** As {@link textPattern}, with bytes such as `|0d 0a|` allowed. */
export const hexPattern = (max: number): ValueType<Bytes, string> => ({
  expects: `1 to ${max} bytes, as text or between bars in pairs of hexadecimal digits, such as GET|0d 0a|`,
  quotes: 'always',
  parse(word) {
    const pieces = [...word.matchAll(PIECE)]
    if (pieces.reduce((length, [piece]) => length + piece.length, 0) !== word.length) return mismatch()
    const bytes = pieces.flatMap(([, digits, plain = '']) =>
      digits === undefined
        ? encoded(plain.replace(/\\([\s\S])/g, '$1'))
        : [...Buffer.from(digits.replaceAll(' ', ''), 'hex')],
    )
    return fitting(bytes, max)
  },
  format: (bytes) => `|${Buffer.from(bytes).toString('hex')}|`,
})
