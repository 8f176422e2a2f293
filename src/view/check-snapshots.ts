/** Checks snapshots that are passed as arguments, as JavaScript callers have no compiler. */
import { isObject, type Taken } from '../check-input'
import type { ChainSnapshot, RuleSnapshot, TableSnapshot } from './snapshot'

type Fields<T> = { readonly [K in keyof T]: unknown }
type IsMade<T> = (fields: Fields<T>) => boolean

/** A list of objects of one kind. */
const listOf =
  <T>(isMade: IsMade<T>) =>
  (value: unknown): value is readonly T[] =>
    Array.isArray(value) && value.every((one) => isObject(one) && isMade(one as Fields<T>))

const isText = (value: unknown): boolean => typeof value === 'string'
const isCounters = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'bigint')

const areRules = listOf<RuleSnapshot>(
  ({ position, rule, counters }) => typeof position === 'number' && isText(rule) && isCounters(counters),
)
const areChains = listOf<ChainSnapshot>(
  ({ name, policy, counters, rules }) =>
    isText(name) && areRules(rules) && (policy === undefined || (isText(policy) && isCounters(counters))),
)

export const SNAPSHOTS: Taken = {
  accepts: listOf<TableSnapshot>(
    ({ family, table, time, chains, incompatible }) =>
      isText(family) && isText(table) && Number.isFinite(time) && areChains(chains) && Array.isArray(incompatible),
  ),
  expected: 'a list of what snapshot returned',
}
