/** Compares the bytes of entries as 32-bit words. */

/** Entries are aligned to eight bytes. A copy is needed if the memory is not. */
export function wordsOf(bytes: Uint8Array): Int32Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  return new Int32Array(buffer, byteOffset, length >> 2)
}

/** Compares `count` words from a position in each array, four at a time, which takes half the time of one by one. */
export function sameWords(a: Int32Array, aAt: number, b: Int32Array, bAt: number, count: number): boolean {
  let i = 0
  for (; i + 3 < count; i += 4) {
    const p = aAt + i
    const q = bAt + i
    const isOther =
      ((a[p] as number) ^ (b[q] as number)) |
      ((a[p + 1] as number) ^ (b[q + 1] as number)) |
      ((a[p + 2] as number) ^ (b[q + 2] as number)) |
      ((a[p + 3] as number) ^ (b[q + 3] as number))
    if (isOther !== 0) return false
  }
  for (; i < count; i++) if (a[aAt + i] !== b[bAt + i]) return false
  return true
}

/** A copy. The last entry of a table may have any length: its last word is padded with zeros. */
export function filledWords(bytes: Uint8Array): Int32Array {
  const words = new Int32Array(Math.ceil(bytes.length / 4))
  new Uint8Array(words.buffer).set(bytes)
  return words
}

/** The words of which any bit is significant: their positions, and the significant bits. */
export interface Mask {
  readonly places: Int32Array
  readonly bits: Int32Array
}

/** @param bytes 0xff for each significant byte, 0 for others */
export function maskOf(bytes: Uint8Array): Mask {
  const bits = filledWords(bytes)
  const places = Int32Array.from(bits.keys()).filter((place) => bits[place] !== 0)
  return { places, bits: places.map((place) => bits[place] as number) }
}
