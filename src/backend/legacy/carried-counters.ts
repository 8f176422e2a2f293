/** Computes the counters that the entries of a replaced table start with: those of the entries that stay continue. */
import { counters as counterStruct } from '../../abi/x-tables'
import { type Counters, readCounters } from '../../ruleset/entry'
import { entryIn, type KernelEntries } from '../../ruleset/kernel-entries'
import type { Run } from '../../ruleset/rules'
import { orderedChains, type Ruleset } from '../../ruleset/ruleset'
import type { Ref } from '../../ruleset/table-entry'
import type { Snapshot } from './snapshot'

const SIZE = counterStruct.size
const { pcnt, bcnt } = counterStruct.fields

/**
 * The counters of all new entries. An entry that stays has its count at the moment of the replacement; any other has
 * the counters in its bytes.
 * @param replaced the counters of the old entries, as SET_REPLACE returned them
 * @returns undefined if all are zero: the kernel starts every entry at zero
 */
export function carriedCounters(from: Snapshot, to: Ruleset, replaced: Uint8Array): Uint8Array | undefined {
  const runs = [...runsOfTable(to)]
  const result = new Uint8Array(runs.reduce((sum, { count }) => sum + count, 0) * SIZE)
  let at = 0
  for (const { from: ref, count } of runs) {
    if (typeof ref !== 'number') carryOne(from, to, replaced, ref, result, at)
    else if (from.isReading) result.set(replaced.subarray(ref * SIZE, (ref + count) * SIZE), at)
    else for (let i = 0; i < count; i++) carryOne(from, to, replaced, ref + i, result, at + i * SIZE)
    at += count * SIZE
  }
  return isZero(result) ? undefined : result
}

/** All entries in the order of the blob. */
function* runsOfTable(ruleset: Ruleset): Generator<Run> {
  for (const { head, rules, tail } of orderedChains(ruleset)) {
    if (head !== undefined) yield { position: 0, count: 1, from: head }
    yield* rules.runs
    if (tail !== undefined) yield { position: 0, count: 1, from: tail }
  }
  if (ruleset.end !== undefined) yield { position: 0, count: 1, from: ruleset.end }
}

function carryOne(from: Snapshot, to: Ruleset, replaced: Uint8Array, ref: Ref, result: Uint8Array, at: number): void {
  const { family, image } = to
  const entry = typeof ref === 'number' ? entryIn(image as KernelEntries, ref) : ref
  const unchanged = from.placeOf(ref)
  const old = unchanged ?? (entry.continues === undefined ? undefined : from.placeOf(entry.continues))
  if (old === undefined) {
    const { bytes } = entry
    // An entry contains its counters as a `struct xt_counters`.
    const { offset } = family.entry.fields.pcnt
    if (!entry.isZeroed) result.set(bytes.subarray(offset, offset + SIZE), at)
    return
  }
  result.set(replaced.subarray(old * SIZE, (old + 1) * SIZE), at)
  // The bytes of a zeroed entry still contain the counters that were read.
  if (unchanged === undefined && entry.isZeroed) subtract(result, at, readCounters(family, entry.bytes))
}

function writeBoth(bytes: Uint8Array, at: number, [packets, byteCount]: Counters): void {
  pcnt.write(bytes, at, packets)
  bcnt.write(bytes, at, byteCount)
}

/** Subtracts the counters that were read. Packets counted between the reading and the replacement still count. */
function subtract(bytes: Uint8Array, at: number, [packets, byteCount]: Counters): void {
  const [now, nowBytes] = [pcnt.read(bytes, at), bcnt.read(bytes, at)]
  // If the count is lower than the one read, another program has zeroed it since; what it has counted after that stays.
  if (now >= packets && nowBytes >= byteCount) writeBoth(bytes, at, [now - packets, nowBytes - byteCount])
}

function isZero(bytes: Uint8Array): boolean {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false
  return true
}
