/**
 * Whether Linux would take these entries as a table: what `translate_table` and the extensions' `checkentry` look at.
 * Asked before every SET_REPLACE, so that a refusal comes with a reason, and by the in-process kernel.
 */
import { ERRNO } from '../abi/errno'
import type { Family } from '../abi/family'
import { HOOKS, hookBit, isTableName, TABLES, VERDICTS, verdictName } from '../abi/netfilter'
import { standardTarget } from '../abi/x-tables'
import { BlobError } from '../errors'
import { type Extension, isProtocol, type RuleHead } from '../extensions/extension'
import { identify, knownPayloads } from '../extensions/registry'
import {
  checkEntry,
  isErrorTarget,
  isStandard,
  isUnconditional,
  matchParts,
  type Part,
  partName,
  partRevision,
  payloadAt,
  payloadSize,
  readVerdict,
  targetPart,
} from './entry'
import type { Layout } from './read'

/** Something that the kernel refuses: the errno that it gives, and why. */
export class Refusal extends Error {
  readonly errno: number
  /** Where the entry at fault begins, in bytes. */
  readonly offset: number
  readonly reason: string

  constructor(errno: number, offset: number, reason: string) {
    super(`at byte ${offset}: ${reason}`)
    this.errno = errno
    this.offset = offset
    this.reason = reason
  }
}

function refuse(offset: number, reason: string, errno: number = ERRNO.EINVAL): never {
  throw new Refusal(errno, offset, reason)
}

export interface VerifyOptions {
  /** Refuse extensions that are not known here, as a kernel without them does. */
  readonly knownOnly?: boolean
}

/** @throws Refusal */
export function verify(
  family: Family,
  table: string,
  layout: Layout,
  bytes: Uint8Array,
  { knownOnly = false }: VerifyOptions = {},
): void {
  const starts = checkStructure(family, layout, bytes)
  checkHooks(family, table, layout, bytes, starts)
  const reached = markReached(family, layout, bytes, starts)
  for (let at = 0; at < bytes.length; at += sizeAt(family, bytes, at))
    checkExtensions(family, table, bytes, at, reached[at >> 3] as number, knownOnly)
}

const sizeAt = (family: Family, bytes: Uint8Array, at: number): number => family.entry.fields.nextOffset.read(bytes, at)

/** Per eight bytes, whether an entry begins there. */
function checkStructure(family: Family, layout: Layout, bytes: Uint8Array): Uint8Array {
  const starts = new Uint8Array((bytes.length >> 3) + 1)
  let count = 0
  for (let at = 0; at < bytes.length; count++) {
    starts[at >> 3] = 1
    at += checkBounds(family, bytes, at)
  }
  if (count !== layout.numEntries) refuse(0, `${count} entries where ${layout.numEntries} are said to be`)
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
  if ((fields.flags.read(bytes, at) & ~flagsMask) !== 0) refuse(at, 'flags that the kernel does not know')
  if ((fields.invflags.read(bytes, at) & ~invflagsMask) !== 0) refuse(at, 'inversions that the kernel does not know')
}

function checkBuiltinTarget(bytes: Uint8Array, at: number, target: Part): void {
  if (isErrorTarget(bytes, target) && target.size !== 64) refuse(at, 'an ERROR target of the wrong size')
  if (!isStandard(bytes, target)) return
  if (target.size !== standardTarget.size) refuse(at, 'a standard target of the wrong size')
  const verdict = readVerdict(bytes, target)
  if (verdict < 0 && verdictName(verdict) === undefined) refuse(at, `there is no verdict ${verdict}`)
}

function checkHooks(family: Family, table: string, layout: Layout, bytes: Uint8Array, starts: Uint8Array): void {
  if (!isTableName(table)) refuse(0, `there is no table ${table}`, ERRNO.ENOENT)
  const wanted = TABLES[table].reduce((mask, hook) => mask | hookBit(hook), 0)
  if (layout.validHooks !== wanted) refuse(0, `table ${table} has other hooks`)
  for (const hook of TABLES[table]) {
    const i = HOOKS.indexOf(hook)
    const [first, policy] = [layout.hookEntry[i] as number, layout.underflow[i] as number]
    if (!isStart(starts, bytes, first)) refuse(first, `no entry begins where ${hook} should`)
    if (!isStart(starts, bytes, policy)) refuse(policy, `no entry begins where the policy of ${hook} should`)
    checkPolicy(family, bytes, policy, hook)
  }
}

const isStart = (starts: Uint8Array, bytes: Uint8Array, at: number): boolean =>
  at >= 0 && at < bytes.length && at % 8 === 0 && starts[at >> 3] === 1

function checkPolicy(family: Family, bytes: Uint8Array, at: number, hook: string): void {
  const target = targetPart(family, bytes, at)
  const verdict = isStandard(bytes, target) ? readVerdict(bytes, target) : undefined
  if (!isUnconditional(family, bytes, at) || (verdict !== VERDICTS.ACCEPT && verdict !== VERDICTS.DROP))
    refuse(at, `the policy of ${hook} is not ACCEPT or DROP`)
}

/** Set on an entry while the walk is in the chain that holds it, beside the bits of the hooks. */
const ACTIVE = 0x80

/**
 * Walks from every hook along the jumps.
 * @returns per eight bytes, the hooks from which the entry there is reached.
 */
function markReached(family: Family, layout: Layout, bytes: Uint8Array, starts: Uint8Array): Uint8Array {
  const reached = new Uint8Array((bytes.length >> 3) + 1)
  HOOKS.forEach((_, i) => {
    if ((layout.validHooks & (1 << i)) !== 0)
      walk(family, bytes, starts, reached, layout.hookEntry[i] as number, 1 << i)
  })
  return reached
}

/** One chain on the walk: where it was entered, and the entry to look at next. */
interface Frame {
  readonly start: number
  at: number
}

function walk(
  family: Family,
  bytes: Uint8Array,
  starts: Uint8Array,
  reached: Uint8Array,
  from: number,
  hook: number,
): void {
  // A stack of our own: chains may be nested deeper than calls can be.
  const frames: Frame[] = [{ start: from, at: from }]
  for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
    const destination = step(family, bytes, starts, reached, frame, hook)
    if (destination === undefined) leave(family, bytes, reached, frames.pop() as Frame)
    else if (destination >= 0) frames.push({ start: destination, at: destination })
  }
}

/** Looks at one entry. @returns a chain to enter, -1 to go on in this one, undefined where it ends. */
function step(
  family: Family,
  bytes: Uint8Array,
  starts: Uint8Array,
  reached: Uint8Array,
  frame: Frame,
  hook: number,
): number | undefined {
  const { at } = frame
  if (at >= bytes.length) return undefined
  const mark = reached[at >> 3] as number
  if ((mark & ACTIVE) !== 0) refuse(at, 'the chains call each other in a loop', ERRNO.ELOOP)
  if ((mark & hook) !== 0) return undefined
  reached[at >> 3] = mark | hook | ACTIVE
  frame.at = at + sizeAt(family, bytes, at)
  const target = targetPart(family, bytes, at)
  if (!isStandard(bytes, target)) return isErrorTarget(bytes, target) ? undefined : -1
  const verdict = readVerdict(bytes, target)
  if (verdict < 0) return isUnconditional(family, bytes, at) ? undefined : -1
  if (verdict === frame.at) return -1
  if (!isStart(starts, bytes, verdict)) refuse(at, `no entry begins where the jump leads, byte ${verdict}`, ERRNO.ELOOP)
  return verdict
}

function leave(family: Family, bytes: Uint8Array, reached: Uint8Array, frame: Frame): void {
  for (let at = frame.start; at < frame.at; at += sizeAt(family, bytes, at))
    reached[at >> 3] = (reached[at >> 3] as number) & ~ACTIVE
}

function checkExtensions(
  family: Family,
  table: string,
  bytes: Uint8Array,
  at: number,
  reached: number,
  knownOnly: boolean,
): void {
  const parts = matchParts(family, bytes, at)
  const target = targetPart(family, bytes, at)
  const isBuiltin = isStandard(bytes, target) || isErrorTarget(bytes, target)
  if (parts.length === 0 && isBuiltin) return
  const head = headOf(family, bytes, at)
  for (const part of parts) checkPayload('match', family, table, bytes, at, part, head, reached, knownOnly)
  if (!isBuiltin) checkPayload('target', family, table, bytes, at, target, head, reached, knownOnly)
}

/** The protocol of a rule; IPv6 ignores it where no flag says that it counts. */
function headOf({ name, entry: { fields } }: Family, bytes: Uint8Array, at: number): RuleHead {
  const counts = name === 'ipv4' || (fields.flags.read(bytes, at) & 0x01) !== 0
  return {
    protocol: counts ? fields.proto.read(bytes, at) : 0,
    protocolNegated: (fields.invflags.read(bytes, at) & 0x40) !== 0,
  }
}

function checkPayload(
  kind: 'match' | 'target',
  family: Family,
  table: string,
  bytes: Uint8Array,
  at: number,
  part: Part,
  head: RuleHead,
  reached: number,
  knownOnly: boolean,
): void {
  const name = partName(bytes, part)
  const revision = partRevision(bytes, part)
  const known = identify(kind, family.name, name, revision, bytes, payloadAt(part), payloadSize(part))
  if (known === undefined) {
    const sizes = knownPayloads(kind, family.name, name, revision).map(({ variant }) => variant.size)
    if (sizes.length > 0 && !sizes.includes(payloadSize(part)))
      refuse(at, `${kind} ${name} revision ${revision} takes ${sizes[0]} bytes, not ${payloadSize(part)}`)
    if (sizes.length === 0 && knownOnly) refuse(at, `there is no ${kind} ${name} revision ${revision}`, ERRNO.ENOENT)
    return
  }
  const reason =
    brokenDemand(known.extension, table, head, reached) ?? known.variant.check?.(bytes, payloadAt(part), head)
  if (reason !== undefined) refuse(at, `${kind} ${known.extension.name}: ${reason}`)
}

/** What the extension demands of rules in general and this one does not meet. */
function brokenDemand({ demands }: Extension, table: string, head: RuleHead, reached: number): string | undefined {
  const { tables, hooks, protocols } = demands
  if (tables !== undefined && !tables.some((name) => name === table)) return `only in table ${tables.join(' or ')}`
  if (protocols !== undefined && !isProtocol(head, protocols)) return `needs -p ${protocols.join(' or ')}`
  const allowed = hooks?.reduce((mask, hook) => mask | hookBit(hook), 0)
  if (allowed !== undefined && (reached & ~allowed) !== 0) {
    const wrong = HOOKS.filter((hook) => (reached & ~allowed & hookBit(hook)) !== 0)
    return `only in rules reached from ${hooks?.join(', ')}, and this one is reached from ${wrong.join(', ')}`
  }
  return undefined
}
