/** Network namespaces: opens and creates them, and runs functions inside. */
import { access, closeSync, constants, fstatSync, openSync, statSync, writeSync } from 'node:fs'
import { ERRNO } from '../../abi/errno'
import { callback, check, type Taken } from '../../check-input'
import { IptcError, NotFoundError, PermissionError } from '../../errors'
import { checkMachine } from './ffi'
import { abort, CLONE_NEWNET, LibcFailure, setns, unshare } from './libc'

/** The namespace of the calling thread. /proc/self would be that of the main thread. */
const HOME = '/proc/thread-self/ns/net'
/** Where ip-netns(8) keeps named namespaces. */
const NAMED = ['/run/netns', '/var/run/netns']

/** The inode of the calling thread's namespace, which identifies it; undefined without /proc. */
export const ownInode = (): number | undefined => statSync(HOME, { throwIfNoEntry: false })?.ino

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

/** The files that `ref` may refer to, in order of preference. */
function candidates(ref: string | number): string[] {
  if (typeof ref === 'number') return Number.isSafeInteger(ref) && ref > 0 ? [`/proc/${ref}/ns/net`] : []
  if (ref.includes('\0')) return []
  if (ref.startsWith('/')) return [ref]
  return ref === '' || ref === '.' || ref === '..' || ref.includes('/') ? [] : NAMED.map((dir) => `${dir}/${ref}`)
}

const NAMES = 'a name, an absolute path or, as a number, a process id'

const isName = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number'

const A_NAME: Taken = { accepts: isName, expected: NAMES }

const describe = (ref: string | number): string => (typeof ref === 'number' ? `of process ${ref}` : JSON.stringify(ref))

/** @returns a file descriptor, or undefined if the file does not exist */
function openFile(path: string, description: string): number | undefined {
  try {
    // O_NONBLOCK: if it is a FIFO, do not wait for a writer.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR' || codeOf(cause) === 'ESRCH') return undefined
    if (codeOf(cause) !== 'EACCES' && codeOf(cause) !== 'EPERM') throw cause
    throw new PermissionError(
      'XT_FILE_NOT_PERMITTED',
      `network namespace ${description}: may not open ${path}; it takes root, or to be the same user`,
      { cause },
    )
  }
}

function openFirst(paths: readonly string[], description: string): number {
  for (const path of paths) {
    const fd = openFile(path, description)
    if (fd !== undefined) return fd
  }
  const tried =
    paths.length === 0 ? 'accepted: a name, an absolute path, or a process id' : `missing: ${paths.join(' and ')}`
  throw new NotFoundError('XT_NO_NAMESPACE', `there is no network namespace ${description}; ${tried}`)
}

/** The error for users if setns or unshare fails. */
function explain(cause: unknown, description: string): unknown {
  if (!(cause instanceof LibcFailure)) return cause
  if (cause.errno === ERRNO.EPERM)
    return new PermissionError(
      'XT_NOT_PERMITTED',
      `network namespace ${description}: entering it and returning needs CAP_SYS_ADMIN in both namespaces: ` +
        'run as root, or under `unshare -rn`',
      { cause },
    )
  if (cause.errno === ERRNO.EINVAL)
    return new NotFoundError('XT_NO_NAMESPACE', `${description} is no network namespace`, { cause })
  return new IptcError('XT_KERNEL', `network namespace ${description}: ${cause.message}`, { cause })
}

let poolStarted = false

/**
 * The threads of libuv's pool inherit the namespace of the thread that starts them, and keep it. So they must not be
 * started inside an excursion. The first asynchronous call starts all of them, and `access` always uses the pool.
 */
function startThreadPool(): void {
  if (poolStarted) return
  poolStarted = true
  access('/', () => {})
}

/** Aborts the process if the thread cannot return: it would continue in a foreign namespace and change its tables. */
function comeHome(home: number): void {
  try {
    setns(home, CLONE_NEWNET)
  } catch (error) {
    writeSync(2, `xtables: cannot return to the own network namespace (${(error as Error).message}): aborting\n`)
    abort()
  }
}

/** Leaves the thread's namespace by `leave`, calls `body`, and returns to the namespace even if `body` throws. */
function excursion<T>(description: string, leave: () => void, body: () => T): T {
  startThreadPool()
  const home = openFirst([HOME], 'of this thread')
  try {
    depart(description, home, leave)
    try {
      return body()
    } finally {
      comeHome(home)
    }
  } finally {
    closeSync(home)
  }
}

function depart(description: string, home: number, leave: () => void): void {
  try {
    // First make sure that the thread may return: root of a user namespace need not own the network namespace it is in.
    setns(home, CLONE_NEWNET)
    leave()
  } catch (error) {
    throw explain(error, description)
  }
}

const isThenable = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

const forgotten = new FinalizationRegistry<number>((fd) => closeSync(fd))

/**
 * A handle to a network namespace. The namespace exists at least as long as the handle is open.
 *
 * Entering it requires CAP_SYS_ADMIN over this namespace and over the one that is left.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, NetworkNamespace } from 'xtables'
 *
 * using namespace = NetworkNamespace.create()
 * easy.addChain('filter', 'there', { namespace })
 * console.log(easy.hasChain('filter', 'there', { namespace })) // true
 * ```
 */
export class NetworkNamespace {
  /** Identifies the namespace: the number in `net:[4026531840]`. */
  readonly inode: number
  readonly #description: string
  #fd: number | undefined

  private constructor(fd: number, description: string) {
    this.#fd = fd
    this.#description = description
    this.inode = fstatSync(fd).ino
    forgotten.register(this, fd, this)
  }

  /**
   * @param ref a name, as for `ip netns add`; an absolute path; or, as a number, the ID of a process in the namespace
   * @throws NotFoundError, PermissionError, UnsupportedError
   */
  static open(ref: string | number): NetworkNamespace {
    check('a network namespace', ref, A_NAME)
    checkMachine()
    const description = describe(ref)
    return new NetworkNamespace(openFirst(candidates(ref), description), description)
  }

  /**
   * Creates a namespace without a name. It has a loopback interface, which is down.
   * @throws PermissionError, UnsupportedError
   */
  static create(): NetworkNamespace {
    checkMachine()
    const description = 'of our own'
    const fd = excursion(
      description,
      () => unshare(CLONE_NEWNET),
      () => openFirst([HOME], description),
    )
    return new NetworkNamespace(fd, description)
  }

  /**
   * Calls `body` inside the namespace. Processes that it starts stay inside, and sockets that it opens belong to the
   * namespace. `body` must be synchronous, because code that runs later would run outside: a promise is refused.
   * @throws PermissionError, NotFoundError (not a network namespace), and whatever `body` throws
   */
  run<T>(body: () => T): T {
    check('what NetworkNamespace.run calls', body, callback)
    const fd = this.#descriptor()
    const result = excursion(this.#description, () => setns(fd, CLONE_NEWNET), body)
    if (isThenable(result))
      throw new IptcError('XT_BAD_ARGUMENT', 'NetworkNamespace.run takes a synchronous function, not a promise')
    return result
  }

  /** A path by which other programs can enter the namespace while the handle is open: `nsenter --net=PATH`. */
  get path(): string {
    return `/proc/${process.pid}/fd/${this.#descriptor()}`
  }

  /** Closes the handle. Calling it again does nothing. */
  close(): void {
    if (this.#fd === undefined) return
    forgotten.unregister(this)
    closeSync(this.#fd)
    this.#fd = undefined
  }

  /** Closes the handle at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close()
  }

  #descriptor(): number {
    if (this.#fd === undefined) throw new IptcError('XT_CLOSED', `network namespace ${this.#description} is closed`)
    return this.#fd
  }
}

/** Accepts a namespace: a handle, or what {@link NetworkNamespace.open} accepts. */
export const aNamespace: Taken = {
  accepts: (value) => isName(value) || value instanceof NetworkNamespace,
  expected: `a NetworkNamespace, ${NAMES}`,
}
