/** Tables as objects: Table for IPv4, Table6 for IPv6. */
import { IPV4, IPV6 } from '../abi/family'
import { TABLES, type TableName } from '../abi/netfilter'
import { checkNone } from '../check-input'
import { checkClearable, orderedChains } from '../ruleset/ruleset'
import { Chain } from './chain'
import {
  changeChain,
  changeChains,
  createChain,
  deleteChain,
  emptied,
  getPolicy,
  isBuiltin,
  renameChain,
  setPolicy,
  zeroedChain,
} from './chain-edits'
import { type ChainHandle, chainName } from './chain-handle'
import type { CountersInput } from './counters'
import type { Policy, PolicyName } from './policy'
import type { Rule, Rule6 } from './rule'
import { TableHandle, type TableOptions } from './table-handle'
import type { TableEvent, WatchOptions } from './watch'

/**
 * What {@link Table} and {@link Table6} have in common.
 *
 * A table is a handle. It reads the kernel's table on first use. Each edit reads it again, changes it and writes it,
 * under the lock that the iptables commands take. Every edit can throw {@link RuleError} for what the kernel would
 * refuse, {@link LockTimeoutError}, {@link ConflictError}, {@link PermissionError}, {@link UnsupportedError},
 * {@link KernelError}, and {@link CountersError}, the only one after which something has been written. These are not
 * repeated below.
 * @since 0.1.0
 * @example
 * ```ts
 * import { type AnyTable, MemoryKernel, Table, Table6 } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const count = (table: AnyTable): number => table.chains.flatMap(({ rules }) => rules).length
 * console.log(count(new Table('filter', { kernel })), count(new Table6('filter', { kernel }))) // 0 0
 * ```
 */
export abstract class AnyTable extends TableHandle {
  /** The table that accepts or drops packets: INPUT, FORWARD, OUTPUT. */
  static readonly FILTER = 'filter'
  /** The table that translates addresses and ports, once per connection. */
  static readonly NAT = 'nat'
  /** The table that alters packets: marks, TTL, TOS. */
  static readonly MANGLE = 'mangle'
  /** The table that packets reach first, before connection tracking. */
  static readonly RAW = 'raw'
  /** The table that labels packets for SELinux. */
  static readonly SECURITY = 'security'
  /** The names of all tables. */
  static readonly ALL: readonly TableName[] = Object.keys(TABLES) as TableName[]

  /** @internal */
  static override readonly instead = {
    chains: 'createChain, deleteChain or renameChain',
  }

  /** Built-in chains in the order of their hooks, then user-defined chains by name. */
  get chains(): readonly Chain<this>[] {
    return orderedChains(this.ruleset).map(({ name }) => new Chain(this, name))
  }

  /**
   * Tells whether the table has this chain.
   * @throws {@link IptcError} for a {@link Chain} of another table or family, as do all methods below that take one
   */
  isChain(chain: string | ChainHandle): boolean {
    return this.ruleset.chains.has(chainName(this, chain))
  }

  /** Tells whether the table has a built-in chain of this name. */
  builtinChain(chain: string | ChainHandle): boolean {
    return isBuiltin(this, chainName(this, chain))
  }

  /**
   * Creates a chain.
   * @throws {@link RuleError} if the chain exists already
   * @throws {@link XtablesError} for an invalid name
   */
  createChain(chain: string | ChainHandle): Chain<this> {
    const name = chainName(this, chain)
    createChain(this, name)
    return new Chain(this, name)
  }

  /**
   * Deletes a chain.
   * @throws {@link NotFoundError} if there is no such chain
   * @throws {@link RuleError} for a chain that is built in, has rules, or is the target of a jump
   */
  deleteChain(chain: string | ChainHandle): void {
    deleteChain(this, chainName(this, chain))
  }

  /**
   * Renames a chain. Jumps to it are updated.
   * @throws {@link NotFoundError} if there is no such chain
   * @throws {@link RuleError} for a built-in chain, or a name that is in use
   */
  renameChain(chain: string | ChainHandle, newName: string | ChainHandle): void {
    renameChain(this, chainName(this, chain), chainName(this, newName, 'the new name'))
  }

  /** Deletes all rules, then all user-defined chains. */
  flush(): void
  flush(...none: unknown[]): void {
    checkNone('flush of a table', none, 'flushEntries takes a chain')
    this.edit((draft) => {
      checkClearable(draft)
      for (const { name, hook } of draft.chains.values()) if (hook === undefined) draft.chains.delete(name)
      changeChains(draft, emptied)
    })
  }

  /** Deletes the rules of one chain, or of all. */
  flushEntries(): void
  flushEntries(chain: string | ChainHandle): void
  flushEntries(...chain: [] | [chain: string | ChainHandle]): void {
    this.#change(chain, emptied)
  }

  /** Zeroes the counters of the rules and policy of one chain, or of all. */
  zeroEntries(): void
  zeroEntries(chain: string | ChainHandle): void
  zeroEntries(...chain: [] | [chain: string | ChainHandle]): void {
    this.#change(chain, zeroedChain)
  }

  /** Changes one chain, or all if no argument is passed. An argument that is undefined does not mean all. */
  #change(chain: readonly (string | ChainHandle)[], change: typeof emptied): void {
    const [name] = chain.map((one) => chainName(this, one))
    if (name !== undefined) changeChain(this, name, change)
    else
      this.edit((draft) => {
        if (change === emptied) checkClearable(draft)
        changeChains(draft, change)
      })
  }

  /**
   * Returns the policy of a built-in chain: what happens to packets that reach its end.
   * @throws {@link NotFoundError} if there is no such chain
   * @throws {@link RuleError} for a user-defined chain, which has no policy
   */
  getPolicy(chain: string | ChainHandle): Policy {
    return getPolicy(this, chainName(this, chain))
  }

  /**
   * Sets the policy of a built-in chain.
   * @param policy - `'ACCEPT'` or `'DROP'`
   * @param counters - initial packet and byte counters of the policy; if absent, they stay as they are
   * @throws {@link NotFoundError} if there is no such chain
   * @throws {@link RuleError} for a user-defined chain, which has no policy
   * @throws {@link XtablesError} for any other policy
   */
  setPolicy(chain: string | ChainHandle, policy: Policy | PolicyName, counters?: CountersInput): void {
    setPolicy(this, chainName(this, chain), policy, counters)
  }
}

/**
 * An IPv4 table: `filter`, `nat`, `mangle`, `raw` or `security`. `using` closes it at the end of its block.
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, Rule, Table } from 'xtables'
 *
 * using table = new Table('filter', { kernel: new MemoryKernel() })
 * table.transaction(() => {
 *   const web = table.createChain('web')
 *   web.appendRule(Rule.parse('-p tcp --dport 443 -j ACCEPT'))
 * })
 * console.log(table.isChain('web'), table.builtinChain('INPUT')) // true true
 * ```
 */
export class Table extends AnyTable {
  /**
   * Nothing is read before the first use.
   * @param name - such as `'filter'`
   * @throws {@link IptcError} for an unknown option
   * @throws {@link NotFoundError} for a namespace that does not exist
   */
  constructor(name: string, options: TableOptions = {}) {
    super(IPV4, name, options)
  }

  override watch(options: WatchOptions = {}): AsyncGenerator<TableEvent<Rule>, void, void> {
    return super.watch(options) as AsyncGenerator<TableEvent<Rule>, void, void>
  }
}

/**
 * An IPv6 table: `filter`, `nat`, `mangle`, `raw` or `security`.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Chain, MemoryKernel, Rule6, Table6 } from 'xtables'
 *
 * using table = new Table6('filter', { kernel: new MemoryKernel() })
 * new Chain(table, 'INPUT').appendRule(Rule6.parse('-p ipv6-icmp -j ACCEPT'))
 * console.log(String(table.chains[0]?.rules[0])) // -p ipv6-icmp -j ACCEPT
 * ```
 */
export class Table6 extends AnyTable {
  /**
   * Nothing is read before the first use.
   * @param name - such as `'filter'`
   * @throws {@link IptcError} for an unknown option
   * @throws {@link NotFoundError} for a namespace that does not exist
   */
  constructor(name: string, options: TableOptions = {}) {
    super(IPV6, name, options)
  }

  override watch(options: WatchOptions = {}): AsyncGenerator<TableEvent<Rule6>, void, void> {
    return super.watch(options) as AsyncGenerator<TableEvent<Rule6>, void, void>
  }
}
