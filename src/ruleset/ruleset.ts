/**
 * The contents of a table as plain data: chains of rules, each rule its bytes. Independent of any kernel. Positions in
 * the blob (jump verdicts, hook entries, underflows) are computed when it is written.
 */
import type { Family } from '../abi/family'
import { type Hook, isTableName, TABLES, VERDICTS, type Verdict, verdictName } from '../abi/netfilter'
import { shown } from '../check-input'
import { NotFoundError, RuleError } from '../errors'
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
  /** The entry that starts a user-defined chain. */
  readonly head: Entry | undefined
  readonly rules: Rules
  /** Identifies a user-defined chain across renames; undefined if not needed. */
  readonly identity?: object | undefined
  /** A built-in chain that the kernel does not have yet, because it has not been used. */
  readonly isUnused?: boolean
  /**
   * The entry that ends the chain: its policy, or RETURN. Other programs may have left it out of a user-defined chain.
   */
  readonly tail: Entry | undefined
}

export interface Ruleset {
  readonly family: Family
  readonly table: string
  readonly chains: ReadonlyMap<string, Chain>
  /**
   * Whether the user-defined chains are ordered by name, as libiptc writes them; otherwise by their order in the map.
   */
  readonly isSorted: boolean
  /** The entry that ends the table. */
  readonly end: Entry | undefined
  /** The form in which a rule reads back, if it has several; undefined if it reads back unchanged. */
  readonly canonical?: ((rule: Entry) => Entry) | undefined
  /** A built-in chain before it is used; undefined if the kernel always has all of them. */
  readonly unusedChain?: ((hook: Hook) => Chain) | undefined
  /** Everything has been deleted, so the table itself may be removed unless something is added. */
  readonly isCleared?: boolean | undefined
  /** What the table holds that iptables cannot express; undefined if that is impossible. */
  readonly foreign?: Foreign | undefined
  /** The entries that rules refer to by number; undefined if none do. */
  readonly image?: KernelEntries | undefined
  /** The kernel's handles of the rules; undefined if it has none. */
  readonly handles?: Handles | undefined
}

export interface Handles {
  /** Undefined if the kernel does not have the table yet. Unique: a table that replaces this one has another handle. */
  readonly table: bigint | undefined
  /** Handles of the rules, by number in the image. */
  readonly rules: Float64Array
}

export interface Foreign {
  /** Chains that are not hooked as those of iptables, by name, with a description. A hooked chain is in no ruleset. */
  readonly chains: ReadonlyMap<string, string>
  /** Rules of the ruleset's chains. */
  readonly rules: ReadonlySet<Ref>
  /** The table is dormant: it filters nothing. */
  readonly isDormant: boolean
  /** The netlink port of the only program that may change the table; undefined if all may. */
  readonly owner: number | undefined
}

/**
 * Whether a chain has the name of a built-in one but was created by nft without a hook, so that no packet reaches it.
 */
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

/** The form in which a rule reads back from a ruleset. */
export const canonicalOf = ({ canonical }: Pick<Ruleset, 'canonical'>, rule: Entry): Entry => canonical?.(rule) ?? rule

/** A ruleset that is being edited. Every edit is one `set` or `delete`, after all checks. */
export interface Draft extends Ruleset {
  readonly chains: LayeredMap<Chain>
  isCleared?: boolean | undefined
  /** Rules that no other ruleset has, which may be changed in place. */
  readonly own: WeakSet<Rules>
}

/** A copy that can be edited. The contents of chains are never changed. */
export const draftOf = (ruleset: Ruleset): Draft => ({
  ...ruleset,
  isCleared: undefined,
  chains: new LayeredMap(ruleset.chains),
  own: new WeakSet(),
})

/** The rules of a chain, to be changed in place. They are copied on the first call only, so many edits stay cheap. */
export function ownRules(draft: Draft, chain: Chain): OwnRules {
  if (draft.own.has(chain.rules)) return chain.rules as OwnRules
  const rules = chain.rules.own()
  setRules(draft, chain, rules)
  return rules
}

/** Replaces the rules of a chain; nothing else may refer to them. */
export function setRules(draft: Draft, chain: Chain, rules: OwnRules): void {
  draft.own.add(rules)
  draft.chains.set(chain.name, { ...chain, rules })
}

const byName = ({ name: a }: Chain, { name: b }: Chain): number => (a < b ? -1 : a > b ? 1 : 0)

export const isSorted = (chains: readonly Chain[]): boolean =>
  chains.every((chain, i) => i === 0 || byName(chains[i - 1] as Chain, chain) < 0)

/** Built-in chains in the order of their hooks, then user-defined chains in the order of the blob. */
export const orderedChains = ({ chains, isSorted: sorted }: Ruleset): Chain[] => inOrder([...chains.values()], sorted)

/** Some of the chains of a ruleset, in order. */
export function inOrder(chains: readonly Chain[], sorted: boolean): Chain[] {
  const users = chains.filter(({ hook }) => hook === undefined)
  return [...chains.filter(({ hook }) => hook !== undefined), ...(sorted ? users.sort(byName) : users)]
}

/** @throws NotFoundError */
export function chainOf({ table, chains }: Ruleset, name: string): Chain {
  const chain = chains.get(name)
  if (chain === undefined) throw new NotFoundError('XT_NO_CHAIN', `table ${table} has no chain ${shown(name)}`)
  return chain
}

/** Every entry in the order of the blob, by number if possible. */
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

/** The chain that a rule jumps to, as {@link Entry.jump}. */
export const jumpOf = ({ image }: Pick<Ruleset, 'image'>, ref: Ref): string | undefined =>
  typeof ref === 'number' ? jumpIn(image as KernelEntries, ref) : ref.jump

export const countersOf = (family: Family, entry: Entry): Counters =>
  entry.isZeroed ? [0n, 0n] : readCounters(family, entry.bytes)

/** The same entry with zero counters. @param from its reference in the original ruleset */
export const zeroed = (entry: Entry, from: Ref = entry): Entry => ({ ...continued(entry, from), isZeroed: true })

/** The same entry, to be changed slightly while its counters continue. */
export const continued = (entry: Entry, from: Ref = entry): Entry => ({ ...entry, continues: entry.continues ?? from })

/** The same entry, at another place of its chain. */
export const moved = (entry: Entry, from: Ref = entry): Entry => ({ ...continued(entry, from), isMoved: true })

/** The same entry, jumping to another chain. */
export const redirected = (entry: Entry, from: Ref, jump: string): Entry => ({ ...continued(entry, from), jump })

/** The rules of a chain with `change` applied to each, or to those that jump to `jump`. */
export function changedRules(rules: Rules, change: (rule: Entry, from: Ref) => Entry, jump?: string): OwnRules {
  const changed = rules.own()
  rules.refs.forEach((ref, index) => {
    if (jump !== undefined && jumpOf(rules, ref) !== jump) return
    changed.replace(index, change(rules.at(index) as Entry, ref))
  })
  return changed
}

/** The verdict of a built-in chain's policy. */
export const policyOf = (family: Family, chain: Chain): Verdict | undefined =>
  chain.hook === undefined || chain.tail === undefined
    ? undefined
    : verdictName(readVerdict(chain.tail.bytes, targetPart(family, chain.tail.bytes, 0)))

/** A policy entry with another verdict, and with these counters or its own. */
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

/** The places of the rules that jump to `name`. */
export function* referencesTo(ruleset: Ruleset, name: string): Generator<{ chain: string; position: number }> {
  for (const { name: chain, rules } of ruleset.chains.values())
    for (const [position, ref] of rules.refs.entries()) if (jumpOf(rules, ref) === name) yield { chain, position }
}

const isForeign = ({ rules }: Foreign, ref: Ref): boolean =>
  rules.has((typeof ref === 'number' ? undefined : ref.continues) ?? ref)

/** Descriptions of the properties of the table that no iptables table has. */
export function foreignState({ foreign }: Ruleset): string[] {
  if (foreign === undefined) return []
  const { isDormant, owner } = foreign
  return [
    ...(isDormant ? ['flag dormant, so that no packet comes to its chains'] : []),
    ...(owner === undefined ? [] : [`flag owner, so that only the program with netlink port ${owner} may change it`]),
  ]
}

/** Places of the rules that iptables cannot express: `rule 2 of chain INPUT`. */
export function foreignRules({ foreign, ...ruleset }: Ruleset): string[] {
  if (foreign === undefined || foreign.rules.size === 0) return []
  return orderedChains(ruleset).flatMap(({ name, rules }) =>
    rules.refs.flatMap((ref, i) => (isForeign(foreign, ref) ? [`rule ${i + 1} of chain ${name}`] : [])),
  )
}

/**
 * To be called before all rules of a table are deleted: rules that iptables cannot express would go too, although
 * nobody named them.
 * @throws RuleError
 */
export function checkClearable(ruleset: Ruleset): void {
  const foreign = foreignRules(ruleset)
  if (foreign.length === 0) return
  throw new RuleError(
    'XT_FOREIGN_RULE',
    { table: ruleset.table },
    `it has rules that iptables cannot express, which are not deleted with all others: ${foreign.join(', ')}; flush ` +
      'their chains by name, or delete them by number',
  )
}

/** Whether there is a rule, a user-defined chain, or a policy other than ACCEPT. */
export const holdsAny = ({ family, chains }: Ruleset): boolean =>
  [...chains.values()].some((chain) => {
    const isPlain = chain.hook !== undefined && policyOf(family, chain) === 'ACCEPT'
    return !isPlain || chain.rules.length > 0
  })
