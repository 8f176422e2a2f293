/**
 * What a table holds, as plain data: chains of rules, each rule its bytes. Knows no kernel. Positions in the blob (jump
 * verdicts, hook entries, underflows) are no part of it; they are computed when it is written.
 */
import type { Family } from '../abi/family'
import { type Hook, isTableName, TABLES, VERDICTS, type Verdict, verdictName } from '../abi/netfilter'
import { RuleError } from '../errors'
import {
  buildErrorEntry,
  buildVerdictEntry,
  type Counters,
  readCounters,
  readVerdict,
  targetPart,
  writeCounters,
} from './entry'
import { jumpIn, type KernelEntries } from './kernel-entries'
import { LayeredMap } from './layered-map'
import { type OwnRules, Rules } from './rules'
import { type Entry, plain, type Ref } from './table-entry'

export interface Chain {
  readonly name: string
  /** The hook of a built-in chain. */
  readonly hook: Hook | undefined
  /** The entry that begins a user chain. */
  readonly head: Entry | undefined
  readonly rules: Rules
  /** What a chain that is not built in is known by, whatever it is called; undefined where nobody asks. */
  readonly identity?: object | undefined
  /** A built-in chain that the kernel does not have yet, as nobody has used it. */
  readonly isUnused?: boolean
  /** The entry that ends the chain: its policy, or RETURN. A foreign writer may have left it out of a user chain. */
  readonly tail: Entry | undefined
}

export interface Ruleset {
  readonly family: Family
  readonly table: string
  readonly chains: ReadonlyMap<string, Chain>
  /** Whether its user chains stand in the order of their names, as libiptc writes them; else they stand as in the map. */
  readonly isSorted: boolean
  /** The entry that ends the table. */
  readonly end: Entry | undefined
  /** How a rule reads once it is kept here, where it may be said in more ways than one; undefined where it reads as it is. */
  readonly canonical?: ((rule: Entry) => Entry) | undefined
  /** A built-in chain as it is before anybody uses it; undefined where the kernel has all of them at any time. */
  readonly unusedChain?: ((hook: Hook) => Chain) | undefined
  /** Everything was taken out, so that the table itself need not stay where nothing has come into it since. */
  readonly isCleared?: boolean | undefined
  /** What the table holds that iptables has no words for; undefined where there cannot be any. */
  readonly foreign?: Foreign | undefined
  /** What its rules name by numbers; undefined where none does. */
  readonly image?: KernelEntries | undefined
  /** How the kernel calls them; undefined where it has no names for rules. */
  readonly handles?: Handles | undefined
}

export interface Handles {
  /** Undefined for a table that the kernel does not have yet. No other table has it, also not one that takes its place. */
  readonly table: bigint | undefined
  /** Of the rules by their numbers in the image. */
  readonly rules: Float64Array
}

export interface Foreign {
  /** Chains that are not hooked as those of iptables are, by name, described for people. One that is hooked is in no ruleset. */
  readonly chains: ReadonlyMap<string, string>
  /** Rules of the ruleset's chains. */
  readonly rules: ReadonlySet<Ref>
  /** Nothing is filtered by it. */
  readonly isDormant: boolean
  /** The netlink port of the one program that may change it; undefined where all may. */
  readonly owner: number | undefined
}

/** Whether a chain has the name of a built-in one of its table, and nft has made it without a hook: no packet comes to it. */
export const isUnhooked = (
  table: string,
  { name, hook }: { readonly name?: string | undefined; readonly hook?: unknown },
): boolean =>
  hook === undefined && isTableName(table) && (TABLES[table] as readonly (string | undefined)[]).includes(name)

export const newChain = (family: Family, name: string): Chain => ({
  name,
  hook: undefined,
  identity: {},
  head: plain(buildErrorEntry(family, name)),
  rules: Rules.of(),
  tail: plain(buildVerdictEntry(family, VERDICTS.RETURN)),
})

/** How a rule reads once it is kept in a ruleset. */
export const canonicalOf = ({ canonical }: Pick<Ruleset, 'canonical'>, rule: Entry): Entry => canonical?.(rule) ?? rule

/** A ruleset while it is edited. Every edit is one `set` or one `delete`, after everything has been checked. */
export interface Draft extends Ruleset {
  readonly chains: LayeredMap<Chain>
  isCleared?: boolean | undefined
  /** Rules that no other ruleset has, and that may therefore be changed in place. */
  readonly own: WeakSet<Rules>
}

/** A copy that can be edited: what chains hold is never changed. */
export const draftOf = (ruleset: Ruleset): Draft => ({
  ...ruleset,
  isCleared: undefined,
  chains: new LayeredMap(ruleset.chains),
  own: new WeakSet(),
})

/** The rules of a chain, to be changed in place: copied at the first call, so that many edits cost no more than they are. */
export function ownRules(draft: Draft, chain: Chain): OwnRules {
  if (draft.own.has(chain.rules)) return chain.rules as OwnRules
  const rules = chain.rules.own()
  setRules(draft, chain, rules)
  return rules
}

/** Gives a chain other rules, which nobody else has. */
export function setRules(draft: Draft, chain: Chain, rules: OwnRules): void {
  draft.own.add(rules)
  draft.chains.set(chain.name, { ...chain, rules })
}

const byName = ({ name: a }: Chain, { name: b }: Chain): number => (a < b ? -1 : a > b ? 1 : 0)

export const isSorted = (chains: readonly Chain[]): boolean =>
  chains.every((chain, i) => i === 0 || byName(chains[i - 1] as Chain, chain) < 0)

/** Built-in chains in the order of their hooks, then user chains, as they stand in the blob. */
export const orderedChains = ({ chains, isSorted: sorted }: Ruleset): Chain[] => inOrder([...chains.values()], sorted)

/** Some of the chains of a ruleset, in their order. */
export function inOrder(chains: readonly Chain[], sorted: boolean): Chain[] {
  const users = chains.filter(({ hook }) => hook === undefined)
  return [...chains.filter(({ hook }) => hook !== undefined), ...(sorted ? users.sort(byName) : users)]
}

/** Every entry in the order of the blob; most of those that a kernel handed out by their numbers. */
export function* refsOf(ruleset: Ruleset): Generator<Ref> {
  for (const { head, rules, tail } of orderedChains(ruleset)) {
    if (head !== undefined) yield head
    yield* rules.refs
    if (tail !== undefined) yield tail
  }
  if (ruleset.end !== undefined) yield ruleset.end
}

/** Every entry in the order of the blob. */
export function* entriesOf(ruleset: Ruleset): Generator<Entry> {
  for (const { head, rules, tail } of orderedChains(ruleset)) {
    if (head !== undefined) yield head
    yield* rules
    if (tail !== undefined) yield tail
  }
  if (ruleset.end !== undefined) yield ruleset.end
}

/** The chain that a rule goes to, as {@link Entry.jump}. */
export const jumpOf = ({ image }: Pick<Ruleset, 'image'>, ref: Ref): string | undefined =>
  typeof ref === 'number' ? jumpIn(image as KernelEntries, ref) : ref.jump

export const countersOf = (family: Family, entry: Entry): Counters =>
  entry.isZeroed ? [0n, 0n] : readCounters(family, entry.bytes)

/** The same entry with its counters back at zero. @param from where it stands in the ruleset that it is taken from */
export const zeroed = (entry: Entry, from: Ref = entry): Entry => ({ ...continued(entry, from), isZeroed: true })

/** The same entry, to be changed a little without losing count. */
export const continued = (entry: Entry, from: Ref = entry): Entry => ({ ...entry, continues: entry.continues ?? from })

/** The same entry, at another place of its chain. */
export const moved = (entry: Entry, from: Ref = entry): Entry => ({ ...continued(entry, from), isMoved: true })

/** The same entry, going to another chain. */
export const redirected = (entry: Entry, from: Ref, jump: string): Entry => ({ ...continued(entry, from), jump })

/** The rules of a chain with `change` made of each, or of those that go to `jump`. */
export function changedRules(rules: Rules, change: (rule: Entry, from: Ref) => Entry, jump?: string): OwnRules {
  const changed = rules.own()
  rules.refs.forEach((ref, index) => {
    if (jump !== undefined && jumpOf(rules, ref) !== jump) return
    changed.replace(index, change(rules.at(index) as Entry, ref))
  })
  return changed
}

/** The verdict of a built-in chain's last entry. */
export const policyOf = (family: Family, chain: Chain): Verdict | undefined =>
  chain.hook === undefined || chain.tail === undefined
    ? undefined
    : verdictName(readVerdict(chain.tail.bytes, targetPart(family, chain.tail.bytes, 0)))

/** A built-in chain's last entry with another verdict, and with these counters or those that it has. */
export function policyEntry(
  family: Family,
  old: Entry,
  policy: 'ACCEPT' | 'DROP',
  counters: Counters | undefined,
): Entry {
  const { bytes } = plain(buildVerdictEntry(family, VERDICTS[policy]))
  writeCounters(family, bytes, counters ?? countersOf(family, old))
  return counters === undefined ? { ...continued(old), bytes } : plain(bytes)
}

/** Rules that go to `name`: where they stand. */
export function* referencesTo(ruleset: Ruleset, name: string): Generator<{ chain: string; position: number }> {
  for (const { name: chain, rules } of ruleset.chains.values())
    for (const [position, ref] of rules.refs.entries()) if (jumpOf(rules, ref) === name) yield { chain, position }
}

const isForeign = ({ rules }: Foreign, ref: Ref): boolean =>
  rules.has((typeof ref === 'number' ? undefined : ref.continues) ?? ref)

/** What the table is that none of iptables is, described for people. */
export function foreignState({ foreign }: Ruleset): string[] {
  if (foreign === undefined) return []
  const { isDormant, owner } = foreign
  return [
    ...(isDormant ? ['flag dormant, so that no packet comes to its chains'] : []),
    ...(owner === undefined ? [] : [`flag owner, so that only the program with netlink port ${owner} may change it`]),
  ]
}

/** Places of the rules that iptables has no words for: `rule 2 of chain INPUT`. */
export function foreignRules({ foreign, ...ruleset }: Ruleset): string[] {
  if (foreign === undefined || foreign.rules.size === 0) return []
  return orderedChains(ruleset).flatMap(({ name, rules }) =>
    rules.refs.flatMap((ref, i) => (isForeign(foreign, ref) ? [`rule ${i + 1} of chain ${name}`] : [])),
  )
}

/**
 * To be called before all rules of a table are taken out: those that iptables has no words for would go with them, and
 * nobody has named them.
 * @throws RuleError
 */
export function checkClearable(ruleset: Ruleset): void {
  const foreign = foreignRules(ruleset)
  if (foreign.length === 0) return
  throw new RuleError(
    'XT_FOREIGN_RULE',
    { table: ruleset.table },
    `it has rules that iptables has no words for, which are not taken out with all others: ${foreign.join(', ')}; flush ` +
      'their chains by name, or delete them by number',
  )
}

/** Whether there is a rule, a chain that is not built in, or another policy than ACCEPT. */
export const holdsAny = ({ family, chains }: Ruleset): boolean =>
  [...chains.values()].some((chain) => {
    const isPlain = chain.hook !== undefined && policyOf(family, chain) === 'ACCEPT'
    return !isPlain || chain.rules.length > 0
  })
