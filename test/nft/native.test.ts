/**
 * Rules that nft wrote, of what iptables-translate says of rule lines: read, they are the line again, as iptables-legacy
 * prints it, or are held as they are.
 */
import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { UnboundSets } from '../../src/backend/sets'
import type { Context } from '../../src/extensions/context'
import { allExtensions } from '../../src/extensions/registry'
import { parseRule } from '../../src/language/parse'
import { printRule } from '../../src/language/print'
import { NATIVE_EXTENSIONS } from '../../src/nft/natives'
import { isHeld, readRule } from '../../src/nft/rule'
import { describeRule, encodeRule } from '../../src/ruleset/rule'
import { ruleLine } from '../support/cases'
import { explained } from '../support/deviations'
import { type Reading, readings } from '../support/native-deviations'
import { nativeFixtures, type Translated } from '../support/native-fixtures'
import { plainFixture, plainRules } from '../support/plain-rules'

const applied = new Set<Reading>()

/** As iptables-legacy prints it. Comments are no expressions: nf_tables has them beside these. */
function canonical(line: string, context: Context): string {
  const rule = describeRule(encodeRule(parseRule(ruleLine(line).rule, context.family), context), context)
  return printRule({ ...rule, matches: rule.matches.filter(({ name }) => name !== 'comment') }, context.family.name)
}

/** The rule that is read; undefined where it is held. */
function reading(expressions: Uint8Array, context: Context): string | undefined {
  const read = readRule(context.family, { bytes: expressions, at: 0, end: expressions.length })
  return isHeld(context.family, read.bytes) ? undefined : printRule(describeRule(read, context), context.family.name)
}

function difference({ line, text, expressions }: Translated, context: Context): string | undefined {
  if (expressions === undefined || explained('refused', line) !== undefined) return undefined
  const [read, wanted] = [reading(expressions, context), canonical(line, context)]
  if (read === wanted) return undefined
  const what = read === undefined ? 'held' : 'otherwise'
  const found = readings.filter(
    (one) =>
      one.what === what && one.lines.test(`${line} `) && (one.family ?? context.family.name) === context.family.name,
  )
  for (const one of found) applied.add(one)
  return found.length > 0 ? undefined : `${line}\n ${text}\n  read   ${read ?? 'held'}\n  wanted ${wanted}`
}

const plain = plainFixture()

test.each(plainRules.map((one, i) => [`${one.family} ${one.table} ${one.rule}`, one, i] as const))(
  '%s',
  (_, { family, reading: wanted }, i) => {
    expect(reading(plain[i] as Uint8Array, { family: FAMILIES[family], sets: new UnboundSets() })).toBe(wanted)
  },
)

test.each(['match', 'target'] as const)('src/nft/natives.ts lists every %s with a native form', (kind) => {
  const families = Object.keys(FAMILIES) as FamilyName[]
  const withForm = allExtensions(kind).filter((one) => families.some((family) => one.variants(family)[0]?.native))
  expect([...NATIVE_EXTENSIONS[kind]].sort()).toEqual(withForm.map(({ name }) => name).sort())
})

const fixtures = nativeFixtures()

describe.each(fixtures.map((one) => [`${one.family} ${one.name}`, one] as const))('%s', (_, { family, lines }) => {
  test('is read as the lines that were translated', () => {
    const context = { family: FAMILIES[family], sets: new UnboundSets() }
    expect(lines.flatMap((one) => difference(one, context) ?? []).join('\n')).toBe('')
  })
})

test.each(readings.map((one) => [`${one.lines}: ${one.why}`, one] as const))('%s', (_, one) => {
  expect(applied.has(one)).toBe(true)
})
