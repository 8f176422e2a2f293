/** The kernel of the machine, reached by system calls. */

import { readFileSync, statSync } from 'node:fs'
import { release } from 'node:os'
import { ERRNO, errnoName } from '../../abi/errno'
import { FAMILIES, type Family, type FamilyName } from '../../abi/family'
import { u64 } from '../../binary/codec'
import { flag } from '../../check-input'
import { checkOptions } from '../../check-options'
import { IptcError, KernelError, PermissionError, UnsupportedError } from '../../errors'
import type { Connection, Kernel, Lend, Lock, LockRequest, Log, NetlinkConnection, Scratch } from '../kernel'
import * as libc from './libc'
import { takeLock, withLockAsync } from './lock'
import { openLog } from './log'
import { aNamespace, NetworkNamespace } from './namespace'
import { openNetlink } from './netlink'
import { Socket } from './socket'

const MODPROBE = '/proc/sys/kernel/modprobe'

class LinuxConnection implements Connection {
  readonly #level: number
  readonly #socket: Socket

  constructor({ level }: Family, fd: number) {
    this.#level = level
    this.#socket = new Socket(fd)
  }

  getsockopt(option: number, value: Uint8Array): void {
    libc.getsockopt(this.#socket.fd, this.#level, option, value)
  }

  setsockopt(option: number, value: Uint8Array, answer?: Uint8Array, answerAt?: number): void {
    const { fd } = this.#socket
    pointTo(answer, value, answerAt)
    libc.setsockopt(fd, this.#level, option, value, answer)
  }

  getsockoptAsync(option: number, value: Uint8Array): Promise<void> {
    return this.#socket.later((fd) => libc.getsockoptAsync(fd, this.#level, option, value))
  }

  async setsockoptAsync(option: number, value: Uint8Array, answer?: Uint8Array, answerAt?: number): Promise<void> {
    pointTo(answer, value, answerAt)
    await this.#socket.later((fd) => libc.setsockoptAsync(fd, this.#level, option, value, answer))
  }

  close(): void {
    this.#socket.close()
  }
}

function pointTo(answer: Uint8Array | undefined, value: Uint8Array, at: number | undefined): void {
  if (answer !== undefined && at !== undefined) u64.write(value, at, libc.addressOf(answer))
}

function openSocket({ name, domain }: Family): number {
  try {
    return libc.socket(domain, libc.SOCK_RAW | libc.SOCK_CLOEXEC, libc.IPPROTO_RAW)
  } catch (cause) {
    if (!(cause instanceof libc.LibcFailure)) throw cause
    if (cause.errno === ERRNO.EPERM || cause.errno === ERRNO.EACCES)
      throw new PermissionError(
        'XT_NOT_PERMITTED',
        'the packet filter needs CAP_NET_RAW and CAP_NET_ADMIN: run as root, or under `unshare -rn` in a network ' +
          'namespace of your own, or use the in-process kernel',
        { cause },
      )
    if (cause.errno === ERRNO.EAFNOSUPPORT)
      throw new UnsupportedError('XT_NO_NETLINK', `this kernel has no ${name}, or it is switched off`, { cause })
    throw new KernelError(`socket ${name}`, cause.errno, errnoName(cause.errno), { cause })
  }
}

function readTableNames(family: Family): string[] {
  const file = `/proc/thread-self/net/${family.tableNames}`
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    if (code !== 'EACCES' && code !== 'EPERM')
      throw new IptcError('XT_FILE', `cannot read ${file} (${code})`, { cause })
    // If a namespace was created together with its user namespace, the owner of these files is not mapped in it.
    throw new PermissionError(
      'XT_FILE_NOT_PERMITTED',
      `may not read ${file}: run as root, or under \`unshare -r unshare -n\`; \`unshare -rn\` does not do here`,
      { path: file, cause },
    )
  }
}

/** @returns undefined if the kernel does not load modules on demand */
function modprobe(): string | undefined {
  try {
    const program = readFileSync(MODPROBE, 'utf8').replace(/\n$/, '')
    // A relative name would be looked up in PATH or in the working directory.
    return program.startsWith('/') ? program : undefined
  } catch {
    return undefined
  }
}

/** As when the kernel itself starts the program: independent of the caller's environment and working directory. */
const SURROUNDINGS = { cwd: '/', env: { HOME: '/', PATH: '/sbin:/usr/sbin:/bin:/usr/bin' }, stdio: 'ignore' } as const

function runModprobe(program: string, module: string): boolean {
  const { spawnSync } = require('node:child_process') as typeof import('node:child_process')
  return spawnSync(program, ['-q', '--', module], SURROUNDINGS).status === 0
}

/**
 * Where a {@link LinuxKernel} works.
 * @since 0.1.0
 */
export interface LinuxKernelOptions {
  /**
   * The network namespace to work in: a name, an absolute path, the ID of a process in it, or a handle, which must stay
   * open and is not closed by the kernel object. The default is the caller's own namespace.
   */
  readonly namespace?: string | number | NetworkNamespace | undefined
  /**
   * Whether to run the program named in `/proc/sys/kernel/modprobe` if the kernel lacks a family's tables. The default is
   * true. `XTABLES_MODPROBE=off` in the environment turns it off in any case.
   */
  readonly loadModules?: boolean | undefined
}

/**
 * The packet filter of the machine, reached by system calls. Tables and functions use it by default. Create one only to
 * choose its options, or to capture tables.
 * @since 0.1.0
 * @example
 * ```ts
 * import { captureTable, captureToJson, LinuxKernel } from 'xtables'
 *
 * const kernel = new LinuxKernel({ loadModules: false })
 * console.log(JSON.stringify(captureToJson(captureTable(kernel, 'ipv4', 'filter'))))
 * ```
 */
export class LinuxKernel implements Kernel {
  readonly description = `Linux ${release()}`
  readonly #namespace: string | number | NetworkNamespace | undefined
  readonly #loadModules: boolean

  /**
   * Does not access the packet filter yet.
   * @throws {@link IptcError} for an unknown or invalid option
   */
  constructor(options: LinuxKernelOptions = {}) {
    checkOptions(options, { namespace: aNamespace, loadModules: flag })
    this.#namespace = options.namespace
    this.#loadModules = options.loadModules ?? true
  }

  get place(): number {
    return this.#inside(() => statSync('/proc/thread-self/ns/net').ino)
  }

  /** The socket stays in its namespace, even if the name of that is removed or the process in it ends. */
  connect(family: FamilyName): Connection {
    const fd = this.#inside(() => openSocket(FAMILIES[family]))
    return new LinuxConnection(FAMILIES[family], fd)
  }

  /** As {@link connect}, for netlink. */
  netlink(protocol: number): NetlinkConnection {
    return this.#inside(() => openNetlink(protocol))
  }

  tables(family: FamilyName): string[] {
    return this.#inside(() => readTableNames(FAMILIES[family]))
  }

  loadModule(family: FamilyName): boolean {
    if (!this.#loadModules || process.env['XTABLES_MODPROBE'] === 'off') return false
    const program = modprobe()
    return program !== undefined && runModprobe(program, FAMILIES[family].module)
  }

  scratch(): Scratch {
    const namespace = NetworkNamespace.create()
    return { kernel: new LinuxKernel({ namespace, loadModules: this.#loadModules }), close: () => namespace.close() }
  }

  log(): Log | undefined {
    return openLog()
  }

  lock(timeoutMs: number): Lock {
    return takeLock(timeoutMs)
  }

  withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T> {
    return withLockAsync(request, body)
  }

  #inside<T>(body: () => T): T {
    const namespace = this.#namespace
    if (namespace === undefined) return body()
    if (namespace instanceof NetworkNamespace) return namespace.run(body)
    const opened = NetworkNamespace.open(namespace)
    try {
      return opened.run(body)
    } finally {
      opened.close()
    }
  }
}
