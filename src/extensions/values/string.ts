/** Free text, and hardware addresses. */
import { encodedLength, isEncodable } from '../../binary/text'
import { mismatch, type ValueType } from './value'

/** A word as it is printed: unquoted if every character is plain. */
export function quoteWord(word: string, quotes: 'auto' | 'always' = 'auto'): string {
  if (quotes === 'always') return `"${word.replace(/["\\]/g, '\\$&')}"`
  if (/^[-_0-9A-Za-z]+$/.test(word)) return word
  return `"${/["'\\]/.test(word) ? word.replace(/["'\\]/g, '\\$&') : word}"`
}

/** Text of `min` to `max` bytes of UTF-8 without NUL, quoted if it contains special characters. */
export const text = (max: number, min = 0): ValueType<string> => ({ ...name(max, min), quotes: 'auto' })

/** As {@link text}, but never quoted: iptables prints such names unchanged. */
export const name = (max: number, min = 1): ValueType<string> => ({
  expects: `text of ${min} to ${max} bytes`,
  parse(word) {
    if (!isEncodable(word)) return mismatch('it contains half of a surrogate pair')
    const length = encodedLength(word)
    if (length < min || length > max) return mismatch(`it is ${length} bytes long`)
    return word.includes('\0') ? mismatch('it contains a NUL byte') : word
  },
  format: (value) => value,
})

/** Whether this is a valid name for a file in a kernel directory such as procfs. */
export const isFileName = (word: string): boolean => !/^\.{0,2}$|\//.test(word)

/** As {@link text}, on a single line. */
export const line = (max: number, min = 0): ValueType<string> => {
  const type = text(max, min)
  return {
    ...type,
    parse: (word, context) => (word.includes('\n') ? mismatch('it contains a line break') : type.parse(word, context)),
  }
}

/** Makes a type that is quoted in listings as it is in printed rules. */
export const quoted = (type: ValueType<string>, quotes: 'auto' | 'always' = 'auto'): ValueType<string> => ({
  ...type,
  quotes,
  list: (value, listing) => quoteWord(type.format(value, listing), quotes),
})

/** `aa:bb:cc:dd:ee:ff`. */
export const mac: ValueType<Uint8Array, string> = {
  expects: 'a hardware address such as 00:11:22:aa:bb:cc',
  parse: (word) =>
    /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(word)
      ? Uint8Array.from(word.split(':'), (byte) => Number.parseInt(byte, 16))
      : mismatch(),
  format: (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':'),
}

/** Text in the double quotes of nft(8), which cannot escape one; undefined if the text contains one. */
export const nftQuoted = (value: string): string | undefined => (/["\n]/.test(value) ? undefined : `"${value}"`)
