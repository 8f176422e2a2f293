/**
 * The state of a table handle: the last snapshot, pending edits and transactions. Edits are written under the lock, on
 * a fresh snapshot, all or nothing.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Family } from '../abi/family'
import type { Change, Reading, ReadingUse, Store } from '../backend/store'
import { report } from '../diagnostics'
import { ConflictError, CountersError, IptcError } from '../errors'
import { conflict } from '../kernel/client'
import type { Kernel, Lend, LockRequest } from '../kernel/kernel'
import { type Draft, draftOf, type Ruleset } from '../ruleset/ruleset'
import { atOnce, inSlices, type Sliced } from '../time-slices'
import { lockRequest, type WaitOptions } from './lock-wait'

/** A snapshot and the draft made from it. */
interface Work {
  base: Reading
  draft: Draft
  /** Number of edits made since. */
  edits: number
  /** The transaction is over: a later edit of this draft would be lost. */
  ended?: boolean
  /** A nested transaction works on a copy that will replace this draft: an edit of this draft would be lost. */
  copied?: boolean
}

const startOf = (base: Reading): Work => ({ base, draft: draftOf(base.ruleset), edits: 0 })

/** An edit of a draft. It returns false if there was nothing to change. If it throws, it has changed nothing. */
export type Edit = (draft: Draft) => unknown

/** @throws IptcError */
function checkNotCopied({ copied, draft: { table } }: Work): void {
  if (copied)
    throw new IptcError(
      'XT_BUSY',
      `table ${table} is being edited by a transaction within this one: await that transaction, or make the edit in it`,
    )
}

function edited(work: Work, change: Edit): void {
  checkNotCopied(work)
  if (change(work.draft) !== false) work.edits++
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

interface Transaction {
  readonly session: Session
  readonly work: Work
}

/** The transactions that the running code was called from, innermost first. Concurrent code does not see them. */
const transactions = new AsyncLocalStorage<readonly Transaction[]>()

const openTransactions = (): Transaction[] => (transactions.getStore() ?? []).filter(({ work }) => !work.ended)

/** Sessions that are between reading and writing their table, in any async context and under any lock. */
const exchanging = new Set<Session>()

export class Session {
  readonly #kernel: Kernel
  readonly #store: Store
  readonly #family: Family
  readonly #table: string
  readonly #lockTimeoutMs: number
  #autocommit: boolean
  /** Last snapshot and pending edits; undefined until first used. */
  #work: Work | undefined
  /** Number of times the table may have been written, which makes earlier snapshots stale. */
  #writes = 0

  constructor(
    kernel: Kernel,
    store: Store,
    family: Family,
    table: string,
    options: { autocommit: boolean; lockTimeoutMs: number },
  ) {
    this.#kernel = kernel
    this.#store = store
    this.#family = family
    this.#table = table
    this.#autocommit = options.autocommit
    this.#lockTimeoutMs = options.lockTimeoutMs
  }

  #read(use: ReadingUse = 'look'): Reading {
    return this.#store.read(use)
  }

  #readAsync({ signal }: Pick<LockRequest, 'signal'>, use: ReadingUse = 'look'): Promise<Reading> {
    signal?.throwIfAborted()
    return this.#store.readAsync(use)
  }

  #transaction(): Work | undefined {
    return openTransactions().find(({ session }) => session === this)?.work
  }

  /**
   * Two sessions that read and write the same table concurrently would overwrite each other. The lock keeps them apart;
   * this finds the cases that get past it.
   * @returns to be disposed of when the table is written
   * @throws IptcError
   */
  #alone(): Disposable {
    for (const session of exchanging) if (session.#isSamePlace(this)) throw this.#inTransaction(session)
    exchanging.add(this)
    return { [Symbol.dispose]: () => void exchanging.delete(this) }
  }

  #inTransaction(of: Session): IptcError {
    return new IptcError(
      'XT_BUSY',
      of === this
        ? `table ${this.#table} is in a transaction that is not written yet: await it first`
        : `table ${this.#table} is in a transaction of another handle: edit it through that one`,
    )
  }

  #isSamePlace(other: Session): boolean {
    const isSameTable = this.#table === other.#table && this.#family === other.#family
    const isSameBackend = this.#store.backend === other.#store.backend
    return isSameTable && isSameBackend && this.#kernel.place === other.#kernel.place
  }

  #present(): Work {
    const work = this.#transaction() ?? this.#work
    if (work !== undefined) return work
    this.#work = startOf(this.#read())
    return this.#work
  }

  /** The table as this handle sees it: the last snapshot with its own edits. */
  get ruleset(): Ruleset {
    return this.#present().draft
  }

  /** Reads the table again. Pending edits are dropped. */
  refresh(): void {
    this.#checkNoTransaction('refresh')
    this.#work = startOf(this.#read())
  }

  /** As {@link refresh}, off the main thread. */
  async refreshAsync(options: Pick<WaitOptions, 'signal'>): Promise<void> {
    const request = lockRequest(options, this.#lockTimeoutMs)
    this.#checkNoTransaction('refresh')
    const [work, edits, writes] = [this.#work, this.#work?.edits, this.#writes]
    const fresh = startOf(await this.#readAsync(request))
    request.signal?.throwIfAborted()
    const pending = this.#pending()
    if (pending !== undefined && (pending !== work || pending.edits !== edits))
      throw new ConflictError(
        'XT_CHANGED_WHILE_READ',
        `table ${this.#table} was edited while refreshAsync was reading it; the edits are kept: commit them, or refresh again`,
      )
    // Otherwise the snapshot was taken before our write, and the next use reads again.
    if (writes === this.#writes) this.#work = fresh
  }

  /** Makes one edit: written at once, or added to the pending ones. */
  edit(change: Edit): void {
    const open = this.#transaction() ?? (this.#autocommit ? undefined : this.#present())
    if (open !== undefined) edited(open, change)
    else
      this.#locked(() => {
        const { base } = this.#exchange((work) => {
          edited(work, change)
          return work
        }, 'edit')
        base.release()
      })
  }

  /**
   * Makes an edit on a fresh snapshot and checks whether it could be written, without writing it.
   * @throws as an edit that is written
   */
  rehearse(change: Edit): void {
    this.#locked(() =>
      this.#exchange(
        (work) => edited(work, change),
        'transaction',
        (work) => this.#rehearse(work),
      ),
    )
  }

  /** As {@link rehearse}, with reading and waiting for the lock off the main thread. */
  async rehearseAsync(change: Edit, options: WaitOptions): Promise<void> {
    const request = lockRequest(options, this.#lockTimeoutMs)
    await this.#lockedAsync(request, (lend) =>
      this.#exchangeAsync(
        () => this.edit(change),
        request,
        lend,
        (work) => this.#rehearseAsync(work),
      ),
    )
  }

  /**
   * Reads, edits and writes. It retries if a program that takes no lock changed the table meanwhile. The caller holds
   * the lock.
   */
  #exchange<T>(
    body: (work: Work) => T,
    use: ReadingUse = 'transaction',
    write: (work: Work) => void = (work) => this.#write(work),
  ): T {
    for (let attempt = 1; ; attempt++) {
      const work = startOf(this.#read(use))
      const result = body(work)
      try {
        write(work)
        return result
      } catch (error) {
        this.#tryAgain(error, attempt)
      }
    }
  }

  /** @throws `error`, unless it is a conflict and attempts are left */
  #tryAgain(error: unknown, attempt: number): void {
    if (!(error instanceof ConflictError) || attempt === this.#store.attempts) throw error
    const about = { family: this.#family.name, table: this.#table }
    report('retry', { operation: 'transaction', ...about, attempt, reason: error.message })
  }

  /** Checks the pending edits without writing them. @throws as {@link commit} for what the kernel would refuse */
  check(): void {
    const work = this.#pending()
    if (work !== undefined) this.#locked(() => this.#rehearse(work))
  }

  /** As {@link check}, with the wait for the lock off the main thread. */
  async checkAsync(options: WaitOptions): Promise<void> {
    const request = lockRequest(options, this.#lockTimeoutMs)
    const work = this.#pending()
    if (work !== undefined) await this.#lockedAsync(request, () => this.#rehearseAsync(work))
  }

  #rehearse(work: Work): void {
    if (work.edits > 0) atOnce(this.#prepare(work)).rehearse()
  }

  async #rehearseAsync(work: Work): Promise<void> {
    if (work.edits > 0) (await inSlices(this.#prepare(work))).rehearse()
  }

  /** Prepares the new table for writing. @throws as {@link Reading.prepare} */
  #prepare({ base, draft }: Work): Sliced<Change> {
    return base.prepare(draft)
  }

  #write(work: Work): void {
    try {
      if (work.edits > 0) atOnce(this.#prepare(work)).write()
    } catch (error) {
      if (error instanceof CountersError) this.#forget(work)
      throw error
    }
    this.#forget(work)
  }

  /** A write makes the snapshot stale. Edits that were not part of it stay, for `commit` to check. */
  #forget(written: Work): void {
    this.#writes++
    if (this.#work === written || this.#pending() === undefined) this.#work = undefined
  }

  #locked<T>(body: () => T): T {
    const lock = this.#store.lock(this.#lockTimeoutMs)
    try {
      using _ = this.#alone()
      return body()
    } finally {
      lock.release()
    }
  }

  #lockedAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T> {
    return this.#store.withLockAsync(request, async (lend) => {
      using _ = this.#alone()
      return await body(lend)
    })
  }

  #checkNoTransaction(what: string): void {
    if (this.#transaction() !== undefined)
      throw new IptcError('XT_BUSY', `${what} within a transaction: it writes when it ends, and reads when it begins`)
  }

  /** Whether every edit is written at once. Setting it to true commits the pending edits. */
  get autocommit(): boolean {
    return this.#autocommit
  }
  set autocommit(autocommit: boolean) {
    if (autocommit && !this.#autocommit) this.commit()
    this.#autocommit = autocommit
  }

  /**
   * Writes the pending edits.
   * @throws ConflictError if the table has changed since it was read: nothing is written, and `refresh` starts anew
   * @throws RuleError for a rule that the kernel would refuse
   */
  commit(): void {
    this.#checkNoTransaction('commit')
    const work = this.#pending()
    if (work === undefined) return
    this.#locked(() => {
      atOnce(this.#confirm(work.base, this.#read('transaction')))
      this.#write(work)
    })
  }

  /** As {@link commit}, with the large system calls off the main thread. */
  async commitAsync(options: WaitOptions): Promise<void> {
    const request = lockRequest(options, this.#lockTimeoutMs)
    this.#checkNoTransaction('commit')
    await this.#lockedAsync(request, async () => {
      const work = this.#pending()
      if (work === undefined) return
      await inSlices(this.#confirm(work.base, await this.#readAsync(request, 'transaction')))
      if (this.#work !== work)
        throw new ConflictError(
          'XT_CONFLICT',
          `table ${this.#table} was refreshed while commitAsync was waiting; its edits were dropped: make them again`,
        )
      request.signal?.throwIfAborted()
      const written = { ...work, draft: draftOf(work.draft) }
      work.draft = draftOf(work.draft)
      await this.#writeAsync(written, (change) => this.#goOn(work, written, change))
    })
  }

  /** Edits made during the write are based on what has just been written. */
  #goOn(work: Work, written: Work, change: Change | undefined): void {
    const since = work.edits - written.edits
    const goesOn = this.#work === work && since > 0
    this.#forget(work)
    if (goesOn) this.#work = { base: change?.written() ?? written.base, draft: work.draft, edits: since }
  }

  /** @param after called once the table is written, if there was anything to write */
  async #writeAsync(work: Work, after: (change: Change | undefined) => void): Promise<void> {
    const change = work.edits > 0 ? await inSlices(this.#prepare(work)) : undefined
    try {
      await change?.writeAsync()
    } catch (error) {
      if (error instanceof CountersError) after(change)
      throw error
    }
    after(change)
  }

  #pending(): Work | undefined {
    return this.#work !== undefined && this.#work.edits > 0 ? this.#work : undefined
  }

  *#confirm(base: Reading, now: Reading): Sliced<void> {
    if (yield* base.isUnchanged(now)) return
    const reason = `table ${this.#table} was changed by another program since it was read; call refresh and make the edits again`
    throw conflict('XT_CONFLICT', this.#family.name, this.#table, reason)
  }

  /**
   * Runs `body` on a fresh snapshot of the table and writes all its edits atomically, under the lock. If `body` throws,
   * nothing is written. `body` may run more than once, if a program that takes no lock changes the table meanwhile. In
   * another transaction of this handle, its edits become part of the outer one, or none of them if `body` throws.
   * @returns the result of the last run of `body`
   */
  transaction<T>(body: () => T): T {
    const outer = this.#transaction()
    if (outer !== undefined) return this.#within(outer, body)
    this.#checkNothingPending()
    return this.#locked(() => this.#exchange((work) => this.#run(work, body)))
  }

  /** Calls `body` once as part of a transaction. Work that it leaves running is no longer part of it. */
  #run<T>(work: Work, body: () => T): T {
    try {
      const result = transactions.run([{ session: this, work }, ...openTransactions()], body)
      if (isThenable(result)) {
        // The result no longer matters, and a rejection must not end the process.
        result.then(undefined, () => {})
        throw new IptcError(
          'XT_BAD_ARGUMENT',
          'transaction takes a synchronous function; use transactionAsync for an asynchronous one',
        )
      }
      return result
    } finally {
      work.ended = true
    }
  }

  /** As {@link transaction}, for an asynchronous function, with the large system calls off the main thread. */
  async transactionAsync<T>(body: () => T | Promise<T>, options: WaitOptions): Promise<T> {
    const request = lockRequest(options, this.#lockTimeoutMs)
    const outer = this.#transaction()
    // The next transaction starts once this one is part of the outer one.
    if (outer !== undefined)
      return this.#store.withLockAsync(request, (lend) => this.#withinAsync(outer, body, request, lend))
    this.#checkNothingPending()
    return this.#lockedAsync(request, (lend) => this.#exchangeAsync(body, request, lend))
  }

  /** As {@link #exchange}, for a transaction. */
  async #exchangeAsync<T>(
    body: () => T | Promise<T>,
    request: LockRequest,
    lend: Lend,
    write: (work: Work) => Promise<void> = (work) => this.#writeAsync(work, () => this.#forget(work)),
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const work = startOf(await this.#readAsync(request, 'transaction'))
      const result = await this.#runAsync(work, body, lend)
      request.signal?.throwIfAborted()
      try {
        await write(work)
        return result
      } catch (error) {
        this.#tryAgain(error, attempt)
      }
    }
  }

  async #runAsync<T>(work: Work, body: () => T | Promise<T>, lend: Lend): Promise<T> {
    try {
      return await transactions.run([{ session: this, work }, ...openTransactions()], () => lend(body))
    } finally {
      work.ended = true
    }
  }

  /** Makes the edits of `body` all or nothing: in a transaction, or as pending edits. */
  atomically<T>(body: () => T): T {
    const work = this.#transaction() ?? (this.#autocommit ? undefined : this.#present())
    return work === undefined ? this.transaction(body) : this.#within(work, body)
  }

  /** Makes the edits of `body` part of `outer`, all or nothing. */
  #within<T>(outer: Work, body: () => T): T {
    const inner = this.#copy(outer)
    try {
      const result = this.#run(inner, body)
      Object.assign(outer, { draft: inner.draft, edits: inner.edits })
      return result
    } finally {
      outer.copied = false
    }
  }

  async #withinAsync<T>(outer: Work, body: () => T | Promise<T>, { signal }: LockRequest, lend: Lend): Promise<T> {
    const inner = this.#copy(outer)
    try {
      const result = await this.#runAsync(inner, body, lend)
      signal?.throwIfAborted()
      this.#checkOpen(outer)
      Object.assign(outer, { draft: inner.draft, edits: inner.edits })
      return result
    } finally {
      outer.copied = false
    }
  }

  /** For a nested transaction: an exception drops the copy; success puts it in the place of `outer`. */
  #copy(outer: Work): Work {
    this.#checkOpen(outer)
    checkNotCopied(outer)
    outer.copied = true
    return { base: outer.base, draft: draftOf(outer.draft), edits: outer.edits }
  }

  #checkOpen({ ended }: Work): void {
    if (ended)
      throw new IptcError(
        'XT_TRANSACTION_ENDED',
        `the outer transaction of table ${this.#table} ended before the one within it, whose edits are lost: await the inner one in the outer one`,
      )
  }

  #checkNothingPending(): void {
    if (this.#pending() !== undefined)
      throw new IptcError(
        'XT_UNCOMMITTED',
        `table ${this.#table} has uncommitted edits; call commit or refresh before a transaction`,
      )
  }
}
