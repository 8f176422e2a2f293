/** Chain handles: chains passed in place of their names. */
import { check, text } from '../check-input'
import { IptcError } from '../errors'
import type { Context } from '../extensions/context'
import { Strict } from './refuse-assignment'

/**
 * The table of a {@link ChainHandle}.
 * @since 0.1.0
 */
export interface ChainTable {
  /** Such as `filter`. */
  readonly name: string
  /** @internal */
  readonly context: Context
}

/**
 * The part of a chain that names it. The only implementation is {@link Chain}. Tables, chains, targets and the functions of
 * `easy` accept one in place of a name; data, such as dictionaries and desired states, only contains names.
 * @since 0.1.0
 * @example
 * ```ts
 * import { type ChainHandle, MemoryKernel, Table } from 'xtables'
 *
 * const titles = (chains: readonly ChainHandle[]): string[] => chains.map(({ table, name }) => `${table.name} ${name}`)
 * console.log(titles(new Table('nat', { kernel: new MemoryKernel() }).chains)[0]) // nat PREROUTING
 * ```
 */
export abstract class ChainHandle extends Strict {
  /** The table of the chain. */
  abstract get table(): ChainTable

  /** The name, such as `INPUT`. */
  abstract get name(): string
}

/**
 * @internal The name of a chain in `table`.
 * @param what the argument, as named in messages
 * @throws IptcError for a chain of another table or family, and for anything but a chain or a name
 */
export function chainName(table: ChainTable, chain: string | ChainHandle, what = 'a chain'): string {
  if (!(chain instanceof ChainHandle)) {
    check(what, chain, { ...text, expected: 'a Chain or its name' })
    return chain
  }
  if (isSameTable(table, chain.table)) return chain.name
  throw new IptcError(
    'XT_WRONG_HANDLE',
    `${chain.name} is a chain of ${titleOf(chain.table)}, not of ${titleOf(table)}; for the chain of that name in this table, pass the name`,
  )
}

/** Whether both are the same table by name and family. There may be many handles of it, in several namespaces. */
const isSameTable = (one: ChainTable, other: ChainTable): boolean =>
  one.name === other.name && one.context.family === other.context.family

const titleOf = ({ name, context }: ChainTable): string => `table ${name} of ${context.family.name}`
