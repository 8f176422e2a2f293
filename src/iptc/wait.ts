/** How long a table waits for the xtables lock. */
import { IptcError } from '../errors'
import type { LockRequest } from '../kernel/kernel'
import { checkOptions } from '../options'

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

/** @throws IptcError for what is no duration */
export function checkTimeout(timeoutMs: unknown): void {
  if (timeoutMs === undefined || (typeof timeoutMs === 'number' && timeoutMs >= 0)) return
  throw new IptcError(
    `the option lockTimeoutMs takes a number of milliseconds from 0, or Infinity, not ${String(timeoutMs)}`,
  )
}

/** @param ownTimeoutMs that of the table. @throws IptcError */
export function lockRequest(options: WaitOptions, ownTimeoutMs: number): LockRequest {
  checkOptions(options, ['signal', 'lockTimeoutMs'])
  const { signal, lockTimeoutMs: timeoutMs = ownTimeoutMs } = options
  checkTimeout(timeoutMs)
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new IptcError('the option signal takes an AbortSignal')
  return { timeoutMs, signal }
}
