/**
 * A lock as it is held within this process, whatever keeps out others.
 *
 * It is held by a *holder*, of one of two kinds. A synchronous one comes from {@link ProcessLock.lock} and is given back in
 * the same synchronous stretch, so that whoever calls `lock` meanwhile was called by it, and joins. An asynchronous one
 * comes from {@link ProcessLock.withLockAsync}. Nobody joins that, but it can lend the lock to what it calls, which is known
 * by its asynchronous context. What is lent is a lock again: of those whom it is lent to, one at a time has it, and the
 * others wait for their turn, or fail, as they would for the lock itself.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { report } from '../diagnostics'
import { LockTimeoutError } from '../errors'
import type { Lend, Lock, LockRequest } from './kernel'

const POLL_MS = 5

/** One attempt at whatever keeps out other processes. */
export interface Claim {
  /** Does not wait. @returns whether it was free, and is now ours. */
  take(): boolean
  /** Ends the attempt, and gives back what was taken. */
  close(): void
}

interface Holder {
  readonly turns: Turns
  readonly claim: Claim
  readonly kind: 'sync' | 'async'
  /** When it was taken, as of performance.now(). */
  readonly since: number
  /** Those who hold it and have not released it, and those whom it was lent to; at 0 it is gone. */
  count: number
}

/** One who waits without blocking. Only the first of a queue asks for the lock, so that they come in turn. */
interface Waiter {
  wake(): void
}

/** Where one at a time has the lock: the lock itself, or what a holder has lent. */
interface Turns {
  readonly owner: ProcessLock
  /** An attempt at it, for who comes when nobody has it. */
  readonly open: () => Claim
  readonly isLent: boolean
  /** At most one. */
  holder: Holder | undefined
  queue: Waiter[]
  /** It is lent no more. */
  isOver: boolean
}

/** What was lent to those that the running code was called by, innermost first. */
const context = new AsyncLocalStorage<readonly Turns[]>()

const lentHere = (): Turns[] => (context.getStore() ?? []).filter(({ isOver }) => !isOver)

/** Milliseconds left, never more than a poll takes; 0 or less where there are none. @param start of performance.now() */
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

/** Those who hold one lock, one at a time, and those who wait for it. */
export class ProcessLock {
  readonly #name: string
  readonly #hint: string
  /** A claim keeps out a second even of the same process. */
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
   * Takes the lock, or joins who holds it where that is our caller. It must be released before the event loop runs
   * again.
   * @param timeoutMs how long to wait, blocking; 0 does not wait.
   * @throws LockTimeoutError, at once where an asynchronous operation of this process has it; what the claim throws
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
   * Holds the lock while `body` runs. Only those whom it lends it to join; others wait, the asynchronous ones, or fail,
   * the synchronous ones.
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

  /** Where the running code gets its turn. A context may outlive what was lent to it. */
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

  /** A lender does not go before those whom it lent to. */
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

  /** One more share in the lock; each can be given back once. */
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

  /** @param start when the wait for it began */
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

  /** Tells of a wait that was in vain. @returns the error, to be thrown */
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
   * The holder is known from the moment that the lock is taken: a synchronous caller must not block on it.
   * @returns undefined where the turns were over before ours came, which then is to be found further out
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
        // A poll is short enough to hear of it.
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
