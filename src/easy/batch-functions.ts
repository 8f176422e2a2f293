/** Many edits in one exchange with the kernel. */
import { check, list, names, text } from '../check-input'
import { Chain } from '../iptc/chain'
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
 * Begins a batch over one table, or over all. Functions that get it as `{ batch }` edit in it, and nothing is written
 * before {@link batchEnd}; `batch.abandon()` drops it, as `using batch = batchBegin()` does at the end of its block.
 * Unlike in python-iptables, nobody else notices it: other calls go on to write at once.
 */
export const batchBegin = (table?: string, options: Omit<EasyOptions, 'batch'> = {}): Batch =>
  new Batch(table, placeOf(options))

/**
 * Writes the edits of a batch: each table as a whole, one table after the other, once all are found to be what the kernel
 * takes. The batch is over then, also where this throws; the table at fault, and those behind it, are as they were.
 * @throws ConflictError where a table was changed by another since the batch first looked at it; RuleError for a rule
 * that the kernel would refuse
 */
export function batchEnd(batch: Batch): void {
  check('what batchEnd takes', batch, aBatch)
  batch.end()
}

/**
 * Makes chains, all or none. Of those that exist already, the rules are taken out, unless `flush` is false.
 * @throws XtablesError for a name that no chain can have
 */
export const batchAddChains = (
  table: string,
  chains: readonly string[],
  options: EasyOptions & FlushOption = {},
): void => {
  check('what batchAddChains makes', chains, names)
  withTable(table, options, (it) =>
    it.atomically(() => {
      for (const chain of chains)
        if (!it.isChain(chain)) it.createChain(chain)
        else if (options.flush ?? true) new Chain(it, chain).flush()
    }),
  )
}

/**
 * Takes chains out with their rules, all or none. One that is not there is passed over.
 * @throws RuleError for a built-in chain, or one that rules of other chains go to
 */
export const batchDeleteChains = (table: string, chains: readonly string[], options: EasyOptions = {}): void =>
  withTable(table, options, (it) =>
    it.atomically(() => {
      check('what batchDeleteChains takes out', chains, names)
      const present = [...new Set(chains)].filter((chain) => it.isChain(chain))
      // They may go to each other: no rule of any of them may be left when the first is taken out.
      for (const chain of present) new Chain(it, chain).flush()
      for (const chain of present) it.deleteChain(chain)
    }),
  )

/** A rule to add to a chain, and where, as {@link addRule} takes it; at the end unless said. */
export type RuleToAdd = readonly [chain: string, rule: RuleDictionary, position?: number]
export type RuleToDelete = readonly [chain: string, rule: RuleDictionary]

/**
 * Adds rules, all or none. Positions are those at the turn of each rule.
 * @throws as {@link addRule} does; the `path` of an XtablesError begins with the rule's place in the list, as in
 * `[2, 1, 'tcp', 'dport']`
 */
export const batchAddRules = (table: string, rules: readonly RuleToAdd[], options: EasyOptions = {}): void =>
  withTable(table, options, (it) => {
    checkRules('batchAddRules', rules)
    const entries = rules.map(([chain, rule, position = 0], i) => ({
      chain,
      position,
      entry: encodeDictionary(rule, it.context, [i, 1]),
    }))
    it.edit((draft) => addAll(it, draft, entries))
  })

/** Lists, of which each begins with the name of a chain. */
function checkRules(what: string, rules: readonly (readonly unknown[])[]): void {
  check(`what ${what} takes`, rules, list)
  for (const [i, rule] of rules.entries()) {
    check(`item ${i} of what ${what} takes`, rule, list)
    check(`the chain in item ${i} of what ${what} takes`, rule[0], text)
  }
}

interface Addition {
  readonly chain: string
  readonly position: number
  readonly entry: Entry
}

/** All or none: of a draft that throws halfway, nothing is kept. */
function addAll(table: AnyTable, draft: Draft, additions: readonly Addition[]): void {
  const trial = draftOf(draft)
  for (const { chain, position, entry } of additions) {
    const rules = ownRules(trial, table.chainData(chain, trial))
    rules.insert(insertionIndex(position, rules.length), entry)
  }
  for (const { chain } of additions) draft.chains.set(chain, table.chainData(chain, trial))
}

/**
 * Takes rules out, all or none; with `throws: false`, those that are there.
 * @returns whether all were there
 * @throws NotFoundError for a rule or chain that is not there
 */
export const batchDeleteRules = (
  table: string,
  rules: readonly RuleToDelete[],
  options: EasyOptions & ThrowsOption = {},
): boolean =>
  withTable(table, options, (it) => {
    checkRules('batchDeleteRules', rules)
    const { family, sets } = it.context
    const objects = rules.map(([chain, rule], i) => {
      const entry = encodeDictionary(rule, it.context, [i, 1])
      return { chain, rule: storedRule(family, { entry, sets }) }
    })
    const remove = ({ chain, rule }: (typeof objects)[number]): boolean => {
      new Chain(it, chain).deleteRule(rule)
      return true
    }
    return it.atomically(() => objects.map((one) => attempt(options, false, () => remove(one))).every(Boolean))
  })
