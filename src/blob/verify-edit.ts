/**
 * A fast check whether Linux would accept an edit of a table: it looks only at new rules and at what they affect,
 * because the rest was accepted before. It never says yes where {@link verify} says no
 * (test/ruleset/verify-edit.test.ts). If in doubt it says no, and everything is verified.
 */
import { HOOKS, type Hook, hookBit } from '../abi/netfilter'
import { isStandard, isUnconditional, readVerdict, targetPart } from '../ruleset/entry'
import { ENDS, type KernelEntries } from '../ruleset/kernel-entries'
import type { Rules, Run } from '../ruleset/rules'
import type { Chain, Ruleset } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'
import { isEntryTaken, type VerifyOptions } from './verify'

/** Where packets continue from a chain. */
interface Way {
  /** Chains that its rules jump to, before a rule at which every packet leaves the chain. */
  readonly destinations: ReadonlySet<string>
  /** Whether there is such a rule, so that the rules after it are never reached. */
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

/** Adds the destinations of some entries. @returns whether every packet leaves at one of them */
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
  /** The hooks from which each chain is reached, one bit per hook. */
  readonly reached: ReadonlyMap<string, number>
}

/**
 * @param known results for rules that were looked at before
 * @returns undefined if chains jump in a circle, or run on into the next
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
  // Chains may be nested deeper than the call stack allows: this is the stack, on which leaving a chain is an item too.
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

/** @param from the table as the kernel returned it, from which `to` was made */
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
    // The rules that stay were accepted as reached from the hooks of that time.
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

/** Which rules were in this chain before. Chains may have swapped their names since. */
function isWithin(old: Chain | undefined): (first: number, count: number) => boolean {
  const [run, ...others] = old?.rules.runs ?? []
  if (run === undefined || typeof run.from !== 'number' || others.length > 0) return () => false
  const [begin, end] = [run.from, run.from + run.count]
  return (first, count) => first >= begin && first + count <= end
}
