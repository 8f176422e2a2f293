/** Bytes of entries as words of 32 bits, of which a comparison takes four bytes at a time. */

/** Entries begin and end at multiples of eight; a copy is needed where memory does not. */
export function wordsOf(bytes: Uint8Array): Int32Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  return new Int32Array(buffer, byteOffset, length >> 2)
}

/** A copy. The last entry of a table may have any number of bytes: zeros fill up its last word. */
export function filledWords(bytes: Uint8Array): Int32Array {
  const words = new Int32Array(Math.ceil(bytes.length / 4))
  new Uint8Array(words.buffer).set(bytes)
  return words
}

/** The words of which any bit counts: where those are, and which bits do. */
export interface Mask {
  readonly places: Int32Array
  readonly bits: Int32Array
}

/** @param bytes of which each that counts is 0xff, and each other 0 */
export function maskOf(bytes: Uint8Array): Mask {
  const bits = filledWords(bytes)
  const places = Int32Array.from(bits.keys()).filter((place) => bits[place] !== 0)
  return { places, bits: places.map((place) => bits[place] as number) }
}
