/** Netlink sockets of Linux. */
import { ERRNO, errnoName } from '../../abi/errno'
import { AF_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_EXT_ACK, SOL_NETLINK, sockaddrNl } from '../../abi/netlink'
import { u32, u64 } from '../../binary/codec'
import { KernelError, UnsupportedError } from '../../errors'
import { type NetlinkConnection, NetlinkFailure, SockoptFailure } from '../kernel'
import * as libc from './libc'
import { ownInode } from './namespace'
import { Socket } from './socket'

/** How long to wait for an answer. The kernel answers before a request returns, so a timeout means that something is wrong. */
const ANSWER_SECONDS = 5n

/** More than a datagram contains: dumps come in parts of at most 32 KiB, and a refusal contains the refused message. */
const BUFFER_SIZE = 0x2_0000

/** The send buffer of every socket has room for this. */
const SEND_ROOM = 0x1_0000

/** Size of the receive buffer for notifications. That of an average rule takes about 700 bytes in the kernel. */
const NEWS_ROOM = 0x400_0000

/** The kernel's address. Binding a socket to it lets the kernel assign an address. */
const KERNEL = new Uint8Array(sockaddrNl.size)
sockaddrNl.write(KERNEL, 0, { nlFamily: AF_NETLINK, nlPad: 0, nlPid: 0, nlGroups: 0 })

/** @throws UnsupportedError, KernelError */
export function openNetlink(protocol: number): NetlinkConnection {
  const fd = openSocket(protocol)
  try {
    libc.bind(fd, KERNEL)
    // The kernel then refuses messages that other programs send to this socket.
    libc.connect(fd, KERNEL)
    libc.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, int(1))
    libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVTIMEO, timeval(ANSWER_SECONDS))
    return new LinuxNetlink(fd, ownInode())
  } catch (cause) {
    libc.close(fd)
    throw kernelError('netlink socket', cause)
  }
}

function openSocket(protocol: number): number {
  try {
    return libc.socket(AF_NETLINK, libc.SOCK_RAW | libc.SOCK_CLOEXEC, protocol)
  } catch (cause) {
    if (cause instanceof libc.LibcFailure && UNKNOWN.includes(cause.errno))
      throw new UnsupportedError(
        'XT_NO_NETLINK',
        `this kernel has no netlink protocol ${protocol} (${errnoName(cause.errno)})`,
        {
          cause,
        },
      )
    throw kernelError('socket', cause)
  }
}

const UNKNOWN: readonly number[] = [ERRNO.EPROTONOSUPPORT, ERRNO.EAFNOSUPPORT]

function kernelError(operation: string, cause: unknown): unknown {
  if (!(cause instanceof libc.LibcFailure || cause instanceof SockoptFailure)) return cause
  return new KernelError(operation, cause.errno, errnoName(cause.errno), { cause })
}

function int(value: number): Uint8Array {
  const bytes = new Uint8Array(u32.size)
  u32.write(bytes, 0, value)
  return bytes
}

/** `struct timeval` */
function timeval(seconds: bigint): Uint8Array {
  const bytes = new Uint8Array(2 * u64.size)
  u64.write(bytes, 0, seconds)
  return bytes
}

class LinuxNetlink implements NetlinkConnection {
  readonly place: number | undefined
  readonly #socket: Socket
  readonly #buffer = new Uint8Array(BUFFER_SIZE)
  /** The send buffer is known to have room for this. */
  #room = SEND_ROOM

  constructor(fd: number, place: number | undefined) {
    this.#socket = new Socket(fd)
    this.place = place
  }

  send(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length)
    this.#try((fd) => libc.send(fd, bytes, 0))
  }

  async sendAsync(bytes: Uint8Array): Promise<void> {
    this.#makeRoom(bytes.length)
    try {
      await this.#socket.later((fd) => libc.sendAsync(fd, bytes, 0))
    } catch (error) {
      throw failure(error)
    }
  }

  /** A batch takes effect as a whole, so it is sent in one call, however long it is. */
  #makeRoom(size: number): void {
    if (size <= this.#room) return
    this.#setRoom(libc.SO_SNDBUFFORCE, libc.SO_SNDBUF, 2 * size)
    this.#room = size
  }

  /** Without the permission to exceed it, `net.core.wmem_max` or `net.core.rmem_max` is the limit. */
  #setRoom(forced: number, limited: number, size: number): void {
    const setOption = (option: number): void =>
      this.#try((fd) => libc.setsockopt(fd, libc.SOL_SOCKET, option, int(size)))
    try {
      setOption(forced)
    } catch (error) {
      if (!(error instanceof NetlinkFailure && error.errno === ERRNO.EPERM)) throw error
      setOption(limited)
    }
  }

  receive(wait: boolean): Uint8Array | undefined {
    for (;;) {
      try {
        const length = this.#try((fd) => libc.recv(fd, this.#buffer, flagsFor(wait)))
        if (length > this.#buffer.length) throw new NetlinkFailure(ERRNO.EMSGSIZE)
        return this.#buffer.slice(0, length)
      } catch (error) {
        if (!(error instanceof NetlinkFailure)) throw error
        if (error.errno === ERRNO.EAGAIN) return undefined
        if (error.errno !== ERRNO.EINTR) throw error
      }
    }
  }

  join(group: number): void {
    // Notifications that do not fit in the buffer are lost.
    this.#setRoom(libc.SO_RCVBUFFORCE, libc.SO_RCVBUF, NEWS_ROOM)
    this.#try((fd) => libc.setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, int(group)))
  }

  close(): void {
    this.#socket.close()
  }

  #try<T>(work: (fd: number) => T): T {
    try {
      return work(this.#socket.fd)
    } catch (error) {
      throw failure(error)
    }
  }
}

const flagsFor = (wait: boolean): number => libc.MSG_TRUNC | (wait ? 0 : libc.MSG_DONTWAIT)

const failure = (error: unknown): unknown =>
  error instanceof libc.LibcFailure || error instanceof SockoptFailure ? new NetlinkFailure(error.errno) : error
