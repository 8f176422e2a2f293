/** Only the system calls of one edit: the same blob is read and written back, in buffers that are allocated once. */
import { FAMILIES } from '../src/abi/family'
import { counters, countersInfo, getEntries, getInfo, replace } from '../src/abi/x-tables'
import { LinuxKernel } from '../src/kernel/linux/linux-kernel'
import type { Stage } from './stage'

const NAME = 'filter'

export class BareCalls implements Disposable {
  readonly #sockopt
  readonly #connection
  readonly #info = new Uint8Array(getInfo.size)
  /** Room for `struct ipt_replace`, then the entries; the head of GET_ENTRIES fits into that room. */
  readonly #request: Uint8Array
  readonly #entries: Uint8Array
  readonly #answer: Uint8Array
  readonly #counters: Uint8Array

  constructor({ family, namespace }: Stage) {
    this.#sockopt = FAMILIES[family].sockopt
    this.#connection = new LinuxKernel({ namespace }).connect(family)
    const { size, numEntries } = this.#readInfo()
    this.#request = new Uint8Array(replace.size + size)
    this.#entries = this.#request.subarray(replace.size - getEntries.size)
    this.#answer = new Uint8Array(numEntries * counters.size)
    this.#counters = new Uint8Array(countersInfo.size + this.#answer.length)
    countersInfo.fields.name.write(this.#counters, 0, NAME)
    countersInfo.fields.numCounters.write(this.#counters, 0, numEntries)
  }

  /** Bytes of the table. */
  get size(): number {
    return this.#request.length - replace.size
  }

  #readInfo() {
    getInfo.fields.name.write(this.#info, 0, NAME)
    this.#connection.getsockopt(this.#sockopt.getInfo, this.#info)
    return getInfo.read(this.#info, 0)
  }

  read(): void {
    this.#readInfo()
    this.#request.fill(0, 0, replace.size)
    getEntries.fields.name.write(this.#entries, 0, NAME)
    getEntries.fields.size.write(this.#entries, 0, this.size)
    this.#connection.getsockopt(this.#sockopt.getEntries, this.#entries)
  }

  edit(): void {
    this.read()
    const { validHooks, numEntries, hookEntry, underflow } = getInfo.read(this.#info, 0)
    const valid = (offset: number, hook: number): number => (validHooks & (1 << hook) ? offset : 0)
    replace.write(this.#request, 0, {
      name: NAME,
      validHooks,
      numEntries,
      size: this.size,
      hookEntry: hookEntry.map(valid),
      underflow: underflow.map(valid),
      numCounters: numEntries,
      counters: 0n,
    })
    const { replace: option, addCounters } = this.#sockopt
    this.#connection.setsockopt(option, this.#request, this.#answer, replace.fields.counters.offset)
    this.#counters.set(this.#answer, countersInfo.size)
    this.#connection.setsockopt(addCounters, this.#counters)
  }

  [Symbol.dispose](): void {
    this.#connection.close()
  }
}
