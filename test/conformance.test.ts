/** What iptables-legacy wrote and printed, as it was captured: we make the same of every line. */

import type { FamilyName } from '../src/abi/family'
import { encodeText } from '../src/binary/text'
import { verify } from '../src/blob/verify'
import { REQUEST_HEAD, writeRuleset } from '../src/blob/write'
import { Chain, IptcError, MemoryKernel, Rule, Rule6, Table, Table6 } from '../src/index'
import { cases, ruleLine } from './support/cases'
import { differences } from './support/conformance'
import { deviations, explained } from './support/deviations'
import { contextOf, fixtures, rulesetOf, writtenRules } from './support/fixtures'
import { notCaptured } from './support/refused-lines'

const all = fixtures()
const named = all.map(
  (fixture) => [`${fixture.capture.family} ${fixture.capture.table} ${fixture.name}`, fixture] as const,
)

test('`npm run fixtures` has captured every group of rule lines', () => {
  const captured = all.map(({ capture, name, lines }) => [capture.family, name, lines])
  const wanted = cases
    .filter(({ accepted }) => accepted.length > 0)
    .map(({ family, name, accepted }) => [family.name, name, accepted])
  const sorted = (list: unknown[]): string[] => list.map((one) => JSON.stringify(one)).sort()
  expect(sorted(captured)).toEqual(sorted(wanted))
})

test('`npm run fixtures` has captured every refused line', () => {
  // Without the extension, a kernel refuses any line.
  const wanted = cases.filter(({ lacking }) => !lacking)
  expect(wanted.flatMap((one) => notCaptured(one).map((line) => `${one.name}: ${line}`))).toEqual([])
})

describe.each(named)('%s', (_, fixture) => {
  test('is read and written byte for byte, and verified', () => {
    const { layout, bytes } = writeRuleset(rulesetOf(fixture))
    const entries = bytes.subarray(REQUEST_HEAD)
    expect(Buffer.from(entries).equals(fixture.capture.entries)).toBe(true)
    verify(contextOf(fixture).family, fixture.capture.table, layout, entries)
  })

  test('every line gives the same bytes, prints the same, and survives both', () => {
    const context = contextOf(fixture)
    expect(writtenRules(fixture).flatMap((written) => differences(written, context))).toEqual([])
  })
})

test('lines of extensions that no kernel of today has are accepted and refused', () => {
  const kernel = new MemoryKernel()
  const append = (family: FamilyName, name: string, line: string): void => {
    const { chain, rule } = ruleLine(line)
    using table = family === 'ipv4' ? new Table(name, { kernel }) : new Table6(name, { kernel })
    new Chain(table, chain).appendRule(family === 'ipv4' ? Rule.parse(rule) : Rule6.parse(rule))
  }
  for (const { family, table, accepted, refused } of cases.filter(({ lacking }) => lacking)) {
    const isRefused = (line: string): boolean =>
      accepted.includes(line) ? explained('refused', line) !== undefined : explained('accepted', line) === undefined
    for (const line of [...accepted, ...refused])
      if (isRefused(line)) expect(() => append(family.name, table, line)).toThrow(IptcError)
      else append(family.name, table, line)
  }
})

test('every deviation is still one that some line shows', () => {
  const lines = cases.flatMap(({ accepted, refused }) => [...accepted, ...refused])
  expect(deviations.filter((one) => !lines.some((line) => one.lines.test(line)))).toEqual([])
})

test('text that is not UTF-8 is kept', () => {
  expect(Buffer.from(encodeText('a\udcff')).toString('hex')).toBe('61ff')
})
