/** The rules of a chain: by number if they are in the kernel's image, as objects if they are new. */
import { entryIn, type KernelEntries } from './kernel-entries'
import type { Entry, Ref } from './table-entry'

/** An array of entries, each created on demand. */
export class Rules implements Iterable<Entry> {
  readonly image: KernelEntries | undefined
  /** @internal Changed only by {@link OwnRules}. */
  protected readonly list: Ref[]
  /** @internal The runs, computed on first use. */
  protected pieces: readonly Run[] | undefined

  constructor(image: KernelEntries | undefined, list: Ref[]) {
    this.image = image
    this.list = list
  }

  static of(...entries: readonly Entry[]): Rules {
    return Rules.from(entries)
  }

  /** As {@link of}, for any number of entries: a call takes only some hundred thousand arguments. */
  static from(entries: readonly Entry[]): Rules {
    return new Rules(undefined, [...entries])
  }

  get length(): number {
    return this.list.length
  }

  get refs(): readonly Ref[] {
    return this.list
  }

  /** The rules in as few contiguous runs as possible. */
  get runs(): readonly Run[] {
    this.pieces ??= [...runsOf(this.list)]
    return this.pieces
  }

  /** @returns undefined if there is no rule of this index, counted from 0. */
  at(index: number): Entry | undefined {
    const ref = this.list[index]
    return ref === undefined ? undefined : this.entryOf(ref)
  }

  protected entryOf(ref: Ref): Entry {
    return typeof ref === 'number' ? entryIn(this.image as KernelEntries, ref) : ref
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (const ref of this.list) yield this.entryOf(ref)
  }

  map<T>(body: (rule: Entry, index: number) => T): T[] {
    return this.list.map((ref, index) => body(this.entryOf(ref), index))
  }

  some(body: (rule: Entry) => boolean): boolean {
    return this.list.some((ref) => body(this.entryOf(ref)))
  }

  /** The same rules after others. */
  behind(firsts: readonly Entry[]): OwnRules {
    return new OwnRules(this.image, (firsts as readonly Ref[]).concat(this.list))
  }

  /** A copy that may be changed. */
  own(): OwnRules {
    return new OwnRules(this.image, this.list.slice())
  }
}

/** Rules that may be changed in place, because no other ruleset has them. */
export class OwnRules extends Rules {
  push(rule: Entry): void {
    this.pieces = undefined
    this.list.push(rule)
  }

  insert(index: number, ...rules: readonly Entry[]): void {
    this.pieces = undefined
    this.list.splice(index, 0, ...rules)
  }

  remove(index: number): void {
    this.pieces = undefined
    this.list.splice(index, 1)
  }

  replace(index: number, rule: Entry): void {
    this.pieces = undefined
    this.list[index] = rule
  }
}

/** Rules that are contiguous in the image, or one new rule, which has no number. */
export interface Run {
  readonly position: number
  readonly count: number
  readonly from: Ref
}

function* runsOf(refs: readonly Ref[]): Generator<Run> {
  for (let position = 0; position < refs.length; ) {
    const from = refs[position] as Ref
    let count = 1
    if (typeof from === 'number') while (refs[position + count] === from + count) count++
    yield { position, count, from }
    position += count
  }
}
