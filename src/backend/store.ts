/**
 * The interface of a backend. Higher layers read a table as a {@link Ruleset}, edit a draft and have it written. How
 * the kernel stores it is known only to the backend.
 */
import type { Lend, Lock, LockRequest } from '../kernel/kernel'
import type { Ruleset } from '../ruleset/ruleset'
import type { Sliced } from '../time-slices'

/** The backends: ip_tables and nf_tables. */
export const BACKENDS = ['legacy', 'nft'] as const
/**
 * A kernel backend that holds tables: `'legacy'` is ip_tables, `'nft'` is nf_tables.
 * @since 0.1.0
 */
export type BackendName = (typeof BACKENDS)[number]

/** A snapshot of a table. */
export interface Reading {
  readonly ruleset: Ruleset
  /**
   * Prepares the new state of the table and checks it. The table in the kernel is not changed yet.
   * @throws RuleError, UnsupportedError
   */
  prepare(to: Ruleset): Sliced<Change>
  /** Whether a later snapshot of the same table is equal, apart from counters. */
  isUnchanged(now: Reading): Sliced<boolean>
  /** Call it when the snapshot is no longer used: its memory is reused. */
  release(): void
}

/**
 * The purpose of a snapshot: inspection with counters; a transaction; or a single edit, after which nothing refers to
 * it.
 */
export type ReadingUse = 'look' | 'transaction' | 'edit'

/** A prepared write, all or nothing. */
export interface Change {
  /** @throws ConflictError, RuleError, KernelError; CountersError, after which the table has been written */
  write(): void
  /** Asks the kernel to check the change without writing it, if it can. @throws as {@link write} */
  rehearse(): void
  /** As {@link write}, with the large system calls off the main thread. */
  writeAsync(): Promise<void>
  /** The snapshot that results from the write. */
  written(): Reading
}

/** One table of one family in one network namespace. */
export interface Store {
  readonly backend: BackendName
  /** How often an edit is retried after a conflict. */
  readonly attempts: number
  /** @throws NotFoundError, UnsupportedError, PermissionError */
  read(use: ReadingUse): Reading
  /** As {@link read}, with the large system calls off the main thread. */
  readAsync(use: ReadingUse): Promise<Reading>
  /** As {@link Kernel.lock}: excludes other writers of this backend, if it has a lock. */
  lock(timeoutMs: number): Lock
  /** As {@link Kernel.withLockAsync}. */
  withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T>
  /** Closes its own resources, for good. */
  close(): void
}
