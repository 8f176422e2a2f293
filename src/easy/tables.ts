/** Tables, chains and policies by name. */

import { backendOfEnvironment, tableNames } from '../backend/open'
import { Chain } from '../iptc/chain'
import { type ChainHandle, chainName } from '../iptc/chain-handle'
import type { PolicyName } from '../iptc/policy'
import { AnyTable } from '../iptc/table'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import type { Ruleset } from '../ruleset/ruleset'
import { decodeRules } from './decode'
import type { DumpedRule } from './dictionary'
import { attempt, type EasyOptions, familyOf, placeOf, type ThrowsOption, withTable } from './options'

/**
 * The rules of each chain, by chain name.
 * @since 0.1.0
 */
export type DumpedTable = Record<string, DumpedRule[]>

/**
 * The option of functions that can flush a chain first.
 * @since 0.1.0
 */
export interface FlushOption {
  /** Delete the rules of the chain first. */
  readonly flush?: boolean | undefined
}

/**
 * Returns the names of the existing tables. A kernel creates a table on first use: a new network namespace has none.
 * (python-iptables creates them all by asking.)
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addChain('nat', 'web', { kernel })
 * console.log(easy.getTables({ kernel })) // [ 'nat' ]
 * ```
 */
export function getTables(options: EasyOptions = {}): string[] {
  const { kernel, namespace, backend = backendOfEnvironment() } = placeOf(options)
  const existing = tableNames(backend, kernel ?? new LinuxKernel({ namespace }), familyOf(options))
  const usual = AnyTable.ALL.filter((name) => existing.includes(name))
  return [...usual, ...existing.filter((name) => !AnyTable.ALL.some((one) => one === name))]
}

/**
 * Returns the names of the chains of a table, built-in ones first.
 * @throws {@link NotFoundError} for a table that no kernel has
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * console.log(easy.getChains('filter', { kernel: new MemoryKernel() })) // [ 'INPUT', 'FORWARD', 'OUTPUT' ]
 * ```
 */
export const getChains = (table: string, options: EasyOptions = {}): string[] =>
  withTable(table, options, ({ chains }) => chains.map(({ name }) => name))

/**
 * Tells whether a table has a chain of this name.
 * @throws {@link NotFoundError} for a table that no kernel has
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * console.log(easy.hasChain('filter', 'web', { kernel: new MemoryKernel() })) // false
 * ```
 */
export const hasChain = (table: string, chain: string | ChainHandle, options: EasyOptions = {}): boolean =>
  withTable(table, options, (it) => it.isChain(chain))

/** @throws NotFoundError */
export function dumpRules(
  table: AnyTable,
  chain: string | ChainHandle,
  ruleset: Ruleset = table.ruleset,
): DumpedRule[] {
  return decodeRules(table.chainData(chainName(table, chain), ruleset).rules, table.context)
}

/**
 * Returns the rules of a chain, in order.
 * @throws {@link NotFoundError} for a chain that does not exist
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { protocol: 'tcp', target: 'ACCEPT' }, 0, { kernel })
 * console.log(easy.dumpChain('filter', 'INPUT', { kernel })[0]?.protocol) // tcp
 * ```
 */
export const dumpChain = (table: string, chain: string | ChainHandle, options: EasyOptions = {}): DumpedRule[] =>
  withTable(table, options, (it) => dumpRules(it, chain))

/**
 * Returns the rules of every chain of a table.
 * @throws {@link NotFoundError} for a table that no kernel has
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * console.log(Object.keys(easy.dumpTable('raw', { kernel: new MemoryKernel() }))) // [ 'PREROUTING', 'OUTPUT' ]
 * ```
 */
export const dumpTable = (table: string, options: EasyOptions = {}): DumpedTable =>
  withTable(table, options, (it) => {
    const { ruleset } = it
    return Object.fromEntries(Array.from(ruleset.chains.keys(), (chain) => [chain, dumpRules(it, chain, ruleset)]))
  })

/**
 * Returns the rules of every chain of every existing table: see {@link getTables}.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { target: 'DROP' }, 0, { kernel })
 * const saved = JSON.stringify(easy.dumpAll({ kernel }))
 * console.log(saved.includes('DROP')) // true
 * ```
 */
export const dumpAll = (options: EasyOptions = {}): Record<string, DumpedTable> =>
  Object.fromEntries(getTables(options).map((table) => [table, dumpTable(table, options)]))

/**
 * Creates a chain.
 * @returns true, or false if it exists already and `throws` is false
 * @throws {@link RuleError} if it exists already
 * @throws {@link XtablesError} for an invalid name
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addChain('filter', 'web', { kernel })
 * console.log(easy.addChain('filter', 'web', { kernel, throws: false })) // false
 * ```
 */
export const addChain = (
  table: string,
  chain: string | ChainHandle,
  options: EasyOptions & ThrowsOption = {},
): boolean =>
  attempt(options, false, () =>
    withTable(table, options, (it) => {
      it.createChain(chain)
      return true
    }),
  )

/**
 * Deletes a chain; with `flush`, even if it has rules. All or nothing: if the chain is the target of a jump, its rules
 * stay too.
 * @returns true, or false if it cannot be deleted and `throws` is false
 * @throws {@link NotFoundError} if it does not exist
 * @throws {@link RuleError} for a chain that is built in, has rules, or is the target of a jump
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addChain('filter', 'web', { kernel })
 * easy.addRule('filter', 'web', { target: 'ACCEPT' }, 0, { kernel })
 * console.log(easy.deleteChain('filter', 'web', { kernel, flush: true })) // true
 * ```
 */
export const deleteChain = (
  table: string,
  chain: string | ChainHandle,
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

/**
 * Deletes all rules of a chain.
 * @returns true, or false if there is no such chain and `throws` is false
 * @throws {@link NotFoundError} if there is no such chain
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { target: 'DROP' }, 0, { kernel })
 * easy.flushChain('filter', 'INPUT', { kernel })
 * console.log(easy.dumpChain('filter', 'INPUT', { kernel })) // []
 * ```
 */
export const flushChain = (
  table: string,
  chain: string | ChainHandle,
  options: EasyOptions & ThrowsOption = {},
): boolean =>
  attempt(options, false, () =>
    withTable(table, options, (it) => {
      new Chain(it, chain).flush()
      return true
    }),
  )

/**
 * Deletes all rules and user-defined chains of a table. Policies stay.
 * @returns true, or false if there is no such table and `throws` is false
 * @throws {@link NotFoundError} if there is no such table
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addChain('filter', 'web', { kernel })
 * easy.flushTable('filter', { kernel })
 * console.log(easy.hasChain('filter', 'web', { kernel })) // false
 * ```
 */
export const flushTable = (table: string, options: EasyOptions & ThrowsOption = {}): boolean =>
  attempt(options, false, () =>
    withTable(table, options, (it) => {
      it.flush()
      return true
    }),
  )

/**
 * Flushes every existing table, one after the other: see {@link flushTable}.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addChain('mangle', 'marks', { kernel })
 * easy.flushAll({ kernel })
 * console.log(easy.hasChain('mangle', 'marks', { kernel })) // false
 * ```
 */
export function flushAll(options: EasyOptions = {}): void {
  for (const table of getTables(options)) flushTable(table, options)
}

/**
 * Sets the counters of a chain's rules and policy to zero.
 * @throws {@link NotFoundError} for a chain that does not exist
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { target: 'DROP', counters: [7, 420] }, 0, { kernel })
 * easy.zeroChain('filter', 'INPUT', { kernel })
 * console.log(easy.dumpChain('filter', 'INPUT', { kernel })[0]?.counters) // [ 0, 0 ]
 * ```
 */
export const zeroChain = (table: string, chain: string | ChainHandle, options: EasyOptions = {}): void =>
  withTable(table, options, (it) => new Chain(it, chain).zeroCounters())

/**
 * Sets all counters of a table to zero.
 * @throws {@link NotFoundError} for a table that no kernel has
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('filter', 'INPUT', { target: 'DROP', counters: [7, 420] }, 0, { kernel })
 * easy.zeroTable('filter', { kernel })
 * console.log(easy.getRuleCounters('filter', 'INPUT', { target: 'DROP' }, { kernel })) // [ 0, 0 ]
 * ```
 */
export const zeroTable = (table: string, options: EasyOptions = {}): void =>
  withTable(table, options, (it) => it.zeroEntries())

/**
 * Zeroes every existing table, one after the other: see {@link zeroTable}.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addRule('raw', 'OUTPUT', { target: 'ACCEPT', counters: [7, 420] }, 0, { kernel })
 * easy.zeroAll({ kernel })
 * console.log(easy.getRuleCounters('raw', 'OUTPUT', { target: 'ACCEPT' }, { kernel })) // [ 0, 0 ]
 * ```
 */
export function zeroAll(options: EasyOptions = {}): void {
  for (const table of getTables(options)) zeroTable(table, options)
}

/**
 * Returns the policy of a built-in chain: what happens to packets that reach its end.
 * @returns `'ACCEPT'` or `'DROP'`
 * @throws {@link NotFoundError} for a chain that does not exist
 * @throws {@link RuleError} for a user-defined chain, which has no policy
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * console.log(easy.getPolicy('filter', 'INPUT', { kernel: new MemoryKernel() })) // ACCEPT
 * ```
 */
export const getPolicy = (table: string, chain: string | ChainHandle, options: EasyOptions = {}): PolicyName =>
  withTable(table, options, (it) => it.getPolicy(chain).name)

/**
 * Sets the policy of a built-in chain. Its counters stay.
 * @throws {@link NotFoundError} for a chain that does not exist
 * @throws {@link RuleError} for a user-defined chain
 * @throws {@link XtablesError} for anything but ACCEPT and DROP
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.setPolicy('filter', 'FORWARD', 'DROP', { kernel })
 * console.log(easy.getPolicy('filter', 'FORWARD', { kernel })) // DROP
 * ```
 */
export const setPolicy = (
  table: string,
  chain: string | ChainHandle,
  policy: PolicyName = 'ACCEPT',
  options: EasyOptions = {},
): void => withTable(table, options, (it) => it.setPolicy(chain, policy))
