/** Memory shared by many small arrays: V8 allocates system memory for every array of more than 64 bytes. */

const SLAB_SIZE = 1 << 18

/** Arrays that are taken one after the other lie one behind the other, where they fit into the same piece. */
export class Slab {
  readonly #size: number
  #memory = new Uint8Array(0)
  #used = 0

  /** @param size of a piece, which stays as long as any array in it does; 256 KiB unless said */
  constructor(size = SLAB_SIZE) {
    this.#size = size
  }

  /** @returns so many zeros */
  take(length: number): Uint8Array {
    if (this.#used + length > this.#memory.length) {
      this.#memory = new Uint8Array(Math.max(this.#size, length))
      this.#used = 0
    }
    this.#used += length
    return this.#memory.subarray(this.#used - length, this.#used)
  }

  copyOf(bytes: Uint8Array): Uint8Array {
    const copy = this.take(bytes.length)
    copy.set(bytes)
    return copy
  }
}
