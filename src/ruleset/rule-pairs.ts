/**
 * Compares the rules of two lists pair by pair, like {@link sameRule}. Most equal rules have equal bytes, which is
 * found without decoding them.
 */
import type { Family } from '../abi/family'
import { sameWords, wordsOf } from './compare-bytes'
import { sameRule } from './equal'
import { jumpIn, type KernelEntries } from './kernel-entries'
import type { Rules } from './rules'
import type { Entry, Ref } from './table-entry'

/** Number of rules compared together at first: most rules that stay have equal bytes and unchanged counters. */
const TOGETHER = 16

/** For lists whose entries are all objects. */
const NOWHERE = { bytes: new Uint8Array(), starts: new Uint32Array() }

/** The entries of a list. */
class Side {
  readonly rules: Rules
  readonly refs: readonly Ref[]
  readonly bytes: Buffer
  readonly words: Int32Array
  readonly starts: Uint32Array

  constructor(rules: Rules) {
    const { bytes, starts } = rules.image ?? NOWHERE
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.rules = rules
    this.refs = rules.refs
    this.words = wordsOf(bytes)
    this.starts = starts
  }

  jump(ref: Ref): string | undefined {
    return typeof ref === 'number' ? jumpIn(this.rules.image as KernelEntries, ref) : ref.jump
  }
}

export class RulePairs {
  readonly #family: Family
  readonly #one: Side
  readonly #other: Side
  /**
   * In words: where the kernel-internal bytes of an entry start, where there is padding before the counters, and where
   * matches start.
   */
  readonly #noted: number
  readonly #padding: number
  readonly #counters: number
  readonly #parts: number

  constructor(family: Family, one: Rules, other: Rules) {
    this.#family = family
    this.#one = new Side(one)
    this.#other = new Side(other)
    const { nfcache, comefrom, pcnt } = family.entry.fields
    this.#noted = nfcache.offset >> 2
    this.#padding = (comefrom.offset + comefrom.size) >> 2
    this.#counters = pcnt.offset >> 2
    this.#parts = family.entrySize >> 2
  }

  /** The number of consecutive equal rules from position `i` of the first list and `k` of the second. */
  run(i: number, k: number): number {
    const most = Math.min(this.#one.refs.length - i, this.#other.refs.length - k)
    let count = 0
    do count += this.#runInImages(i + count, k + count)
    while (count < most && (this.#isSame(i + count, k + count) ? ++count < most : false))
    return count
  }

  /** The same for entries in images, in one loop, as most are. */
  #runInImages(i: number, k: number): number {
    const { refs, words, starts } = this.#one
    const { refs: otherRefs, words: others, starts: otherStarts } = this.#other
    const most = Math.min(refs.length - i, otherRefs.length - k)
    for (let count = 0; count < most; count++) {
      if (count % TOGETHER === 0)
        while (count + TOGETHER <= most && this.#hasSameBytes(i + count, k + count)) count += TOGETHER
      if (count === most) break
      const ref = refs[i + count] as Ref
      const otherRef = otherRefs[k + count] as Ref
      if (typeof ref !== 'number' || typeof otherRef !== 'number') return count
      const at = (starts[ref] as number) >> 2
      const otherAt = (otherStarts[otherRef] as number) >> 2
      const size = ((starts[ref + 1] as number) >> 2) - at
      const otherSize = ((otherStarts[otherRef + 1] as number) >> 2) - otherAt
      const jump = this.#one.jump(ref)
      if (size !== otherSize || jump !== this.#other.jump(otherRef)) return count
      if (!this.#hasSameWords(words, at, others, otherAt, jump === undefined ? size : undefined)) return count
    }
    return most
  }

  /** Whether the next entries have equal bytes and do not jump. */
  #hasSameBytes(i: number, k: number): boolean {
    const { refs, bytes, starts } = this.#one
    const { refs: otherRefs, bytes: others, starts: otherStarts } = this.#other
    const [ref, otherRef] = [refs[i] as Ref, otherRefs[k] as Ref]
    if (typeof ref !== 'number' || typeof otherRef !== 'number') return false
    for (let n = 0; n < TOGETHER; n++) {
      if (refs[i + n] !== ref + n || otherRefs[k + n] !== otherRef + n) return false
      if (this.#one.jump(ref + n) !== undefined || this.#other.jump(otherRef + n) !== undefined) return false
    }
    const [from, otherFrom] = [starts[ref] as number, otherStarts[otherRef] as number]
    const [end, otherEnd] = [starts[ref + TOGETHER] as number, otherStarts[otherRef + TOGETHER] as number]
    return end - from === otherEnd - otherFrom && bytes.compare(others, otherFrom, otherEnd, from, end) === 0
  }

  #isSame(i: number, k: number): boolean {
    const [one, other] = [this.#one.rules.at(i) as Entry, this.#other.rules.at(k) as Entry]
    if (one.bytes.length !== other.bytes.length || one.jump !== other.jump) return false
    if (!isLike(this.#family, one, other)) return false
    const size = one.jump === undefined ? one.bytes.length >> 2 : undefined
    return (
      this.#hasSameWords(wordsOf(one.bytes), 0, wordsOf(other.bytes), 0, size) || sameRule(this.#family, one, other)
    )
  }

  /**
   * Whether everything is equal except for kernel-internal bytes, counters, and the verdict of a jump.
   * @param size of the entry; undefined for a jump, whose target is not significant
   */
  #hasSameWords(a: Int32Array, at: number, b: Int32Array, otherAt: number, size: number | undefined): boolean {
    const noted = this.#noted
    const padding = this.#padding
    const parts = this.#parts
    const offsets = a[at + noted + 1] as number
    if (offsets !== b[otherAt + noted + 1] || !sameWords(a, at, b, otherAt, noted)) return false
    const end = size ?? (offsets & 0xffff) >> 2
    return (
      sameWords(a, at + padding, b, otherAt + padding, this.#counters - padding) &&
      sameWords(a, at + parts, b, otherAt + parts, end - parts)
    )
  }
}

/** A quick test of the addresses, which rejects most rules. */
function isLike({ addressSize }: Family, one: Entry, other: Entry): boolean {
  for (let i = 0; i < 2 * addressSize; i++) if (one.bytes[i] !== other.bytes[i]) return false
  return one.bytes.length === other.bytes.length
}
