/** The options of the dictionary API, and the table that they select. */
import type { FamilyName } from '../abi/family'
import { flag, instance } from '../check-input'
import { checkOptions } from '../check-options'
import { IptcError, NotFoundError, RuleError } from '../errors'
import type { AnyTable } from '../iptc/table'
import { PLACE_OPTIONS } from '../iptc/table-handle'
import { Batch, openTable, type Place } from './batch'

/**
 * The options of the functions of `easy`: the last argument of each.
 * @since 0.1.0
 */
export interface EasyOptions extends Place {
  /** Work within a batch. The batch determines the tables, so place options may not be combined with it. */
  readonly batch?: Batch | undefined
}

/**
 * The options of functions that can return a value instead of throwing.
 * @since 0.1.0
 */
export interface ThrowsOption {
  /**
   * Whether to throw (the default) if the table, chain or rule does not exist, or the chain prevents the operation. If
   * `false`, the function returns false instead. Malformed input and kernel failures always throw.
   */
  readonly throws?: boolean | undefined
  /** An alias of `throws`, named as in python-iptables. */
  readonly raiseExc?: boolean | undefined
}

const PLACE = { ipv6: flag, ...PLACE_OPTIONS }
export const aBatch = instance(Batch, 'what batchBegin returned')

const OPTIONS = { ...PLACE, batch: aBatch, throws: flag, raiseExc: flag, flush: flag }

function batchOf(options: EasyOptions & ThrowsOption): Batch | undefined {
  checkOptions(options, OPTIONS)
  if (options.throws !== undefined && options.raiseExc !== undefined)
    throw new IptcError('XT_BAD_OPTION', 'the options throws and raiseExc have the same meaning; give only one of them')
  const { batch } = options
  if (batch === undefined) return undefined
  const stray = (Object.keys(PLACE) as (keyof typeof PLACE)[]).find(
    (key) => options[key] !== undefined && options[key] !== batch.place[key],
  )
  if (stray !== undefined)
    throw new IptcError(
      'XT_BAD_OPTION',
      `the option ${stray} differs from that of the batch; leave it out, or pass it to batchBegin`,
    )
  return batch
}

/** The place options, as {@link openTable} takes them. */
export function placeOf(options: EasyOptions): Place {
  const { ipv6, backend, namespace, kernel, lockTimeoutMs, rewrite, findRefused } = batchOf(options)?.place ?? options
  return { ipv6, backend, namespace, kernel, lockTimeoutMs, rewrite, findRefused }
}

export const familyOf = (options: EasyOptions): FamilyName => (placeOf(options).ipv6 ? 'ipv6' : 'ipv4')

/** Runs `body` on a table: that of the batch, or a new one that is closed afterwards. */
export function withTable<T>(name: string, options: EasyOptions, body: (table: AnyTable) => T): T {
  const batch = batchOf(options)
  if (batch !== undefined) return body(batch.table(name))
  using table = openTable(name, placeOf(options))
  return body(table)
}

/** Runs `body`, or returns `otherwise` if it fails and the caller asked for no error. */
export function attempt<T, E>(options: ThrowsOption, otherwise: E, body: () => T): T | E {
  try {
    return body()
  } catch (error) {
    const isMissing = error instanceof NotFoundError || error instanceof RuleError
    if (isMissing && (options.throws ?? options.raiseExc) === false) return otherwise
    throw error
  }
}
