/** In which order the rules of a chain stand, by their handles, while one after the other comes and goes. */

/** Stands before the first and behind the last; no rule has it. */
const END = 0

export class RuleOrder {
  readonly #next = new Map<number, number>([[END, END]])
  readonly #previous = new Map<number, number>([[END, END]])
  /** Those that are known to stand behind one which is not there yet. */
  readonly #waiting = new Map<number, number[]>()
  /** All of them, as long as none comes or goes. */
  #handles: readonly number[] | undefined

  has(handle: number): boolean {
    return handle !== END && this.#next.has(handle)
  }

  /** The one before it; undefined for the first. */
  before(handle: number): number | undefined {
    return this.#previous.get(handle) || undefined
  }

  append(handle: number): void {
    this.insertAfter(this.#previous.get(END) as number, handle)
  }

  /** @param previous undefined where it comes first. One that is not there yet is waited for. */
  insertAfter(previous: number | undefined, handle: number): void {
    const before = previous ?? END
    const behind = before === handle || this.has(handle) ? undefined : this.#next.get(before)
    if (behind === undefined) {
      this.#waiting.set(before, [...(this.#waiting.get(before) ?? []), handle])
      return
    }
    this.#link(before, handle)
    this.#link(handle, behind)
    const waiting = this.#waiting.get(handle) ?? []
    this.#waiting.delete(handle)
    for (const one of waiting) this.insertAfter(handle, one)
  }

  #link(before: number, behind: number): void {
    this.#handles = undefined
    this.#next.set(before, behind)
    this.#previous.set(behind, before)
  }

  remove(handle: number): void {
    if (!this.has(handle)) return
    this.#link(this.#previous.get(handle) as number, this.#next.get(handle) as number)
    this.#next.delete(handle)
    this.#previous.delete(handle)
  }

  /** From the first to the last. */
  handles(): readonly number[] {
    this.#handles ??= this.#walk()
    return this.#handles
  }

  #walk(): number[] {
    const handles: number[] = []
    for (let handle = this.#next.get(END) as number; handle !== END; handle = this.#next.get(handle) as number)
      handles.push(handle)
    return handles
  }
}

/** Where a rule is told to have come. */
export interface ToldPlace {
  readonly handle: number
  /** The one before it, of one in the middle. */
  readonly position: number | undefined
  readonly isAppended: boolean
}

/** What the kernel tells of rules that came and went together, put into the orders of their chains. */
export class OrderChanges {
  /** Deleted rules, beside those before them. */
  readonly #deleted = new Map<number, number | undefined>()

  /** What took the place of another has its handle, and is told as if it was appended. */
  add(order: RuleOrder, { handle, position, isAppended }: ToldPlace): void {
    if (position !== undefined) order.insertAfter(position, handle)
    else if (this.#deleted.has(handle)) order.insertAfter(this.#deleted.get(handle), handle)
    else if (isAppended) order.append(handle)
    else order.insertAfter(undefined, handle)
  }

  remove(order: RuleOrder | undefined, handle: number): void {
    this.#deleted.set(handle, order?.before(handle))
    order?.remove(handle)
  }
}
