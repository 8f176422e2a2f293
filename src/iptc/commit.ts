/**
 * From one ruleset to the next in the kernel: what is asked for is checked, replaced in one call, and counters carried
 * over from the entries that stay.
 */
import type { Family } from '../abi/family'
import { counters as counterStruct } from '../abi/x-tables'
import { KernelError, RuleError, UnsupportedError, XtablesError } from '../errors'
import type { Client } from '../kernel/client'
import { type Counters, readCounters } from '../ruleset/entry'
import { sameEntry } from '../ruleset/equal'
import { extensionParts } from '../ruleset/parts'
import { misplaced } from '../ruleset/place'
import { type Chain, countersOf, type Entry, entriesOf, orderedChains, type Ruleset } from '../ruleset/ruleset'
import { Refusal, verify } from '../ruleset/verify'
import { REQUEST_HEAD, type Request, writeRuleset } from '../ruleset/write'

/** A table as it was read: the ruleset, and its entries in the order of the blob. */
export interface Snapshot {
  readonly ruleset: Ruleset
  readonly entries: readonly Entry[]
}

export const snapshot = (ruleset: Ruleset): Snapshot => ({ ruleset, entries: [...entriesOf(ruleset)] })

/** Whether two readings of a table say the same, counters aside. */
export const unchanged = (before: Snapshot, now: Snapshot): boolean =>
  before.entries.length === now.entries.length &&
  before.entries.every((entry, i) => sameEntry(before.ruleset.family, entry, now.entries[i] as Entry))

/** A table that is laid out and checked, and may be sent. */
export interface Prepared {
  readonly request: Request
  /** Where the rules stand that are not in the kernel yet. */
  readonly added: readonly Place[]
}

interface Place {
  readonly table: string
  readonly chain?: string
  readonly position?: number
}

/** Lays out what is to come and checks it. @throws RuleError, UnsupportedError: nothing has been sent to the kernel */
export function prepare(client: Client, from: Snapshot, to: Ruleset): Prepared {
  const added = checkNewRules(client, new Set(from.entries), to)
  const request = writeRuleset(to)
  const refusal = refusalOf(to, request)
  // What stands in the kernel was taken by it: where we would have refused that, we know this kernel badly, and it decides.
  if (refusal !== undefined && refusalOf(from.ruleset) === undefined)
    throw new RuleError(locate(to, refusal.offset), refusal.reason, { cause: refusal })
  return { request, added }
}

function refusalOf(ruleset: Ruleset, { layout, bytes } = writeRuleset(ruleset)): Refusal | undefined {
  try {
    verify(ruleset.family, ruleset.table, layout, bytes.subarray(REQUEST_HEAD))
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function checkNewRules(client: Client, old: ReadonlySet<Entry>, to: Ruleset): Place[] {
  const added: Place[] = []
  for (const chain of to.chains.values())
    for (const [position, rule] of chain.rules.entries()) {
      if (old.has(rule)) continue
      checkNewRule(client, to, chain, rule, position)
      added.push({ table: to.table, chain: chain.name, position })
    }
  return added
}

/**
 * The kernel does not say which rule it is that it refuses. Where one rule is new, it is that one.
 * @throws RuleError, or `error` as it is
 */
function blame(error: unknown, added: readonly Place[]): never {
  const [place] = added
  if (!(error instanceof KernelError) || place === undefined || added.length > 1) throw error
  throw new RuleError(place, error.message, { cause: error })
}

function checkNewRule(client: Client, to: Ruleset, chain: Chain, rule: Entry, position: number): void {
  const reason = misplaced(to, chain, rule)
  if (reason !== undefined) throw new RuleError({ table: to.table, chain: chain.name, position }, reason)
  for (const { kind, name, revision } of extensionParts(to.family, rule.bytes))
    if (!client.hasRevision(kind, name, revision))
      throw new UnsupportedError(missingExtension(to.family, kind, name, revision))
}

/** The module has the name by which the kernel itself asks for it, whatever its file is called. */
const missingExtension = (family: Family, kind: string, name: string, revision: number): string =>
  `this kernel has no ${kind} ${name} revision ${revision}: load its module ` +
  `(\`modprobe ${family.module.replace(/_tables$/, 't')}_${name}\`), install the package with the modules of the running ` +
  'kernel, or use a kernel that has it'

/** Chain and rule of the entry at an offset. */
function locate(ruleset: Ruleset, offset: number): Place {
  let at = 0
  for (const { name, head, rules, tail } of orderedChains(ruleset)) {
    at += head?.bytes.length ?? 0
    for (const [position, rule] of rules.entries()) {
      if (at === offset) return { table: ruleset.table, chain: name, position }
      at += rule.bytes.length
    }
    if (at === offset) return { table: ruleset.table, chain: name }
    at += tail?.bytes.length ?? 0
  }
  return { table: ruleset.table }
}

const SIZE = counterStruct.size
const { pcnt, bcnt } = counterStruct.fields

/**
 * The counters that the new entries get: of those that stay, what they had at the moment of the exchange; of the others,
 * what is in their bytes.
 * @param replaced counters of the old entries, as SET_REPLACE gave them.
 * @returns undefined where all are zero, as they are without it.
 */
export function carriedCounters(from: Snapshot, to: Ruleset, replaced: Uint8Array): Uint8Array | undefined {
  const { family } = to
  const places = new Map(from.entries.map((entry, i) => [entry, i * SIZE]))
  const entries = [...entriesOf(to)]
  const result = new Uint8Array(entries.length * SIZE)
  for (const [i, entry] of entries.entries()) {
    const unchanged = places.get(entry)
    const old = unchanged ?? places.get(entry.continues ?? entry)
    const at = i * SIZE
    if (old === undefined) {
      writeBoth(result, at, countersOf(family, entry))
      continue
    }
    result.set(replaced.subarray(old, old + SIZE), at)
    if (unchanged === undefined && entry.isZeroed)
      subtract(result, at, readCounters(family, (entry.continues ?? entry).bytes))
  }
  return result.some((byte) => byte !== 0) ? result : undefined
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

/** Sends a prepared table and carries the counters over. @throws ConflictError, RuleError, KernelError */
export function replace(client: Client, from: Snapshot, to: Ruleset, { request, added }: Prepared): void {
  let old: Uint8Array
  try {
    old = client.replace(to.table, request.layout, request.bytes, from.entries.length)
  } catch (error) {
    blame(error, added)
  }
  const carried = carriedCounters(from, to, old)
  if (carried !== undefined) client.addCounters(to.table, carried)
}

/** As {@link replace}, off the main thread. */
export async function replaceAsync(client: Client, from: Snapshot, to: Ruleset, prepared: Prepared): Promise<void> {
  const { layout, bytes } = prepared.request
  const old = await client
    .replaceAsync(to.table, layout, bytes, from.entries.length)
    .catch((error) => blame(error, prepared.added))
  const carried = carriedCounters(from, to, old)
  if (carried !== undefined) await client.addCountersAsync(to.table, carried)
}

/** Refuses a position that a chain has not. @throws XtablesError */
export function checkPosition(position: number, last: number): void {
  const expected = last < 0 ? 'none, as there is no rule' : `0 to ${last}`
  if (!Number.isInteger(position) || position < 0 || position > last)
    throw new XtablesError(`there is no position ${position}; accepted: ${expected}`, {
      extension: 'rule',
      parameter: 'position',
      value: position,
      expected,
    })
}
