/** Names of network interfaces. A trailing + matches all names with this prefix. */
import { IFNAMSIZ } from '../../abi/netfilter'
import { encodeText, isEncodable, readText } from '../../binary/text'
import { mismatch, type ValueType } from './value'

const WILDCARD = '+'.charCodeAt(0)

/** The name as given, and a mask over the bytes of it that count. */
type Masked = readonly [name: Uint8Array, mask: Uint8Array]

const padded = (bytes: Uint8Array): Uint8Array => {
  const wide = new Uint8Array(IFNAMSIZ)
  wide.set(bytes)
  return wide
}

/** Number of bytes that count: including the NUL of a whole name, excluding the + of a wildcard. */
const counting = (bytes: Uint8Array): number => (bytes.at(-1) === WILDCARD ? bytes.length - 1 : bytes.length + 1)

/** The bytes of a valid interface name. */
function nameBytes(word: string): Uint8Array {
  const bytes = encodeText(word)
  return bytes.length < 1 || bytes.length >= IFNAMSIZ || /[\s/\0]/.test(word) || !isEncodable(word) ? mismatch() : bytes
}

const expects = `the name of an interface, 1 to ${IFNAMSIZ - 1} bytes without white space or /`

/** The name of an interface, or a prefix of names followed by `+`. */
export const interfaceName: ValueType<Masked, string> = {
  expects: `${expects}, with + at its end for all names that begin with it`,
  parse(word) {
    const bytes = nameBytes(word)
    return [padded(bytes), padded(new Uint8Array(counting(bytes)).fill(0xff))]
  },
  format([name, mask]) {
    const text = readText(name, 0, IFNAMSIZ)
    const bytes = encodeText(text)
    const masked = mask.indexOf(0)
    const cut = masked >= 0 && masked <= bytes.length && bytes.at(-1) !== WILDCARD
    return cut ? `${readText(name, 0, masked)}+` : text
  },
}

/** One interface, in `char[IFNAMSIZ]`. */
export const oneInterface: ValueType<string> = {
  expects,
  parse: (word) => readText(padded(nameBytes(word)), 0, IFNAMSIZ),
  format: String,
}
