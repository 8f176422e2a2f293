/**
 * The lock that the iptables commands take: an exclusive flock(2) on a file that all of them use.
 */
import { closeSync, fstatSync, lstatSync } from 'node:fs'
import { resolve } from 'node:path'
import { ERRNO, errnoName } from '../../abi/errno'
import { KernelError, PermissionError, UnsupportedError } from '../../errors'
import type { Lend, Lock, LockRequest } from '../kernel'
import { type Claim, ProcessLock } from '../process-lock'
import { flock, LibcFailure, LOCK_EX, LOCK_NB } from './libc'
import { FileRefusal, openPlain, type PlainFile } from './plain-file'

const DEFAULT_FILE = '/run/xtables.lock'

/** The environment is read at each use, as the iptables commands do at each start. */
function lockFile(): string {
  const { XTABLES_LOCKFILE } = process.env
  return resolve(XTABLES_LOCKFILE || DEFAULT_FILE)
}

function openLockFile(file: string): number {
  try {
    // The file is never removed: a process that waits for a removed one would get a lock that no other process sees.
    return openPlain(file, 0o600).fd
  } catch (cause) {
    throw new PermissionError(
      'XT_FILE_NOT_PERMITTED',
      `cannot open the lock file ${file} (${reasonOf(cause)}): run as root, or name a file that ` +
        'can be opened in the environment variable XTABLES_LOCKFILE, the same for all programs that change the tables',
      { path: file, cause },
    )
  }
}

/** If Deno lacks the permission for a file, its error has no code. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return error instanceof FileRefusal ? message : (code ?? message)
}

/** @returns whether the lock was free, and is now ours. */
function tryFlock(fd: number): boolean {
  try {
    flock(fd, LOCK_EX | LOCK_NB)
    return true
  } catch (error) {
    if (!(error instanceof LibcFailure)) throw error
    // If a signal interrupted the call, the next poll tries again, as for a lock that is held.
    if (error.errno === ERRNO.EAGAIN || error.errno === ERRNO.EINTR) return false
    throw new KernelError('flock', error.errno, errnoName(error.errno), { cause: error })
  }
}

function claim(file: string): Claim {
  const fd = openLockFile(file)
  return { take: () => tryFlock(fd), close: () => closeSync(fd) }
}

/** The lock of each file. */
const all = new Map<string, ProcessLock>()

function holders(): ProcessLock {
  const file = lockFile()
  const hint =
    `another program or call holds it; \`fuser -v ${file}\` or \`lslocks\` shows the program, and the option ` +
    'lockTimeoutMs says how long to wait'
  const known = all.get(file) ?? new ProcessLock(`the xtables lock ${file}`, () => claim(file), hint)
  all.set(file, known)
  return known
}

/** See {@link ProcessLock.lock}. @throws LockTimeoutError, PermissionError */
export const takeLock = (timeoutMs: number): Lock => holders().lock(timeoutMs)

/** See {@link ProcessLock.withLockAsync}. @throws as {@link Kernel.withLockAsync} */
export async function withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T> {
  return holders().withLockAsync(request, body)
}

/**
 * Locks a file that every writer replaces: waits while another process holds it, and creates it empty if it is missing. On
 * machines where libc cannot be called, it does not lock.
 * @returns the file; closing it releases the lock
 * @throws FileRefusal, and what the file system throws
 */
export function holdFile(name: string): PlainFile {
  for (;;) {
    const file = openOrMake(name)
    lockIfPossible(file.fd)
    // The previous holder may have replaced the file.
    if (fstatSync(file.fd).ino === lstatSync(file.path, { throwIfNoEntry: false })?.ino) return file
    closeSync(file.fd)
  }
}

function openOrMake(name: string): PlainFile {
  try {
    return openPlain(name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return openPlain(name, 0o666)
  }
}

function lockIfPossible(fd: number): void {
  try {
    flock(fd, LOCK_EX)
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error
  }
}
