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
  #isInDoubt = false

  /** Whether what was told leaves more than one order. */
  get isInDoubt(): boolean {
    return this.#isInDoubt || this.#waiting.size > 0
  }

  doubt(): void {
    this.#isInDoubt = true
  }

  /**
   * Ends the doubt, if all rules are still there: a rule never moves, so that others that have come meanwhile change nothing.
   * @param handles from the first to the last
   */
  settle(handles: readonly number[]): void {
    const mine = new Set([...this.#next.keys(), ...[...this.#waiting.values()].flat()])
    mine.delete(END)
    const settled = handles.filter((handle) => mine.has(handle))
    if (settled.length !== mine.size) return
    for (const map of [this.#next, this.#previous, this.#waiting]) map.clear()
    this.#isInDoubt = false
    this.#link(END, END)
    for (const handle of settled) this.append(handle)
  }

  get isEmpty(): boolean {
    return this.#next.get(END) === END
  }

  has(handle: number): boolean {
    return handle !== END && this.#next.has(handle)
  }

  /** The one before it; undefined for the first. */
  before(handle: number): number | undefined {
    return this.#previous.get(handle) || undefined
  }

  /** The one behind it; undefined for the last. */
  behind(handle: number): number | undefined {
    return this.#next.get(handle) || undefined
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
    if (!this.has(handle)) this.#removeWaiting(handle)
    else {
      this.#link(this.#previous.get(handle) as number, this.#next.get(handle) as number)
      this.#next.delete(handle)
      this.#previous.delete(handle)
    }
  }

  #removeWaiting(handle: number): void {
    this.#isInDoubt = true
    for (const [before, waiting] of this.#waiting) {
      const others = waiting.filter((one) => one !== handle)
      if (others.length > 0) this.#waiting.set(before, others)
      else this.#waiting.delete(before)
    }
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

/** What has been deleted from a chain. */
class Deleted {
  /** Each with the one before it. */
  readonly before = new Map<number, number | undefined>()
  hasFirst = false
  hasLast = false

  add(order: RuleOrder, handle: number): void {
    this.before.set(handle, order.before(handle))
    this.hasFirst ||= order.before(handle) === undefined
    this.hasLast ||= order.behind(handle) === undefined
  }
}

/** What the kernel tells of rules that came and went together, put into the orders of their chains. */
export class OrderChanges {
  readonly #deleted = new Map<RuleOrder, Deleted>()

  /**
   * What took the place of another has its handle. Else a rule that is told without a place is the first or the last: where it
   * was inserted, the last only if it was inserted before one that was deleted, and the last with it; where it was appended,
   * the first only if it was added behind one that was deleted, and the first with it.
   */
  add(order: RuleOrder, { handle, position, isAppended }: ToldPlace): void {
    const deleted = this.#deleted.get(order)
    const isPlaced = position !== undefined || deleted?.before.has(handle) === true
    if (!isPlaced && !order.isEmpty && (isAppended ? deleted?.hasFirst : deleted?.hasLast)) order.doubt()
    if (isAppended && !isPlaced) order.append(handle)
    else order.insertAfter(position ?? deleted?.before.get(handle), handle)
  }

  remove(order: RuleOrder, handle: number): void {
    const deleted = this.#deleted.get(order) ?? new Deleted()
    this.#deleted.set(order, deleted)
    deleted.add(order, handle)
    order.remove(handle)
  }
}
