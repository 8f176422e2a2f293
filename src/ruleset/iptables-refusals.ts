/**
 * Rules that the kernel would accept but iptables refuses: rules that can never match where they stand, and names that
 * mean something else.
 */
import { type Family, type FamilyName, IPV4, IPV6 } from '../abi/family'
import { NO_IN, NO_OUT, VERDICTS } from '../abi/netfilter'
import { shown } from '../check-input'
import type { RulePart } from '../errors'
import { type Context, NO_SETS } from '../extensions/context'
import { faultOf, faultText } from '../extensions/extension'
import { extensionNames } from '../extensions/registry'
import { similarNames } from '../extensions/similar-names'
import { isStandard, readVerdict, targetPart } from './entry'
import { type EntryExtension, entryExtensions, ruleHead } from './entry-extensions'
import { HEADS } from './rule-head'
import type { Chain, Ruleset } from './ruleset'
import type { Entry } from './table-entry'

const asksFor = (family: Family, entry: Entry, option: string): boolean =>
  HEADS[family.name].variant.options.get(option)?.read(entry.bytes, 0, NOWHERE[family.name]) !== undefined

/** Heads refer to nothing that belongs to a namespace. */
const NOWHERE: Readonly<Record<FamilyName, Context>> = {
  ipv4: { family: IPV4, sets: NO_SETS },
  ipv6: { family: IPV6, sets: NO_SETS },
}

function isDrop(family: Family, { bytes, jump }: Entry): boolean {
  const target = targetPart(family, bytes, 0)
  return jump === undefined && isStandard(bytes, target) && readVerdict(bytes, target) === VERDICTS.DROP
}

/** What is wrong with a rule in its place. */
export interface Misplaced extends RulePart {
  readonly reason: string
  /** A code other than XT_RULE_MISPLACED. */
  readonly code?: 'XT_NO_DESTINATION'
}

/**
 * Why this rule is not allowed in this chain, if it is not.
 * @param parts the parts of the rule
 */
export function misplaced(
  ruleset: Ruleset,
  chain: Chain,
  rule: Entry,
  parts = entryExtensions(ruleset.family, rule.bytes),
): Misplaced | undefined {
  const { family, table, chains } = ruleset
  if (NO_IN.includes(chain.hook) && asksFor(family, rule, 'in-interface'))
    return { parameter: 'in-interface', reason: `packets in ${chain.name} have no interface that they come in by` }
  if (NO_OUT.includes(chain.hook) && asksFor(family, rule, 'out-interface'))
    return {
      parameter: 'out-interface',
      reason: `packets in ${chain.name} have no interface yet that they go out by`,
    }
  const usage = misused(family, rule, parts)
  if (usage !== undefined) return usage
  if (table === 'nat' && isDrop(family, rule))
    return { parameter: 'target', reason: 'the nat table is not for filtering, it takes no DROP' }
  if (rule.jump !== undefined && rule.jump !== '') {
    const destination = chains.get(rule.jump)
    if (destination === undefined)
      return { code: 'XT_NO_DESTINATION', parameter: 'target', reason: noChain(ruleset, rule.jump) }
    if (destination.hook !== undefined)
      return { parameter: 'target', reason: `${rule.jump} is a built-in chain, to which no rule can go` }
  }
  return undefined
}

function noChain({ family, chains }: Ruleset, name: string): string {
  const similar = similarNames(name, [...chains.keys(), ...extensionNames('target', family.name)])
  return `there is no chain ${shown(name)} to go to${similar === undefined ? '' : `; ${similar}`}`
}

/** Why iptables would not write one of the rule's matches or its target. */
function misused(family: Family, { bytes }: Entry, parts: readonly EntryExtension[]): Misplaced | undefined {
  const head = ruleHead(family, bytes, 0)
  for (const { known, at } of parts) {
    const why = known?.variant.usage?.(bytes, at, head)
    if (known === undefined || why === undefined) continue
    const { extension, variant } = known
    return { extension: extension.name, parameter: faultOf(why).parameter, reason: faultText(extension, variant, why) }
  }
  return undefined
}
