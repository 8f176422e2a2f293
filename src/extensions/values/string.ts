/** Free text, and hardware addresses. */
import { encodeText } from '../../binary/text'
import { mismatch, type ValueType } from './value'

/** Text of `min` to `max` bytes of UTF-8 without NUL. */
export const text = (max: number, min = 0, quotes: 'auto' | 'always' = 'auto'): ValueType<string> => ({
  expects: `text of ${min} to ${max} bytes`,
  quotes,
  parse(word) {
    const length = encodeText(word).length
    if (length < min || length > max) return mismatch(`it is ${length} bytes long`)
    return word.includes('\0') ? mismatch('it holds a NUL byte') : word
  },
  format: (value) => value,
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
