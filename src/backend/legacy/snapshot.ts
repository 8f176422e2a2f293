/** A table of the kernel at one moment, from which edits start and with which later snapshots are compared. */
import { sameEntry, sameImage } from '../../ruleset/equal'
import { countOf } from '../../ruleset/kernel-entries'
import { entriesOf, type Ruleset, refsOf } from '../../ruleset/ruleset'
import type { Ref } from '../../ruleset/table-entry'
import type { Sliced } from '../../time-slices'

export interface Snapshot {
  readonly ruleset: Ruleset
  /** Number of entries. */
  readonly count: number
  /** The index of an entry in the table, from 0; undefined if the table does not have it. */
  placeOf(ref: Ref): number | undefined
  /** Whether it was read, and not written. The numbers of its entries are then their indexes in the table. */
  readonly isReading: boolean
  /** Whether it serves a single edit, so that the new table may overwrite its memory. */
  readonly isPrivate: boolean
}

/** The snapshot of a table that was read. */
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

/** The snapshot of a table that was written. */
export function writtenOf(ruleset: Ruleset): Snapshot {
  const places = new Map<Ref, number>()
  for (const ref of refsOf(ruleset)) places.set(ref, places.size)
  return { ruleset, count: places.size, placeOf: (ref) => places.get(ref), isReading: false, isPrivate: false }
}

/** Whether two snapshots of a table are equal, apart from counters. */
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
