/** Edits that are collected and written together. */

import { check, text } from '../check-input'
import { IptcError } from '../errors'
import type { WaitOptions } from '../iptc/lock-wait'
import { type AnyTable, Table, Table6 } from '../iptc/table'
import type { TableOptions } from '../iptc/table-handle'

/**
 * Where the tables of a call are.
 * @since 0.1.0
 */
export interface Place extends Omit<TableOptions, 'autocommit'> {
  /** Use the IPv6 tables; the default is IPv4. */
  readonly ipv6?: boolean | undefined
}

/** @throws IptcError for an invalid family or place */
export function openTable(name: string, { ipv6 = false, ...options }: Place, autocommit = true): AnyTable {
  return ipv6 ? new Table6(name, { ...options, autocommit }) : new Table(name, { ...options, autocommit })
}

/**
 * Tables whose edits wait for {@link batchEnd}. Functions that are passed `{ batch }` work on the batch: they see the
 * edits made in it, and nothing else does. Use {@link batchBegin} to make one.
 *
 * python-iptables has no such handle: its `batch_begin` stops writing for the whole process.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * {
 *   using batch = easy.batchBegin('filter', { kernel })
 *   easy.addChain('filter', 'web', { batch })
 *   console.log(easy.hasChain('filter', 'web', { batch })) // true
 * }
 * console.log(easy.hasChain('filter', 'web', { kernel })) // false
 * ```
 */
export class Batch {
  /** @internal */
  readonly place: Place
  readonly #only: string | undefined
  #tables: Map<string, AnyTable> | undefined = new Map()

  /** @internal */
  constructor(only: string | undefined, place: Place) {
    if (only !== undefined) check('the table of a batch', only, text)
    this.#only = only
    this.place = place
  }

  /** Whether the batch has been written or abandoned. */
  get ended(): boolean {
    return this.#tables === undefined
  }

  #open(): Map<string, AnyTable> {
    if (this.#tables === undefined)
      throw new IptcError('XT_CLOSED', 'the batch has been ended or abandoned; begin another one with batchBegin')
    return this.#tables
  }

  /** @internal The table as it is in this batch, which keeps it open. */
  table(name: string): AnyTable {
    check('the name of a table', name, text)
    const tables = this.#open()
    if (this.#only !== undefined && name !== this.#only)
      throw new IptcError(
        'XT_WRONG_HANDLE',
        `the batch is for table ${this.#only}, not ${name}; begin one for all tables with batchBegin()`,
      )
    const table = tables.get(name) ?? openTable(name, this.place, false)
    tables.set(name, table)
    return table
  }

  /**
   * Checks all edits, then writes them table by table. Afterwards the batch is over, even if this throws. See
   * {@link batchEnd}.
   */
  end(): void {
    const tables = [...this.#open().values()]
    try {
      // Check all tables before the first is written, so that a fault in one leaves all unchanged.
      if (tables.length > 1) for (const table of tables) table.check()
      for (const table of tables) table.commit()
    } finally {
      this.abandon()
    }
  }

  /** @internal As {@link end}, with the large system calls and the waits for the lock off the main thread. */
  async endAsync(options: WaitOptions): Promise<void> {
    const tables = [...this.#open().values()]
    try {
      for (const table of tables) await table.checkAsync(options)
      for (const table of tables) await table.commitAsync(options)
    } finally {
      this.abandon()
    }
  }

  /** Drops all edits. After the end of the batch, it does nothing. */
  abandon(): void {
    for (const table of this.#tables?.values() ?? []) table.close()
    this.#tables = undefined
  }

  /** Drops the edits, unless the batch has been written. */
  [Symbol.dispose](): void {
    this.abandon()
  }
}
