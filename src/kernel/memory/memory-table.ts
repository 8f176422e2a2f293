/** One table of an in-process kernel: its entries as Linux would return them. */
import type { Family } from '../../abi/family'
import { HOOKS, type Hook, hookBit, TABLES, type TableName, VERDICTS } from '../../abi/netfilter'
import { CHAIN_NAME_SIZE, counters, EXTENSION_NAME_SIZE, entryMatch, getInfo } from '../../abi/x-tables'
import { u64 } from '../../binary/codec'
import type { Layout } from '../../blob/read'
import type { Variant } from '../../extensions/extension'
import {
  buildErrorEntry,
  buildVerdictEntry,
  isErrorTarget,
  isStandard,
  matchParts,
  nextOffset,
  type Part,
  payloadAt,
  targetPart,
} from '../../ruleset/entry'
import { headerOf, structOf } from '../../ruleset/identify'

/** The offset that GET_INFO returns for a hook that the table lacks. */
const NOWHERE = 0xffff_ffff

const NAME = entryMatch.fields.name.offset
/** Size of the verdict in a standard target's payload. The rest is padding. */
const STANDARD_VISIBLE = 4

export interface MemoryTable {
  readonly layout: Layout
  /** Callers get only copies. Only counters are changed in place. */
  readonly entries: Uint8Array
  /** The indexes of the sets that rules refer to, one for each reference. */
  readonly sets: readonly number[]
}

/** A new table: each chain has the policy ACCEPT and no rules. */
export function initialTable(family: Family, name: TableName): MemoryTable {
  const hooks: readonly Hook[] = TABLES[name]
  const policies = hooks.map((hook) => reachedFrom(family, buildVerdictEntry(family, VERDICTS.ACCEPT), hookBit(hook)))
  const size = policies[0]?.length ?? 0
  const places = HOOKS.map((hook) => (hooks.includes(hook) ? hooks.indexOf(hook) * size : NOWHERE))
  const validHooks = hooks.reduce((mask, hook) => mask | hookBit(hook), 0)
  return {
    layout: { validHooks, hookEntry: places, underflow: places, numEntries: policies.length + 1 },
    entries: new Uint8Array(Buffer.concat([...policies, buildErrorEntry(family, 'ERROR')])),
    sets: [],
  }
}

function reachedFrom(family: Family, entry: Uint8Array, hooks: number): Uint8Array {
  family.entry.fields.comefrom.write(entry, 0, hooks)
  return entry
}

/** The offset of each entry. */
function* placesOf(family: Family, entries: Uint8Array): Generator<number> {
  for (let at = 0; at < entries.length; at += nextOffset(family, entries, at)) yield at
}

/**
 * The table that Linux makes of verified entries. It clears their counters and the internal data of extensions, and records
 * which hooks reach each entry.
 * @param reached as {@link verify} returns it
 * @param sets as {@link MemoryTable.sets}
 */
export function acceptTable(
  family: Family,
  layout: Layout,
  sent: Uint8Array,
  reached: Uint8Array,
  sets: readonly number[],
): MemoryTable {
  const entries = sent.slice()
  for (const at of placesOf(family, entries)) {
    family.entry.fields.comefrom.write(entries, at, reached[at >> 3] as number)
    entries.fill(0, at + countersOffset(family), at + countersOffset(family) + counters.size)
    for (const part of matchParts(family, entries, at)) forgetPrivate('match', family, entries, part)
    forgetBehindTarget(family, entries, at)
  }
  return { layout: withoutLackingHooks(layout), entries, sets }
}

function withoutLackingHooks({ validHooks, hookEntry, underflow, numEntries }: Layout): Layout {
  const known = (at: number, hook: number): number => ((validHooks & (1 << hook)) === 0 ? NOWHERE : at)
  return { validHooks, hookEntry: hookEntry.map(known), underflow: underflow.map(known), numEntries }
}

function forgetBehindTarget(family: Family, entries: Uint8Array, at: number): void {
  const target = targetPart(family, entries, at)
  forgetPrivate('target', family, entries, target)
  entries.fill(0, target.at + target.size, at + nextOffset(family, entries, at))
}

function forgetPrivate(kind: 'match' | 'target', family: Family, entries: Uint8Array, part: Part): void {
  forgetBehindName(entries, part)
  const at = payloadAt(part)
  const end = part.at + part.size
  if (kind === 'target' && isStandard(entries, part)) entries.fill(0, at + STANDARD_VISIBLE, end)
  else if (kind === 'target' && isErrorTarget(entries, part)) entries.fill(0, at + CHAIN_NAME_SIZE, end)
  else forgetPayload(structOf(headerOf(kind, family, entries, part), entries, part)?.variant, entries, at, end)
}

/** Clears the internal data of an extension and the padding after its struct: Linux returns zeros for them. */
export function forgetPayload(variant: Variant | undefined, entries: Uint8Array, at: number, end: number): void {
  if (variant === undefined) return
  entries.fill(0, at + variant.struct.size, end)
  const { private: marks } = variant
  for (let i = marks.indexOf(1); i >= 0; i = marks.indexOf(1, i + 1)) entries[at + i] = 0
}

function forgetBehindName(entries: Uint8Array, part: Part): void {
  const from = part.at + NAME
  const nul = entries.indexOf(0, from)
  entries.fill(0, nul, from + EXTENSION_NAME_SIZE)
}

/** The answer to GET_INFO. */
export function describeTable(name: string, { layout, entries }: MemoryTable): Uint8Array {
  const value = new Uint8Array(getInfo.size)
  const { validHooks, hookEntry, underflow, numEntries } = layout
  const info = { name, validHooks, hookEntry: [...hookEntry], underflow: [...underflow], numEntries }
  getInfo.write(value, 0, { ...info, size: entries.length })
  return value
}

const countersOffset = (family: Family): number => family.entry.fields.pcnt.offset

/** Copies the counters of the entries, as far as there is room. */
export function copyCounters(family: Family, { entries }: MemoryTable, into: Uint8Array): void {
  let to = 0
  for (const at of placesOf(family, entries)) {
    if (to + counters.size > into.length) return
    const from = at + countersOffset(family)
    into.set(entries.subarray(from, from + counters.size), to)
    to += counters.size
  }
}

/** @param added 16 bytes per entry. Sums wrap around at 64 bits. */
export function addCounters(family: Family, { entries }: MemoryTable, added: Uint8Array): void {
  let from = 0
  for (const at of placesOf(family, entries)) {
    for (let to = at + countersOffset(family); to < at + countersOffset(family) + counters.size; to += u64.size) {
      u64.write(entries, to, BigInt.asUintN(64, u64.read(entries, to) + u64.read(added, from)))
      from += u64.size
    }
  }
}
