/** Looks for what is wrong in tables, or of no use. Nothing is told that is not so. */
import { check, instance, isObject, type Taken } from '../check-input'
import { checkOptions } from '../check-options'
import { FamilyRuleset } from '../trace/family-ruleset'
import { TableChains } from './chains'
import { compareFamilies } from './families'
import type { Finding } from './finding'
import { lockouts, type Session } from './lockout'
import { ChainRules } from './rules'

export interface LintOptions {
  /** The tables of the other family, that are to say the same. */
  readonly other?: FamilyRuleset | undefined
  /** A connection over TCP to this host, that must not be cut off: by which one works here. */
  readonly session?: Session | undefined
}

const aSession: Taken = {
  accepts: isObject,
  expected: 'an object of source, sourcePort, destination and destinationPort',
}
const OPTIONS = { other: instance(FamilyRuleset, 'a FamilyRuleset'), session: aSession }

/**
 * ```ts
 * for (const { table, chain, at, message } of lint(FamilyRuleset.read())) console.log(table, chain, at?.rule, message)
 * ```
 * @returns what was found, table by table, in the order of the rules
 * @throws IptcError for an option that is not understood
 */
export function lint(ruleset: FamilyRuleset, options: LintOptions = {}): Finding[] {
  check('what is looked over', ruleset, instance(FamilyRuleset, 'a FamilyRuleset'))
  checkOptions(options, OPTIONS)
  const { other, session } = options
  return [
    ...ruleset.tables.flatMap((table) => tableFindings(ruleset, table)),
    ...(session === undefined ? [] : lockouts(ruleset, session)),
    ...(other === undefined ? [] : compareFamilies(ruleset, other)),
  ]
}

/** @internal Of both families, or of one alone: what each says, and what they say differently. */
export const lintAll = (
  one: FamilyRuleset,
  other: FamilyRuleset | undefined,
  session: Session | undefined,
): Finding[] => [...lint(one, { other, session }), ...(other === undefined ? [] : lint(other, { session }))]

function tableFindings(ruleset: FamilyRuleset, table: string): Finding[] {
  const chains = new TableChains(ruleset, table)
  return chains.all.flatMap((chain) => {
    const { name, hook } = chain.chain
    const isUnused = hook === undefined && chains.hooksOf(chain).size === 0
    const message = 'no rule leads to this chain from a built-in one'
    const unused: Finding = { kind: 'unused-chain', family: ruleset.family, table, chain: name, message }
    return isUnused ? [unused] : [...new ChainRules(ruleset, chains, chain).findings()]
  })
}
