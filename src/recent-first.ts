/** A few things of which one serves most of the time: the one that served last is tried first. */

/** At most this many are kept, as what none of them serves is tried with all. */
const MOST = 32

export class RecentFirst<T> {
  readonly #all: T[] = []

  get isFull(): boolean {
    return this.#all.length >= MOST
  }

  add(one: T): void {
    this.#all.unshift(one)
  }

  /** @returns what the first makes that makes anything; undefined where none does */
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
