/** Independent handles on what one family's packet filter holds in one network namespace. */
import type { Family } from '../abi/family'
import { checkRewrite } from '../backend/check-lossless'
import { aBackend, backendOfEnvironment, openStore } from '../backend/open'
import { kernelSets } from '../backend/sets'
import type { BackendName, Store } from '../backend/store'
import { callback, check, duration, flag, names, text } from '../check-input'
import { checkOptions } from '../check-options'
import { IptcError, NotFoundError } from '../errors'
import type { Context } from '../extensions/context'
import { Client } from '../kernel/client'
import { aKernel, type Kernel } from '../kernel/kernel'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import { aNamespace, type NetworkNamespace } from '../kernel/linux/namespace'
import { type Chain as ChainData, foreignRules, foreignState, type Ruleset } from '../ruleset/ruleset'
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

/**
 * A table as its chains see it: read, edited, written and closed. {@link Table} and {@link Table6} are the only ones.
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
      throw new IptcError('XT_BAD_OPTION', 'a table has a kernel or a namespace: a kernel brings its own namespace')
    this.#name = name
    this.#kernel = kernel ?? new LinuxKernel({ namespace })
    this.#client = new Client(this.#kernel, family)
    this.#store = openStore(backend, { kernel: this.#kernel, client: this.#client, rewrite, findRefused }, family, name)
    this.#session = new Session(this.#kernel, this.#store, family, name, { autocommit, lockTimeoutMs })
    this.#context = { family, sets: kernelSets(this.#client) }
  }

  /** As in `filter`. */
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

  /** @internal As {@link rehearse}, off the main thread. */
  rehearseAsync(change: Edit, options: WaitOptions): Promise<void> {
    return this.#session.rehearseAsync(change, options)
  }

  /** Reads the table again. Edits that are not committed are dropped. */
  refresh(): void {
    this.#session.refresh()
  }

  /**
   * Reads the table again with the system calls off the main thread. It takes no lock.
   * @throws the reason of the signal
   */
  refreshAsync(options: Pick<WaitOptions, 'signal'> = {}): Promise<void> {
    return this.#session.refreshAsync(options)
  }

  /** Whether every edit is written at once. Setting it back to true commits what is not written yet. */
  get autocommit(): boolean {
    return this.#session.autocommit
  }
  /** @throws {@link ConflictError} as {@link TableHandle.commit} does, when it is set back to true */
  set autocommit(autocommit: boolean) {
    check('autocommit', autocommit, flag)
    this.#session.autocommit = autocommit
  }

  /** @internal Checks the edits since the last reading, as {@link commit} does before it writes them. */
  check(): void {
    this.#session.check()
  }

  /** @internal As {@link check}, with the wait for the lock off the main thread. */
  checkAsync(options: WaitOptions): Promise<void> {
    return this.#session.checkAsync(options)
  }

  /**
   * Writes the edits since the last reading.
   * @throws {@link ConflictError} where the table is not what they were made on: nothing is written, and `refresh` begins anew
   * @throws {@link RuleError} for a rule that the kernel would refuse
   */
  commit(): void {
    this.#session.commit()
  }

  /**
   * Writes the edits since the last reading, with the big system calls and the wait for the lock off the main thread.
   * See {@link TableHandle.commit}.
   * @throws the reason of the signal
   */
  commitAsync(options: WaitOptions = {}): Promise<void> {
    return this.#session.commitAsync(options)
  }

  /**
   * Runs `body` on a fresh reading of the table and writes all its edits in one exchange, under the lock. Where `body`
   * throws, nothing is written. It may run more than once: someone who takes no lock may get in between. Within another
   * transaction of this handle, its edits become part of that one, or none of them where `body` throws.
   * @param body - a function that is done when it returns
   * @returns what `body` returned the last time
   * @throws what `body` throws; {@link LockTimeoutError}; and what the edits can throw
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
   * Runs a function that may wait on a fresh reading of the table, and writes all its edits in one exchange, with the big system calls
   * and the wait for the lock off the main thread. Those that `body` runs beside each other take turns. What it leaves running is no
   * part of it any more, and waits for the lock, or fails. See {@link TableHandle.transaction}.
   * @returns what `body` returned the last time
   * @throws what `body` throws; {@link LockTimeoutError}; the reason of the signal
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

  /** Closes the table at the end of a `using` block. See {@link TableHandle.close}. */
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
   * @throws {@link UnsupportedError} for a table of ip_tables, of whose changes the kernel tells nobody
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
    const chain = ruleset.chains.get(name)
    if (chain === undefined) throw new NotFoundError('XT_NO_CHAIN', `table ${this.name} has no chain ${name}`)
    return chain
  }

  override toString(): string {
    return this.name
  }
}
