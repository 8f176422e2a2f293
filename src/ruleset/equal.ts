/** Compares rules: their bytes under the mask of what is visible to users. */
import type { Family } from '../abi/family'
import { entryMatch } from '../abi/x-tables'
import type { Field } from '../binary/codec'
import type { Variant } from '../extensions/extension'
import type { Sliced } from '../time-slices'
import { sameWords, wordsOf } from './compare-bytes'
import {
  matchParts,
  nextOffset,
  type Part,
  partName,
  partRevision,
  payloadAt,
  payloadSize,
  targetOffset,
  targetPart,
} from './entry'
import { headerOf, structOf } from './identify'
import { countOf, GOES_ON, type KernelEntries } from './kernel-entries'
import { HEADS } from './rule-head'
import type { Rules } from './rules'
import { canonicalOf, type Ruleset } from './ruleset'
import type { Entry } from './table-entry'

const NAME = entryMatch.fields.name.offset

/** Compares `visible.length` bytes, or `size` bytes if nothing is hidden. */
function sameBytes(
  a: Uint8Array,
  aAt: number,
  b: Uint8Array,
  bAt: number,
  size: number,
  visible?: Uint8Array,
): boolean {
  for (let i = 0; i < size; i++)
    if (a[aAt + i] !== b[bAt + i] && (visible === undefined || visible[i] === 1)) return false
  return true
}

/**
 * Only the part of an interface name under its mask counts: some programs write the + of a wildcard after that, others
 * do not.
 */
function sameHead(family: Family, a: Uint8Array, b: Uint8Array): boolean {
  const { visible } = HEADS[family.name].variant
  const { iniface, inifaceMask, outiface, outifaceMask } = family.entry.fields
  const covered = ({ offset, size }: Field<unknown>, mask: Field<unknown>, i: number): boolean =>
    i < offset || i >= offset + size || a[mask.offset + i - offset] !== 0
  for (let i = 0; i < family.entrySize; i++)
    if (a[i] !== b[i] && visible[i] === 1 && covered(iniface, inifaceMask, i) && covered(outiface, outifaceMask, i))
      return false
  return true
}

const variantOf = (kind: 'match' | 'target', family: Family, bytes: Uint8Array, part: Part): Variant | undefined =>
  structOf(headerOf(kind, family, bytes, part), bytes, part)?.variant

function sameParts(kind: 'match' | 'target', family: Family, a: Uint8Array, b: Uint8Array, part: Part): boolean {
  // The bytes after the name are arbitrary.
  if (!sameBytes(a, part.at, b, part.at, NAME)) return false
  if (partName(a, part) !== partName(b, part) || partRevision(a, part) !== partRevision(b, part)) return false
  const at = payloadAt(part)
  return sameBytes(a, at, b, at, payloadSize(part), variantOf(kind, family, a, part)?.visible)
}

/**
 * Ignores counters and kernel-internal bytes; the order of matches counts. Both rules must refer to ipsets of the same
 * namespace.
 */
export function sameRule(family: Family, one: Entry, other: Entry): boolean {
  const [a, b] = [one.bytes, other.bytes]
  if (a.length !== b.length || one.jump !== other.jump) return false
  if (
    targetOffset(family, a, 0) !== targetOffset(family, b, 0) ||
    nextOffset(family, a, 0) !== nextOffset(family, b, 0)
  )
    return false
  if (!sameHead(family, a, b)) return false
  const ends = matchParts(family, b, 0)
  if (
    !matchParts(family, a, 0).every((part, i) => part.size === ends[i]?.size && sameParts('match', family, a, b, part))
  )
    return false
  return one.jump !== undefined || sameParts('target', family, a, b, targetPart(family, a, 0))
}

/**
 * Whether an entry is unchanged since it was read, as far as users can tell. Cheaper than {@link sameRule}: the kernel
 * returns the same hidden bytes each time.
 */
export function sameEntry(family: Family, one: Entry, other: Entry): boolean {
  const [a, b] = [one.bytes, other.bytes]
  const { nfcache } = family.entry.fields
  if (a.length !== b.length || one.jump !== other.jump) return false
  if (!sameBytes(a, 0, b, 0, nfcache.offset) || targetOffset(family, a, 0) !== targetOffset(family, b, 0)) return false
  const end = one.jump === undefined ? a.length : targetOffset(family, a, 0)
  return sameBytes(a, family.entrySize, b, family.entrySize, end - family.entrySize)
}

/** The index of the first equal rule in a chain, or -1. */
export function findRule(ruleset: Pick<Ruleset, 'family' | 'canonical'>, rules: Rules, wanted: Entry): number {
  const rule = canonicalOf(ruleset, wanted)
  const { image, refs } = rules
  return refs.findIndex((ref, index) => {
    if (typeof ref === 'number' && !isLike(image as KernelEntries, ref, rule)) return false
    return sameRule(ruleset.family, rule, rules.at(index) as Entry)
  })
}

/** A quick test of length and addresses, which rejects most rules. */
function isLike({ family, bytes, starts }: KernelEntries, number: number, rule: Entry): boolean {
  const at = starts[number] as number
  if ((starts[number + 1] as number) - at !== rule.bytes.length) return false
  return sameBytes(bytes, at, rule.bytes, 0, 2 * family.addressSize)
}

/**
 * Whether two snapshots of a table have the same entries, in the sense of {@link sameEntry}. It compares words and
 * creates no objects: a commit reads a large table again only to see that it has not changed.
 */
export function* sameImage(one: KernelEntries, other: KernelEntries): Sliced<boolean> {
  if (one.starts.length !== other.starts.length || !one.starts.every((at, i) => at === other.starts[i])) return false
  if (!one.destinations.every((to, i) => to === other.destinations[i])) return false
  if (!one.names.every((name, i) => name === other.names[i])) return false
  const [a, b] = [wordsOf(one.bytes), wordsOf(other.bytes)]
  const count = countOf(one)
  for (let from = 0; from < count; from += SLICE) {
    if (!sameEntries(one, a, other, b, from, Math.min(from + SLICE, count))) return false
    yield
  }
  return true
}

/** Number of entries compared per slice. */
const SLICE = 4096

function sameEntries(
  one: KernelEntries,
  a: Int32Array,
  other: KernelEntries,
  b: Int32Array,
  from: number,
  end: number,
): boolean {
  const { family, starts, destinations } = one
  const [head, tail] = [family.entry.fields.nfcache.offset >> 2, family.entrySize >> 2]
  for (let i = from; i < end; i++) {
    const at = (starts[i] as number) >> 2
    const isVerdict = (destinations[i] as number) >= 0 || destinations[i] === GOES_ON
    const size = isVerdict ? targetOffset(family, one.bytes, at << 2) >> 2 : ((starts[i + 1] as number) >> 2) - at
    if (!sameWords(a, at, b, at, head) || !sameWords(a, at + tail, b, at + tail, size - tail)) return false
    if (targetOffset(family, one.bytes, at << 2) !== targetOffset(family, other.bytes, at << 2)) return false
  }
  return true
}
