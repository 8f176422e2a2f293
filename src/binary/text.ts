/**
 * Bytes of the kernel that are text to people: NUL-terminated, UTF-8 by custom, but nothing checks that. A byte that is
 * not UTF-8 becomes a lone low surrogate U+DC80…U+DCFF (as PEP 383 does), so that any bytes survive the way to a string
 * and back.
 */
import type { Codec } from './codec'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Length of the well-formed UTF-8 sequence at the start of `bytes`, or 0. */
function sequenceLength(bytes: Uint8Array): number {
  for (let length = 1; length <= Math.min(4, bytes.length); length++) {
    try {
      utf8.decode(bytes.subarray(0, length))
      return length
    } catch {
      // Not a whole sequence yet, or never one.
    }
  }
  return 0
}

function escapeInvalid(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes.subarray(at))
    text +=
      length === 0 ? String.fromCharCode(0xdc00 + (bytes[at] as number)) : utf8.decode(bytes.subarray(at, at + length))
    at += Math.max(1, length)
  }
  return text
}

export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return escapeInvalid(bytes)
  }
}

/** Whether there are bytes that read as `text`: a lone surrogate that stands for no byte has none. */
export const isEncodable = (text: string): boolean => decodeText(encodeText(text)) === text

/** The inverse of {@link decodeText}. */
export function encodeText(text: string): Uint8Array {
  if (!/[\udc80-\udcff]/.test(text)) return Buffer.from(text, 'utf8')
  const parts = [...text].map((char) => {
    const code = char.codePointAt(0) as number
    return code >= 0xdc80 && code <= 0xdcff ? Uint8Array.of(code - 0xdc00) : Buffer.from(char, 'utf8')
  })
  return Buffer.concat(parts)
}

/** The text at `bytes[at]` up to its NUL, `size` bytes at most. */
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
