/** Whether two rules say the same: a comparison of bytes under the mask of what is visible to users. */
import type { Family } from '../abi/family'
import type { Field } from '../binary/codec'
import type { Variant } from '../extensions/extension'
import { matchParts, nextOffset, type Part, payloadAt, payloadSize, targetOffset, targetPart } from './entry'
import { HEADS } from './head'
import { headerOf, structOf } from './identify'
import type { Entry } from './ruleset'

/** Compares `visible.length` bytes, or all of `size` where nothing is hidden. */
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

/** Of an interface's name, only what its mask covers counts: some write a wildcard's + behind that, and some do not. */
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
  const header = payloadAt(part) - part.at
  if (!sameBytes(a, part.at, b, part.at, header)) return false
  const at = payloadAt(part)
  return sameBytes(a, at, b, at, payloadSize(part), variantOf(kind, family, a, part)?.visible)
}

/**
 * Counters and what only the kernel uses do not count; the order of matches does. Both rules must name ipsets in the
 * same namespace.
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
 * Whether an entry is unchanged since it was read, as far as users can tell. Cheaper than {@link sameRule}: what the
 * kernel hides, it hands out the same each time.
 */
export function sameEntry(family: Family, one: Entry, other: Entry): boolean {
  const [a, b] = [one.bytes, other.bytes]
  const { nfcache } = family.entry.fields
  if (a.length !== b.length || one.jump !== other.jump) return false
  if (!sameBytes(a, 0, b, 0, nfcache.offset) || targetOffset(family, a, 0) !== targetOffset(family, b, 0)) return false
  const end = one.jump === undefined ? a.length : targetOffset(family, a, 0)
  return sameBytes(a, family.entrySize, b, family.entrySize, end - family.entrySize)
}
