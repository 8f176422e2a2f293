/**
 * The port: what the library needs of a packet filter, as bytes. Linux implements it with system calls, the in-process
 * kernel with a map; nothing above knows which of them it holds.
 */
import type { FamilyName } from '../abi/family'
import { isObject, type Taken } from '../check-input'

/** A raw socket of one family in one network namespace. */
export interface Connection {
  /**
   * getsockopt(2) at the family's level: asks with `value`, and is answered in place.
   * @throws SockoptFailure
   */
  getsockopt(option: number, value: Uint8Array): void
  /**
   * setsockopt(2). Where the kernel is to write into memory of ours, `answer` is that memory and its address is stored
   * in `value` at `answerAt`; it is held until the call returns. `value` is used again afterwards: whoever keeps it, copies it.
   * @throws SockoptFailure
   */
  setsockopt(option: number, value: Uint8Array, answer?: Uint8Array, answerAt?: number): void
  /** The same two off the main thread, for calls on big tables. The buffers must be left alone until they settle. */
  getsockoptAsync(option: number, value: Uint8Array): Promise<void>
  setsockoptAsync(option: number, value: Uint8Array, answer?: Uint8Array, answerAt?: number): Promise<void>
  /** Closes the socket; a second time does nothing. */
  close(): void
}

/** A netlink socket in one network namespace, whose other side is the kernel. */
export interface NetlinkConnection {
  /** Tells apart where sockets lead to, as {@link Kernel.place}; undefined where that is not known. */
  readonly place?: unknown
  /**
   * Sends messages. What they ask for has been done when it returns, and the answers are there.
   * @throws NetlinkFailure
   */
  send(bytes: Uint8Array): void
  /** The same off the main thread. The bytes must be left alone until it settles. */
  sendAsync(bytes: Uint8Array): Promise<void>
  /**
   * What comes next: one message or more.
   * @param wait whether to wait for it, blocking, though not for ever
   * @returns undefined where nothing came
   * @throws NetlinkFailure; that of ENOBUFS says that something is lost
   */
  receive(wait: boolean): Uint8Array | undefined
  /** Has the messages of a multicast group sent here too. @throws NetlinkFailure */
  join(group: number): void
  /** Closes the socket; a second time does nothing. */
  close(): void
}

/** What the netlink side of the library needs of a kernel. */
export interface NetlinkPort {
  /** For people. */
  readonly description: string
  /** @param protocol that of netlink, as NETLINK_NETFILTER. @throws PermissionError, UnsupportedError, KernelError */
  netlink(protocol: number): NetlinkConnection
}

/** A system call on a netlink socket failed. Turned into the errors that users see by netlink/client.ts. */
export class NetlinkFailure extends Error {
  readonly errno: number

  constructor(errno: number) {
    super(`errno ${errno}`)
    this.errno = errno
  }
}

/** The xtables lock while it is held. */
export interface Lock {
  release(): void
}

/**
 * Lets those whom `borrower` calls join the lock until it is done, one after the other: each is on its own while it reads
 * a table and writes it back.
 */
export type Lend = <T>(borrower: () => T | Promise<T>) => Promise<T>

/** How long to wait for the lock. */
export interface LockRequest {
  /** In milliseconds: 0 does not wait, Infinity waits for ever. */
  readonly timeoutMs: number
  /** Ends the wait; once the lock is held it means nothing here. */
  readonly signal?: AbortSignal | undefined
}

/** A packet filter to try things in, which nobody uses. */
export interface Scratch {
  readonly kernel: Kernel
  /** Does away with it. */
  close(): void
}

/** What the kernel logs about packet filters, on the whole machine. */
export interface Log {
  /** The lines since it was opened. It does not wait for any. */
  read(): string[]
  /** To be called once. */
  close(): void
}

export interface Kernel {
  /** For people: `Linux 6.18.44`, `in-process kernel`. */
  readonly description: string
  /** Tells packet filters apart: the same for two kernels that lead to the same one. */
  readonly place: unknown
  /** Opens a socket. @throws PermissionError, UnsupportedError */
  connect(family: FamilyName): Connection
  /** Tables that exist already, newest first; asking creates none. */
  tables(family: FamilyName): string[]
  /**
   * Loads the kernel module of a family's tables, where that can be done.
   * @returns whether anything was loaded, so that the call is worth trying again.
   */
  loadModule(family: FamilyName): boolean
  /**
   * Takes the lock that the iptables commands take, or joins it where the caller's own call chain holds it already.
   * @param timeoutMs how long to wait, blocking; 0 does not wait, Infinity waits for ever.
   * @throws LockTimeoutError, PermissionError
   */
  lock(timeoutMs: number): Lock
  /**
   * As {@link lock}, waiting without blocking the event loop, and held while `body` runs. What `body` calls does not join
   * it unless it is called by `lend`.
   * @throws LockTimeoutError, PermissionError, the reason of the signal, and whatever `body` throws
   */
  withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T>
  /** An empty packet filter that takes and refuses what this one does. @throws PermissionError, UnsupportedError */
  scratch?(): Scratch
  /** The log, from now on; undefined where it may not be read. */
  log?(): Log | undefined
  /** As {@link NetlinkPort.netlink}; absent where there is none. */
  netlink?(protocol: number): NetlinkConnection
}

const CALLS = ['connect', 'tables', 'loadModule', 'lock', 'withLockAsync'] as const

/** Of a value that is to be a kernel, by what it can be asked. */
export const aKernel: Taken = {
  accepts: (value) =>
    typeof value === 'object' &&
    value !== null &&
    CALLS.every((call) => typeof (value as Partial<Kernel>)[call] === 'function'),
  expected: 'a Kernel, such as a MemoryKernel',
}

/** getsockopt or setsockopt said no. Turned into the errors that users see by client.ts. */
export class SockoptFailure extends Error {
  readonly errno: number
  /** What the kernel logged meanwhile. */
  log: readonly string[] = []

  constructor(errno: number) {
    super(`errno ${errno}`)
    this.errno = errno
  }
}

/** Of a value that is to have netlink, as {@link aKernel}. */
export const aNetlinkPort: Taken = {
  accepts: (value) => isObject(value) && typeof (value as Partial<NetlinkPort>).netlink === 'function',
  expected: 'a kernel that has netlink, such as a LinuxKernel',
}
