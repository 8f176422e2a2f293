/** Tables, chains and policies by name. */

import { backendOfEnvironment, tableNames } from '../backend/open'
import { Chain } from '../iptc/chain'
import type { PolicyName } from '../iptc/policy'
import { AnyTable } from '../iptc/table'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import type { Ruleset } from '../ruleset/ruleset'
import { decodeRules } from './decode'
import type { DumpedRule } from './dictionary'
import { attempt, type EasyOptions, familyOf, placeOf, type ThrowsOption, withTable } from './options'

/** The rules of each chain. */
export type DumpedTable = Record<string, DumpedRule[]>

export interface FlushOption {
  /** Take the rules out first. */
  readonly flush?: boolean | undefined
}

/**
 * Names of the tables that exist. A kernel makes a table when it is first used: in a new network namespace there are
 * none. (python-iptables makes them all by asking.)
 */
export function getTables(options: EasyOptions = {}): string[] {
  const { kernel, namespace, backend = backendOfEnvironment() } = placeOf(options)
  const existing = tableNames(backend, kernel ?? new LinuxKernel({ namespace }), familyOf(options))
  const usual = AnyTable.ALL.filter((name) => existing.includes(name))
  return [...usual, ...existing.filter((name) => !AnyTable.ALL.some((one) => one === name))]
}

/** Names of the chains of a table, built-in ones first. @throws NotFoundError for a table that no kernel has */
export const getChains = (table: string, options: EasyOptions = {}): string[] =>
  withTable(table, options, ({ chains }) => chains.map(({ name }) => name))

export const hasChain = (table: string, chain: string, options: EasyOptions = {}): boolean =>
  withTable(table, options, (it) => it.isChain(chain))

/** @throws NotFoundError */
export function dumpRules(table: AnyTable, chain: string, ruleset: Ruleset = table.ruleset): DumpedRule[] {
  return decodeRules(table.chainData(chain, ruleset).rules, table.context)
}

/** The rules of a chain. @throws NotFoundError for a chain that is not there */
export const dumpChain = (table: string, chain: string, options: EasyOptions = {}): DumpedRule[] =>
  withTable(table, options, (it) => dumpRules(it, chain))

/** The rules of every chain of a table. */
export const dumpTable = (table: string, options: EasyOptions = {}): DumpedTable =>
  withTable(table, options, (it) => {
    const { ruleset } = it
    return Object.fromEntries(Array.from(ruleset.chains.keys(), (chain) => [chain, dumpRules(it, chain, ruleset)]))
  })

/** The rules of every chain of every table that exists: see {@link getTables}. */
export const dumpAll = (options: EasyOptions = {}): Record<string, DumpedTable> =>
  Object.fromEntries(getTables(options).map((table) => [table, dumpTable(table, options)]))

/**
 * Makes a chain.
 * @returns true, or false where it exists already and `throws` is false
 * @throws RuleError where it exists already; XtablesError for a name that no chain can have
 */
export const addChain = (table: string, chain: string, options: EasyOptions & ThrowsOption = {}): boolean =>
  attempt(options, false, () =>
    withTable(table, options, (it) => {
      it.createChain(chain)
      return true
    }),
  )

/**
 * Takes a chain out, with `flush` also one that holds rules. All or nothing: where rules go to the chain, its own stay.
 * @returns true, or false where that cannot be and `throws` is false
 * @throws NotFoundError; RuleError for a built-in chain, one with rules, or one that rules go to
 */
export const deleteChain = (
  table: string,
  chain: string,
  options: EasyOptions & ThrowsOption & FlushOption = {},
): boolean =>
  attempt(options, false, () =>
    withTable(table, options, (it) =>
      it.atomically(() => {
        if (options.flush) new Chain(it, chain).flush()
        it.deleteChain(chain)
        return true
      }),
    ),
  )

/** Takes out the rules of a chain. @returns true, or false where there is no such chain and `throws` is false */
export const flushChain = (table: string, chain: string, options: EasyOptions & ThrowsOption = {}): boolean =>
  attempt(options, false, () =>
    withTable(table, options, (it) => {
      new Chain(it, chain).flush()
      return true
    }),
  )

/**
 * Takes out all rules of a table, and all its chains but the built-in ones. Policies stay.
 * @returns true, or false where there is no such table and `throws` is false
 */
export const flushTable = (table: string, options: EasyOptions & ThrowsOption = {}): boolean =>
  attempt(options, false, () =>
    withTable(table, options, (it) => {
      it.flush()
      return true
    }),
  )

/** {@link flushTable} for every table that exists, one after the other. */
export function flushAll(options: EasyOptions = {}): void {
  for (const table of getTables(options)) flushTable(table, options)
}

/** Sets the counters of a chain's rules and of its policy to zero. @throws NotFoundError */
export const zeroChain = (table: string, chain: string, options: EasyOptions = {}): void =>
  withTable(table, options, (it) => new Chain(it, chain).zeroCounters())

/** Sets all counters of a table to zero. */
export const zeroTable = (table: string, options: EasyOptions = {}): void =>
  withTable(table, options, (it) => it.zeroEntries())

/** {@link zeroTable} for every table that exists, one after the other. */
export function zeroAll(options: EasyOptions = {}): void {
  for (const table of getTables(options)) zeroTable(table, options)
}

/** @throws NotFoundError; RuleError for a chain that is not built in, which has no policy */
export const getPolicy = (table: string, chain: string, options: EasyOptions = {}): PolicyName =>
  withTable(table, options, (it) => it.getPolicy(chain).name)

/** @throws NotFoundError; RuleError for a chain that is not built in; XtablesError for anything but ACCEPT and DROP */
export const setPolicy = (
  table: string,
  chain: string,
  policy: PolicyName = 'ACCEPT',
  options: EasyOptions = {},
): void => withTable(table, options, (it) => it.setPolicy(chain, policy))
