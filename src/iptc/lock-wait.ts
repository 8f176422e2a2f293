/** How long a table waits for the xtables lock. */
import { duration, instance } from '../check-input'
import { checkOptions } from '../check-options'
import type { LockRequest } from '../kernel/kernel'

/**
 * The options of a table's asynchronous calls.
 * @since 0.1.0
 */
export interface WaitOptions {
  /**
   * Aborts the wait for the lock, and any read or write that has not started; the call then rejects with the reason of
   * the signal. A system call in progress is completed, and what it wrote stays.
   */
  readonly signal?: AbortSignal | undefined
  /** Overrides the table's `lockTimeoutMs` for this call. */
  readonly lockTimeoutMs?: number | undefined
}

/**
 * In milliseconds. If another program holds the lock for longer, it probably hangs; an error is more useful than
 * waiting on.
 */
export const LOCK_TIMEOUT_MS = 60_000

const WAIT_OPTIONS = { signal: instance(AbortSignal, 'an AbortSignal'), lockTimeoutMs: duration }

/** @throws IptcError */
export const checkWait = (options: WaitOptions): void => checkOptions(options, WAIT_OPTIONS)

/** @param ownTimeoutMs the timeout of the table @throws IptcError */
export function lockRequest(options: WaitOptions, ownTimeoutMs: number): LockRequest {
  checkWait(options)
  const { signal, lockTimeoutMs: timeoutMs = ownTimeoutMs } = options
  return { timeoutMs, signal }
}
