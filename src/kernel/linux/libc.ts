/** The system calls that Node does not offer, through libc. */

import { errnoName } from '../../abi/errno'
import { u32 } from '../../binary/codec'
import { SockoptFailure } from '../kernel'
import { type CFunction, type CType, type CValue, call, callAsync } from './ffi'

/** bits/socket_type.h */
export const SOCK_RAW = 3
export const SOCK_CLOEXEC = 0o2000000
/** netinet/in.h */
export const IPPROTO_RAW = 255
/** bits/socket.h, asm-generic/socket.h */
export const MSG_TRUNC = 0x20
export const MSG_DONTWAIT = 0x40
export const SOL_SOCKET = 1
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_RCVTIMEO = 20
/** The two need CAP_NET_ADMIN, and may exceed `net.core.wmem_max` and `net.core.rmem_max`. */
export const SO_SNDBUFFORCE = 32
export const SO_RCVBUFFORCE = 33
/** sys/file.h */
export const LOCK_EX = 2
export const LOCK_NB = 4
/** unistd.h */
const SEEK_END = 2
/** linux/sched.h */
export const CLONE_NEWNET = 0x40000000

/** A call of libc returned -1. Its callers turn it into an error for users. */
export class LibcFailure extends Error {
  readonly errno: number

  constructor(name: string, errno: number) {
    super(`${name}: ${errnoName(errno)}`)
    this.errno = errno
  }
}

const int = (name: string, ...params: CType[]): CFunction => ({ name, params, returns: 'int' })

const SOCKET = int('socket', 'int', 'int', 'int')
const GETSOCKOPT = int('getsockopt', 'int', 'int', 'int', 'buffer', 'buffer')
const SETSOCKOPT = int('setsockopt', 'int', 'int', 'int', 'buffer', 'int')
const BIND = int('bind', 'int', 'buffer', 'int')
const CONNECT = int('connect', 'int', 'buffer', 'int')
const SEND: CFunction = { name: 'send', params: ['int', 'buffer', 'size', 'int'], returns: 'size' }
const RECV: CFunction = { name: 'recv', params: ['int', 'buffer', 'size', 'int'], returns: 'size' }
const CLOSE = int('close', 'int')
const LSEEK: CFunction = { name: 'lseek', params: ['int', 'size', 'int'], returns: 'size' }
const FLOCK = int('flock', 'int', 'int')
const SETNS = int('setns', 'int', 'int')
const UNSHARE = int('unshare', 'int')
const ABORT = int('abort')
const MEMMOVE: CFunction = { name: 'memmove', params: ['buffer', 'buffer', 'size'], returns: 'size' }

/** @throws LibcFailure */
function checked(fn: CFunction, ...values: CValue[]): number {
  const { value, errno } = call(fn, ...values)
  if (Number(value) === -1) throw new LibcFailure(fn.name, errno)
  return Number(value)
}

/** @returns a file descriptor. */
export const socket = (domain: number, type: number, protocol: number): number =>
  checked(SOCKET, domain, type, protocol)

/** @param address a `struct sockaddr` of the socket's kind */
export const bind = (fd: number, address: Uint8Array): void => void checked(BIND, fd, address, address.length)

export const connect = (fd: number, address: Uint8Array): void => void checked(CONNECT, fd, address, address.length)

export const send = (fd: number, bytes: Uint8Array, flags: number): void =>
  void checked(SEND, fd, bytes, BigInt(bytes.length), flags)

/** As {@link send}, on another thread. */
export async function sendAsync(fd: number, bytes: Uint8Array, flags: number): Promise<void> {
  const work = () => callAsync(SEND, fd, bytes, BigInt(bytes.length), flags)
  const { value, errno } = await whileHoldingAsync([bytes], work)
  if (Number(value) === -1) throw new LibcFailure(SEND.name, errno)
}

/** @returns the number of bytes received; with MSG_TRUNC, the full length, even if it exceeds the buffer */
export const recv = (fd: number, bytes: Uint8Array, flags: number): number =>
  checked(RECV, fd, bytes, BigInt(bytes.length), flags)

export const close = (fd: number): void => void checked(CLOSE, fd)

export const flock = (fd: number, operation: number): void => void checked(FLOCK, fd, operation)

/** Sets the file offset to the end. */
export const seekEnd = (fd: number): void => void checked(LSEEK, fd, 0n, SEEK_END)

/** Moves only the calling thread into the namespace that `fd` refers to. */
export const setns = (fd: number, type: number): void => void checked(SETNS, fd, type)

/** Moves only the calling thread into new namespaces. */
export const unshare = (flags: number): void => void checked(UNSHARE, flags)

/** Ends the process at once. Unlike process.abort it also works in a worker thread. */
export const abort = (): void => void call(ABORT)

/** The address of the bytes. It is valid as long as they are referenced. */
export const addressOf = (bytes: Uint8Array): bigint => BigInt(call(MEMMOVE, bytes, bytes, 0n).value)

/** A `socklen_t`. */
function lengthOf(value: Uint8Array): Uint8Array {
  const length = new Uint8Array(u32.size)
  u32.write(length, 0, value.length)
  return length
}

function check({ value, errno }: { value: number | bigint; errno: number }): void {
  if (value === -1) throw new SockoptFailure(errno)
}

/**
 * Protects buffers from garbage collection while the kernel may write to them, but the JavaScript engine sees no reference:
 * memory whose address is stored in another buffer, and all buffers of a call on another thread.
 */
const held = new Set<readonly unknown[]>()

function whileHolding<T>(things: readonly unknown[], body: () => T): T {
  held.add(things)
  try {
    return body()
  } finally {
    held.delete(things)
  }
}

async function whileHoldingAsync<T>(things: readonly unknown[], body: () => Promise<T>): Promise<T> {
  held.add(things)
  try {
    return await body()
  } finally {
    held.delete(things)
  }
}

/** @throws SockoptFailure */
export function getsockopt(fd: number, level: number, option: number, value: Uint8Array): void {
  check(call(GETSOCKOPT, fd, level, option, value, lengthOf(value)))
}

/** As {@link getsockopt}, on another thread. */
export async function getsockoptAsync(fd: number, level: number, option: number, value: Uint8Array): Promise<void> {
  const length = lengthOf(value)
  check(await whileHoldingAsync([value, length], () => callAsync(GETSOCKOPT, fd, level, option, value, length)))
}

/**
 * @param answer memory that the kernel writes to, through an address inside `value`
 * @throws SockoptFailure
 */
export function setsockopt(fd: number, level: number, option: number, value: Uint8Array, answer?: Uint8Array): void {
  check(whileHolding([value, answer], () => call(SETSOCKOPT, fd, level, option, value, value.length)))
}

/** As {@link setsockopt}, on another thread. */
export async function setsockoptAsync(
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  answer?: Uint8Array,
): Promise<void> {
  const work = () => callAsync(SETSOCKOPT, fd, level, option, value, value.length)
  check(await whileHoldingAsync([value, answer], work))
}
