/** From a ruleset to a blob. */
import { HOOKS, type Hook, hookBit } from '../abi/netfilter'
import { replace } from '../abi/x-tables'
import { RuleError } from '../errors'
import { targetPart, writeVerdict } from './entry'
import type { Layout } from './read'
import { type Chain, type Entry, orderedChains, type Ruleset } from './ruleset'

/** Room before the entries for `struct ipt_replace`, so that a request needs no second copy of them. */
export const REQUEST_HEAD = replace.size

export interface Request {
  readonly layout: Layout
  /** {@link REQUEST_HEAD} bytes, still empty, and then the entries. */
  readonly bytes: Uint8Array
}

const sizeOf = (entry: Entry | undefined): number => entry?.bytes.length ?? 0
const sizeOfRules = (rules: readonly Entry[]): number => rules.reduce((sum, rule) => sum + rule.bytes.length, 0)

/** Where a chain's first entry behind its head and its last entry begin, counted from the first entry of the table. */
interface Place {
  readonly start: number
  readonly tail: number
}

function placeChains(
  ruleset: Ruleset,
  chains: readonly Chain[],
): { places: Map<string, Place>; size: number; count: number } {
  const places = new Map<string, Place>()
  let at = 0
  let count = 0
  for (const { name, head, rules, tail } of chains) {
    const start = at + sizeOf(head)
    const last = start + sizeOfRules(rules)
    places.set(name, { start, tail: last })
    at = last + sizeOf(tail)
    count += rules.length + (head === undefined ? 0 : 1) + (tail === undefined ? 0 : 1)
  }
  return { places, size: at + sizeOf(ruleset.end), count: count + (ruleset.end === undefined ? 0 : 1) }
}

function layoutOf(ruleset: Ruleset, places: ReadonlyMap<string, Place>, numEntries: number): Layout {
  // A user chain may bear the name of a hook that its table lacks.
  const placeOf = (hook: Hook): Place | undefined =>
    ruleset.chains.get(hook)?.hook === hook ? places.get(hook) : undefined
  const hookEntry = HOOKS.map((hook) => placeOf(hook)?.start ?? 0)
  const underflow = HOOKS.map((hook) => placeOf(hook)?.tail ?? 0)
  const validHooks = HOOKS.reduce((mask, hook) => (placeOf(hook) === undefined ? mask : mask | hookBit(hook)), 0)
  return { validHooks, hookEntry, underflow, numEntries }
}

/** Lays the table out. @throws RuleError for a rule that goes to a chain which is not there */
export function writeRuleset(ruleset: Ruleset): Request {
  const chains = orderedChains(ruleset)
  const { places, size, count } = placeChains(ruleset, chains)
  const bytes = new Uint8Array(REQUEST_HEAD + size)
  let at = REQUEST_HEAD

  const put = (entry: Entry | undefined): void => {
    if (entry === undefined) return
    bytes.set(entry.bytes, at)
    at += entry.bytes.length
  }
  const putRule = (rule: Entry, chain: Chain, position: number): void => {
    const from = at
    put(rule)
    if (rule.jump === undefined) return
    const destination = rule.jump === '' ? at - REQUEST_HEAD : places.get(rule.jump)?.start
    if (destination === undefined)
      throw new RuleError(
        { table: ruleset.table, chain: chain.name, position },
        `there is no chain ${rule.jump} to go to`,
      )
    writeVerdict(bytes, targetPart(ruleset.family, bytes, from), destination)
  }

  for (const chain of chains) {
    put(chain.head)
    chain.rules.forEach((rule, position) => {
      putRule(rule, chain, position)
    })
    put(chain.tail)
  }
  put(ruleset.end)
  return { layout: layoutOf(ruleset, places, count), bytes }
}
