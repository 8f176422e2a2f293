/** Batches: many edits written together. */
import { check, list } from '../check-input'
import { Chain } from '../iptc/chain'
import { type ChainHandle, chainName } from '../iptc/chain-handle'
import { storedRule } from '../iptc/rule'
import type { AnyTable } from '../iptc/table'
import { type Draft, draftOf, ownRules } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'
import { Batch } from './batch'
import type { RuleDictionary } from './dictionary'
import { encodeDictionary } from './encode'
import { aBatch, attempt, type EasyOptions, placeOf, type ThrowsOption, withTable } from './options'
import { insertionIndex } from './rules'
import type { FlushOption } from './tables'

/**
 * Begins a batch over one table, or over all. Functions that are passed `{ batch }` edit the batch, and nothing is
 * written before {@link batchEnd}. `batch.abandon()` drops the edits, as does `using batch = batchBegin()` at the end
 * of its block. Unlike in python-iptables, a batch does not affect other calls: these still write at once.
 * @param table - the only table that the batch may edit; by default any
 * @throws {@link IptcError} for an unknown option
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const batch = easy.batchBegin('filter', { kernel })
 * for (let n = 1; n <= 250; n++) easy.addRule('filter', 'INPUT', { src: `10.0.0.${n}`, target: 'DROP' }, 0, { batch })
 * easy.batchEnd(batch)
 * console.log(easy.dumpChain('filter', 'INPUT', { kernel }).length) // 250
 * ```
 */
export const batchBegin = (table?: string, options: Omit<EasyOptions, 'batch'> = {}): Batch =>
  new Batch(table, placeOf(options))

/**
 * Writes the edits of a batch. All tables are checked first; then each is written atomically, one after the other.
 * Afterwards the batch is over, even if this throws; the table at fault and those after it are unchanged.
 * @throws {@link ConflictError} if a table was changed by another program since the batch first read it
 * @throws {@link RuleError} for a rule that the kernel would refuse
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const batch = easy.batchBegin(undefined, { kernel })
 * easy.addChain('filter', 'web', { batch })
 * easy.addChain('nat', 'web', { batch })
 * easy.batchEnd(batch)
 * console.log(easy.hasChain('nat', 'web', { kernel })) // true
 * ```
 */
export function batchEnd(batch: Batch): void {
  check('what batchEnd takes', batch, aBatch)
  batch.end()
}

/**
 * Creates chains, all or none. Chains that exist already are flushed, unless `flush` is false.
 * @throws {@link XtablesError} for an invalid name
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.batchAddChains('filter', ['web', 'ssh'], { kernel })
 * console.log(easy.getChains('filter', { kernel }).length) // 5
 * ```
 */
export const batchAddChains = (
  table: string,
  chains: readonly (string | ChainHandle)[],
  options: EasyOptions & FlushOption = {},
): void =>
  withTable(table, options, (it) => {
    const all = chainsOf('what batchAddChains makes', it, chains)
    it.atomically(() => {
      for (const chain of all)
        if (!it.isChain(chain)) it.createChain(chain)
        else if (options.flush ?? true) chain.flush()
    })
  })

/** The chains without repetitions. */
function chainsOf(what: string, table: AnyTable, chains: readonly (string | ChainHandle)[]): Chain[] {
  check(what, chains, list)
  const all = chains.map((chain, i) => chainName(table, chain, `item ${i} of ${what}`))
  return Array.from(new Set(all), (name) => new Chain(table, name))
}

/**
 * Deletes chains with their rules, all or none. Chains that do not exist are skipped.
 * @throws {@link RuleError} for a chain that is built in, or the target of a jump from another chain
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.batchAddChains('filter', ['web', 'ssh'], { kernel })
 * easy.batchDeleteChains('filter', ['web', 'ssh', 'gone'], { kernel })
 * console.log(easy.getChains('filter', { kernel }).length) // 3
 * ```
 */
export const batchDeleteChains = (
  table: string,
  chains: readonly (string | ChainHandle)[],
  options: EasyOptions = {},
): void =>
  withTable(table, options, (it) => {
    const all = chainsOf('what batchDeleteChains deletes', it, chains)
    it.atomically(() => {
      const present = all.filter((chain) => it.isChain(chain))
      // The chains may jump to each other, so all are flushed before the first is deleted.
      for (const chain of present) chain.flush()
      for (const chain of present) chain.delete()
    })
  })

/**
 * A rule to add to a chain, and its position as in {@link addRule}; by default at the end.
 * @since 0.1.0
 */
export type RuleToAdd = readonly [chain: string | ChainHandle, rule: RuleDictionary, position?: number]
/**
 * A rule to delete from a chain: the first equal one.
 * @since 0.1.0
 */
export type RuleToDelete = readonly [chain: string | ChainHandle, rule: RuleDictionary]

/**
 * Adds rules, all or none. Each position refers to the chain after the previous additions.
 * @throws as {@link addRule}; the `path` of an {@link XtablesError} starts with the index of the rule in the list, as
 *   in `[2, 1, 'tcp', 'dport']`
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const rules = [
 *   ['INPUT', { 'in-interface': 'lo', target: 'ACCEPT' }],
 *   ['FORWARD', { target: 'DROP' }],
 * ] as const
 * easy.batchAddRules('filter', rules, { kernel })
 * console.log(easy.dumpChain('filter', 'FORWARD', { kernel }).length) // 1
 * ```
 */
export const batchAddRules = (table: string, rules: readonly RuleToAdd[], options: EasyOptions = {}): void =>
  withTable(table, options, (it) => {
    const chains = chainsIn('batchAddRules', it, rules)
    const entries = rules.map(([, rule, position = 0], i) => ({
      chain: chains[i] as string,
      position,
      entry: encodeDictionary(rule, it.context, [i, 1]),
    }))
    it.edit((draft) => addAll(it, draft, entries))
  })

/** The chains with which the lists in a list start. @throws IptcError for anything but such a list */
function chainsIn(what: string, table: AnyTable, rules: readonly (RuleToAdd | RuleToDelete)[]): string[] {
  check(`what ${what} takes`, rules, list)
  return rules.map((rule, i) => {
    check(`item ${i} of what ${what} takes`, rule, list)
    return chainName(table, rule[0], `the chain in item ${i} of what ${what} takes`)
  })
}

interface Addition {
  readonly chain: string
  readonly position: number
  readonly entry: Entry
}

/** All or none: if this throws halfway, nothing of the draft is kept. */
function addAll(table: AnyTable, draft: Draft, additions: readonly Addition[]): void {
  const trial = draftOf(draft)
  for (const { chain, position, entry } of additions) {
    const rules = ownRules(trial, table.chainData(chain, trial))
    rules.insert(insertionIndex({ table: table.name, chain }, position, rules.length), entry)
  }
  for (const { chain } of additions) draft.chains.set(chain, table.chainData(chain, trial))
}

/**
 * Deletes rules, all or none; with `throws: false`, those that exist.
 * @returns whether all of them existed
 * @throws {@link NotFoundError} for a rule or chain that does not exist
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { target: 'DROP' }, 0, { kernel })
 * console.log(easy.batchDeleteRules('filter', [['INPUT', { target: 'DROP' }]], { kernel })) // true
 * ```
 */
export const batchDeleteRules = (
  table: string,
  rules: readonly RuleToDelete[],
  options: EasyOptions & ThrowsOption = {},
): boolean =>
  withTable(table, options, (it) => {
    const chains = chainsIn('batchDeleteRules', it, rules)
    const { family, sets } = it.context
    const objects = rules.map(([, rule], i) => {
      const entry = encodeDictionary(rule, it.context, [i, 1])
      return { chain: new Chain(it, chains[i] as string), rule: storedRule(family, { entry, sets }) }
    })
    const remove = ({ chain, rule }: (typeof objects)[number]): boolean => {
      chain.deleteRule(rule)
      return true
    }
    return it.atomically(() => objects.map((one) => attempt(options, false, () => remove(one))).every(Boolean))
  })
