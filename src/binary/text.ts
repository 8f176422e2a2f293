/**
 * Kernel bytes that people read as text: NUL-terminated, and UTF-8 by convention, which nothing checks. A
 * byte that is not UTF-8 becomes a lone low surrogate U+DC80…U+DCFF (as in PEP 383), so that any bytes
 * survive the conversion to a string and back.
 */
import type { Codec } from './codec'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x80 && byte <= 0xbf

/**
 * The range of the second byte of a sequence, where it is narrower than that of other continuation bytes. RFC
 * 3629, section 4
 */
const SECOND: Readonly<Record<number, readonly [number, number]>> = {
  224: [0xa0, 0xbf],
  237: [0x80, 0x9f],
  240: [0x90, 0xbf],
  244: [0x80, 0x8f],
}

/** Length of the well-formed UTF-8 sequence at `at`, or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  if (first < 0x80) return 1
  if (first < 0xc2 || first > 0xf4) return 0
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  for (let i = 1; i < length; i++) if (!isContinuation(bytes[at + i])) return 0
  const [low, high] = SECOND[first] ?? [0x80, 0xbf]
  const second = bytes[at + 1] as number
  return second >= low && second <= high ? length : 0
}

function escapeInvalid(bytes: Uint8Array): string {
  const parts: string[] = []
  let valid = 0
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at)
    if (length === 0) {
      if (valid < at) parts.push(utf8.decode(bytes.subarray(valid, at)))
      parts.push(String.fromCharCode(0xdc00 + (bytes[at] as number)))
      valid = at + 1
    }
    at += Math.max(1, length)
  }
  return parts.join('') + utf8.decode(bytes.subarray(valid))
}

export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return escapeInvalid(bytes)
  }
}

const isAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

/** How many bytes {@link encodeText} makes from a text. */
export const encodedLength = (text: string): number => (isAscii(text) ? text.length : encodeText(text).length)

/** Whether some bytes decode to `text`: a lone surrogate that represents no byte has none. */
export const isEncodable = (text: string): boolean => isAscii(text) || decodeText(encodeText(text)) === text

/** Writes `text` at `at` if every character is ASCII. Otherwise returns false, and may have written part of it. */
function writeAscii(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) return false
    bytes[at + i] = code
  }
  return true
}

/** Up to this length, writing characters one by one is faster than a call to the encoder. */
const SHORT = 64

/** The inverse of {@link decodeText}. */
export function encodeText(text: string): Uint8Array {
  if (text.length <= SHORT) {
    const bytes = new Uint8Array(text.length)
    if (writeAscii(bytes, 0, text)) return bytes
  }
  if (!/[\udc80-\udcff]/.test(text)) return Buffer.from(text, 'utf8')
  const parts = [...text].map((char) => {
    const code = char.codePointAt(0) as number
    return code >= 0xdc80 && code <= 0xdcff ? Uint8Array.of(code - 0xdc00) : Buffer.from(char, 'utf8')
  })
  return Buffer.concat(parts)
}

/** The text at `bytes[at]` up to its NUL, at most `size` bytes. */
export function readText(bytes: Uint8Array, at: number, size: number): string {
  let text = ''
  for (let i = at; i < at + size; i++) {
    const byte = bytes[i] as number
    if (byte === 0) return text
    if (byte >= 0x80) return decodeText(bytes.subarray(at, endOfText(bytes, at, size)))
    text += String.fromCharCode(byte)
  }
  return text
}

const endOfText = (bytes: Uint8Array, at: number, size: number): number => {
  const end = bytes.indexOf(0, at)
  return end < 0 || end > at + size ? at + size : end
}

/** Writes `text` into `size` bytes and fills the rest with NUL. The caller has checked that it fits. */
export function writeText(bytes: Uint8Array, at: number, size: number, text: string): void {
  if (text.length <= Math.min(size, SHORT) && writeAscii(bytes, at, text)) {
    bytes.fill(0, at + text.length, at + size)
    return
  }
  const encoded = encodeText(text)
  if (encoded.length > size) throw new RangeError(`text of ${encoded.length} bytes in a field of ${size}`)
  bytes.fill(0, at, at + size)
  bytes.set(encoded, at)
}

/** `char[size]` that holds NUL-terminated text. */
export const text = (size: number): Codec<string> => ({
  size,
  align: 1,
  read: (bytes, at) => readText(bytes, at, size),
  write: (bytes, at, value) => writeText(bytes, at, size, value),
})

/** Hexadecimal digits, two per byte. */
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The inverse of {@link hexOf}; undefined for an empty text and for anything but pairs of hexadecimal digits. */
export const parseHex = (digits: string): Uint8Array | undefined =>
  /^([\da-f]{2})+$/i.test(digits) ? new Uint8Array(Buffer.from(digits, 'hex')) : undefined
