/** What the entries of a table begin with when it has been exchanged: what they had counted until then. */
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
 * The counters that the new entries get: of those that stay, what they had at the moment of the exchange; of the others,
 * what is in their bytes.
 * @param replaced counters of the old entries, as SET_REPLACE gave them.
 * @returns undefined where all are zero, as they are without it.
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
    // The two lie in an entry as they do in a `struct xt_counters`.
    const { offset } = family.entry.fields.pcnt
    if (!entry.isZeroed) result.set(bytes.subarray(offset, offset + SIZE), at)
    return
  }
  result.set(replaced.subarray(old * SIZE, (old + 1) * SIZE), at)
  // What it continues has the same bytes, counters included.
  if (unchanged === undefined && entry.isZeroed) subtract(result, at, readCounters(family, entry.bytes))
}

function writeBoth(bytes: Uint8Array, at: number, [packets, byteCount]: Counters): void {
  pcnt.write(bytes, at, packets)
  bcnt.write(bytes, at, byteCount)
}

/** What came in between reading and the exchange stays: only what was read is zeroed. */
function subtract(bytes: Uint8Array, at: number, [packets, byteCount]: Counters): void {
  const [now, nowBytes] = [pcnt.read(bytes, at), bcnt.read(bytes, at)]
  // Less than was read: someone else zeroed it meanwhile, and what it has counted since stays.
  if (now >= packets && nowBytes >= byteCount) writeBoth(bytes, at, [now - packets, nowBytes - byteCount])
}

function isZero(bytes: Uint8Array): boolean {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false
  return true
}
