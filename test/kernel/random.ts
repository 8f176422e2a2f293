/** Pseudo-random numbers that are the same in every run (xorshift32). */
export class Random {
  #state: number

  /** @param seed any number but 0 */
  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e37_79b1) | 1
    for (let i = 0; i < 8; i++) this.#next()
  }

  #next(): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return state >>> 0
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return this.#next() % limit
  }

  /** One of `values`; undefined if there are none. */
  pick<T>(values: readonly [T, ...T[]]): T
  pick<T>(values: readonly T[]): T
  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length || 1)] as T
  }
}
