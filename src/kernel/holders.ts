/**
 * A lock as it is held within this process, whatever keeps out others.
 *
 * It is held by a *holder*, of one of two kinds. A synchronous one comes from {@link Holders.lock} and is given back in
 * the same synchronous stretch, so that whoever calls `lock` meanwhile was called by it, and joins. An asynchronous one
 * comes from {@link Holders.withLockAsync}; those called by it are known by their asynchronous context.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { report } from '../diagnostics'
import { LockTimeoutError } from '../errors'
import type { Lock, LockRequest } from './kernel'

const POLL_MS = 5

/** One attempt at whatever keeps out other processes. */
export interface Claim {
  /** Does not wait. @returns whether it was free, and is now ours. */
  take(): boolean
  /** Ends the attempt, and gives back what was taken. */
  close(): void
}

interface Holder {
  readonly owner: Holders
  readonly claim: Claim
  readonly kind: 'sync' | 'async'
  /** When it was taken, as of performance.now(). */
  readonly since: number
  /** Those who hold it and have not released it; at 0 it is gone, and nobody may join any more. */
  count: number
}

/** One who waits without blocking. Only the first of a queue asks for the lock, so that they come in turn. */
interface Waiter {
  wake(): void
}

/** The asynchronous holders that the running code was called by, innermost first. */
const context = new AsyncLocalStorage<readonly Holder[]>()

/** Milliseconds left, never more than a poll takes; 0 or less where there are none. */
const deadline = (timeoutMs: number): (() => number) => {
  const end = performance.now() + timeoutMs
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
export class Holders {
  readonly #name: string
  readonly #open: () => Claim
  /** At most one: a claim keeps out a second even of the same process. */
  #holder: Holder | undefined
  #queue: Waiter[] = []

  /** @param name for people, as in `the xtables lock /run/xtables.lock`. */
  constructor(name: string, open: () => Claim) {
    this.#name = name
    this.#open = open
  }

  /**
   * Takes the lock, or joins who holds it where that is our caller. It must be released before the event loop runs
   * again.
   * @param timeoutMs how long to wait, blocking; 0 does not wait.
   * @throws LockTimeoutError, at once where an asynchronous operation of this process has it; what the claim throws
   */
  lock(timeoutMs: number): Lock {
    const ours = this.#ours()
    const holder = ours ?? this.#holder
    if (holder === undefined) return this.#share(this.#take(timeoutMs))
    if (holder.kind === 'async' && holder !== ours) throw this.#failed(performance.now(), this.#heldByAsync())
    return this.#share(holder)
  }

  #heldByAsync(): LockTimeoutError {
    return new LockTimeoutError(
      `an asynchronous operation of this process holds ${this.#name}, and cannot go on while a synchronous one waits ` +
        'for it: await the former first, or use the asynchronous form here too',
    )
  }

  /**
   * Holds the lock while `body` runs, or joins the asynchronous holder that called us. Calls of `body`, synchronous or
   * not, join; those of others wait, the asynchronous ones, or fail, the synchronous ones.
   * @throws LockTimeoutError, what the claim throws, the reason of the signal, and whatever `body` throws
   */
  async withLockAsync<T>(request: LockRequest, body: () => Promise<T>): Promise<T> {
    const holder = this.#ours() ?? (await this.#takeAsync(request))
    const lock = this.#share(holder)
    try {
      return await context.run([holder, ...(context.getStore() ?? [])], body)
    } finally {
      lock.release()
    }
  }

  /** The asynchronous holder that we were called by. A context may outlive its holder, whose count is 0 then. */
  #ours(): Holder | undefined {
    return context.getStore()?.find(({ owner, count }) => owner === this && count > 0)
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

  #letGo(holder: Holder): void {
    this.#holder = undefined
    holder.claim.close()
    report('unlock', { lock: this.#name, heldMs: performance.now() - holder.since })
    this.#queue[0]?.wake()
  }

  /** @param start when the wait for it began */
  #hold(claim: Claim, kind: Holder['kind'], start: number): Holder {
    const since = performance.now()
    this.#holder = { owner: this, claim, kind, since, count: 0 }
    report('lock', { lock: this.#name, waitedMs: since - start })
    return this.#holder
  }

  #timedOut(timeoutMs: number): LockTimeoutError {
    return new LockTimeoutError(`another holds ${this.#name}; waited ${timeoutMs} ms`)
  }

  /** Tells of a wait that was in vain. @returns the error, to be thrown */
  #failed(start: number, error: unknown): unknown {
    report('lock', { lock: this.#name, waitedMs: performance.now() - start, error: String(error) })
    return error
  }

  #take(timeoutMs: number): Holder {
    const start = performance.now()
    let claim: Claim | undefined
    try {
      claim = this.#open()
      this.#wait(claim, timeoutMs)
    } catch (error) {
      claim?.close()
      throw this.#failed(start, error)
    }
    return this.#hold(claim, 'sync', start)
  }

  #wait(claim: Claim, timeoutMs: number): void {
    const left = deadline(timeoutMs)
    while (!claim.take()) {
      const ms = left()
      if (!(ms > 0)) throw this.#timedOut(timeoutMs)
      Atomics.wait(sleeper, 0, 0, ms)
    }
  }

  async #takeAsync(request: LockRequest): Promise<Holder> {
    const start = performance.now()
    let claim: Claim | undefined
    try {
      request.signal?.throwIfAborted()
      claim = this.#open()
      return await this.#waitAsync(claim, request, start)
    } catch (error) {
      claim?.close()
      throw this.#failed(start, error)
    }
  }

  /** The holder is known from the moment that the lock is taken: a synchronous caller must not block on it. */
  async #waitAsync(claim: Claim, { timeoutMs, signal }: LockRequest, start: number): Promise<Holder> {
    const left = deadline(timeoutMs)
    const waiter: Waiter = { wake() {} }
    this.#queue.push(waiter)
    try {
      while (this.#queue[0] !== waiter || this.#holder !== undefined || !claim.take()) {
        const ms = left()
        if (!(ms > 0)) throw this.#timedOut(timeoutMs)
        await pause(waiter, ms)
        // A poll is short enough to hear of it.
        signal?.throwIfAborted()
      }
      return this.#hold(claim, 'async', start)
    } finally {
      this.#leave(waiter)
    }
  }

  #leave(waiter: Waiter): void {
    this.#queue = this.#queue.filter((other) => other !== waiter)
    this.#queue[0]?.wake()
  }
}
