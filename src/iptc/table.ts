/** Tables: independent handles on what one family's packet filter holds in one network namespace. */
import { type Family, IPV4, IPV6 } from '../abi/family'
import { TABLES, type TableName } from '../abi/netfilter'
import { checkRewrite } from '../backend/faithful'
import { aBackend, backendOfEnvironment, openStore } from '../backend/open'
import { kernelSets } from '../backend/sets'
import type { BackendName, Store } from '../backend/store'
import { IptcError, NotFoundError, RuleError, XtablesError } from '../errors'
import type { Context } from '../extensions/context'
import { findExtension } from '../extensions/registry'
import { callback, check, checkNone, duration, flag, names, text } from '../input'
import { Client } from '../kernel/client'
import { aKernel, type Kernel } from '../kernel/kernel'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import { aNamespace, type NetworkNamespace } from '../kernel/linux/namespace'
import { checkOptions } from '../options'
import type { Counters } from '../ruleset/entry'
import { checkChainName } from '../ruleset/rule'
import { Rules } from '../ruleset/rules'
import {
  type Chain as ChainData,
  changedRules,
  checkClearable,
  countersOf,
  type Draft,
  foreignRules,
  foreignState,
  jumpOf,
  newChain,
  orderedChains,
  policyEntry,
  policyOf,
  type Ruleset,
  redirected,
  referencesTo,
  zeroed,
} from '../ruleset/ruleset'
import { Chain } from './chain'
import { type CountersInput, readCounters } from './counters'
import { Policy, type PolicyName } from './policy'
import type { Rule, Rule6 } from './rule'
import { type Edit, Session } from './session'
import { Strict } from './strict'
import { LOCK_TIMEOUT_MS, type WaitOptions } from './wait'
import { type TableEvent, type WatchOptions, watchTable } from './watch'

export interface TableOptions {
  /**
   * Which of the kernel's packet filters holds the table: `legacy`, that of ip_tables, or `nft`, in which today's
   * distributions keep what their `iptables` writes. What `XTABLES_BACKEND` in the environment says where absent, else `legacy`.
   */
  readonly backend?: BackendName | undefined
  /** Write every edit at once (the default), or only at `commit`. */
  readonly autocommit?: boolean | undefined
  /** Network namespace: a name of `ip netns`, a path, a process id, or an open one. The process's own unless said. */
  readonly namespace?: string | number | NetworkNamespace | undefined
  /** Another packet filter than that of Linux, such as a `MemoryKernel`. */
  readonly kernel?: Kernel | undefined
  /** How long to wait for the xtables lock, in milliseconds; 60,000 unless said, and Infinity waits for ever. */
  readonly lockTimeoutMs?: number | undefined
  /**
   * What may be written back although the kernel does not hand it out as it was given: `['CT --timeout']`. Otherwise a
   * table in which such a rule stays cannot be edited, as that would change the rule.
   */
  readonly rewrite?: readonly string[] | undefined
  /**
   * Where the kernel refuses several new rules, find out which of them it is: by trying them in a network namespace of our
   * own, which takes CAP_SYS_ADMIN and as many exchanges as it takes to halve the rules down to one. Off unless said.
   */
  readonly findRefused?: boolean | undefined
}

/** @internal What says where a table is and how it is written, for all who open one. */
export const PLACE_OPTIONS = {
  backend: aBackend,
  namespace: aNamespace,
  kernel: aKernel,
  lockTimeoutMs: duration,
  rewrite: names,
  findRefused: flag,
}
const OPTIONS = { autocommit: flag, ...PLACE_OPTIONS }

/** What {@link Table} and {@link Table6} have in common. */
export abstract class AnyTable extends Strict {
  static readonly FILTER = 'filter'
  static readonly NAT = 'nat'
  static readonly MANGLE = 'mangle'
  static readonly RAW = 'raw'
  static readonly SECURITY = 'security'
  static readonly ALL: readonly TableName[] = Object.keys(TABLES) as TableName[]

  /** @internal */
  static override readonly instead = {
    name: 'another Table',
    kernel: 'the option kernel of another Table',
    chains: 'createChain, deleteChain or renameChain',
  }

  readonly #name: string
  readonly #context: Context
  readonly #kernel: Kernel
  readonly #client: Client
  readonly #session: Session
  readonly #store: Store

  /** @internal */
  constructor(family: Family, name: string, options: TableOptions) {
    super()
    checkOptions(options, OPTIONS)
    check('the name of a table', name, text)
    const { autocommit = true, namespace, kernel, rewrite = [], findRefused = false } = options
    const backend = options.backend ?? backendOfEnvironment()
    const { lockTimeoutMs = LOCK_TIMEOUT_MS } = options
    checkRewrite(rewrite, family)
    if (kernel !== undefined && namespace !== undefined)
      throw new IptcError('a table has a kernel or a namespace: a kernel brings its own namespace')
    this.#name = name
    this.#kernel = kernel ?? new LinuxKernel({ namespace })
    this.#client = new Client(this.#kernel, family)
    this.#store = openStore(backend, { kernel: this.#kernel, client: this.#client, rewrite, findRefused }, family, name)
    this.#session = new Session(this.#kernel, this.#store, family, name, { autocommit, lockTimeoutMs })
    this.#context = { family, sets: kernelSets(this.#client) }
  }

  get name(): string {
    return this.#name
  }

  /** @internal */
  get context(): Context {
    return this.#context
  }

  /** Which of the kernel's packet filters holds it. */
  get backend(): BackendName {
    return this.#store.backend
  }

  /**
   * What nf_tables holds in the table that iptables has no words for, described for people: its flags, chains with hooks of their own,
   * which are left alone, and rules of our chains, which are read as `-j nft`. Always empty for ip_tables.
   */
  get incompatible(): readonly string[] {
    const { ruleset } = this
    return [...foreignState(ruleset), ...(ruleset.foreign?.chains.values() ?? []), ...foreignRules(ruleset)]
  }

  /** For people: which kernel this speaks to. */
  get kernel(): string {
    return this.#kernel.description
  }

  /** @internal The table as this handle sees it: as last read, with its own edits. */
  get ruleset(): Ruleset {
    return this.#session.ruleset
  }

  /** @internal Makes one edit: at once, or as part of what is to be committed. */
  edit(change: Edit): void {
    this.#session.edit(change)
  }

  /** @internal Finds out whether an edit could be written, without writing it. @throws as {@link edit} */
  rehearse(change: Edit): void {
    this.#session.rehearse(change)
  }

  /** Reads the table again. Edits that are not committed are dropped. */
  refresh(): void {
    this.#session.refresh()
  }

  /** As {@link refresh}, off the main thread. It takes no lock. */
  refreshAsync(options: Pick<WaitOptions, 'signal'> = {}): Promise<void> {
    return this.#session.refreshAsync(options)
  }

  /** Whether every edit is written at once. Setting it back to true commits what is not written yet. */
  get autocommit(): boolean {
    return this.#session.autocommit
  }
  set autocommit(autocommit: boolean) {
    check('autocommit', autocommit, flag)
    this.#session.autocommit = autocommit
  }

  /** @internal Checks the edits since the last reading, as {@link commit} does before it writes them. */
  check(): void {
    this.#session.check()
  }

  /**
   * Writes the edits since the last reading.
   * @throws ConflictError where the table is not what they were made on: nothing is written, and `refresh` begins anew
   * @throws RuleError for a rule that the kernel would refuse
   */
  commit(): void {
    this.#session.commit()
  }

  /** As {@link commit}, with the big system calls and the wait for the lock off the main thread. */
  commitAsync(options: WaitOptions = {}): Promise<void> {
    return this.#session.commitAsync(options)
  }

  /**
   * Runs `body` on a fresh reading of the table and writes all its edits in one exchange, under the lock. Where `body`
   * throws, nothing is written. It may run more than once: someone who takes no lock may get in between. Within another
   * transaction of this handle, its edits become part of that one, or none of them where `body` throws.
   * @returns what `body` returned the last time
   */
  transaction<T>(body: (table: this) => T): T {
    check('the body of a transaction', body, callback)
    return this.#session.transaction(() => body(this))
  }

  /** @internal Makes the edits of `body` all or none: in one transaction, or among those that are to be committed. */
  atomically<T>(body: () => T): T {
    return this.#session.atomically(body)
  }

  /**
   * As {@link transaction}, for a function that may wait, with the big system calls and the wait for the lock off the
   * main thread. Those that `body` runs beside each other take turns. What it leaves running is no part of it any more, and
   * waits for the lock, or fails.
   */
  async transactionAsync<T>(body: (table: this) => T | Promise<T>, options: WaitOptions = {}): Promise<T> {
    check('the body of a transaction', body, callback)
    return this.#session.transactionAsync(() => body(this), options)
  }

  /** Closes the sockets, once an exchange that has begun is done. Edits that are not committed are lost. */
  close(): void {
    this.#client.close()
    this.#store.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /**
   * What is changed in the table from now on, by whomever, also by this process: rules, chains, policies, the table itself.
   * What takes effect together comes together. It ends with `signal`, and where nobody iterates any more.
   *
   * ```ts
   * for await (const change of table.watch({ signal })) if (change.kind === 'rule-added') console.log(`${change.rule}`)
   * ```
   * @throws UnsupportedError for a table of ip_tables, of whose changes the kernel tells nobody; PermissionError
   */
  watch(options: WatchOptions = {}): AsyncGenerator<TableEvent, void, void> {
    return watchTable(
      { kernel: this.#kernel, context: this.#context, table: this.#name, backend: this.backend },
      options,
    )
  }

  // Chains

  /** @internal @throws NotFoundError */
  chainData(name: string, ruleset = this.ruleset): ChainData {
    check('the name of a chain', name, text)
    const chain = ruleset.chains.get(name)
    if (chain === undefined) throw new NotFoundError(`table ${this.name} has no chain ${name}`)
    return chain
  }

  /** Built-in chains in the order of their hooks, then the others by name. */
  get chains(): readonly Chain[] {
    return orderedChains(this.ruleset).map(({ name }) => new Chain(this, name))
  }

  /** @throws IptcError for a Chain of another table or family; so does all below that takes a Chain */
  isChain(chain: string | Chain): boolean {
    return this.ruleset.chains.has(nameIn(this, chain))
  }

  /** Whether there is a chain of this name and the kernel itself calls it. */
  builtinChain(chain: string | Chain): boolean {
    return this.ruleset.chains.get(nameIn(this, chain))?.hook !== undefined
  }

  /** @throws RuleError where there is such a chain already; XtablesError for a name that no chain can have */
  createChain(chain: string | Chain): Chain {
    const name = nameIn(this, chain)
    checkNewName(name)
    this.edit(({ chains }) => {
      this.#checkFree(name, chains)
      chains.set(name, newChain(this.context.family, name))
    })
    return new Chain(this, name)
  }

  #checkFree(name: string, chains: Ruleset['chains']): void {
    if (chains.has(name)) throw new RuleError({ table: this.name, chain: name }, 'the chain exists already')
  }

  /** @throws RuleError for a built-in chain, one with rules in it, or one that rules go to */
  deleteChain(chain: string | Chain): void {
    const name = nameIn(this, chain)
    this.edit((draft) => {
      const data = this.#userChain(name, draft)
      if (data.rules.length > 0) throw new RuleError({ table: this.name, chain: name }, 'the chain is not empty')
      this.#checkUnreferenced(name, draft)
      draft.chains.delete(name)
    })
  }

  /** Rules that go to the chain follow it. @throws RuleError for a built-in chain, or a name that is taken */
  renameChain(chain: string | Chain, newName: string): void {
    const name = nameIn(this, chain)
    checkNewName(newName)
    this.edit((draft) => {
      const data = this.#userChain(name, draft)
      this.#checkFree(newName, draft.chains)
      draft.chains.delete(name)
      draft.chains.set(newName, { ...data, name: newName, head: newChain(this.context.family, newName).head })
      changeChains(draft, (one) => redirectedChain(one, name, newName))
    })
  }

  #userChain(name: string, ruleset: Ruleset): ChainData {
    const chain = this.chainData(name, ruleset)
    if (chain.hook !== undefined) throw new RuleError({ table: this.name, chain: name }, 'the chain is built in')
    return chain
  }

  #checkUnreferenced(name: string, ruleset: Ruleset): void {
    for (const { chain, position } of referencesTo(ruleset, name))
      throw new RuleError({ table: this.name, chain: name }, `rule ${position + 1} of chain ${chain} goes to it`)
  }

  /** Takes out all rules, then all chains that are not built in. */
  flush(): void
  flush(...none: unknown[]): void {
    checkNone('flush of a table', none, 'flushEntries takes a chain')
    this.edit((draft) => {
      checkClearable(draft)
      for (const { name, hook } of draft.chains.values()) if (hook === undefined) draft.chains.delete(name)
      changeChains(draft, emptied)
    })
  }

  /** Takes out the rules of one chain, or of all. */
  flushEntries(): void
  flushEntries(chain: string | Chain): void
  flushEntries(...chain: [] | [chain: string | Chain]): void {
    this.#change(chain, emptied)
  }

  /** Sets the counters of one chain's rules and of its policy to zero, or those of all. */
  zeroEntries(): void
  zeroEntries(chain: string | Chain): void
  zeroEntries(...chain: [] | [chain: string | Chain]): void {
    this.#change(chain, zeroedChain)
  }

  /** Changes one chain, or all where none is given; one that is given and undefined is not all. */
  #change(chain: readonly (string | Chain)[], change: (data: ChainData) => ChainData): void {
    const [name] = chain.map((one) => nameIn(this, one))
    this.edit((draft) => {
      if (name === undefined) {
        if (change === emptied) checkClearable(draft)
        changeChains(draft, change)
      } else draft.chains.set(name, change(this.chainData(name, draft)))
    })
  }

  /** @throws NotFoundError; RuleError for a chain that is not built in, which has no policy */
  getPolicy(chain: string | Chain): Policy {
    const data = this.chainData(nameIn(this, chain))
    const policy = policyOf(this.context.family, data)
    if (policy !== 'ACCEPT' && policy !== 'DROP') throw this.#noPolicy(data.name)
    return policy === 'ACCEPT' ? Policy.ACCEPT : Policy.DROP
  }

  /** @param counters packets and bytes that the policy begins with; what it had stays where none are given. */
  setPolicy(chain: string | Chain, policy: Policy | PolicyName, counters?: CountersInput): void {
    const { name } = policy instanceof Policy ? policy : new Policy(policy)
    const given = counters === undefined ? undefined : readCounters('policy', counters)
    const chainName = nameIn(this, chain)
    this.edit((draft) => {
      const data = this.chainData(chainName, draft)
      if (data.hook === undefined || data.tail === undefined) throw this.#noPolicy(data.name)
      if (this.name === 'nat' && name === 'DROP')
        throw new RuleError(
          { table: this.name, chain: data.name },
          'the nat table is not for filtering, it takes no DROP',
        )
      if (given === undefined && policyOf(this.context.family, data) === name) return false
      return draft.chains.set(data.name, { ...data, tail: policyEntry(this.context.family, data.tail, name, given) })
    })
  }

  #noPolicy(chain: string): RuleError {
    return new RuleError({ table: this.name, chain }, 'the chain has no policy, as it is not built in')
  }

  /** @internal */
  policyCounters(chain: string): Counters {
    const data = this.chainData(chain)
    if (data.hook === undefined || data.tail === undefined) throw this.#noPolicy(chain)
    return countersOf(this.context.family, data.tail)
  }

  override toString(): string {
    return this.name
  }
}

/** @internal What a chain that is to be made cannot be called. @throws XtablesError */
export function checkNewName(name: string): void {
  check('the name of a chain', name, text)
  checkChainName(name)
  if (findExtension('target', name) !== undefined)
    throw new XtablesError(`chain ${name}: there is a target of this name`, {
      extension: 'rule',
      parameter: 'chain',
      value: name,
    })
}

/** The name of a chain in `table`. Whoever hands over a Chain of another table mistakes one for the other. */
function nameIn(table: AnyTable, chain: string | Chain): string {
  if (chain instanceof Chain) {
    if (!isSameTable(table, chain.table))
      throw new IptcError(
        `${chain.name} is a chain of ${titleOf(chain.table)}, not of ${titleOf(table)}; to mean the chain of that name here, give the name`,
      )
    return chain.name
  }
  check('a chain', chain, { ...text, expected: 'a Chain or its name' })
  return chain
}

/** Whether they are one table by name and family: handles of it there may be many, in as many namespaces. */
const isSameTable = (one: AnyTable, other: AnyTable): boolean =>
  one.name === other.name && one.context.family === other.context.family

const titleOf = ({ name, context }: AnyTable): string => `table ${name} of ${context.family.name}`

function changeChains(draft: Draft, change: (chain: ChainData) => ChainData): void {
  for (const [name, chain] of draft.chains) draft.chains.set(name, change(chain))
}

const emptied = (chain: ChainData): ChainData => ({ ...chain, rules: Rules.of() })

/** The chain with every rule that goes to `from` going to `to`. */
const redirectedChain = (chain: ChainData, from: string, to: string): ChainData =>
  chain.rules.refs.some((ref) => jumpOf(chain.rules, ref) === from)
    ? { ...chain, rules: changedRules(chain.rules, (rule, ref) => redirected(rule, ref, to), from) }
    : chain

const zeroedChain = (chain: ChainData): ChainData => ({
  ...chain,
  rules: changedRules(chain.rules, zeroed),
  tail: chain.tail && zeroed(chain.tail),
})

/** A table of IPv4: `filter`, `nat`, `mangle`, `raw` or `security`. */
export class Table extends AnyTable {
  constructor(name: string, options: TableOptions = {}) {
    super(IPV4, name, options)
  }

  override watch(options: WatchOptions = {}): AsyncGenerator<TableEvent<Rule>, void, void> {
    return super.watch(options) as AsyncGenerator<TableEvent<Rule>, void, void>
  }
}

/** A table of IPv6. */
export class Table6 extends AnyTable {
  constructor(name: string, options: TableOptions = {}) {
    super(IPV6, name, options)
  }

  override watch(options: WatchOptions = {}): AsyncGenerator<TableEvent<Rule6>, void, void> {
    return super.watch(options) as AsyncGenerator<TableEvent<Rule6>, void, void>
  }
}
