/** The order of a chain's rules by handle, kept up to date while rules are added and deleted. */

/** Marks both ends of the order. No rule has this handle. */
const END = 0

export class RuleOrder {
  readonly #next = new Map<number, number>([[END, END]])
  readonly #previous = new Map<number, number>([[END, END]])
  /** Rules whose predecessor has not been added yet, by its handle. */
  readonly #waiting = new Map<number, number[]>()
  /** All handles in order, cached until the next change. */
  #handles: readonly number[] | undefined
  #isInDoubt = false

  /** Whether the notifications leave more than one order possible. */
  get isInDoubt(): boolean {
    return this.#isInDoubt || this.#waiting.size > 0
  }

  doubt(): void {
    this.#isInDoubt = true
  }

  /**
   * Takes the order from a later reading of the chain, if that still has all rules. Rules never move, so it does not
   * matter that others may have been added since.
   * @param handles those of the reading, in order
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

  /** The handle before it; undefined for the first rule. */
  before(handle: number): number | undefined {
    return this.#previous.get(handle) || undefined
  }

  /** The handle after it; undefined for the last rule. */
  behind(handle: number): number | undefined {
    return this.#next.get(handle) || undefined
  }

  append(handle: number): void {
    this.insertAfter(this.#previous.get(END) as number, handle)
  }

  /** @param previous undefined to insert it first. If that rule is not there yet, the insertion waits for it. */
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

  /** All handles, in order. */
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

/** The place of an added rule, as far as the kernel reports it. */
export interface ToldPlace {
  readonly handle: number
  /** The handle before it. Reported only for a rule that is neither the first nor the last. */
  readonly position: number | undefined
  readonly isAppended: boolean
}

/** The rules that a batch has deleted from a chain. */
class Deleted {
  /** The handle before each, by its own handle. */
  readonly before = new Map<number, number | undefined>()
  hasFirst = false
  hasLast = false

  add(order: RuleOrder, handle: number): void {
    this.before.set(handle, order.before(handle))
    this.hasFirst ||= order.before(handle) === undefined
    this.hasLast ||= order.behind(handle) === undefined
  }
}

/** Applies the notifications of one batch to the orders of the chains. */
export class OrderChanges {
  readonly #deleted = new Map<RuleOrder, Deleted>()

  /**
   * A rule that replaces another has its handle. Otherwise, a rule that is reported without a position is the first or the
   * last. An inserted rule is the first, unless it was inserted before the last rule and that was deleted in the same batch.
   * An appended rule is the last, unless it was added after the first rule and that was deleted in the same batch. Where
   * both are possible, the order is in doubt.
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
