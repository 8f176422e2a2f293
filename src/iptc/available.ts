/** Whether there are tables to work on. */
import { NotFoundError, UnsupportedError } from '../errors'
import { type AnyTable, Table, Table6 } from './table'
import type { TableOptions } from './table-handle'

type Where = Omit<TableOptions, 'autocommit'>

function isAvailable(open: () => AnyTable): boolean {
  try {
    using table = open()
    table.refresh()
    return true
  } catch (error) {
    if (error instanceof NotFoundError || error instanceof UnsupportedError) return false
    throw error
  }
}

/**
 * Whether the kernel has this table of IPv4, or can load it. Asking makes a table of ip_tables, empty, where there was none;
 * `easy.getTables` lists those that exist.
 *
 * ```ts
 * if (isTableAvailable(Table.SECURITY)) easy.flushTable('security')
 * ```
 * @throws PermissionError where the kernel does not say
 */
export const isTableAvailable = (name: string, options: Where = {}): boolean =>
  isAvailable(() => new Table(name, options))

/** As {@link isTableAvailable}, of IPv6. */
export const isTable6Available = (name: string, options: Where = {}): boolean =>
  isAvailable(() => new Table6(name, options))
