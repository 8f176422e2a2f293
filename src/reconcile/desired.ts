/** What tables are to hold, as users say it: dictionaries, rules, lines, or the text of iptables-save. */

import { check, isRecord, list, shown } from '../check-input'
import type { RuleDictionary } from '../easy/dictionary'
import { encodeDictionary } from '../easy/encode'
import { XtablesError } from '../errors'
import type { Context } from '../extensions/context'
import type { PolicyName } from '../iptc/policy'
import { AnyRule } from '../iptc/rule'
import { parseRule } from '../language/parse'
import { RestoreText, tableNames } from '../language/restore'
import { encodeRule } from '../ruleset/rule'
import { Rules } from '../ruleset/rules'
import { type Draft, draftOf, policyOf, type Ruleset } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'

/**
 * A rule as an object, as a dictionary, or in the words of iptables: `-p tcp --dport 22 -j ACCEPT`.
 * @since 0.1.0
 */
export type DesiredRule = AnyRule | RuleDictionary | string

/**
 * A chain with its policy and all of its rules.
 * @since 0.1.0
 */
export interface DesiredChain {
  /** Of a built-in chain; it stays as it is where none is given. */
  readonly policy?: PolicyName | undefined
  /** All of its rules, in their order; none unless said. */
  readonly rules?: readonly DesiredRule[] | undefined
}

/**
 * Chains by name, each with all of its rules.
 * @since 0.1.0
 */
export type DesiredTable = Readonly<Record<string, readonly DesiredRule[] | DesiredChain>>

/**
 * Tables by name, or the text of iptables-save. Tables that are not named are left alone.
 * @since 0.1.0
 */
export type Desired = Readonly<Record<string, DesiredTable>> | string

/** A chain as it is to be, in the bytes of one table. */
export interface WantedChain {
  readonly rules: readonly Entry[]
  readonly policy: PolicyName | undefined
}

/** What is wanted of one table, for the table as it is. @throws XtablesError, RestoreError */
export type Wanted = (ruleset: Ruleset, context: Context) => ReadonlyMap<string, WantedChain>

/** Tables by name. @throws IptcError, XtablesError for what is no table */
export function wantedOf(desired: Desired): ReadonlyMap<string, Wanted> {
  if (typeof desired === 'string') return wantedOfText(desired)
  check('what is desired', desired, {
    accepts: isRecord,
    expected: 'an object of tables, or a text of iptables-save',
  })
  return new Map(
    Object.entries(desired).map(([table, chains]) => {
      check(`table ${table}`, chains, { accepts: isRecord, expected: 'an object of chains' })
      return [table, (_, context) => wantedChains(table, chains, context)]
    }),
  )
}

function wantedChains(table: string, chains: DesiredTable, context: Context): ReadonlyMap<string, WantedChain> {
  return new Map(
    Object.entries(chains).map(([name, chain]) => {
      const { policy, rules = [] } = chainOf(chain, [table, name])
      const entries = new Array<Entry>(rules.length)
      // A list with a hole has nothing there, and `map` would pass over it.
      for (let i = 0; i < rules.length; i++)
        entries[i] = wantedEntry(rules[i] as DesiredRule, context, [table, name, i])
      return [name, { rules: entries, policy }]
    }),
  )
}

type Place = readonly (string | number)[]

function chainOf(chain: readonly DesiredRule[] | DesiredChain, place: Place): DesiredChain {
  if (Array.isArray(chain)) return { rules: chain as readonly DesiredRule[] }
  const what = place.join(' ')
  check(what, chain, { accepts: isRecord, expected: 'a list of rules, or an object of policy and rules' })
  const { policy, rules, ...others } = chain as DesiredChain
  const [stray] = Object.keys(others)
  if (stray !== undefined) throw fault(place, stray, (others as Record<string, unknown>)[stray], 'policy or rules')
  if (rules !== undefined) check(`${what} rules`, rules, list)
  if (policy !== undefined && policy !== 'ACCEPT' && policy !== 'DROP')
    throw fault(place, 'policy', policy, 'ACCEPT or DROP')
  return { policy, rules }
}

const fault = (place: Place, parameter: string, value: unknown, expected: string): XtablesError =>
  new XtablesError(
    'XT_BAD_VALUE',
    `${place.join(' ')}: ${parameter} cannot be ${shown(value)}; accepted: ${expected}`,
    {
      extension: 'rule',
      parameter,
      value,
      expected,
      path: [...place, parameter],
    },
  )

/** One rule of many: what is wrong with it is told with its place. @throws XtablesError */
function wantedEntry(rule: DesiredRule, context: Context, place: readonly [string, string, number]): Entry {
  try {
    return entryOf(rule, context, place)
  } catch (error) {
    if (!(error instanceof XtablesError)) throw error
    const { code, message, path, cause, ...details } = error
    const [table, chain, position] = place
    const where = { ...details, path: path.length > 0 ? path : place }
    throw new XtablesError(code, `table ${table} chain ${chain} rule ${position + 1}: ${message}`, where, { cause })
  }
}

/** @internal @throws XtablesError */
export function entryOf(rule: DesiredRule, context: Context, place: Place): Entry {
  if (rule instanceof AnyRule) return rule.entryFor(context)
  if (typeof rule === 'string') return encodeRule(parseRule(rule, context.family), context)
  return encodeDictionary(rule, context, place)
}

// Text

const QUIET = { counters: false, noflush: true, verbose: false, describe: () => '' }

function wantedOfText(text: string): ReadonlyMap<string, Wanted> {
  const names = tableNames(text)
  if (names.length === 0)
    throw new XtablesError('XT_SYNTAX', 'the text has no table; accepted: the text of iptables-save', {
      extension: 'rule',
    })
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined)
    throw new XtablesError('XT_SYNTAX', `the text has table ${twice} twice`, { extension: 'rule' })
  return new Map(names.map((name) => [name, (ruleset, context) => textChains(text, name, ruleset, context)]))
}

/** The chains that a text names: it is carried out on a table that has the same chains, with nothing in them. */
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
  // `-F` and `-Z` touch all chains, and name none of them.
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
