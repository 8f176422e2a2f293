/**
 * A map by names of which many versions differ in few entries, such as a table's chains before and after an edit. A copy shares
 * what it was made of and has its changes laid over that, so that it costs what has been changed, and so does the
 * difference of two. It is in the order of a Map.
 */
export class LayeredMap<V> implements ReadonlyMap<string, V> {
  /** Shared, and never changed. */
  readonly #base: ReadonlyMap<string, V>
  /** What is new, and what is in the place of something in the base. */
  readonly #changed: Map<string, V>
  /** What is not in the base any more; what came back since is behind all that was there. */
  readonly #gone: Set<string>
  #size: number

  /** A copy of `other`. */
  constructor(other: ReadonlyMap<string, V>) {
    const shared = other instanceof LayeredMap ? (other as LayeredMap<V>) : undefined
    const isLayered = shared !== undefined && !shared.#isThick
    this.#base = isLayered ? shared.#base : new Map(other)
    this.#changed = new Map(isLayered ? shared.#changed : [])
    this.#gone = new Set(isLayered ? shared.#gone : [])
    this.#size = other.size
  }

  /** Whether copying the changes, time after time, costs more than to begin with a new base. */
  get #isThick(): boolean {
    return (this.#changed.size + this.#gone.size) ** 2 > Math.max(256, this.#base.size)
  }

  get size(): number {
    return this.#size
  }

  #isInBase(name: string): boolean {
    return this.#base.has(name) && !this.#gone.has(name)
  }

  has(name: string): boolean {
    return this.#changed.has(name) || this.#isInBase(name)
  }

  get(name: string): V | undefined {
    return this.#changed.get(name) ?? (this.#gone.has(name) ? undefined : this.#base.get(name))
  }

  set(name: string, value: V): this {
    if (!this.has(name)) this.#size++
    this.#changed.set(name, value)
    return this
  }

  delete(name: string): boolean {
    const was = this.has(name)
    this.#changed.delete(name)
    if (this.#base.has(name)) this.#gone.add(name)
    if (was) this.#size--
    return was
  }

  *entries(): MapIterator<[string, V]> {
    for (const [name, value] of this.#base) if (!this.#gone.has(name)) yield [name, this.#changed.get(name) ?? value]
    for (const entry of this.#changed) if (!this.#isInBase(entry[0])) yield entry
  }

  *keys(): MapIterator<string> {
    for (const [name] of this.entries()) yield name
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries()
  }

  forEach(body: (value: V, name: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [name, value] of this.entries()) body(value, name, this)
  }

  /** The names by which two maps do not have the same. */
  static differences<V>(one: ReadonlyMap<string, V>, other: ReadonlyMap<string, V>): string[] {
    const names = new Set(LayeredMap.#mayDiffer(one, other))
    return [...names].filter((name) => one.get(name) !== other.get(name))
  }

  static *#mayDiffer<V>(one: ReadonlyMap<string, V>, other: ReadonlyMap<string, V>): Iterable<string> {
    if (one instanceof LayeredMap && other instanceof LayeredMap && one.#base === other.#base)
      for (const map of [one, other]) yield* [...map.#changed.keys(), ...map.#gone]
    else for (const map of [one, other]) yield* map.keys()
  }
}
