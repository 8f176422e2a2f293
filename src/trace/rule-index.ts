/**
 * An index of the rules of a chain by a value that each requires. Rules that require another value than the
 * packet has are skipped.
 */
import { hexOf } from '../binary/text'
import { type Source, sourceKey, type Test } from '../extensions/native'
import type { Asked } from './compile'
import { isTest } from './evaluate'
import type { KnownPacket } from './known-packet'

/** The packet's value is not known. */
const ANY = -2
/** A value that no rule requires. */
const OTHER = -1

/** Tests of the same bits, each for one value. */
interface Column {
  readonly source: Source
  readonly mask: Uint8Array | undefined
  /** In bytes. */
  readonly size: number
  /** A number for each value that some rule requires. */
  readonly values: Map<string, number>
}

export class RuleIndex {
  readonly #columns: Column[] = []
  readonly #numbers = new Map<string, number>()
  /** By the position of the rule: the column of the test that it is indexed by, or -1, and the number of its value. */
  readonly #columnAt: Int32Array
  readonly #valueAt: Int32Array
  #wanted: { readonly packet: KnownPacket; readonly rules: number; readonly values: readonly number[] } | undefined
  #rules = 0

  /** @param count number of rules in the chain */
  constructor(count: number) {
    this.#columnAt = new Int32Array(count).fill(-1)
    this.#valueAt = new Int32Array(count)
  }

  /** Indexes a rule by the test with the most distinct values, which separates most rules. */
  add(position: number, questions: readonly Asked[]): void {
    this.#rules++
    let most = 0
    for (const { condition } of questions) {
      if (!isTest(condition) || !asksForValue(condition)) continue
      const number = this.#columnFor(condition)
      const { values } = this.#columns[number] as Column
      const key = hexOf(condition.value)
      const value = values.get(key) ?? values.size
      values.set(key, value)
      if (values.size <= most) continue
      most = values.size
      this.#columnAt[position] = number
      this.#valueAt[position] = value
    }
  }

  #columnFor({ source, mask, value }: Test): number {
    const key = `${sourceKey(source)} ${value.length} ${mask && hexOf(mask)}`
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    this.#numbers.set(key, this.#columns.length)
    return this.#columns.push({ source, mask, size: value.length, values: new Map() }) - 1
  }

  /** The position of the first rule from `position` on that may match the packet, or the number of rules. */
  candidate(position: number, packet: KnownPacket): number {
    const [columnAt, valueAt] = [this.#columnAt, this.#valueAt]
    if ((columnAt[position] ?? -1) < 0) return position
    const wanted = this.#wantedBy(packet)
    for (let at = position; at < columnAt.length; at++) {
      const column = columnAt[at] as number
      if (column < 0 || wanted[column] === ANY || wanted[column] === valueAt[at]) return at
    }
    return columnAt.length
  }

  /** The packet's values, by column. */
  #wantedBy(packet: KnownPacket): readonly number[] {
    const last = this.#wanted
    if (last?.packet === packet && last.rules === this.#rules) return last.values
    const values = this.#columns.map((column) => valueIn(column, packet))
    this.#wanted = { packet, rules: this.#rules, values }
    return values
  }
}

function valueIn({ source, mask, size, values }: Column, packet: KnownPacket): number {
  const sight = packet.look(source)
  if (sight === undefined) return ANY
  if (sight === 'absent') return OTHER
  const value = new Uint8Array(size)
  for (let i = 0; i < size; i++) {
    const bits = mask === undefined ? 0xff : (mask[i] as number)
    if ((bits & ~(sight.known[i] as number)) !== 0) return ANY
    value[i] = (sight.bytes[i] as number) & bits
  }
  return values.get(hexOf(value)) ?? OTHER
}

/** A packet may be in one of several connection tracking states, which is more than one value. */
function asksForValue({ source, op, mask, value, to, or }: Test): boolean {
  if (op !== 'eq' || to !== undefined || or !== undefined || source.from === 'ct') return false
  return mask === undefined || value.every((byte, i) => (byte & ~(mask[i] as number)) === 0)
}
