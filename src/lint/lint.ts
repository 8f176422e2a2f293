/** Finds mistakes in tables, and rules and chains without effect. It reports only what is certain. */
import { check, instance, isObject, type Taken } from '../check-input'
import { checkOptions } from '../check-options'
import { FamilyRuleset } from '../trace/family-ruleset'
import { TableChains } from './chains'
import { compareFamilies } from './families'
import type { Finding } from './finding'
import { lockouts, type Session } from './lockout'
import { ChainRules } from './rules'

/**
 * Options of {@link lint}.
 * @since 0.1.0
 */
export interface LintOptions {
  /** The tables of the other family, which should treat packets alike. */
  readonly other?: FamilyRuleset | undefined
  /** A TCP connection to this host that must not be cut off, such as the administrator's SSH session. */
  readonly session?: Session | undefined
}

const aSession: Taken = {
  accepts: isObject,
  expected: 'an object of source, sourcePort, destination and destinationPort',
}
const OPTIONS = { other: instance(FamilyRuleset, 'a FamilyRuleset'), session: aSession }

/**
 * Finds mistakes in tables, and rules and chains without effect. It reports only what is certain.
 * @returns the findings of each table in the order of its rules, then those about the session, then those about the families
 * @throws {@link IptcError} for an unknown or invalid option
 * @since 0.1.0
 * @example
 * ```ts
 * import { FamilyRuleset, lint } from 'xtables'
 *
 * const text = '*filter\n-A INPUT -p tcp -j ACCEPT\n-A INPUT -p tcp --dport 22 -j DROP\nCOMMIT\n'
 * for (const { kind, at, by } of lint(FamilyRuleset.parse(text))) console.log(kind, at?.position, by?.position) // shadowed 1 0
 * ```
 */
export function lint(ruleset: FamilyRuleset, options: LintOptions = {}): Finding[] {
  check('the ruleset of lint', ruleset, instance(FamilyRuleset, 'a FamilyRuleset'))
  checkOptions(options, OPTIONS)
  const { other, session } = options
  return [
    ...ruleset.tables.flatMap((table) => tableFindings(ruleset, table)),
    ...(session === undefined ? [] : lockouts(ruleset, session)),
    ...(other === undefined ? [] : compareFamilies(ruleset, other)),
  ]
}

/** @internal Lints one or both families. If there are two, it also compares them. */
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
