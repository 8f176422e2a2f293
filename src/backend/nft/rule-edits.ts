/** Computes the edits that turn the rules of a chain into others: which to delete, and which to add where. */
import type { Family } from '../../abi/family'
import { readCounters } from '../../ruleset/entry'
import type { Rules } from '../../ruleset/rules'
import { longestIncreasing } from '../../ruleset/subsequence'
import type { Entry, Ref } from '../../ruleset/table-entry'

/** The kernel's handle of a rule; undefined if the kernel does not have the rule. */
export type HandleOf = (ref: Ref) => number | undefined

export interface AddedRule {
  readonly entry: Entry
  readonly position: number
  /** The handle of the rule that it is inserted before; undefined if it is appended. */
  readonly before: number | undefined
}

export interface RuleEdits {
  /** Handles of the deleted rules. */
  readonly removed: readonly number[]
  readonly added: readonly AddedRule[]
  /** Rules that stay, but are new entries in the ruleset, with their handles: for example, jumps to a renamed chain. */
  readonly kept: readonly (readonly [Entry, number])[]
}

const NOTHING: RuleEdits = { removed: [], added: [], kept: [] }

/**
 * @param before undefined for a new chain
 * @param remade chains that are deleted and created again instead of renamed. Rules that jump to them are replaced.
 */
export function ruleEdits(
  family: Family,
  before: Rules | undefined,
  after: Rules,
  handleOf: HandleOf,
  remade: ReadonlySet<string>,
): RuleEdits {
  if (before === after) return NOTHING
  const [old, now] = [before?.refs ?? [], after.refs]
  const start = commonStart(old, now)
  const end = commonEnd(old, now, start)
  const goesAnew = (ref: Ref): boolean => typeof ref !== 'number' && remade.has(ref.jump ?? '')
  const handleNow: HandleOf = (ref) => (goesAnew(ref) ? undefined : sameRule(family, ref, handleOf))
  return middleEdits(old.slice(start, old.length - end), after, { start, end }, handleOf, handleNow)
}

/** Number of equal rules at the start. */
function commonStart(old: readonly Ref[], now: readonly Ref[]): number {
  const most = Math.min(old.length, now.length)
  let count = 0
  while (count < most && old[count] === now[count]) count++
  return count
}

function commonEnd(old: readonly Ref[], now: readonly Ref[], start: number): number {
  const most = Math.min(old.length, now.length) - start
  let count = 0
  while (count < most && old[old.length - 1 - count] === now[now.length - 1 - count]) count++
  return count
}

function middleEdits(
  old: readonly Ref[],
  after: Rules,
  { start, end }: { start: number; end: number },
  handleOf: HandleOf,
  handleNow: HandleOf,
): RuleEdits {
  const { refs } = after
  const places = new Map(old.map((ref, i) => [handleOf(ref), i]))
  const handles = refs.slice(start, refs.length - end).map((ref) => handleNow(ref))
  const known = [...handles.keys()].filter((i) => handles[i] !== undefined && places.has(handles[i]))
  // Rules that changed their order are deleted and added again. The longest sequence in order stays: so these are fewest.
  const inOrder = longestIncreasing(known.map((i) => places.get(handles[i]) as number))
  const stays = new Array<number | undefined>(handles.length)
  for (const i of inOrder.map((i) => known[i] as number)) stays[i] = handles[i]
  const kept = stays.flatMap((handle, i): [Entry, number][] => {
    const ref = refs[start + i] as Ref
    return handle === undefined || typeof ref === 'number' ? [] : [[ref, handle]]
  })
  const staying = new Set(stays)
  const behind = refs[refs.length - end]
  let before = behind === undefined ? undefined : handleOf(behind)
  const added: AddedRule[] = []
  for (let i = stays.length - 1; i >= 0; i--) {
    if (stays[i] !== undefined) before = stays[i]
    else added.push({ entry: after.at(start + i) as Entry, position: start + i, before })
  }
  return {
    removed: [...places.keys()].filter((handle) => !staying.has(handle)) as number[],
    added: added.reverse(),
    kept,
  }
}

/** The handle of the kernel's rule that can stay for this one: it is equal, and its counters need not be zeroed. */
function sameRule(family: Family, ref: Ref, handleOf: HandleOf): number | undefined {
  const own = handleOf(ref)
  if (own !== undefined || typeof ref === 'number' || ref.continues === undefined || ref.isMoved) return own
  const isCounted = readCounters(family, ref.bytes).some((count) => count > 0n)
  return ref.isZeroed && isCounted ? undefined : handleOf(ref.continues)
}
