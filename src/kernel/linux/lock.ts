/**
 * The lock that the iptables commands take: flock(2) of a file, exclusive, across all processes that share the file.
 *
 * Within this process it is held by a *holder*, of one of two kinds. A synchronous one comes from {@link takeLock} and
 * is given back in the same synchronous stretch, so that whoever calls takeLock meanwhile was called by it, and joins.
 * An asynchronous one comes from {@link withLockAsync}; those called by it are known by their asynchronous context.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { closeSync, constants, openSync } from 'node:fs'
import { resolve } from 'node:path'
import { ERRNO } from '../../abi/errno'
import { LockTimeoutError, PermissionError } from '../../errors'
import type { Lock } from '../kernel'
import { flock, LibcFailure, LOCK_EX, LOCK_NB } from './libc'

const DEFAULT_FILE = '/run/xtables.lock'
const POLL_MS = 5

interface Holder {
  readonly file: string
  readonly fd: number
  readonly kind: 'sync' | 'async'
  /** Those who hold it and have not released it; at 0 it is gone, and nobody may join any more. */
  count: number
}

/** At most one a lock file: flock keeps out a second even of the same process. */
const holders = new Map<string, Holder>()
/** The asynchronous holders that the running code was called by, innermost first. */
const context = new AsyncLocalStorage<readonly Holder[]>()

/** Read at each use, as the iptables commands do at each start. */
function lockFile(): string {
  const { XTABLES_LOCKFILE } = process.env
  return resolve(XTABLES_LOCKFILE || DEFAULT_FILE)
}

function openLockFile(file: string): number {
  try {
    // Never removed afterwards: one who waits on a removed file would hold a lock that no other sees.
    return openSync(file, constants.O_RDONLY | constants.O_CREAT, 0o600)
  } catch (cause) {
    throw new PermissionError(
      `cannot open the lock file ${file} (${(cause as NodeJS.ErrnoException).code}): run as root, or name a file that ` +
        'can be opened in the environment variable XTABLES_LOCKFILE, the same for all programs that change the tables',
      { cause },
    )
  }
}

/** @returns whether the lock was free, and is now ours. */
function tryFlock(fd: number): boolean {
  try {
    flock(fd, LOCK_EX | LOCK_NB)
    return true
  } catch (error) {
    if (error instanceof LibcFailure && error.errno === ERRNO.EAGAIN) return false
    throw error
  }
}

/** Milliseconds left, never more than a poll takes; 0 or less where there are none. */
const deadline = (timeoutMs: number | undefined): (() => number) => {
  const end = performance.now() + (timeoutMs ?? Number.POSITIVE_INFINITY)
  return () => Math.min(POLL_MS, end - performance.now())
}

const timedOut = (file: string, timeoutMs: number | undefined): LockTimeoutError =>
  new LockTimeoutError(`another program holds the xtables lock ${file}; waited ${timeoutMs} ms`)

const sleeper = new Int32Array(new SharedArrayBuffer(4))

function waitForFlock(fd: number, file: string, timeoutMs: number | undefined): void {
  const left = deadline(timeoutMs)
  while (!tryFlock(fd)) {
    const pause = left()
    if (!(pause > 0)) throw timedOut(file, timeoutMs)
    Atomics.wait(sleeper, 0, 0, pause)
  }
}

function take(file: string, timeoutMs: number | undefined): Holder {
  const fd = openLockFile(file)
  try {
    waitForFlock(fd, file, timeoutMs)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return hold(file, fd, 'sync')
}

function hold(file: string, fd: number, kind: Holder['kind']): Holder {
  const holder = { file, fd, kind, count: 0 }
  holders.set(file, holder)
  return holder
}

/** One more share in the lock; each can be given back once. */
function share(holder: Holder): Lock {
  holder.count++
  let released = false
  return {
    release() {
      if (released) return
      released = true
      if (--holder.count === 0) letGo(holder)
    },
  }
}

function letGo(holder: Holder): void {
  holders.delete(holder.file)
  closeSync(holder.fd)
  queues.get(holder.file)?.[0]?.wake()
}

/** The asynchronous holder that we were called by. A context may outlive its holder, whose count is 0 then. */
const ours = (file: string): Holder | undefined =>
  context.getStore()?.find((holder) => holder.file === file && holder.count > 0)

/**
 * Takes the lock, or joins who holds it where that is our caller. It must be released before the event loop runs again.
 * @param timeoutMs how long to wait, blocking; undefined waits for ever, 0 does not wait.
 * @throws LockTimeoutError, at once where an asynchronous operation of this process has it; PermissionError
 */
export function takeLock(timeoutMs: number | undefined): Lock {
  const file = lockFile()
  const holder = ours(file) ?? holders.get(file)
  if (holder === undefined) return share(take(file, timeoutMs))
  if (holder.kind === 'async' && holder !== ours(file))
    throw new LockTimeoutError(
      `an asynchronous operation of this process holds the xtables lock ${file}, and cannot go on while a synchronous ` +
        'one waits for it: await the former first, or use the asynchronous form here too',
    )
  return share(holder)
}

/** One who waits without blocking. Only the first of a queue asks for the lock, so that they come in turn. */
interface Waiter {
  wake(): void
}

const queues = new Map<string, Waiter[]>()

const pause = (waiter: Waiter, ms: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    waiter.wake = () => {
      clearTimeout(timer)
      resolve()
    }
  })

function join(file: string): Waiter {
  const waiter = { wake() {} }
  const queue = queues.get(file)
  if (queue === undefined) queues.set(file, [waiter])
  else queue.push(waiter)
  return waiter
}

function leave(file: string, waiter: Waiter): void {
  const rest = (queues.get(file) ?? []).filter((other) => other !== waiter)
  if (rest.length === 0) queues.delete(file)
  else queues.set(file, rest)
  rest[0]?.wake()
}

/** The holder is known from the moment that the lock is taken: a synchronous caller must not block on it. */
async function waitForFlockAsync(fd: number, file: string, timeoutMs: number | undefined): Promise<Holder> {
  const left = deadline(timeoutMs)
  const waiter = join(file)
  try {
    while (queues.get(file)?.[0] !== waiter || !tryFlock(fd)) {
      const ms = left()
      if (!(ms > 0)) throw timedOut(file, timeoutMs)
      await pause(waiter, ms)
    }
    return hold(file, fd, 'async')
  } finally {
    leave(file, waiter)
  }
}

async function takeAsync(file: string, timeoutMs: number | undefined): Promise<Holder> {
  const fd = openLockFile(file)
  try {
    return await waitForFlockAsync(fd, file, timeoutMs)
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/**
 * Holds the lock while `body` runs, or joins the asynchronous holder that called us. Calls of `body`, synchronous or not,
 * join; those of others wait, the asynchronous ones, or fail, the synchronous ones.
 * @throws LockTimeoutError, PermissionError, and whatever `body` throws
 */
export async function withLockAsync<T>(timeoutMs: number | undefined, body: () => Promise<T>): Promise<T> {
  const file = lockFile()
  const holder = ours(file) ?? (await takeAsync(file, timeoutMs))
  const lock = share(holder)
  try {
    return await context.run([holder, ...(context.getStore() ?? [])], body)
  } finally {
    lock.release()
  }
}
