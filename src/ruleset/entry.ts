/**
 * One `ipt_entry` or `ip6t_entry` in a buffer: head, matches, target. It reads the few header bytes it needs directly,
 * because every rule of every table passes through here.
 */
import type { Family } from '../abi/family'
import {
  align,
  CHAIN_NAME_SIZE,
  ERROR_TARGET,
  EXTENSION_NAME_SIZE,
  entryMatch,
  errorTarget,
  standardTarget,
  XT_ALIGN,
} from '../abi/x-tables'
import { s32, u16, u64 } from '../binary/codec'
import { Slab } from '../binary/slab'
import type { Extent } from '../binary/struct'
import { readText, writeText } from '../binary/text'
import { BlobError, XtablesError } from '../errors'

const HEADER = entryMatch.size
const NAME = entryMatch.fields.name.offset
const REVISION = entryMatch.fields.revision.offset
const VERDICT = standardTarget.fields.verdict.offset
const ERROR_NAME = errorTarget.fields.errorname.offset

/** A match or target in place: offset of its header, and its size including the header. */
export interface Part {
  readonly at: number
  readonly size: number
}

/** Offset of the payload. */
export const payloadAt = (part: Part): number => part.at + HEADER
export const payloadSize = (part: Part): number => part.size - HEADER

export const partName = (bytes: Uint8Array, part: Part): string => readText(bytes, part.at + NAME, EXTENSION_NAME_SIZE)
export const partRevision = (bytes: Uint8Array, part: Part): number => bytes[part.at + REVISION] as number

/** Offset of the target in the entry at `at`, and of the next entry. */
export const targetOffset = (family: Family, bytes: Uint8Array, at: number): number =>
  u16.read(bytes, at + family.entry.fields.targetOffset.offset)
export const nextOffset = (family: Family, bytes: Uint8Array, at: number): number =>
  u16.read(bytes, at + family.entry.fields.nextOffset.offset)

/** The matches of the entry at `at`, in order. The entry has been checked. */
export function matchParts(family: Family, bytes: Uint8Array, at: number): Part[] {
  const parts: Part[] = []
  const end = at + targetOffset(family, bytes, at)
  for (let next = at + family.entrySize; next < end; ) {
    const size = u16.read(bytes, next)
    parts.push({ at: next, size })
    next += size
  }
  return parts
}

export function targetPart(family: Family, bytes: Uint8Array, at: number): Part {
  const target = at + targetOffset(family, bytes, at)
  return { at: target, size: u16.read(bytes, target) }
}

/** Whether the target is the standard target, which holds a verdict; its name is empty. */
export const isStandard = (bytes: Uint8Array, target: Part): boolean => bytes[target.at + NAME] === 0

const E = ERROR_TARGET.charCodeAt(0)
export const isErrorTarget = (bytes: Uint8Array, target: Part): boolean =>
  bytes[target.at + NAME] === E && partName(bytes, target) === ERROR_TARGET

/** Offset and size of the verdict. */
export const verdictExtent = (target: Pick<Part, 'at'>): Extent => ({ offset: target.at + VERDICT, size: s32.size })
export const readVerdict = (bytes: Uint8Array, target: Part): number => s32.read(bytes, target.at + VERDICT)
export const writeVerdict = (bytes: Uint8Array, target: Part, verdict: number): void =>
  s32.write(bytes, target.at + VERDICT, verdict)

/** Whether the entry at `at` jumps without returning (`-g`). */
export const isGoto = (family: Family, bytes: Uint8Array, at = 0): boolean =>
  (family.entry.fields.flags.read(bytes, at) & family.gotoFlag) !== 0

export const errorName = (bytes: Uint8Array, target: Part): string =>
  readText(bytes, target.at + ERROR_NAME, CHAIN_NAME_SIZE)

/**
 * Packet and byte counters, in this order.
 * @since 0.1.0
 */
export type Counters = readonly [packets: bigint, bytes: bigint]

export const readCounters = (family: Family, bytes: Uint8Array, at = 0): Counters => [
  u64.read(bytes, at + family.entry.fields.pcnt.offset),
  u64.read(bytes, at + family.entry.fields.bcnt.offset),
]
export function writeCounters(family: Family, bytes: Uint8Array, [packets, byteCount]: Counters): void {
  family.entry.fields.pcnt.write(bytes, 0, packets)
  family.entry.fields.bcnt.write(bytes, 0, byteCount)
}

/** Whether the entry matches every packet: every visible byte of the head is 0, and it has no match. */
export function isUnconditional(family: Family, bytes: Uint8Array, at: number): boolean {
  if (targetOffset(family, bytes, at) !== family.entrySize) return false
  const end = at + family.entry.fields.nfcache.offset
  for (let i = at; i < end; i++) if (bytes[i] !== 0) return false
  return true
}

/** A header and its payload. The size of the payload is a multiple of eight. */
export function buildPart(name: string, revision: number, payload: Uint8Array): Uint8Array {
  const size = HEADER + align(payload.length)
  if (size > MAX_ENTRY)
    throw new XtablesError('XT_BAD_VALUE', `${name} can have at most ${MAX_ENTRY} bytes, but has ${size}`, {
      extension: name,
      value: size,
    })
  const part = new Uint8Array(size)
  u16.write(part, 0, part.length)
  writeText(part, NAME, EXTENSION_NAME_SIZE, name)
  part[REVISION] = revision
  part.set(payload, HEADER)
  return part
}

/** The standard target with a verdict. A jump gets its offset when the table is laid out. */
export function buildVerdict(verdict: number): Uint8Array {
  const part = buildPart('', 0, new Uint8Array(standardTarget.size - HEADER))
  writeVerdict(part, { at: 0, size: part.length }, verdict)
  return part
}

/** Entry sizes are 16-bit numbers, and aligned. */
const MAX_ENTRY = 0xfff8

/** Rules that are made together are usually read together. A slab is small, because a single rule may keep it alive. */
const slab = new Slab(1 << 13)

/** Builds an entry. `head` is the family's entry struct, complete except for the two offsets. */
export function buildEntry(
  family: Family,
  head: Uint8Array,
  matches: readonly Uint8Array[],
  target: Uint8Array,
): Uint8Array {
  const atTarget = matches.reduce((sum, match) => sum + match.length, family.entrySize)
  const size = atTarget + target.length
  if (size > MAX_ENTRY)
    throw new XtablesError(
      'XT_BAD_VALUE',
      `a rule can have at most ${MAX_ENTRY} bytes, but this one has ${size}; split it into several rules`,
      {
        extension: 'rule',
        value: size,
      },
    )
  const bytes = slab.take(size)
  bytes.set(head.subarray(0, family.entrySize))
  let at = family.entrySize
  for (const part of [...matches, target]) {
    bytes.set(part, at)
    at += part.length
  }
  family.entry.fields.targetOffset.write(bytes, 0, atTarget)
  family.entry.fields.nextOffset.write(bytes, 0, bytes.length)
  return bytes
}

const unconditional = (family: Family, target: Uint8Array): Uint8Array =>
  buildEntry(family, new Uint8Array(family.entrySize), [], target)

/** The entry that starts a user-defined chain, or with the name `ERROR` ends a table. */
export function buildErrorEntry(family: Family, name: string): Uint8Array {
  const payload = new Uint8Array(errorTarget.size - HEADER)
  writeText(payload, 0, CHAIN_NAME_SIZE, name)
  return unconditional(family, buildPart(ERROR_TARGET, 0, payload))
}

/** The entry that ends a chain: its policy (underflow), or RETURN. */
export const buildVerdictEntry = (family: Family, verdict: number): Uint8Array =>
  unconditional(family, buildVerdict(verdict))

/**
 * Checks that the entry at `at` and its parts lie within the buffer, as far as Linux does. Linux allows meaningless
 * bytes after a target, and any number of them in the last entry of a table.
 * @returns the size of the entry.
 * @throws BlobError
 */
export function checkEntry(family: Family, bytes: Uint8Array, at: number): number {
  if (at % XT_ALIGN !== 0) throw new BlobError(at, `an entry cannot begin at a place that ${XT_ALIGN} does not divide`)
  if (at + family.entrySize + HEADER > bytes.length) throw new BlobError(at, 'the entry is cut off')
  const target = targetOffset(family, bytes, at)
  const size = nextOffset(family, bytes, at)
  if (target < family.entrySize || target % XT_ALIGN !== 0)
    throw new BlobError(at, `the target cannot be at offset ${target}`)
  if (size < target + HEADER) throw new BlobError(at, `the entry cannot be ${size} bytes long`)
  if (at + size > bytes.length) throw new BlobError(at, `the entry of ${size} bytes is cut off`)
  checkMatches(bytes, at + family.entrySize, at + target)
  checkTarget(bytes, at + target, size - target)
  return size
}

function checkMatches(bytes: Uint8Array, first: number, end: number): void {
  for (let at = first; at < end; ) {
    const size = at + HEADER <= end ? u16.read(bytes, at) : 0
    if (size < HEADER || size % XT_ALIGN !== 0 || at + size > end)
      throw new BlobError(at, `a match cannot be ${size} bytes long`)
    at += size
  }
}

/** @param room the number of bytes from the target to the end of its entry. */
function checkTarget(bytes: Uint8Array, at: number, room: number): void {
  const size = u16.read(bytes, at)
  if (size < HEADER || size > room) throw new BlobError(at, `a target cannot be ${size} bytes long`)
  const target = { at, size }
  if (isStandard(bytes, target) && (size !== standardTarget.size || room !== size))
    throw new BlobError(at, `a standard target cannot be ${size} bytes long, with ${room - size} behind it`)
  if (isErrorTarget(bytes, target) && size !== errorTarget.size)
    throw new BlobError(at, `an ERROR target cannot be ${size} bytes long`)
}
