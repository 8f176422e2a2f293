/**
 * Checks whether Linux would accept these entries as a table, like `translate_table` and the extensions' `checkentry`.
 * It runs before every SET_REPLACE, so that a refusal has a reason, and in the in-process kernel.
 */
import { ERRNO } from '../abi/errno'
import type { Family } from '../abi/family'
import { HOOKS, type Hook, hookBit, isTableName, TABLES, VERDICTS, verdictName } from '../abi/netfilter'
import { CHAIN_NAME_SIZE, ERROR_TARGET, EXTENSION_NAME_SIZE, errorTarget } from '../abi/x-tables'
import { BlobError, type RulePart } from '../errors'
import type { SetNames } from '../extensions/context'
import {
  type Extension,
  faultOf,
  faultText,
  isStoredProtocol,
  needsProtocol,
  type PlacedRule,
  type Reason,
  type RuleHead,
} from '../extensions/extension'
import type { Known } from '../extensions/registry'
import {
  checkEntry,
  isErrorTarget,
  isStandard,
  isUnconditional,
  matchParts,
  nextOffset,
  type Part,
  partName,
  partRevision,
  payloadAt,
  payloadSize,
  readVerdict,
  targetPart,
} from '../ruleset/entry'
import { ruleHead } from '../ruleset/entry-extensions'
import { type Header, headerOf, structOf } from '../ruleset/identify'
import type { Entry } from '../ruleset/table-entry'
import { atOnce, type Sliced } from '../time-slices'
import type { Layout } from './read'

/** What the kernel refuses: its errno, and the reason. */
export class Refusal extends Error {
  readonly errno: number
  /** Offset of the entry at fault in bytes. */
  readonly offset: number
  readonly reason: string
  /** The match or target at fault, if it is one. */
  readonly part: RulePart

  constructor(errno: number, offset: number, reason: string, part: RulePart = {}) {
    super(`at byte ${offset}: ${reason}`)
    this.errno = errno
    this.offset = offset
    this.reason = reason
    this.part = part
  }
}

function refuse(offset: number, reason: string, errno: number = ERRNO.EINVAL, part?: RulePart): never {
  throw new Refusal(errno, offset, reason, part)
}

export interface VerifyOptions {
  /** Refuse unknown extensions, as a kernel without them does. */
  readonly knownOnly?: boolean
  /** Refuse rules that name other ipsets than these. If absent, sets are not checked. */
  readonly sets?: SetNames
  /** Called for each known match and target, until something is refused. */
  readonly meet?: (known: Known) => void
}

/** The entries to verify, and their context. */
interface Within {
  readonly family: Family
  readonly table: string
  readonly bytes: Uint8Array
  readonly options: VerifyOptions
}

/** A whole table. */
interface Subject extends Within {
  readonly layout: Layout
}

/**
 * The steps are in the order of Linux, so that a table with two faults is refused with the same errno.
 * @returns for every eight bytes, the hooks from which the entry there is reached, one bit per hook.
 * @throws Refusal
 */
export const verify = (
  family: Family,
  table: string,
  layout: Layout,
  bytes: Uint8Array,
  options: VerifyOptions = {},
): Uint8Array => atOnce(verifySliced(family, table, layout, bytes, options))

/** As {@link verify}. */
export function* verifySliced(
  family: Family,
  table: string,
  layout: Layout,
  bytes: Uint8Array,
  options: VerifyOptions,
): Sliced<Uint8Array> {
  const subject = { family, table, layout, bytes, options }
  const starts = yield* checkStructure(subject)
  checkHooks(subject, starts)
  const reached = yield* markReached(subject, starts)
  for (let [at, count] = [0, 1]; at < bytes.length; at += nextOffset(family, bytes, at), count++) {
    checkExtensions(subject, at, reached[at >> 3] as number)
    if (count % SLICE === 0) yield
  }
  checkTable(subject)
  return reached
}

/** Number of entries per slice. */
const SLICE = 1024

/**
 * Whether Linux would accept one entry at a suitable place of its table.
 * @param reached the hooks from which it is reached, one bit per hook
 */
export function isEntryTaken(
  family: Family,
  table: string,
  { bytes, jump }: Entry,
  reached: number,
  options: VerifyOptions,
): boolean {
  try {
    if (checkEntry(family, bytes, 0) !== bytes.length) return false
    checkFlags(family, bytes, 0)
    // The destination is written when the table is laid out.
    if (jump === undefined) checkBuiltinTarget(bytes, 0, targetPart(family, bytes, 0))
    checkExtensions({ family, table, bytes, options }, 0, reached)
    return true
  } catch (error) {
    if (error instanceof Refusal || error instanceof BlobError) return false
    throw error
  }
}

/** For every eight bytes, whether an entry starts there. */
function* checkStructure({ family, layout, bytes }: Subject): Sliced<Uint8Array> {
  const starts = new Uint8Array((bytes.length >> 3) + 1)
  let count = 0
  for (let at = 0; at < bytes.length; count++) {
    starts[at >> 3] = 1
    at += checkBounds(family, bytes, at)
    if (count % SLICE === 0) yield
  }
  if (count !== layout.numEntries) refuse(0, `${count} entries where the header says ${layout.numEntries}`)
  return starts
}

function checkBounds(family: Family, bytes: Uint8Array, at: number): number {
  try {
    const size = checkEntry(family, bytes, at)
    checkFlags(family, bytes, at)
    checkBuiltinTarget(bytes, at, targetPart(family, bytes, at))
    return size
  } catch (error) {
    if (error instanceof BlobError) refuse(at, error.message)
    throw error
  }
}

function checkFlags({ entry: { fields }, flagsMask, invflagsMask }: Family, bytes: Uint8Array, at: number): void {
  const flags = bytes[at + fields.flags.offset] as number
  const invflags = bytes[at + fields.invflags.offset] as number
  if ((flags & ~flagsMask) !== 0) refuse(at, 'flags that the kernel does not know')
  if ((invflags & ~invflagsMask) !== 0) refuse(at, 'inversions that the kernel does not know')
}

function checkBuiltinTarget(bytes: Uint8Array, at: number, target: Part): void {
  if (isStandard(bytes, target)) {
    const verdict = readVerdict(bytes, target)
    // The first entry is at 0, but nothing can jump to it.
    if (verdict <= 0 && verdictName(verdict) === undefined) refuse(at, `there is no verdict ${verdict}`)
  } else if (isErrorTarget(bytes, target) && !isTerminated(bytes, target.at + ERROR_NAME, CHAIN_NAME_SIZE))
    refuse(at, 'the name of the chain is not terminated')
}

const ERROR_NAME = errorTarget.fields.errorname.offset

function isTerminated(bytes: Uint8Array, at: number, size: number): boolean {
  for (let i = at; i < at + size; i++) if (bytes[i] === 0) return true
  return false
}

function checkHooks({ family, layout, bytes }: Subject, starts: Uint8Array): void {
  let [lastFirst, lastPolicy] = [-1, -1]
  for (const hook of HOOKS) {
    if ((layout.validHooks & hookBit(hook)) === 0) continue
    const first = placeOf(layout.hookEntry, hook, bytes, starts, `${hook} should`)
    const policy = placeOf(layout.underflow, hook, bytes, starts, `the policy of ${hook} should`)
    checkPolicy(family, bytes, policy, hook)
    if (first <= lastFirst || policy <= lastPolicy) refuse(first, `${hook} comes before a hook with a lower number`)
    lastFirst = first
    lastPolicy = policy
  }
}

function placeOf(places: readonly number[], hook: Hook, bytes: Uint8Array, starts: Uint8Array, what: string): number {
  const at = places[HOOKS.indexOf(hook)] as number
  if (!isStart(starts, bytes, at)) refuse(0, `no entry begins at byte ${at}, where ${what}`)
  return at
}

/** Checks that the table exists and has these hooks. */
function checkTable({ table, layout }: Subject): void {
  if (!isTableName(table)) refuse(0, `there is no table ${table}`, ERRNO.ENOENT)
  const hooks = TABLES[table].reduce((mask, hook) => mask | hookBit(hook), 0)
  if (layout.validHooks !== hooks) refuse(0, `table ${table} has other hooks`)
}

const isStart = (starts: Uint8Array, bytes: Uint8Array, at: number): boolean =>
  at >= 0 && at < bytes.length && at % 8 === 0 && starts[at >> 3] === 1

function checkPolicy(family: Family, bytes: Uint8Array, at: number, hook: string): void {
  const target = targetPart(family, bytes, at)
  const verdict = isStandard(bytes, target) ? readVerdict(bytes, target) : undefined
  if (!isUnconditional(family, bytes, at) || (verdict !== VERDICTS.ACCEPT && verdict !== VERDICTS.DROP))
    refuse(at, `the policy of ${hook} is not ACCEPT or DROP`)
}

/** Marks the entry of the chain that the walk is in, next to the bits of the hooks. */
const ACTIVE = 0x80

/**
 * Follows the jumps from every hook.
 * @returns for every eight bytes, the hooks from which the entry there is reached.
 */
function* markReached(subject: Subject, starts: Uint8Array): Sliced<Uint8Array> {
  const reached = new Uint8Array((subject.bytes.length >> 3) + 1)
  for (const [i] of HOOKS.entries())
    if ((subject.layout.validHooks & (1 << i)) !== 0)
      yield* walk({ ...subject, starts, reached, hook: 1 << i }, subject.layout.hookEntry[i] as number)
  return reached
}

/** A walk from one hook. */
interface Walk extends Subject {
  readonly starts: Uint8Array
  readonly reached: Uint8Array
  /** The bit of the hook. */
  readonly hook: number
}

/** One chain of the walk: where it was entered, and the next entry to look at. */
interface Frame {
  readonly start: number
  at: number
}

function* walk(way: Walk, from: number): Sliced<void> {
  // An explicit stack: chains may be nested deeper than the call stack allows.
  const frames: Frame[] = [{ start: from, at: from }]
  let count = 0
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    if (++count % SLICE === 0) yield
    const destination = step(way, frame)
    if (destination === undefined) leave(way, frames.pop() as Frame)
    else if (destination >= 0) frames.push({ start: destination, at: destination })
  }
}

/**
 * Looks at one entry. A chain does not end where the next one starts: like a packet, the walk continues through the
 * next head.
 * @returns a chain to enter, -1 to continue in this one, undefined at the end.
 */
function step({ family, bytes, starts, reached, hook }: Walk, frame: Frame): number | undefined {
  const { at } = frame
  if (at >= bytes.length) refuse(frame.start, 'the chain runs off the end of the table', ERRNO.ELOOP)
  const mark = reached[at >> 3] as number
  if ((mark & ACTIVE) !== 0) refuse(at, 'the chains call each other in a loop', ERRNO.ELOOP, { parameter: 'target' })
  if ((mark & hook) !== 0) return undefined
  reached[at >> 3] = mark | hook | ACTIVE
  frame.at = at + nextOffset(family, bytes, at)
  const target = targetPart(family, bytes, at)
  if (!isStandard(bytes, target)) return -1
  const verdict = readVerdict(bytes, target)
  if (verdict < 0) return isUnconditional(family, bytes, at) ? undefined : -1
  if (verdict === frame.at) return -1
  if (!isStart(starts, bytes, verdict)) refuse(at, `no entry begins where the jump leads, byte ${verdict}`, ERRNO.ELOOP)
  return verdict
}

function leave({ family, bytes, reached }: Walk, frame: Frame): void {
  for (let at = frame.start; at < frame.at; at += nextOffset(family, bytes, at))
    reached[at >> 3] = (reached[at >> 3] as number) & ~ACTIVE
}

function checkExtensions(subject: Within, at: number, reached: number): void {
  const { family, bytes } = subject
  const rule = new PlacedEntry(subject, at, reached)
  for (const part of matchParts(family, bytes, at)) checkPayload('match', subject, at, rule, part)
  const target = targetPart(family, bytes, at)
  if (isStandard(bytes, target) || isErrorTarget(bytes, target)) checkBuiltinRevision(bytes, at, target)
  else checkPayload('target', subject, at, rule, target)
}

function checkBuiltinRevision(bytes: Uint8Array, at: number, target: Part): void {
  if (partRevision(bytes, target) === 0) return
  const name = isStandard(bytes, target) ? 'standard' : ERROR_TARGET
  refuse(at, `there is no target ${name} revision ${partRevision(bytes, target)}`, ERRNO.ENOENT)
}

function checkPayload(
  kind: 'match' | 'target',
  { family, bytes, options }: Within,
  at: number,
  rule: PlacedRule,
  part: Part,
): void {
  const header = headerOf(kind, family, bytes, part)
  if (header.nameBytes.length === EXTENSION_NAME_SIZE) refuse(at, `the name of a ${kind} is not terminated`)
  const known = structOf(header, bytes, part)
  if (known === undefined) {
    checkUnknown(kind, header, at, part, options)
    return
  }
  options.meet?.(known)
  const payload = payloadAt(part)
  const demand = brokenDemand(known.extension, rule)
  if (demand !== undefined) refuseExtension(known, at, demand)
  // Linux looks up the set before it checks the rest.
  const reason = known.variant.check?.(bytes, payload, rule)
  if (reason !== undefined) refuseExtension(known, at, reason)
}

function refuseExtension({ extension, variant }: Known, at: number, why: Reason): never {
  const { errno, parameter } = faultOf(why)
  refuse(at, faultText(extension, variant, why), errno, { extension: extension.name, parameter })
}

/** An unknown payload. If the revision is known, no kernel accepts it. */
function checkUnknown(
  kind: string,
  { name, revision, known }: Header,
  at: number,
  part: Part,
  { knownOnly }: VerifyOptions,
): void {
  const size = payloadSize(part)
  const what = `${kind} ${name} revision ${revision}`
  if (known.length === 0) {
    if (knownOnly) refuse(at, `there is no ${what}`, ERRNO.ENOENT, { extension: name })
    return
  }
  const wanted = known[0]?.variant.size
  if (known.every(({ variant }) => variant.size !== size))
    refuse(at, `${what} takes ${wanted} bytes, not ${size}`, ERRNO.EINVAL, { extension: name })
  refuse(at, `${what} has a wrong value in a field that accepts only one`, ERRNO.EINVAL, { extension: name })
}

/** The rule as extensions see it. There is one per entry, so everything is computed on demand. */
class PlacedEntry implements PlacedRule {
  readonly #subject: Within
  readonly #at: number
  readonly #reached: number
  #head: RuleHead | undefined

  constructor(subject: Within, at: number, reached: number) {
    this.#subject = subject
    this.#at = at
    this.#reached = reached
  }

  get #ruleHead(): RuleHead {
    this.#head ??= ruleHead(this.#subject.family, this.#subject.bytes, this.#at)
    return this.#head
  }

  get protocol(): number {
    return this.#ruleHead.protocol
  }

  get protocolNegated(): boolean {
    return this.#ruleHead.protocolNegated
  }

  get storedProtocol(): number {
    return this.#ruleHead.storedProtocol
  }

  get table(): string {
    return this.#subject.table
  }

  get hooks(): readonly Hook[] {
    return HOOKS.filter((hook) => (this.#reached & hookBit(hook)) !== 0)
  }

  get matches(): PlacedRule['matches'] {
    const { family, bytes } = this.#subject
    return matchParts(family, bytes, this.#at).map((part) => ({ name: partName(bytes, part), at: payloadAt(part) }))
  }

  hasSet(index: number): boolean {
    const { sets } = this.#subject.options
    return sets === undefined || sets.byIndex(index) !== undefined
  }
}

/**
 * The requirement of the extension that this rule does not meet. Linux checks the protocol of an IPv6 rule here even if
 * its flag is not set.
 */
export function brokenDemand(
  { demands }: Pick<Extension, 'demands'>,
  rule: Pick<PlacedRule, 'table' | 'hooks' | keyof RuleHead>,
): Reason | undefined {
  const { tables, hooks, protocols } = demands
  if (tables !== undefined && !tables.some((name) => name === rule.table)) return `only in table ${tables.join(' or ')}`
  const wrong = hooks === undefined ? [] : rule.hooks.filter((hook) => !hooks.includes(hook))
  if (wrong.length > 0)
    return `only in rules reached from ${hooks?.join(', ')}, and this one is reached from ${wrong.join(', ')}`
  if (protocols === undefined || isStoredProtocol(rule, protocols)) return undefined
  return needsProtocol(protocols)
}
