/** A table as it is in the kernel: what edits are made on, and compared with. */
import { sameEntry, sameImage } from '../../ruleset/equal'
import { countOf } from '../../ruleset/kernel-entries'
import { entriesOf, type Ruleset, refsOf } from '../../ruleset/ruleset'
import type { Ref } from '../../ruleset/table-entry'
import type { Sliced } from '../../time-slices'

export interface Snapshot {
  readonly ruleset: Ruleset
  /** How many entries it has. */
  readonly count: number
  /** Which entry of the table this is, counted from 0; undefined for what is new. */
  placeOf(ref: Ref): number | undefined
  /** Whether all of it is as it was read. */
  readonly isReading: boolean
  /** Whether nobody else will look at it once an edit has been made of it, so that its memory can be written over. */
  readonly isPrivate: boolean
}

/** A table as it was read. */
export function readingOf(ruleset: Ruleset, isPrivate = false): Snapshot {
  const { image } = ruleset
  if (image === undefined) return writtenOf(ruleset)
  return {
    ruleset,
    count: countOf(image),
    placeOf: (ref) => (typeof ref === 'number' ? ref : image.objects.get(ref)),
    isReading: true,
    isPrivate,
  }
}

/** A table as it was written. */
export function writtenOf(ruleset: Ruleset): Snapshot {
  const places = new Map<Ref, number>()
  for (const ref of refsOf(ruleset)) places.set(ref, places.size)
  return { ruleset, count: places.size, placeOf: (ref) => places.get(ref), isReading: false, isPrivate: false }
}

/** Whether two snapshots of a table say the same, counters aside. */
export function* unchanged(before: Snapshot, now: Snapshot): Sliced<boolean> {
  const [one, other] = [before.ruleset, now.ruleset]
  if (before.count !== now.count) return false
  if (before.isReading && now.isReading && one.image !== undefined && other.image !== undefined)
    return yield* sameImage(one.image, other.image)
  const others = entriesOf(other)
  for (const entry of entriesOf(one)) {
    const { value } = others.next()
    if (value === undefined || !sameEntry(one.family, entry, value)) return false
  }
  return true
}
