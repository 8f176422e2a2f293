/** Three lists of one origin: what one side has changed in it is made in what another has made of it. */
import { longestCommon } from '../ruleset/subsequence'

type List = readonly number[]

/**
 * @param base what both sides began with
 * @param theirs what one side has made of it: all that they put in or took out stays so
 * @param ours what the other side has made of it
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

/** Between two elements that all three have. */
function ofGap(base: List, theirs: List, ours: List): List {
  if (isSame(theirs, base)) return ours
  if (isSame(ours, base) || isSame(ours, theirs)) return theirs
  return woven(
    without(theirs, without(base, ours)),
    without(ours, without(base, theirs)),
    leadOf(theirs, [...base, ...ours]),
  )
}

/** How many elements there are before the first that others know. */
function leadOf(list: List, others: List): number {
  const lead = list.findIndex((one) => others.includes(one))
  return lead < 0 ? list.length : lead
}

/** Both lists in their order, what they have in common once; of what stands at the same place, `ours` first but for the lead. */
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

/** Whether `known` has it no more: each is known once. */
function isNew(id: number, known: number[]): boolean {
  const at = known.indexOf(id)
  if (at >= 0) known.splice(at, 1)
  return at < 0
}

const isSame = (one: List, other: List): boolean => one.length === other.length && one.every((id, i) => id === other[i])

/** Each element of `minus` takes out one that is equal. */
function without(list: List, minus: List): number[] {
  const counts = new Map<number, number>()
  for (const one of minus) counts.set(one, (counts.get(one) ?? 0) + 1)
  return list.filter((one) => {
    const count = counts.get(one) ?? 0
    counts.set(one, count - 1)
    return count <= 0
  })
}
