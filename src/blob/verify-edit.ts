/**
 * Whether Linux would take an edit of a table that it holds: a look at what is new and at what that touches. Of a big
 * table that is little, and what stays was taken before. It never says yes where {@link verify} says no (test/ruleset/verify-edit.test.ts);
 * where it cannot tell, it says no, and everything is verified.
 */
import { HOOKS, type Hook, hookBit } from '../abi/netfilter'
import { isStandard, isUnconditional, readVerdict, targetPart } from '../ruleset/entry'
import { ENDS, type KernelEntries } from '../ruleset/kernel-entries'
import type { Rules, Run } from '../ruleset/rules'
import type { Chain, Ruleset } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'
import { isEntryTaken, type VerifyOptions } from './verify'

/** Where packets go on from a chain. */
interface Way {
  /** Chains that its rules go to, before one that every packet leaves it by. */
  readonly destinations: ReadonlySet<string>
  /** Whether such a rule stands among them, so that those behind it are never reached. */
  readonly isCut: boolean
}

const endsChain = ({ family }: Ruleset, { bytes, jump }: Entry): boolean => {
  if (jump !== undefined || !isUnconditional(family, bytes, 0)) return false
  const target = targetPart(family, bytes, 0)
  return isStandard(bytes, target) && readVerdict(bytes, target) < 0
}

function wayOf(ruleset: Ruleset, { rules: { runs, image } }: Chain): Way {
  const destinations = new Set<string>()
  for (const { from, count } of runs)
    if (typeof from === 'number') {
      if (goes(image as KernelEntries, from, from + count, destinations)) return { destinations, isCut: true }
    } else {
      if (from.jump) destinations.add(from.jump)
      if (endsChain(ruleset, from)) return { destinations, isCut: true }
    }
  return { destinations, isCut: false }
}

/** Adds where some entries go. @returns whether one of them lets no packet pass by */
function goes(
  { destinations: all, names }: KernelEntries,
  first: number,
  end: number,
  destinations: Set<string>,
): boolean {
  for (let i = first; i < end; i++) {
    const to = all[i] as number
    if (to >= 0) destinations.add(names[to] as string)
    if (to === ENDS) return true
  }
  return false
}

interface Ways {
  readonly byChain: ReadonlyMap<string, Way>
  /** From which hooks each chain is reached, a bit a hook. */
  readonly reached: ReadonlyMap<string, number>
}

/**
 * @param known of rules that were looked at before
 * @returns undefined where chains go round in a circle, or run on into the next
 */
function waysIn(ruleset: Ruleset, known = new Map<Rules, Way>()): Ways | undefined {
  const byChain = new Map<string, Way>()
  for (const chain of ruleset.chains.values()) {
    if (chain.tail === undefined) return undefined
    const way = known.get(chain.rules) ?? wayOf(ruleset, chain)
    known.set(chain.rules, way)
    byChain.set(chain.name, way)
  }
  const reached = new Map<string, number>()
  const open = new Set<string>()
  // Chains may be nested deeper than calls can be: what is left to do is kept here, the leaving of a chain included.
  const enter = (first: string, hook: Hook): boolean => {
    const todo: { readonly name: string; readonly isLeft: boolean }[] = [{ name: first, isLeft: false }]
    for (let step = todo.pop(); step !== undefined; step = todo.pop()) {
      const { name, isLeft } = step
      if (isLeft) open.delete(name)
      else if (open.has(name)) return false
      else if (((reached.get(name) ?? 0) & hookBit(hook)) === 0) {
        reached.set(name, (reached.get(name) ?? 0) | hookBit(hook))
        open.add(name)
        todo.push({ name, isLeft: true })
        for (const to of byChain.get(name)?.destinations ?? []) todo.push({ name: to, isLeft: false })
      }
    }
    return true
  }
  for (const { name, hook } of ruleset.chains.values()) if (hook !== undefined && !enter(name, hook)) return undefined
  return { byChain, reached }
}

/** @param from the table as the kernel handed it out, of which `to` was made */
export function isSurelyTaken(from: Ruleset, to: Ruleset, options: VerifyOptions): boolean {
  const { image } = to
  if (image === undefined || image !== from.image || from.end === undefined || to.end !== from.end) return false
  for (const hook of HOOKS) if (from.chains.get(hook)?.hook !== to.chains.get(hook)?.hook) return false
  const known = new Map<Rules, Way>()
  const [before, after] = [waysIn(from, known), waysIn(to, known)]
  if (before === undefined || after === undefined) return false
  for (const chain of to.chains.values()) {
    const old = from.chains.get(chain.name)
    const hooks = after.reached.get(chain.name) ?? 0
    // The rules that stay were looked at as reached from the hooks of then.
    const isMoreReached = (hooks & ~(before.reached.get(chain.name) ?? 0)) !== 0
    const isChanged = chain.rules !== old?.rules
    if (!isMoreReached && !isChanged) continue
    if (before.byChain.get(chain.name)?.isCut) return false
    const stays = isMoreReached ? () => false : isWithin(old)
    const isTaken = ({ from: ref, count }: Run): boolean =>
      typeof ref === 'number' ? stays(ref, count) : isEntryTaken(to.family, to.table, ref, hooks, options)
    if (!chain.rules.runs.every(isTaken)) return false
  }
  return true
}

/** Which rules stood in a chain as it was handed out. Chains may have exchanged their names since. */
function isWithin(old: Chain | undefined): (first: number, count: number) => boolean {
  const [run, ...others] = old?.rules.runs ?? []
  if (run === undefined || typeof run.from !== 'number' || others.length > 0) return () => false
  const [begin, end] = [run.from, run.from + run.count]
  return (first, count) => first >= begin && first + count <= end
}
