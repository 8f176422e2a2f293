/** The desired state of tables as input: dictionaries, rules, lines, or the text of iptables-save. */

import { isTableName } from '../abi/netfilter'
import { check, isRecord, list, shown } from '../check-input'
import type { RuleDictionary } from '../easy/dictionary'
import { encodeDictionary } from '../easy/encode'
import { XtablesError } from '../errors'
import type { Context } from '../extensions/context'
import type { PolicyName } from '../iptc/policy'
import { AnyRule } from '../iptc/rule'
import { unknownTable } from '../kernel/client'
import { parseRule } from '../language/parse'
import { RestoreText, tableNames } from '../language/restore'
import { encodeRule } from '../ruleset/rule'
import { Rules } from '../ruleset/rules'
import { type Draft, draftOf, policyOf, type Ruleset } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'

/**
 * A rule as an object, as a dictionary, or in the iptables language: `-p tcp --dport 22 -j ACCEPT`.
 * @since 0.1.0
 */
export type DesiredRule = AnyRule | RuleDictionary | string

/**
 * The desired state of a chain: its policy and all of its rules.
 * @since 0.1.0
 */
export interface DesiredChain {
  /** Policy of a built-in chain; if absent, the policy is not changed. */
  readonly policy?: PolicyName | undefined
  /** All rules of the chain, in order; if absent, the chain is empty. */
  readonly rules?: readonly DesiredRule[] | undefined
}

/**
 * The desired chains of a table by name, each with all of its rules.
 * @since 0.1.0
 */
export type DesiredTable = Readonly<Record<string, readonly DesiredRule[] | DesiredChain>>

/**
 * The desired tables by name, or the text of iptables-save. Tables that are not named are left alone.
 * @since 0.1.0
 */
export type Desired = Readonly<Record<string, DesiredTable>> | string

/** The desired state of a chain, in the bytes of one table. */
export interface WantedChain {
  readonly rules: readonly Entry[]
  readonly policy: PolicyName | undefined
}

/** Computes the desired state of one table, given its present state. @throws XtablesError, RestoreError */
export type Wanted = (ruleset: Ruleset, context: Context) => ReadonlyMap<string, WantedChain>

/** The desired tables by name. @throws IptcError, XtablesError, NotFoundError for invalid input */
export function wantedOf(desired: Desired): ReadonlyMap<string, Wanted> {
  if (typeof desired === 'string') return wantedOfText(desired)
  check('the desired state', desired, {
    accepts: isRecord,
    expected: 'an object of tables, or text in the format of iptables-save',
  })
  return new Map(
    Object.entries(desired).map(([table, chains]) => {
      if (!isTableName(table)) throw unknownTable(table)
      check(`table ${table}`, chains, { accepts: isRecord, expected: 'an object of chains' })
      return [table, (_, context) => wantedChains(table, chains, context)]
    }),
  )
}

function wantedChains(table: string, chains: DesiredTable, context: Context): ReadonlyMap<string, WantedChain> {
  return new Map(
    Object.entries(chains).map(([name, chain]) => {
      const { policy, rules = [] } = chainOf(chain, [table, name])
      const title = `table ${table} chain ${name}`
      const entries = new Array<Entry>(rules.length)
      // `map` would skip the holes of a sparse list; here they are errors.
      for (let i = 0; i < rules.length; i++)
        entries[i] = entryOf(rules[i] as DesiredRule, context, [table, name, i], () => `${title} rule ${i + 1}`)
      return [name, { rules: entries, policy }]
    }),
  )
}

type Place = readonly (string | number)[]

function chainOf(chain: readonly DesiredRule[] | DesiredChain, place: Place): DesiredChain {
  if (Array.isArray(chain)) return { rules: chain as readonly DesiredRule[] }
  const what = `table ${place.join(' chain ')}`
  check(what, chain, { accepts: isRecord, expected: 'a list of rules, or an object of policy and rules' })
  const { policy, rules, ...others } = chain as DesiredChain
  const [stray] = Object.keys(others)
  if (stray !== undefined) throw fault(place, stray, (others as Record<string, unknown>)[stray], 'policy or rules')
  if (rules !== undefined) check(`${what}: the rules`, rules, list)
  if (policy !== undefined && policy !== 'ACCEPT' && policy !== 'DROP')
    throw fault(place, 'policy', policy, 'ACCEPT or DROP')
  return { policy, rules }
}

const fault = (place: Place, parameter: string, value: unknown, expected: string): XtablesError =>
  new XtablesError(
    'XT_BAD_VALUE',
    `table ${place.join(' chain ')}: ${parameter} cannot be ${shown(value)}; accepted: ${expected}`,
    {
      extension: 'rule',
      parameter,
      value,
      expected,
      path: [...place, parameter],
    },
  )

/**
 * @internal
 * @param place the path of the rule
 * @param title the place of the rule, for messages
 * @throws XtablesError with the title and the path
 */
export function entryOf(rule: DesiredRule, context: Context, place: Place, title: () => string): Entry {
  try {
    if (rule instanceof AnyRule) return rule.entryFor(context)
    if (typeof rule === 'string') return encodeRule(parseRule(rule, context.family), context)
    return encodeDictionary(rule, context, place)
  } catch (cause) {
    if (!(cause instanceof XtablesError)) throw cause
    const { code, message, extension, parameter, value, expected } = cause
    const path = cause.path.length === 0 ? place : cause.path
    throw new XtablesError(code, `${title()}: ${message}`, { extension, parameter, value, expected, path }, { cause })
  }
}

// Text

const QUIET = { counters: false, noflush: true, verbose: false, describe: () => '' }

function wantedOfText(text: string): ReadonlyMap<string, Wanted> {
  const names = tableNames(text)
  if (names.length === 0)
    throw new XtablesError(
      'XT_SYNTAX',
      'the desired state has no table; accepted: text in the format of iptables-save',
      {
        extension: 'rule',
      },
    )
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined)
    throw new XtablesError('XT_SYNTAX', `the desired state has table ${twice} twice; write each table once`, {
      extension: 'rule',
    })
  return new Map(names.map((name) => [name, (ruleset, context) => textChains(text, name, ruleset, context)]))
}

/** The chains that a text names. It is applied to a table with the same chains, all empty. */
function textChains(text: string, table: string, ruleset: Ruleset, context: Context): ReadonlyMap<string, WantedChain> {
  const source = new RestoreText(text, { ...QUIET, tables: [table] })
  source.nextTable()
  const base = emptied(ruleset)
  const draft = draftOf(base)
  try {
    source.apply(draft, context)
  } catch (error) {
    throw source.explain(error, draft)
  }
  // `-F` and `-Z` touch all chains without naming any.
  const named = [...draft.chains.values()].filter(
    (chain) => chain !== base.chains.get(chain.name) && text.includes(chain.name),
  )
  return new Map(
    named.map((chain) => {
      const policy = policyOf(ruleset.family, chain) as PolicyName | undefined
      return [chain.name, { rules: [...chain.rules], policy }]
    }),
  )
}

function emptied(ruleset: Ruleset): Draft {
  const draft = draftOf({ ...ruleset, foreign: undefined })
  for (const chain of [...draft.chains.values()]) draft.chains.set(chain.name, { ...chain, rules: Rules.of() })
  return draft
}
