/**
 * Where the rules of a table are kept. What lies above reads a table as a {@link Ruleset}, edits a draft of that, and asks
 * for the draft to be written: how, the backend alone knows.
 */
import type { Lend, Lock, LockRequest } from '../kernel/kernel'
import type { Ruleset } from '../ruleset/ruleset'
import type { Sliced } from '../time-slices'

/** Which of the kernel's packet filters holds the rules: ip_tables, or nf_tables. */
export const BACKENDS = ['legacy', 'nft'] as const
export type BackendName = (typeof BACKENDS)[number]

/** A table as it was read. */
export interface Reading {
  readonly ruleset: Ruleset
  /**
   * Lays out what the table is to become and checks it. Nothing is sent to the kernel.
   * @throws RuleError, UnsupportedError
   */
  prepare(to: Ruleset): Sliced<Change>
  /** Whether a later reading of the same table says the same, counters aside. */
  isUnchanged(now: Reading): Sliced<boolean>
  /** To be called where nobody will look at it any more: its memory is used again. */
  release(): void
}

/**
 * What a table is read for: to be looked at, counters and all; for a transaction; or for one edit, after which nobody will
 * look at it.
 */
export type ReadingUse = 'look' | 'transaction' | 'edit'

/** What is ready to be written, all or nothing. */
export interface Change {
  /** @throws ConflictError, RuleError, KernelError; CountersError where the table has been written */
  write(): void
  /** Asks the kernel whether it would take it, where that can be asked. @throws as {@link write}, which is not done */
  rehearse(): void
  /** As {@link write}, with the big system calls off the main thread. */
  writeAsync(): Promise<void>
  /** The table as it is once this has been written. */
  written(): Reading
}

/** One table of one family in one network namespace. */
export interface Store {
  readonly backend: BackendName
  /** How often an edit is made again where someone else was quicker. */
  readonly attempts: number
  /** @throws NotFoundError, UnsupportedError, PermissionError */
  read(use: ReadingUse): Reading
  /** As {@link read}, with the big system calls off the main thread. */
  readAsync(use: ReadingUse): Promise<Reading>
  /** As {@link Kernel.lock}: keeps out whoever edits by this backend, as far as it has a lock. */
  lock(timeoutMs: number): Lock
  /** As {@link Kernel.withLockAsync}. */
  withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T>
  /** Closes what is its own, for good. */
  close(): void
}
