/** Table handles: where a table is, and how it is read and written. */
import type { Family } from '../abi/family'
import { checkRewrite } from '../backend/check-lossless'
import { aBackend, backendOfEnvironment, openStore } from '../backend/open'
import { kernelSets } from '../backend/sets'
import type { BackendName, Store } from '../backend/store'
import { callback, check, duration, flag, names, text } from '../check-input'
import { checkOptions } from '../check-options'
import { IptcError } from '../errors'
import type { Context } from '../extensions/context'
import { Client } from '../kernel/client'
import { aKernel, type Kernel } from '../kernel/kernel'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import { aNamespace, type NetworkNamespace } from '../kernel/linux/namespace'
import { type Chain as ChainData, chainOf, foreignRules, foreignState, type Ruleset } from '../ruleset/ruleset'
import { LOCK_TIMEOUT_MS, type WaitOptions } from './lock-wait'
import { Strict } from './refuse-assignment'
import { type Edit, Session } from './session'
import { type TableEvent, type WatchOptions, watchTable } from './watch'

/**
 * Where a table is, and how it is written.
 * @since 0.1.0
 */
export interface TableOptions {
  /**
   * The backend that holds the table: `legacy` for ip_tables, or `nft` for nf_tables, where the `iptables` of current
   * distributions keeps its rules. Defaults to `XTABLES_BACKEND` in the environment, else `legacy`.
   */
  readonly backend?: BackendName | undefined
  /** `true` (the default) writes every edit at once; `false` only at `commit`. */
  readonly autocommit?: boolean | undefined
  /**
   * Network namespace: a name as in `ip netns`, a path, a process id, or an open one. Defaults to that of the process.
   */
  readonly namespace?: string | number | NetworkNamespace | undefined
  /** A kernel other than Linux, such as a `MemoryKernel`. */
  readonly kernel?: Kernel | undefined
  /** How long to wait for the xtables lock, in milliseconds. Defaults to 60,000; Infinity waits for ever. */
  readonly lockTimeoutMs?: number | undefined
  /**
   * Rules that may be written back although the kernel does not report all of their parameters: `['CT --timeout']`.
   * Otherwise a table in which such a rule stays cannot be edited, because writing it back would change the rule.
   */
  readonly rewrite?: readonly string[] | undefined
  /**
   * If the kernel refuses several new rules at once, find out which one is at fault by trying them in a separate
   * network namespace. This needs CAP_SYS_ADMIN and bisects the rules, one write per step. Off by default.
   */
  readonly findRefused?: boolean | undefined
}

/** @internal The options that say where a table is and how it is written. */
export const PLACE_OPTIONS = {
  backend: aBackend,
  namespace: aNamespace,
  kernel: aKernel,
  lockTimeoutMs: duration,
  rewrite: names,
  findRefused: flag,
}
const OPTIONS = { autocommit: flag, ...PLACE_OPTIONS }

/**
 * The part of a table that its chains use: reading, editing, writing and closing it. The only implementations are
 * {@link Table} and {@link Table6}.
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, Table, type TableHandle } from 'xtables'
 *
 * const refreshed = (tables: readonly TableHandle[]): string[] =>
 *   tables.map((table) => {
 *     table.refresh()
 *     return table.name
 *   })
 * const kernel = new MemoryKernel()
 * console.log(refreshed([new Table('filter', { kernel }), new Table('nat', { kernel })])) // [ 'filter', 'nat' ]
 * ```
 */
export abstract class TableHandle extends Strict {
  /** @internal */
  static override readonly instead: Readonly<Record<string, string>> = {
    name: 'another Table',
    kernel: 'the option kernel of another Table',
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
      throw new IptcError(
        'XT_BAD_OPTION',
        'the options kernel and namespace exclude each other: a kernel has its own namespace; give one of them',
      )
    this.#name = name
    this.#kernel = kernel ?? new LinuxKernel({ namespace })
    this.#client = new Client(this.#kernel, family, `table ${name} of ${family.name}`)
    this.#store = openStore(backend, { kernel: this.#kernel, client: this.#client, rewrite, findRefused }, family, name)
    this.#session = new Session(this.#kernel, this.#store, family, name, { autocommit, lockTimeoutMs })
    this.#context = { family, sets: kernelSets(this.#client) }
  }

  /** Name of the table, such as `filter`. */
  get name(): string {
    return this.#name
  }

  /** @internal */
  get context(): Context {
    return this.#context
  }

  /** The backend that holds the table. */
  get backend(): BackendName {
    return this.#store.backend
  }

  /**
   * Descriptions of what the nf_tables table holds that iptables cannot express: flags, chains with hooks of their own
   * (left alone), and rules of iptables chains that read as `-j nft`. Always empty for ip_tables.
   */
  get incompatible(): readonly string[] {
    const { ruleset } = this
    return [...foreignState(ruleset), ...(ruleset.foreign?.chains.values() ?? []), ...foreignRules(ruleset)]
  }

  /** A description of the kernel in use. */
  get kernel(): string {
    return this.#kernel.description
  }

  /** @internal The table as this handle sees it: the last snapshot with its own edits. */
  get ruleset(): Ruleset {
    return this.#session.ruleset
  }

  /** @internal Makes one edit: written at once, or added to the pending ones. */
  edit(change: Edit): void {
    this.#session.edit(change)
  }

  /** @internal Checks whether an edit could be written, without writing it. @throws as {@link edit} */
  rehearse(change: Edit): void {
    this.#session.rehearse(change)
  }

  /** @internal As {@link rehearse}, off the main thread. */
  rehearseAsync(change: Edit, options: WaitOptions): Promise<void> {
    return this.#session.rehearseAsync(change, options)
  }

  /** Reads the table again. Pending edits are dropped. */
  refresh(): void {
    this.#session.refresh()
  }

  /**
   * Reads the table again, with the system calls off the main thread. It takes no lock.
   * @throws the reason of the signal
   */
  refreshAsync(options: Pick<WaitOptions, 'signal'> = {}): Promise<void> {
    return this.#session.refreshAsync(options)
  }

  /** Whether every edit is written at once. Setting it to true commits the pending edits. */
  get autocommit(): boolean {
    return this.#session.autocommit
  }
  /** @throws {@link ConflictError} like {@link TableHandle.commit}, when it is set to true */
  set autocommit(autocommit: boolean) {
    check('autocommit', autocommit, flag)
    this.#session.autocommit = autocommit
  }

  /** @internal Checks the pending edits as {@link commit} does before it writes them. */
  check(): void {
    this.#session.check()
  }

  /** @internal As {@link check}, with the wait for the lock off the main thread. */
  checkAsync(options: WaitOptions): Promise<void> {
    return this.#session.checkAsync(options)
  }

  /**
   * Writes the pending edits.
   * @throws {@link ConflictError} if the table has changed since it was read: nothing is written, and `refresh` starts
   *   anew
   * @throws {@link RuleError} for a rule that the kernel would refuse
   */
  commit(): void {
    this.#session.commit()
  }

  /**
   * Writes the pending edits, with the large system calls and the wait for the lock off the main thread. See
   * {@link TableHandle.commit}.
   * @throws the reason of the signal
   */
  commitAsync(options: WaitOptions = {}): Promise<void> {
    return this.#session.commitAsync(options)
  }

  /**
   * Runs `body` on a fresh snapshot of the table and writes all its edits atomically, under the lock. If `body` throws,
   * nothing is written. `body` may run more than once, if a program that takes no lock changes the table meanwhile. In
   * another transaction of this handle, its edits become part of the outer one, or none of them if `body` throws.
   * @param body - a synchronous function
   * @returns the result of the last run of `body`
   * @throws what `body` throws; {@link LockTimeoutError}; and what the edits can throw
   */
  transaction<T>(body: (table: this) => T): T {
    check('the body of a transaction', body, callback)
    return this.#session.transaction(() => body(this))
  }

  /** @internal Makes the edits of `body` all or nothing: in a transaction, or as pending edits. */
  atomically<T>(body: () => T): T {
    return this.#session.atomically(body)
  }

  /**
   * Runs an asynchronous function on a fresh snapshot of the table and writes all its edits atomically, with the large
   * system calls and the wait for the lock off the main thread. Transactions that `body` starts concurrently take
   * turns. Work that `body` leaves running is no longer part of the transaction: it waits for the lock, or fails. See
   * {@link TableHandle.transaction}.
   * @returns the result of the last run of `body`
   * @throws what `body` throws; {@link LockTimeoutError}; the reason of the signal
   */
  async transactionAsync<T>(body: (table: this) => T | Promise<T>, options: WaitOptions = {}): Promise<T> {
    check('the body of a transaction', body, callback)
    return this.#session.transactionAsync(() => body(this), options)
  }

  /** Closes the sockets, after any write in progress. Pending edits are lost. */
  close(): void {
    this.#client.close()
    this.#store.close()
  }

  /** Closes the table at the end of a `using` block. See {@link TableHandle.close}. */
  [Symbol.dispose](): void {
    this.close()
  }

  /**
   * Watches the table: yields every change from now on, made by any process including this one, to rules, chains,
   * policies and the table itself. Changes that take effect together are yielded together. It ends with `signal`, or
   * when the iteration stops.
   *
   * ```ts
   * for await (const change of table.watch({ signal })) if (change.kind === 'rule-added') console.log(`${change.rule}`)
   * ```
   * @throws {@link UnsupportedError} for an ip_tables table: the kernel sends no notifications for these
   * @throws {@link PermissionError}
   */
  watch(options: WatchOptions = {}): AsyncGenerator<TableEvent, void, void> {
    return watchTable(
      { kernel: this.#kernel, context: this.#context, table: this.#name, backend: this.backend },
      options,
    )
  }

  /** @internal @throws NotFoundError */
  chainData(name: string, ruleset = this.ruleset): ChainData {
    check('the name of a chain', name, text)
    return chainOf(ruleset, name)
  }

  override toString(): string {
    return this.name
  }
}
