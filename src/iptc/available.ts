/** Whether a table is available in the kernel. */
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
 * Tells whether the kernel has this IPv4 table, or can load it. For ip_tables, asking creates the table (empty) if it
 * does not exist; `easy.getTables` lists the existing ones.
 * @throws {@link PermissionError} if the process may not ask the kernel
 * @since 0.1.0
 * @example
 * ```ts
 * import { isTableAvailable, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * console.log(isTableAvailable('security', { kernel }), isTableAvailable('broute', { kernel })) // true false
 * ```
 */
export const isTableAvailable = (name: string, options: Where = {}): boolean =>
  isAvailable(() => new Table(name, options))

/**
 * Tells whether the kernel has this IPv6 table, or can load it. See {@link isTableAvailable}.
 * @throws {@link PermissionError} if the process may not ask the kernel
 * @since 0.1.0
 * @example
 * ```ts
 * import { isTable6Available, MemoryKernel } from 'xtables'
 *
 * console.log(isTable6Available('nat', { kernel: new MemoryKernel() })) // true
 * ```
 */
export const isTable6Available = (name: string, options: Where = {}): boolean =>
  isAvailable(() => new Table6(name, options))
