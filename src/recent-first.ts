/** A short list of candidates, of which the one that matched last is tried first. */

/** At most this many candidates are kept: a miss tries them all. */
const MOST = 32

export class RecentFirst<T> {
  readonly #all: T[] = []

  get isFull(): boolean {
    return this.#all.length >= MOST
  }

  add(one: T): void {
    this.#all.unshift(one)
  }

  /** @returns the first defined result of `make`; undefined if there is none */
  serve<R>(make: (one: T) => R | undefined): R | undefined {
    const all = this.#all
    for (let i = 0; i < all.length; i++) {
      const made = make(all[i] as T)
      if (made === undefined) continue
      if (i > 0) all.unshift(...all.splice(i, 1))
      return made
    }
    return undefined
  }
}
