/** Edits that are kept back and written together. */

import { check, text } from '../check-input'
import { IptcError } from '../errors'
import type { WaitOptions } from '../iptc/lock-wait'
import { type AnyTable, Table, Table6 } from '../iptc/table'
import type { TableOptions } from '../iptc/table-handle'

/**
 * Where the tables are that a function is to work on.
 * @since 0.1.0
 */
export interface Place extends Omit<TableOptions, 'autocommit'> {
  /** The tables of IPv6; those of IPv4 unless said. */
  readonly ipv6?: boolean | undefined
}

/** @throws IptcError for a family or place that cannot be */
export function openTable(name: string, { ipv6 = false, ...options }: Place, autocommit = true): AnyTable {
  return ipv6 ? new Table6(name, { ...options, autocommit }) : new Table(name, { ...options, autocommit })
}

/**
 * Tables whose edits wait for {@link batchEnd}. Functions that get it as `{ batch }` work on what it holds: they see the
 * edits that were made in it, and nobody else does. {@link batchBegin} makes it.
 *
 * python-iptables has no such handle: there, `batch_begin` switches the writing off for the whole process.
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

  /** Whether it was ended or abandoned. */
  get ended(): boolean {
    return this.#tables === undefined
  }

  #open(): Map<string, AnyTable> {
    if (this.#tables === undefined) throw new IptcError('XT_CLOSED', 'the batch was ended or abandoned')
    return this.#tables
  }

  /** @internal The table as it is in this batch, which keeps it open. */
  table(name: string): AnyTable {
    check('the name of a table', name, text)
    const tables = this.#open()
    if (this.#only !== undefined && name !== this.#only)
      throw new IptcError('XT_WRONG_HANDLE', `the batch is for table ${this.#only}, not ${name}`)
    const table = tables.get(name) ?? openTable(name, this.place, false)
    tables.set(name, table)
    return table
  }

  /** Checks all edits, then writes them, table by table. Whatever comes of it, the batch is over. See {@link batchEnd}. */
  end(): void {
    const tables = [...this.#open().values()]
    try {
      // What one table may not hold is no reason to have written another.
      if (tables.length > 1) for (const table of tables) table.check()
      for (const table of tables) table.commit()
    } finally {
      this.abandon()
    }
  }

  /** @internal As {@link end}, with the big system calls and the waits for the lock off the main thread. */
  async endAsync(options: WaitOptions): Promise<void> {
    const tables = [...this.#open().values()]
    try {
      for (const table of tables) await table.checkAsync(options)
      for (const table of tables) await table.commitAsync(options)
    } finally {
      this.abandon()
    }
  }

  /** Drops all edits; after the end, it does nothing. */
  abandon(): void {
    for (const table of this.#tables?.values() ?? []) table.close()
    this.#tables = undefined
  }

  /** Drops the edits, unless the batch was ended. */
  [Symbol.dispose](): void {
    this.abandon()
  }
}
