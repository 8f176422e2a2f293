/** How long a table waits for the xtables lock. */
import { duration, instance } from '../check-input'
import { checkOptions } from '../check-options'
import type { LockRequest } from '../kernel/kernel'

/** What the asynchronous calls of a table take. */
export interface WaitOptions {
  /**
   * Ends the wait for the lock, and keeps from reading and writing what has not begun; the call then rejects with its
   * reason. A system call that is under way is waited for, and what it wrote stands.
   */
  readonly signal?: AbortSignal | undefined
  /** Of this call alone, in place of the table's own. */
  readonly lockTimeoutMs?: number | undefined
}

/** In milliseconds. Whoever holds the lock for longer hangs, and an error is of more use than hanging with it. */
export const LOCK_TIMEOUT_MS = 60_000

const WAIT_OPTIONS = { signal: instance(AbortSignal, 'an AbortSignal'), lockTimeoutMs: duration }

/** @throws IptcError */
export const checkWait = (options: WaitOptions): void => checkOptions(options, WAIT_OPTIONS)

/** @param ownTimeoutMs that of the table. @throws IptcError */
export function lockRequest(options: WaitOptions, ownTimeoutMs: number): LockRequest {
  checkWait(options)
  const { signal, lockTimeoutMs: timeoutMs = ownTimeoutMs } = options
  return { timeoutMs, signal }
}
