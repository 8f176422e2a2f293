/** Names of network interfaces; a trailing + stands for any that begin so. */
import { encodeText, isEncodable, readText } from '../../binary/text'
import { mismatch, type ValueType } from './value'

/** IFNAMSIZ, linux/if.h */
const SIZE = 16
const WILDCARD = '+'.charCodeAt(0)

/** The name as it was given, and a mask over the bytes of it that count. */
type Masked = readonly [name: Uint8Array, mask: Uint8Array]

const padded = (bytes: Uint8Array): Uint8Array => {
  const wide = new Uint8Array(SIZE)
  wide.set(bytes)
  return wide
}

/** Number of bytes that count: the NUL of a whole name among them, the + of a wildcard not. */
const counting = (bytes: Uint8Array): number => (bytes.at(-1) === WILDCARD ? bytes.length - 1 : bytes.length + 1)

export const interfaceName: ValueType<Masked, string> = {
  expects: `the name of an interface, 1 to ${SIZE - 1} bytes without white space or /, + at its end for any that begin so`,
  parse(word) {
    const bytes = encodeText(word)
    if (bytes.length < 1 || bytes.length >= SIZE || /[\s/\0]/.test(word) || !isEncodable(word)) return mismatch()
    return [padded(bytes), padded(new Uint8Array(counting(bytes)).fill(0xff))]
  },
  format([name, mask]) {
    const text = readText(name, 0, SIZE)
    const bytes = encodeText(text)
    const masked = mask.indexOf(0)
    const cut = masked >= 0 && masked <= bytes.length && bytes.at(-1) !== WILDCARD
    return cut ? `${readText(name, 0, masked)}+` : text
  },
}
