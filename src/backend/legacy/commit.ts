/**
 * Writes a ruleset to ip_tables: checks it, replaces the table in one call, and carries over the counters of the
 * entries that stay.
 */
import { ERRNO } from '../../abi/errno'
import type { Family } from '../../abi/family'
import { giveBack } from '../../binary/buffers'
import { Refusal, type VerifyOptions, verifySliced } from '../../blob/verify'
import { isSurelyTaken } from '../../blob/verify-edit'
import { REQUEST_HEAD, type Request, writeInPlace, writeRulesetSliced } from '../../blob/write'
import { KernelError, RuleError, type RulePlace, UnsupportedError } from '../../errors'
import type { Known } from '../../extensions/registry'
import { rememberedSets } from '../../extensions/remembered-sets'
import type { Client } from '../../kernel/client'
import type { Kernel } from '../../kernel/kernel'
import { entryExtensions } from '../../ruleset/entry-extensions'
import { misplaced } from '../../ruleset/iptables-refusals'
import { type Chain, orderedChains, type Ruleset } from '../../ruleset/ruleset'
import type { Entry } from '../../ruleset/table-entry'
import type { Sliced } from '../../time-slices'
import { checkFaithful, mayLose } from '../check-lossless'
import { blame, type Candidate } from '../refused-rule'
import { kernelSets } from '../sets'
import { carriedCounters } from './carried-counters'
import { findRefused, findRefusedAsync } from './find-refused'
import type { Snapshot } from './snapshot'

/** A new table, encoded, checked and ready to be sent. */
export interface Prepared {
  readonly request: Request
  /** The rules that the kernel does not have yet. */
  readonly added: readonly Candidate[]
}

export interface CommitOptions {
  /** The parameters that may be written back although the kernel does not report them completely: see {@link checkFaithful}. */
  readonly rewrite: readonly string[]
  /** Whether to search for the refused rule if the kernel refuses a table with several new rules. */
  readonly findRefused: boolean
}

/** Encodes the new table and checks it. The table in the kernel is not changed. @throws RuleError, UnsupportedError */
export function* prepare(client: Client, from: Snapshot, to: Ruleset, options: CommitOptions): Sliced<Prepared> {
  const added = checkNewRules(client, from, to)
  const sets = rememberedSets(kernelSets(client))
  if (from.isReading && !mayLose(to) && isSurelyTaken(from.ruleset, to, { sets })) {
    const inPlace = from.isPrivate && !options.findRefused ? writeInPlace(to) : undefined
    return { request: inPlace ?? (yield* writeRulesetSliced(to)), added }
  }
  const request = yield* writeRulesetSliced(to)
  let isLossy = false
  const meet = ({ variant }: Known): void => {
    isLossy ||= variant.losses.length > 0
  }
  const refusal = yield* refusalOf(to, { sets, meet }, request)
  // The verification stops at a refusal, so `meet` may have missed an extension with losses.
  if (isLossy || refusal !== undefined) checkFaithful((ref) => from.placeOf(ref) !== undefined, to, options.rewrite)
  // The kernel has accepted the current table. If our verification refuses that too, it is wrong about this kernel: the
  // kernel decides.
  if (refusal !== undefined && (yield* refusalOf(from.ruleset, { sets })) === undefined)
    throw new RuleError('XT_RULE_INVALID', { ...locate(to, refusal.offset), ...refusal.part }, refusal.reason, {
      cause: refusal,
    })
  return { request, added }
}

function* refusalOf(ruleset: Ruleset, options: VerifyOptions, written?: Request): Sliced<Refusal | undefined> {
  const { layout, bytes } = written ?? (yield* writeRulesetSliced(ruleset))
  try {
    yield* verifySliced(ruleset.family, ruleset.table, layout, bytes.subarray(REQUEST_HEAD), options)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function checkNewRules(client: Client, from: Snapshot, to: Ruleset): Candidate[] {
  const added: Candidate[] = []
  for (const chain of orderedChains(to)) {
    for (const { from: rule, position } of chain.rules.runs) {
      if (typeof rule === 'number' || from.placeOf(rule) !== undefined) continue
      checkNewRule(client, to, chain, rule, position)
      added.push({ rule, place: { table: to.table, chain: chain.name, position } })
    }
  }
  return added
}

function checkNewRule(client: Client, to: Ruleset, chain: Chain, rule: Entry, position: number): void {
  const parts = entryExtensions(to.family, rule.bytes)
  const wrong = misplaced(to, chain, rule, parts)
  if (wrong !== undefined)
    throw new RuleError(
      wrong.code ?? 'XT_RULE_MISPLACED',
      { table: to.table, chain: chain.name, position, ...wrong },
      wrong.reason,
    )
  for (const { kind, name, revision } of parts)
    if (!client.hasRevision(kind, name, revision))
      throw new UnsupportedError('XT_NO_EXTENSION', missingExtension(to.family, kind, name, revision))
}

/** Names the module by the alias that the kernel itself requests, such as `ipt_tcp`. The name of its file may differ. */
const missingExtension = (family: Family, kind: string, name: string, revision: number): string =>
  `this kernel has no ${kind} ${name} revision ${revision}: load its module ` +
  `(\`modprobe ${family.module.replace(/_tables$/, 't')}_${name}\`), install the package with the modules of the running ` +
  'kernel, or use a kernel that has it'

/** The chain and rule of the entry at this offset of the blob. */
function locate(ruleset: Ruleset, offset: number): RulePlace {
  let at = 0
  for (const { name, head, rules, tail } of orderedChains(ruleset)) {
    at += head?.bytes.length ?? 0
    let position = 0
    for (const rule of rules) {
      if (at === offset) return { table: ruleset.table, chain: name, position }
      at += rule.bytes.length
      position++
    }
    if (at === offset) return { table: ruleset.table, chain: name }
    at += tail?.bytes.length ?? 0
  }
  return { table: ruleset.table }
}

/** Everything needed to replace a table, and to name the refused rule if that fails. */
export interface Exchange {
  readonly kernel: Kernel
  readonly client: Client
  readonly from: Snapshot
  readonly to: Ruleset
  readonly prepared: Prepared
  readonly options: CommitOptions
}

/** Errors that do not depend on the rules. */
const NO_RULES_FAULT: readonly number[] = [ERRNO.ENOMEM, ERRNO.EINTR, ERRNO.EFAULT, ERRNO.E2BIG]

/**
 * The kernel does not say which rule it refuses. If only one rule is new, it is that one; if several are, only trying
 * them tells.
 * @param find searches for the refused rule
 * @returns what to throw
 */
function blamed<T>(
  { to, prepared: { added }, options }: Exchange,
  error: unknown,
  find: (why: KernelError) => T,
): unknown | T {
  const [first] = added
  if (!(error instanceof KernelError) || NO_RULES_FAULT.includes(error.errno) || first === undefined) return error
  if (added.length === 1) return blame(error, to.family, first)
  return options.findRefused ? find(error) : error
}

/**
 * Sends a prepared table and carries the counters over.
 * @throws ConflictError, RuleError, KernelError; CountersError if the table was written, but not its counters
 */
export function replace(exchange: Exchange): void {
  const { client, from, to, prepared } = exchange
  const { layout, bytes } = prepared.request
  try {
    client.replace(to.table, layout, bytes, from.count, (old) => carriedCounters(from, to, old))
    giveBack(bytes)
  } catch (cause) {
    throw blamed(exchange, cause, (error) => findRefused({ ...exchange, ...prepared, error }))
  }
}

/** As {@link replace}, with the large system calls off the main thread. */
export async function replaceAsync(exchange: Exchange): Promise<void> {
  const { client, from, to, prepared } = exchange
  const { layout, bytes } = prepared.request
  try {
    await client.replaceAsync(to.table, layout, bytes, from.count, (old) => carriedCounters(from, to, old))
    giveBack(bytes)
  } catch (cause) {
    throw await blamed(exchange, cause, (error) => findRefusedAsync({ ...exchange, ...prepared, error }))
  }
}
