/**
 * The xtables lock within this process, on top of a claim that excludes other processes.
 *
 * The lock is held by a *holder*. A synchronous holder comes from {@link ProcessLock.lock} and releases the lock before
 * the event loop runs again; a nested call of `lock` must therefore come from the holder's own code, and joins it. An
 * asynchronous holder comes from {@link ProcessLock.withLockAsync}. Nothing joins it, but it can lend the lock to what
 * it calls, which is identified by its async context. A lent lock is a lock again: borrowers take turns, and the others
 * wait or fail as they would for the lock itself.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { report } from '../diagnostics'
import { LockTimeoutError } from '../errors'
import type { Lend, Lock, LockRequest } from './kernel'

const POLL_MS = 5

/** One attempt to take the lock that excludes other processes. */
export interface Claim {
  /** Does not wait. @returns whether the lock was free and has been taken */
  take(): boolean
  /** Ends the attempt, and releases the lock if it was taken. */
  close(): void
}

interface Holder {
  readonly turns: Turns
  readonly claim: Claim
  readonly kind: 'sync' | 'async'
  /** When the lock was taken, as returned by performance.now(). */
  readonly since: number
  /** Number of shares that have not been released, lent ones included. At 0 the lock is released. */
  count: number
}

/** An asynchronous waiter. Only the first of a queue polls the lock, so waiters are served in order. */
interface Waiter {
  wake(): void
}

/** A lock that one holder at a time has: the lock itself, or one that a holder has lent. */
interface Turns {
  readonly owner: ProcessLock
  /** Makes an attempt to take the lock when no one in the process has it. */
  readonly open: () => Claim
  readonly isLent: boolean
  /** At most one. */
  holder: Holder | undefined
  queue: Waiter[]
  /** It is no longer lent. */
  isOver: boolean
}

/** The locks lent to the running code, innermost first. */
const context = new AsyncLocalStorage<readonly Turns[]>()

const lentHere = (): Turns[] => (context.getStore() ?? []).filter(({ isOver }) => !isOver)

/** Milliseconds left, at most one poll interval; 0 or less at the end. @param start as returned by performance.now() */
const deadline = (timeoutMs: number, start: number): (() => number) => {
  const end = start + timeoutMs
  return () => Math.min(POLL_MS, end - performance.now())
}

const sleeper = new Int32Array(new SharedArrayBuffer(4))

const pause = (waiter: Waiter, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    waiter.wake = () => {
      clearTimeout(timer)
      resolve()
    }
  })

/** The holders of and waiters for one lock within this process. */
export class ProcessLock {
  readonly #name: string
  readonly #hint: string
  /** A claim excludes even a second one of the same process. */
  readonly #lock: Turns

  /**
   * @param name for messages, as in `the xtables lock /run/xtables.lock`
   * @param hint who may hold it, and what to do about that
   */
  constructor(name: string, open: () => Claim, hint = 'another call of this process holds it; await that call first') {
    this.#name = name
    this.#hint = hint
    this.#lock = { owner: this, open, isLent: false, holder: undefined, queue: [], isOver: false }
  }

  /**
   * Takes the lock, or joins its holder if that is the caller. It must be released before the event loop runs again.
   * @param timeoutMs how long to block; 0 does not wait.
   * @throws LockTimeoutError, at once if an asynchronous operation of this process holds it; and what the claim throws
   */
  lock(timeoutMs: number): Lock {
    const turns = this.#turns()
    const { holder } = turns
    if (holder === undefined) return this.#share(this.#take(turns, timeoutMs))
    if (holder.kind === 'async') throw this.#failed(performance.now(), this.#heldByAsync())
    return this.#share(holder)
  }

  #heldByAsync(): LockTimeoutError {
    return new LockTimeoutError(
      'XT_LOCK_DEADLOCK',
      `an asynchronous operation of this process holds ${this.#name}, and cannot continue while a synchronous call waits ` +
        'for it: await the operation first, or use the asynchronous function here too',
    )
  }

  /**
   * Holds the lock while `body` runs. Only code that it is lent to joins it; other callers wait if asynchronous, and
   * fail if synchronous.
   * @throws LockTimeoutError, what the claim throws, the reason of the signal, and whatever `body` throws
   */
  async withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T> {
    const holder = await this.#takeAsync(request)
    const lock = this.#share(holder)
    try {
      return await body((borrower) => this.#lend(holder, borrower))
    } finally {
      lock.release()
    }
  }

  /** The lock that the running code takes part in. Its async context may outlive the loan. */
  #turns(): Turns {
    return lentHere().find(({ owner }) => owner === this) ?? this.#lock
  }

  async #lend<T>(lender: Holder, borrower: () => T | Promise<T>): Promise<T> {
    const open = () => this.#borrow(lender)
    const turns: Turns = { owner: this, open, isLent: true, holder: undefined, queue: [], isOver: false }
    try {
      return await context.run([turns, ...lentHere()], borrower)
    } finally {
      turns.isOver = true
      for (const waiter of turns.queue) waiter.wake()
    }
  }

  /** The lender cannot overtake its borrowers. */
  #borrow(lender: Holder): Claim {
    let share: Lock | undefined
    return {
      take: () => {
        share = this.#share(lender)
        return true
      },
      close: () => share?.release(),
    }
  }

  /** Adds a share in the lock, which can be released once. */
  #share(holder: Holder): Lock {
    holder.count++
    let released = false
    return {
      release: () => {
        if (released) return
        released = true
        if (--holder.count === 0) this.#letGo(holder)
      },
    }
  }

  #letGo({ turns, claim, since }: Holder): void {
    turns.holder = undefined
    claim.close()
    if (!turns.isLent) report('unlock', { lock: this.#name, heldMs: performance.now() - since })
    turns.queue[0]?.wake()
  }

  /** @param start when the wait started */
  #hold(turns: Turns, claim: Claim, kind: Holder['kind'], start: number): Holder {
    const since = performance.now()
    const holder: Holder = { turns, claim, kind, since, count: 0 }
    turns.holder = holder
    if (!turns.isLent) report('lock', { lock: this.#name, waitedMs: since - start })
    return holder
  }

  #timedOut(timeoutMs: number): LockTimeoutError {
    return new LockTimeoutError('XT_LOCK_TIMEOUT', `could not take ${this.#name} within ${timeoutMs} ms: ${this.#hint}`)
  }

  /** Reports a failed wait. @returns the error, to be thrown */
  #failed(start: number, error: unknown): unknown {
    report('lock', { lock: this.#name, waitedMs: performance.now() - start, error: String(error) })
    return error
  }

  #take(turns: Turns, timeoutMs: number): Holder {
    const start = performance.now()
    let claim: Claim | undefined
    try {
      claim = turns.open()
      this.#wait(claim, timeoutMs, start)
    } catch (error) {
      claim?.close()
      throw this.#failed(start, error)
    }
    return this.#hold(turns, claim, 'sync', start)
  }

  #wait(claim: Claim, timeoutMs: number, start: number): void {
    const left = deadline(timeoutMs, start)
    while (!claim.take()) {
      const ms = left()
      if (!(ms > 0)) throw this.#timedOut(timeoutMs)
      Atomics.wait(sleeper, 0, 0, ms)
    }
  }

  async #takeAsync(request: LockRequest): Promise<Holder> {
    const start = performance.now()
    try {
      request.signal?.throwIfAborted()
      for (;;) {
        const holder = await this.#waitAsync(this.#turns(), request, start)
        if (holder !== undefined) return holder
      }
    } catch (error) {
      throw this.#failed(start, error)
    }
  }

  /**
   * The holder is recorded in the moment the lock is taken: a synchronous caller must not block on it.
   * @returns undefined if the loan ended before our turn; the lock must then be taken further out
   */
  async #waitAsync(turns: Turns, { timeoutMs, signal }: LockRequest, start: number): Promise<Holder | undefined> {
    const left = deadline(timeoutMs, start)
    const claim = turns.open()
    const waiter: Waiter = { wake() {} }
    turns.queue.push(waiter)
    let isOurs = false
    try {
      while (!turns.isOver) {
        isOurs = turns.queue[0] === waiter && turns.holder === undefined && claim.take()
        if (isOurs) return this.#hold(turns, claim, 'async', start)
        const ms = left()
        if (!(ms > 0)) throw this.#timedOut(timeoutMs)
        await pause(waiter, ms)
        // Polling is frequent enough to notice the signal in time.
        signal?.throwIfAborted()
      }
      return undefined
    } finally {
      if (!isOurs) claim.close()
      this.#leave(turns, waiter)
    }
  }

  #leave(turns: Turns, waiter: Waiter): void {
    turns.queue = turns.queue.filter((other) => other !== waiter)
    turns.queue[0]?.wake()
  }
}
