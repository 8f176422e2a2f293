/** Counters as passed by callers. */

import { shown } from '../check-input'
import { XtablesError } from '../errors'
import type { Counters } from '../ruleset/entry'

const LIMIT = 2n ** 64n

/**
 * Packet and byte counters, each from 0 to 2^64 - 1. A number must be a safe integer; above 2^53 - 1, use a bigint.
 * @since 0.1.0
 */
export type CountersInput = readonly [packets: number | bigint, bytes: number | bigint]

/** @throws XtablesError unless `counters` is a pair of integers from 0 to 2^64 - 1 */
export function readCounters(extension: string, counters: CountersInput): Counters {
  if (Array.isArray(counters) && counters.length === 2 && counters.every(isCount))
    return [BigInt(counters[0]), BigInt(counters[1])]
  const expected = 'a list of packets and bytes, each 0 to 2^64 - 1, a bigint above 2^53 - 1'
  throw new XtablesError('XT_BAD_VALUE', `${extension}: counters must be ${expected}, not ${shown(counters)}`, {
    extension,
    parameter: 'counters',
    value: counters,
    expected,
  })
}

const isCount = (value: unknown): boolean =>
  typeof value === 'bigint' ? value >= 0n && value < LIMIT : Number.isSafeInteger(value) && (value as number) >= 0
