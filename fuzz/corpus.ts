/** The good inputs that others are made of: rules that iptables takes, and what it made of them. */
import { FAMILIES, type FamilyName } from '../src/abi/family'
import { TABLES, type TableName } from '../src/abi/netfilter'
import type { Context } from '../src/extensions/context'
import { splitWords } from '../src/language/quoting'
import { tableText } from '../src/language/save'
import type { Ruleset } from '../src/ruleset/ruleset'
import type { Entry } from '../src/ruleset/table-entry'
import { emptyRuleset, withRules } from '../test/ruleset/tables'
import { cases, splitLine } from '../test/support/cases'
import { fixtures, writtenRules } from '../test/support/fixtures'

/** Sets that rules may name: their indexes are their places here. */
const SETS: readonly string[] = fixtures()
  .flatMap(({ capture: { sets = {} } }) =>
    Object.entries(sets).flatMap(([name, { index }]) => [[index, name] as const]),
  )
  .reduce<string[]>((names, [index, name]) => {
    names[index] ??= name
    return names
  }, [])

/** What knows these sets, for whichever family. */
export const contextOf = (family: FamilyName): Context => ({
  family: FAMILIES[family],
  sets: {
    byName: (name) => (SETS.includes(name) ? { index: SETS.indexOf(name), family: 'any' } : undefined),
    byIndex: (index) => SETS[index],
  },
})

/** The same for a kernel. */
export const setsOf = (): Record<string, { index: number; family: 'any' }> =>
  Object.fromEntries(SETS.map((name, index) => [name, { index, family: 'any' }]))

/** A rule's words, without the chain. */
export interface RuleLine {
  readonly family: FamilyName
  readonly table: TableName
  readonly chain: string
  readonly words: readonly string[]
}

const wordsOf = (line: string): string[] => {
  try {
    return splitWords(line)
  } catch {
    return line.split(' ')
  }
}

/** Every line of every extension's cases, taken or refused. */
export const lines: readonly RuleLine[] = cases.flatMap(({ family, table, accepted, refused }) =>
  [...accepted, ...refused].flatMap((line) => {
    const split = splitLine(line)
    if (split === undefined) return []
    return [{ family: family.name, table: table as TableName, chain: split.chain, words: wordsOf(split.rule) }]
  }),
)

/** Every rule that iptables wrote, in a table of its own. */
export interface Written {
  readonly family: FamilyName
  readonly table: TableName
  readonly rule: Entry
  readonly ruleset: Ruleset
}

const isBuiltin = (table: TableName, chain: string): boolean => TABLES[table].some((hook) => hook === chain)

export const written: readonly Written[] = fixtures().flatMap((fixture) => {
  const { family, table } = fixture.capture
  const name = table as TableName
  return writtenRules(fixture).flatMap(({ line, entry }) => {
    const chain = splitLine(line)?.chain ?? ''
    const rule = { bytes: entry.bytes.slice(), jump: entry.jump }
    const place = isBuiltin(name, chain) ? chain : 'user'
    const hook = TABLES[name][0]
    const empty = emptyRuleset(FAMILIES[family], name)
    const within = rule.jump === undefined || rule.jump === '' ? empty : withRules(empty, rule.jump, [])
    if (isBuiltin(name, rule.jump ?? '')) return []
    return [{ family, table: name, rule, ruleset: withRules(place === hook ? within : within, place, [rule]) }]
  })
})

/** The same as text. */
export const texts: readonly { family: FamilyName; text: string }[] = written.map(({ family, ruleset }) => ({
  family,
  text: tableText(ruleset, contextOf(family), { counters: false }),
}))
