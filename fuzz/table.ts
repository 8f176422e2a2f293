/** Tables of one rule. */
import { FAMILIES, type FamilyName } from '../src/abi/family'
import { TABLES, type TableName } from '../src/abi/netfilter'
import { Refusal, verify } from '../src/blob/verify'
import { misplaced } from '../src/ruleset/iptables-refusals'
import type { Chain, Ruleset } from '../src/ruleset/ruleset'
import type { Entry } from '../src/ruleset/table-entry'
import { emptyRuleset, laidOut, withRules } from '../test/ruleset/tables'

export interface Place {
  readonly family: FamilyName
  readonly table: TableName
  readonly chain: string
}

const isBuiltin = (table: TableName, name: string): boolean => TABLES[table].some((hook) => hook === name)

/** A table that holds the rule, and the chain that it goes to. Whether that makes sense is not asked. */
export function tableOf({ family, table, chain }: Place, rule: Entry): Ruleset {
  const empty = emptyRuleset(FAMILIES[family], table)
  const goes = rule.jump !== undefined && rule.jump !== '' && !isBuiltin(table, rule.jump) && rule.jump !== chain
  return withRules(goes ? withRules(empty, rule.jump as string, []) : empty, chain, [rule])
}

/** Whether iptables would write the rule there, and Linux take it. */
export function isAccepted(place: Place, rule: Entry): boolean {
  const ruleset = tableOf(place, rule)
  if (misplaced(ruleset, ruleset.chains.get(place.chain) as Chain, rule) !== undefined) return false
  const { family, table, layout, bytes } = laidOut(ruleset)
  try {
    verify(family, table, layout, bytes)
    return true
  } catch (error) {
    if (error instanceof Refusal) return false
    throw error
  }
}
