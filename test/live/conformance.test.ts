/** Every rule line, ours against iptables-legacy, in the kernel that is running. */
import { type AnyRule, type AnyTable, Chain, IptcError, Rule, Rule6, Table, Table6 } from '../../src'
import type { Family } from '../../src/abi/family'
import { captureTable } from '../../src/kernel/capture'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { type Case, cases, ruleLine, splitLine } from '../support/cases'
import { differences } from '../support/conformance'
import { explained } from '../support/deviations'
import { contextOf, type Fixture, writtenRules } from '../support/fixtures'
import { listing, prepare, restore } from '../support/oracle'

const parse = (family: Family, rule: string): AnyRule => (family.name === 'ipv4' ? Rule.parse(rule) : Rule6.parse(rule))

const open = ({ family, table }: Case): AnyTable => (family.name === 'ipv4' ? new Table(table) : new Table6(table))

/** The table as it is now, as a fixture. */
const capture = ({ name, extension, family, table }: Case, lines: readonly string[]): Fixture => ({
  name,
  extension,
  writtenBy: '',
  lines,
  listing: listing(family, table),
  shown: [],
  capture: captureTable(new LinuxKernel(), family.name, table),
})

/** The listing without rules that we print otherwise, on purpose. */
const comparable = (one: Case): string[] => listing(one.family, one.table)

const named = cases.map((one) => [`${one.family.name} ${one.table} ${one.name}`, one] as const)

describe.each(named)('%s', (_, one) => {
  const same = one.accepted.filter((line) => !explained('refused', line) && !explained('bytes', line))

  test('what iptables-legacy writes, we would have written', () => {
    prepare(one)
    expect(restore(one.family, one.table, one.accepted)).toMatchObject({ status: 0 })
    const fixture = capture(one, one.accepted)
    expect(writtenRules(fixture).flatMap((written) => differences(written, contextOf(fixture)))).toEqual([])
  })

  test('what we write, iptables-legacy lists as its own', () => {
    prepare(one)
    restore(one.family, one.table, same)
    const theirs = comparable(one)
    prepare(one)
    using table = open(one)
    table.transaction(() => {
      for (const line of same) {
        const { chain, rule } = ruleLine(line)
        new Chain(table, chain).appendRule(parse(one.family, rule))
      }
    })
    expect(comparable(one)).toEqual(theirs)
  })

  test('what iptables-legacy refuses, we refuse, and the table is as it was', () => {
    prepare(one)
    const before = comparable(one)
    using table = open(one)
    const accepted = one.refused.filter((line) => {
      const split = splitLine(line)
      return split !== undefined && !explained('accepted', line) && !refuses(one, table, split)
    })
    expect(accepted).toEqual([])
    expect(comparable(one)).toEqual(before)
  })
})

/** Whether a line is refused with an error of ours. Any other error fails the test. */
function refuses({ family }: Case, table: AnyTable, { chain, rule }: { chain: string; rule: string }): boolean {
  try {
    const parsed = parse(family, rule)
    new Chain(table, chain).appendRule(parsed)
    new Chain(table, chain).deleteRule(parsed)
    return false
  } catch (error) {
    if (error instanceof IptcError) return true
    throw error
  }
}
