/** One rule of each extension, written by iptables-legacy, dumped as dictionaries and applied in an empty namespace. */

import { FAMILIES, type FamilyName } from '../../src/abi/family'
import { TABLES } from '../../src/abi/netfilter'
import { main } from '../../src/cli/main'
import { easy, type NetworkNamespace } from '../../src/index'
import { toJson } from '../../src/json'
import { captureTable } from '../../src/kernel/capture'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { printRule } from '../../src/language/print'
import { describeRule } from '../../src/ruleset/rule'
import { entriesOf } from '../../src/ruleset/ruleset'
import type { Case } from '../support/cases'
import { explained } from '../support/deviations'
import { contextOf, rulesetOf } from '../support/fixtures'
import { liveCases as cases } from '../support/here'
import { iptables, listing, prepare, restore } from '../support/oracle'
import { newNamespace } from './legacy'

/** One line of each extension that has lines for this table. */
function oneOfEach(family: FamilyName, table: string): Case[] {
  const mine = cases.filter((one) => one.family.name === family && one.table === table)
  return [...new Set(mine.map(({ extension }) => extension))].flatMap((extension) =>
    mine
      .filter((one) => one.extension === extension)
      .map((one) => ({ ...one, accepted: one.accepted.filter((line) => isPlain(line)).slice(0, 1) }))
      .filter(({ accepted }) => accepted.length > 0)
      .slice(0, 1),
  )
}

const isPlain = (line: string): boolean =>
  line.startsWith('-A ') && (['refused', 'bytes', 'text'] as const).every((what) => !explained(what, line))

/** Removes duplicate commands. If several create a set or chain with the same name, only the first one is kept. */
function unique(commands: readonly string[]): string[] {
  const made = (command: string): string => /^(?:ipset create|-N) \S+/.exec(command)?.[0] ?? command
  return commands.filter((command, i) => commands.findIndex((other) => made(other) === made(command)) === i)
}

/** Every entry of the table with its text. */
function entries(namespace: NetworkNamespace, family: FamilyName, table: string): string[] {
  const capture = captureTable(new LinuxKernel({ namespace }), family, table)
  const context = contextOf({ capture })
  return Array.from(
    entriesOf(rulesetOf({ capture })),
    (entry) => `${printRule(describeRule(entry, context), family)}: ${Buffer.from(entry.bytes).toString('hex')}`,
  )
}

const tables = (['ipv4', 'ipv6'] as const).flatMap((family) =>
  Object.keys(TABLES).map((table) => [family, table] as const),
)

test.each(tables)('%s %s', (family, table) => {
  const all = oneOfEach(family, table)
  const setup = unique(all.flatMap((one) => one.setup))
  const complaints: string[] = []
  const lines = all.flatMap(({ accepted }) => accepted)
  const [from, to] = [newNamespace(), newNamespace()]
  const whole = { ...(all[0] as Case), setup }
  from.run(() => {
    prepare(whole)
    expect(restore(FAMILIES[family], table, lines)).toMatchObject({ status: 0 })
    // iptables prints the default mask of connlimit and recent differently if it was given explicitly.
    const again = listing(FAMILIES[family], table).filter((line) => line.startsWith('-A '))
    prepare(whole)
    iptables(FAMILIES[family], '-t', table, '-F')
    expect(restore(FAMILIES[family], table, again)).toMatchObject({ status: 0 })
  })
  const ipv6 = family === 'ipv6'
  const dump = toJson({ [table]: easy.dumpTable(table, { ipv6, namespace: from }) })
  to.run(() => {
    prepare({ ...whole, setup: setup.filter((line) => line.startsWith('ipset')) })
    const streams = {
      stdout: () => {},
      stderr: (text: string) => void complaints.push(text),
      stdin: () => dump,
      lines: () => [],
    }
    expect(main('xtables', ['apply', '--json', ...(ipv6 ? ['-6'] : [])], streams)).toBe(0)
  })
  expect(complaints).toEqual([])
  expect(easy.dumpTable(table, { ipv6, namespace: to })).toEqual(easy.dumpTable(table, { ipv6, namespace: from }))
  expect(entries(to, family, table)).toEqual(entries(from, family, table))
})
