/** Wraps a kernel with a hook before each system call: to count calls, make them fail, or intervene. */
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import {
  type Connection,
  type Kernel,
  type Lend,
  type Lock,
  type LockRequest,
  type Log,
  type NetlinkConnection,
  NetlinkFailure,
  type NetlinkPort,
  type Scratch,
  SockoptFailure,
} from '../../src/kernel/kernel'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { isWholeBatch } from './nft-batch'

export interface SystemCall {
  /** Over netlink, `batch` is a change and `ask` is a query. */
  readonly operation: keyof (typeof FAMILIES)['ipv4']['sockopt'] | 'batch' | 'ask'
  /** The family of a socket option. */
  readonly family?: FamilyName
  readonly value: Uint8Array
}

/** Option numbers are unique for each direction. */
const OPERATIONS = {
  get: ['getInfo', 'getEntries', 'getRevisionMatch', 'getRevisionTarget'],
  set: ['replace', 'addCounters'],
} as const

export class WatchedKernel implements Kernel, NetlinkPort {
  readonly #inner: Kernel
  readonly calls: SystemCall[] = []
  /** The requests of SET_REPLACE, in order. */
  readonly sent: Uint8Array[] = []
  /** The number of open connections. */
  connections = 0
  /** Called before each system call. If it throws, the call fails with that error. */
  before: (call: SystemCall) => void = () => {}
  /** Awaited before each system call off the main thread. */
  hold: (call: SystemCall) => Promise<void> | undefined = () => undefined

  constructor(inner: Kernel = new LinuxKernel()) {
    this.#inner = inner
  }

  get description(): string {
    return this.#inner.description
  }

  get place(): unknown {
    return this.#inner.place
  }

  connect(family: FamilyName): Connection {
    const connection = this.#inner.connect(family)
    this.connections++
    const watch = (way: 'get' | 'set', option: number, value: Uint8Array): SystemCall | undefined => {
      const operation = OPERATIONS[way].find((name) => FAMILIES[family].sockopt[name] === option)
      if (operation === undefined) return undefined
      const call = { operation, family, value }
      this.calls.push(call)
      if (operation === 'replace') this.sent.push(value.slice())
      this.before(call)
      return call
    }
    const watchAsync = async (...args: Parameters<typeof watch>): Promise<void> => {
      const call = watch(...args)
      if (call !== undefined) await this.hold(call)
    }
    return {
      getsockopt: (option, value) => {
        watch('get', option, value)
        connection.getsockopt(option, value)
      },
      setsockopt: (option, value, ...rest) => {
        watch('set', option, value)
        connection.setsockopt(option, value, ...rest)
      },
      getsockoptAsync: async (option, value) => {
        await watchAsync('get', option, value)
        await connection.getsockoptAsync(option, value)
      },
      setsockoptAsync: async (option, value, ...rest) => {
        await watchAsync('set', option, value)
        await connection.setsockoptAsync(option, value, ...rest)
      },
      close: () => {
        this.connections--
        connection.close()
      },
    }
  }

  netlink(protocol: number): NetlinkConnection {
    const connection = this.#inner.netlink?.(protocol)
    if (connection === undefined) throw new Error(`${this.description} has no netlink`)
    this.connections++
    const watch = (value: Uint8Array): SystemCall => {
      const call: SystemCall = { operation: isWholeBatch(value) ? 'batch' : 'ask', value }
      this.calls.push(call)
      this.before(call)
      return call
    }
    return {
      place: connection.place,
      send: (bytes) => {
        watch(bytes)
        connection.send(bytes)
      },
      sendAsync: async (bytes) => {
        await this.hold(watch(bytes))
        await connection.sendAsync(bytes)
      },
      receive: (wait) => connection.receive(wait),
      join: (group) => connection.join(group),
      close: () => {
        this.connections--
        connection.close()
      },
    }
  }

  /** The number of calls of an operation. */
  count(operation: SystemCall['operation']): number {
    return this.calls.filter((call) => call.operation === operation).length
  }

  tables(family: FamilyName): string[] {
    return this.#inner.tables(family)
  }

  loadModule(family: FamilyName): boolean {
    return this.#inner.loadModule(family)
  }

  scratch(): Scratch {
    const scratch = this.#inner.scratch?.()
    if (scratch === undefined) throw new Error(`${this.description} has nowhere to try`)
    return scratch
  }

  log(): Log | undefined {
    return this.#inner.log?.()
  }

  lock(timeoutMs: number): Lock {
    return this.#inner.lock(timeoutMs)
  }

  withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T> {
    return this.#inner.withLockAsync(request, body)
  }
}

/** Makes an operation fail, for the first `times` calls. */
export function failing(operation: SystemCall['operation'], errno: number, times = Number.POSITIVE_INFINITY) {
  let left = times
  return (call: SystemCall): void => {
    if (call.operation !== operation || left-- <= 0) return
    throw operation === 'batch' || operation === 'ask' ? new NetlinkFailure(errno) : new SockoptFailure(errno)
  }
}
