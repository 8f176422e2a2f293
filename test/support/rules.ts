/** Builds rules and tables of either family from the text of a case. */

import type { Family } from '../../src/abi/family'
import { type AnyRule, type AnyTable, Chain, IptcError, Rule, Rule6, Table, Table6 } from '../../src/index'
import type { Kernel } from '../../src/kernel/kernel'
import type { Case } from './cases'

export const parse = (family: Family, rule: string): AnyRule =>
  family.name === 'ipv4' ? Rule.parse(rule) : Rule6.parse(rule)

export const open = ({ family, table }: Pick<Case, 'family' | 'table'>, kernel: Kernel): AnyTable =>
  family.name === 'ipv4' ? new Table(table, { kernel }) : new Table6(table, { kernel })

/**
 * Adds a rule and deletes it again.
 * @returns the rule, or our error if it is refused. Other errors are rethrown.
 */
export function tryRule(
  table: AnyTable,
  family: Family,
  { chain, rule }: { readonly chain: string; readonly rule: string },
): AnyRule | IptcError {
  try {
    const parsed = parse(family, rule)
    new Chain(table, chain).appendRule(parsed)
    new Chain(table, chain).deleteRule(parsed)
    return parsed
  } catch (error) {
    if (error instanceof IptcError) return error
    throw error
  }
}
