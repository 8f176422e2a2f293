/** Earlier rules that may take a packet, indexed by the values that they test, because a long chain has thousands of them. */

import { hexOf } from '../binary/text'
import { type Source, sourceKey, type Test } from '../extensions/native'
import type { AskingPart, CompiledRule } from '../trace/compile'
import { isWholly } from '../trace/known-bits'
import type { KnownPacket } from '../trace/known-packet'

export interface Taker {
  readonly position: number
  readonly rule: CompiledRule
  readonly parts: readonly TakingPart[]
}

/** A part of the rule, and a rule that has only the conditions of that part. */
export interface TakingPart {
  readonly part: AskingPart
  readonly rule: CompiledRule
  readonly hasCircumstance: boolean
}

/** Rules that compare a source with a single value, by that value. */
interface Bucket {
  readonly source: Source
  /** Bytes of the value. A test of an interface name with a wildcard compares only the bytes before it. */
  readonly length: number
  readonly takers: Map<string, Taker[]>
}

export class Takers {
  readonly #buckets = new Map<string, Bucket>()
  readonly #others: Taker[] = []

  /** Must be called in the order of the rules. */
  add(taker: Taker): void {
    // The longest value is the most selective.
    const exact = exactTests(taker.rule).sort((a, b) => b.value.length - a.value.length)[0]
    if (exact === undefined) {
      this.#others.push(taker)
      return
    }
    const key = `${sourceKey(exact.source)} ${exact.value.length}`
    const bucket = this.#buckets.get(key) ?? { source: exact.source, length: exact.value.length, takers: new Map() }
    this.#buckets.set(key, bucket)
    const value = hexOf(exact.value)
    bucket.takers.set(value, [...(bucket.takers.get(value) ?? []), taker])
  }

  /** Finds the first rule for which `takes` holds, among those that the packet may match. */
  find(packet: KnownPacket, takes: (taker: Taker) => boolean): Taker | undefined {
    const found = [...this.#candidates(packet)].flatMap((some) => some.find(takes) ?? [])
    return found.sort((a, b) => a.position - b.position)[0]
  }

  *#candidates(packet: KnownPacket): Generator<readonly Taker[]> {
    yield this.#others
    for (const { source, length, takers } of this.#buckets.values()) {
      const seen = packet.look(source)
      if (seen === undefined || seen === 'absent') continue
      const part = { bytes: seen.bytes.subarray(0, length), known: seen.known.subarray(0, length) }
      if (isWholly(part)) yield takers.get(hexOf(part.bytes)) ?? []
    }
  }
}

/** The tests that compare with a single value. */
const exactTests = ({ questions }: CompiledRule): Test[] =>
  questions.flatMap(({ condition: one }) => {
    if (one.kind !== 'test' || one.op !== 'eq') return []
    return one.mask === undefined && one.to === undefined && one.or === undefined ? [one] : []
  })
