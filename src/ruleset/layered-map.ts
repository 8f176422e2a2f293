/**
 * A map whose versions differ in few entries, such as a table's chains before and after an edit. A copy shares its base
 * and stores only changes, so copying and comparing take time proportional to the changes. The order is that of a Map.
 */
export class LayeredMap<V> implements ReadonlyMap<string, V> {
  /** Shared, and never changed. */
  readonly #base: ReadonlyMap<string, V>
  /** New entries, and replacements of entries in the base. */
  readonly #changed: Map<string, V>
  /** Names removed from the base. A name that was added again comes after all others. */
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

  /** Whether copying the changes each time costs more than making a new base. */
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

  /** The names whose values differ between two maps. */
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
