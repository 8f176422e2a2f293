/**
 * Compares the ids of rules with a comparison of all pairs, for tables that iptables-legacy wrote and for modified
 * copies.
 */
import fc from 'fast-check'
import type { Family } from '../../src/abi/family'
import { matchParts, payloadAt, targetPart } from '../../src/ruleset/entry'
import { sameRule } from '../../src/ruleset/equal'
import { RuleIds } from '../../src/ruleset/rule-ids'
import { RulePairs } from '../../src/ruleset/rule-pairs'
import { Rules } from '../../src/ruleset/rules'
import type { Entry } from '../../src/ruleset/table-entry'
import { fixtures, rulesetOf } from '../support/fixtures'

const tables = fixtures().map((fixture) => rulesetOf(fixture))
const chains = tables.flatMap((ruleset) => [...ruleset.chains.values()].map(({ rules }) => ({ ruleset, rules })))
const filled = chains.filter(({ rules }) => rules.length > 0)

/** Pairs of rules for which equality and ids disagree. */
function differences(family: Family, rules: readonly Entry[], ids: Int32Array): string[] {
  const wrong: string[] = []
  for (let i = 0; i < rules.length; i++)
    for (let k = 0; k < i; k++)
      if (sameRule(family, rules[i] as Entry, rules[k] as Entry) !== (ids[i] === ids[k])) wrong.push(`${i} ${k}`)
  return wrong
}

/** The same, for comparisons of pairs. */
function wrongPairs(family: Family, one: Rules, other: Rules): string[] {
  const pairs = new RulePairs(family, one, other)
  return [...one].flatMap((rule, i) =>
    [...other].flatMap((another, k) => (sameRule(family, rule, another) === pairs.run(i, k) > 0 ? [] : [`${i} ${k}`])),
  )
}

test('ids of rules of tables, in the image and as objects, agree with comparisons', () => {
  let same = 0
  for (const { ruleset, rules } of filled) {
    const ids = new RuleIds(ruleset.family)
    const objects = [...rules].map(({ bytes, jump }) => ({ bytes: bytes.slice(), jump }))
    const numbers = ids.of(rules)
    expect(differences(ruleset.family, [...rules], numbers)).toEqual([])
    expect(ids.of(Rules.of(...objects))).toEqual(numbers)
    if (rules.length < 200) expect(wrongPairs(ruleset.family, rules, Rules.of(...objects))).toEqual([])
    expect(new RulePairs(ruleset.family, Rules.of(...objects), rules).run(0, 0)).toBe(rules.length)
    same += rules.length - new Set(numbers).size
  }
  expect(same).toBeGreaterThan(100)
})

test('a payload that fits no struct does not decide which bytes of others are compared', () => {
  const { ruleset, rules } = filled.find(({ rules }) =>
    Buffer.from(rules.at(0)?.bytes ?? []).includes('REDIRECT'),
  ) as (typeof filled)[number]
  const entry = rules.at(0) as Entry
  const rangesize = payloadAt(targetPart(ruleset.family, entry.bytes, 0))
  const changed = (...changes: readonly [at: number, byte: number][]): Entry => {
    const bytes = entry.bytes.slice()
    for (const [at, byte] of changes) bytes[at] = byte
    return { bytes, jump: entry.jump }
  }
  const padding = entry.bytes.length - 1
  const [odd, oddToo] = [changed([rangesize, 0]), changed([rangesize, 0], [padding, 0xff])]
  const [usual, usualToo] = [changed(), changed([padding, 0xff])]
  for (const [copies, ids] of [
    [
      [odd, oddToo, usual, usualToo],
      [0, 1, 2, 2],
    ],
    [
      [usual, usualToo, odd, oddToo],
      [0, 0, 1, 2],
    ],
  ] as const) {
    const found = new RuleIds(ruleset.family).of(Rules.of(...copies))
    expect([...found]).toEqual(ids)
    expect(differences(ruleset.family, copies, found)).toEqual([])
  }
})

/** Offsets of an entry whose bytes may have any value. */
function isFree({ family }: { family: Family }, { bytes }: Entry): (at: number) => boolean {
  const { targetOffset, nextOffset } = family.entry.fields
  const parts = [...matchParts(family, bytes, 0), targetPart(family, bytes, 0)]
  const fixed = new Set(
    [targetOffset.offset, nextOffset.offset, ...parts.map(({ at }) => at)].flatMap((at) => [at, at + 1]),
  )
  return (at) => !fixed.has(at)
}

test('ids of rules with some bytes changed do, too', () => {
  const change = fc.tuple(fc.nat(), fc.constantFrom(0, 1, 0x80, 0xff))
  const changes = fc.array(fc.array(change, { maxLength: 2 }), { minLength: 2, maxLength: 8 })
  let differing = 0
  fc.assert(
    fc.property(fc.nat(filled.length - 1), fc.nat(), changes, (which, number, all) => {
      const { ruleset, rules } = filled[which] as (typeof filled)[number]
      const entry = rules.at(number % rules.length) as Entry
      const free = isFree(ruleset, entry)
      const copies = all.map((some): Entry => {
        const bytes = entry.bytes.slice()
        for (const [at, byte] of some) if (free(at % bytes.length)) bytes[at % bytes.length] = byte
        return { bytes, jump: entry.jump }
      })
      const ids = new RuleIds(ruleset.family).of(Rules.of(...copies))
      expect(differences(ruleset.family, copies, ids)).toEqual([])
      expect(wrongPairs(ruleset.family, Rules.of(...copies), Rules.of(...copies.toReversed()))).toEqual([])
      differing += new Set(ids).size - 1
    }),
    { numRuns: 5_000 },
  )
  expect(differing).toBeGreaterThan(1_000)
})
