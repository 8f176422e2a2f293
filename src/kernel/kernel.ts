/**
 * The kernel port: the interface between the library and a packet filter, in bytes. LinuxKernel implements it with
 * system calls, MemoryKernel in the process; the layers above do not know which one they use.
 */
import type { FamilyName } from '../abi/family'
import { isObject, type Taken } from '../check-input'

/**
 * A raw socket of one family in one network namespace.
 * @since 0.1.0
 */
export interface Connection {
  /**
   * getsockopt(2) at the family's level: `value` is the request, and is overwritten with the answer.
   * @throws SockoptFailure
   */
  getsockopt(option: number, value: Uint8Array): void
  /**
   * setsockopt(2). If the kernel writes to user memory, `answer` is that memory, and its address is stored in `value`
   * at `answerAt`; it stays valid until the call returns. The caller reuses `value`: copy it to keep it.
   * @throws SockoptFailure
   */
  setsockopt(option: number, value: Uint8Array, answer?: Uint8Array, answerAt?: number): void
  /**
   * As {@link Connection.getsockopt}, off the main thread, for large tables. The buffers must not be touched until the
   * promise settles.
   */
  getsockoptAsync(option: number, value: Uint8Array): Promise<void>
  /**
   * As {@link Connection.setsockopt}, off the main thread. The buffers must not be touched until the promise settles.
   * @throws SockoptFailure
   */
  setsockoptAsync(option: number, value: Uint8Array, answer?: Uint8Array, answerAt?: number): Promise<void>
  /** Closes the socket. Further calls do nothing. */
  close(): void
}

/**
 * A netlink socket to the kernel in one network namespace.
 * @since 0.1.0
 */
export interface NetlinkConnection {
  /** Identifies the packet filter behind the socket, as {@link Kernel.place}; undefined if it is not known. */
  readonly place?: unknown
  /**
   * Sends messages. When it returns, the kernel has processed them and the answers can be received.
   * @throws NetlinkFailure
   */
  send(bytes: Uint8Array): void
  /**
   * As {@link NetlinkConnection.send}, off the main thread. The bytes must not be touched until the promise settles.
   */
  sendAsync(bytes: Uint8Array): Promise<void>
  /**
   * Receives one datagram with one or more messages.
   * @param wait whether to block until one arrives, with an upper limit
   * @returns undefined if none arrived
   * @throws NetlinkFailure; ENOBUFS means that messages were lost
   */
  receive(wait: boolean): Uint8Array | undefined
  /** Subscribes to a multicast group. @throws NetlinkFailure */
  join(group: number): void
  /** Closes the socket. Further calls do nothing. */
  close(): void
}

/**
 * The part of a kernel that the netlink code uses.
 * @since 0.1.0
 */
export interface NetlinkPort {
  /** A description for messages. */
  readonly description: string
  /**
   * @param protocol the netlink protocol, such as NETLINK_NETFILTER. @throws PermissionError, UnsupportedError,
   *   KernelError
   */
  netlink(protocol: number): NetlinkConnection
}

/** A system call on a netlink socket failed. netlink/client.ts turns it into the error for users. */
export class NetlinkFailure extends Error {
  readonly errno: number

  constructor(errno: number) {
    super(`errno ${errno}`)
    this.errno = errno
  }
}

/**
 * The xtables lock while it is held.
 * @since 0.1.0
 */
export interface Lock {
  /** Releases the lock; to be called once. */
  release(): void
}

/**
 * Lends the lock to what `borrower` calls, until it is done. Borrowers take turns: each has the lock to itself while it
 * reads a table and writes it back.
 * @since 0.1.0
 */
export type Lend = <T>(borrower: () => T | Promise<T>) => Promise<T>

/**
 * How long to wait for the lock.
 * @since 0.1.0
 */
export interface LockRequest {
  /** In milliseconds: 0 does not wait, Infinity waits for ever. */
  readonly timeoutMs: number
  /** Aborts the wait. It has no effect once the lock is held. */
  readonly signal?: AbortSignal | undefined
}

/**
 * A packet filter for trying rules, which nothing else uses.
 * @since 0.1.0
 */
export interface Scratch {
  /** The packet filter. */
  readonly kernel: Kernel
  /** Removes the packet filter. */
  close(): void
}

/**
 * The kernel's log about packet filters, for the whole machine.
 * @since 0.1.0
 */
export interface Log {
  /** Returns the lines since the log was opened, without waiting. */
  read(): string[]
  /** Closes the log; to be called once. */
  close(): void
}

/**
 * A packet filter as bytes: the option `kernel` of every table and function. {@link LinuxKernel} is that of the
 * machine, {@link MemoryKernel} one in the process.
 * @since 0.1.0
 */
export interface Kernel {
  /** A description for messages: `Linux 6.18.44`, `in-process kernel`. */
  readonly description: string
  /** Identifies the packet filter: equal for two kernels that reach the same one. */
  readonly place: unknown
  /** Opens a socket. @throws PermissionError, UnsupportedError */
  connect(family: FamilyName): Connection
  /** Names of the existing tables, newest first; asking creates none. */
  tables(family: FamilyName): string[]
  /**
   * Loads the kernel module of a family's tables, if possible.
   * @returns whether anything was loaded, so that it is worth retrying the call.
   */
  loadModule(family: FamilyName): boolean
  /**
   * Takes the lock that the iptables commands use, or joins it if the calling code already holds it.
   * @param timeoutMs how long to block; 0 does not wait, Infinity waits for ever.
   * @throws LockTimeoutError, PermissionError
   */
  lock(timeoutMs: number): Lock
  /**
   * As {@link lock}, without blocking the event loop, and held while `body` runs. What `body` calls joins it only when
   * called through `lend`.
   * @throws LockTimeoutError, PermissionError, the reason of the signal, and whatever `body` throws
   */
  withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T>
  /**
   * Makes an empty packet filter that accepts and refuses the same rules as this one. @throws PermissionError,
   * UnsupportedError
   */
  scratch?(): Scratch
  /** Opens the log from now on; undefined if it may not be read. */
  log?(): Log | undefined
  /** As {@link NetlinkPort.netlink}; absent if the kernel has no netlink. */
  netlink?(protocol: number): NetlinkConnection
}

const CALLS = ['connect', 'tables', 'loadModule', 'lock', 'withLockAsync'] as const

/** Accepts a kernel, judged by its methods. */
export const aKernel: Taken = {
  accepts: (value) =>
    typeof value === 'object' &&
    value !== null &&
    CALLS.every((call) => typeof (value as Partial<Kernel>)[call] === 'function'),
  expected: 'a Kernel, such as a MemoryKernel',
}

/** getsockopt or setsockopt failed. client.ts turns it into the error for users. */
export class SockoptFailure extends Error {
  readonly errno: number
  /** What the kernel logged during the call. */
  log: readonly string[] = []

  constructor(errno: number) {
    super(`errno ${errno}`)
    this.errno = errno
  }
}

/** Accepts an object with netlink, as {@link aKernel}. */
export const aNetlinkPort: Taken = {
  accepts: (value) => isObject(value) && typeof (value as Partial<NetlinkPort>).netlink === 'function',
  expected: 'a kernel that has netlink, such as a LinuxKernel',
}
