/** Three-way merge of lists: applies one side's changes to the other side's list. */
import { longestCommon } from '../ruleset/subsequence'

type List = readonly number[]

/**
 * @param base the common origin
 * @param theirs one side's list: all of its additions and removals are kept
 * @param ours the other side's list
 */
export function merged(base: List, theirs: List, ours: List): number[] {
  const [inTheirs, inOurs] = [longestCommon(theirs, base), longestCommon(ours, base)]
  const result: number[] = []
  let [b, t, o] = [0, 0, 0]
  for (let end = 0; end <= base.length; end++) {
    const [endTheirs, endOurs] =
      end === base.length ? [theirs.length, ours.length] : [inTheirs[end] as number, inOurs[end] as number]
    if (endTheirs < 0 || endOurs < 0) continue
    result.push(...ofGap(base.slice(b, end), theirs.slice(t, endTheirs), ours.slice(o, endOurs)))
    if (end < base.length) result.push(base[end] as number)
    ;[b, t, o] = [end + 1, endTheirs + 1, endOurs + 1]
  }
  return result
}

/** Merges between two elements that all three lists have. */
function ofGap(base: List, theirs: List, ours: List): List {
  if (isSame(theirs, base)) return ours
  if (isSame(ours, base) || isSame(ours, theirs)) return theirs
  return woven(
    without(theirs, without(base, ours)),
    without(ours, without(base, theirs)),
    leadOf(theirs, [...base, ...ours]),
  )
}

/** The number of elements before the first that `others` has. */
function leadOf(list: List, others: List): number {
  const lead = list.findIndex((one) => others.includes(one))
  return lead < 0 ? list.length : lead
}

/**
 * Interleaves both lists in order, common elements once. At the same place, `ours` comes first, except for the lead.
 */
function woven(theirs: List, ours: List, lead: number): number[] {
  const places = longestCommon(theirs, ours)
  const common = new Set(places)
  const known = ours.filter((_, i) => (places[i] as number) < 0)
  const extras = theirs.map((id, i) => (common.has(i) || !isNew(id, known) ? undefined : id))
  const upTo = (from: number, to: number): number[] => extras.slice(from, to).filter((id) => id !== undefined)
  const result = upTo(0, lead)
  let next = lead
  ours.forEach((id, i) => {
    const place = places[i] as number
    if (place >= next) {
      result.push(...upTo(next, place))
      next = place + 1
    }
    result.push(id)
  })
  return [...result, ...upTo(next, theirs.length)]
}

/** Whether `known` does not have it (any more): each occurrence counts once. */
function isNew(id: number, known: number[]): boolean {
  const at = known.indexOf(id)
  if (at >= 0) known.splice(at, 1)
  return at < 0
}

const isSame = (one: List, other: List): boolean => one.length === other.length && one.every((id, i) => id === other[i])

/** Removes one equal element for each element of `minus`. */
function without(list: List, minus: List): number[] {
  const counts = new Map<number, number>()
  for (const one of minus) counts.set(one, (counts.get(one) ?? 0) + 1)
  return list.filter((one) => {
    const count = counts.get(one) ?? 0
    counts.set(one, count - 1)
    return count <= 0
  })
}
