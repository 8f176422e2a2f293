/** The kernel of the machine, watched at the port: what tables were sent to it, and whether it took them. */
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import type { Connection, Kernel, Lock, Log, Scratch } from '../../src/kernel/kernel'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'

export class WatchedKernel implements Kernel {
  readonly #kernel: Kernel
  readonly description: string
  /** The requests of SET_REPLACE, the last one last. */
  readonly sent: Uint8Array[] = []

  constructor(kernel: Kernel = new LinuxKernel()) {
    this.#kernel = kernel
    this.description = `${kernel.description}, watched`
  }

  get place(): unknown {
    return this.#kernel.place
  }

  connect(family: FamilyName): Connection {
    const connection = this.#kernel.connect(family)
    const watch = (option: number, value: Uint8Array): void => {
      if (option === FAMILIES[family].sockopt.replace) this.sent.push(value.slice())
    }
    return {
      getsockopt: (...args) => connection.getsockopt(...args),
      setsockopt(...args) {
        watch(args[0], args[1])
        connection.setsockopt(...args)
      },
      getsockoptAsync: (...args) => connection.getsockoptAsync(...args),
      setsockoptAsync(...args) {
        watch(args[0], args[1])
        return connection.setsockoptAsync(...args)
      },
      close: () => connection.close(),
    }
  }

  tables(family: FamilyName): string[] {
    return this.#kernel.tables(family)
  }

  loadModule(family: FamilyName): boolean {
    return this.#kernel.loadModule(family)
  }

  scratch(): Scratch {
    const scratch = this.#kernel.scratch?.()
    if (scratch === undefined) throw new Error(`${this.description} has nowhere to try`)
    return scratch
  }

  log(): Log | undefined {
    return this.#kernel.log?.()
  }

  lock(timeoutMs: number | undefined): Lock {
    return this.#kernel.lock(timeoutMs)
  }

  withLockAsync<T>(timeoutMs: number | undefined, body: () => Promise<T>): Promise<T> {
    return this.#kernel.withLockAsync(timeoutMs, body)
  }
}
