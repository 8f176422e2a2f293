/** docs/from-spawning-iptables.md: both programs of each pair leave the same tables and print the same. */
import * as child from 'node:child_process'
import * as xtables from '../../src/index'
import { blocksOf, complaintsOf, pageText, runProgram } from '../support/programs'
import { attempt, everything, newNamespace } from './legacy'

const page = pageText('docs/from-spawning-iptables.md')
const blocks = blocksOf(page, 'ts')
const isSpawning = (block: string): boolean => block.includes("from 'node:child_process'")
const titles = page.split(/^## /m).flatMap((section) => {
  const [title = ''] = section.split('\n')
  return blocksOf(section, 'ts').map(() => title)
})
const pairs = blocks
  .map((before, i) => [titles[i] as string, before, blocks[i + 1] as string] as const)
  .filter((_, i) => i % 2 === 0)

/** Uses the ip_tables versions: what the plain names are depends on the machine. */
const legacy = (command: string): string => command.replace(/^ip6?tables/, '$&-legacy')
const spawning = {
  execFileSync: (file: string, ...rest: unknown[]) => child.execFileSync(legacy(file), ...(rest as [])),
  spawnSync: (file: string, ...rest: unknown[]) => child.spawnSync(legacy(file), ...(rest as [])),
  execSync: (command: string) => child.execSync(legacy(command)),
}
const MODULES: Readonly<Record<string, unknown>> = { xtables, 'node:child_process': spawning }

/** Runs a program in a namespace. @returns its output */
function printedIn(namespace: xtables.NetworkNamespace, program: string): string[] {
  const lines: string[] = []
  const console = { log: (...values: unknown[]) => void lines.push(values.map(String).join(' ')) }
  namespace.run(() => runProgram(program, { load: (name) => MODULES[name], console }))
  return lines
}

test('the page is parsed correctly', () => {
  expect(blocks.map(isSpawning)).toEqual(pairs.flatMap(() => [true, false]))
  expect(pairs.length).toBeGreaterThan(8)
})

test.each(pairs)('%s', (_, before, here) => {
  const [theirs, ours] = [newNamespace(), newNamespace()]
  const empty = everything(theirs)
  const printed = printedIn(theirs, before)
  expect(printedIn(ours, here)).toEqual(printed)
  expect(everything(ours)).toBe(everything(theirs))
  // A pair without any effect would prove nothing.
  expect(printed.length > 0 || everything(theirs) !== empty).toBe(true)
})

const statuses = Array.from(page.matchAll(/^\| (?:.*: )?`(-.*?)`.*? \| (\d)(?:, `+(.*?)`+)? *\|/gm), (row) =>
  row.slice(1),
)

/** The full command for rows that abbreviate it. */
const SPELT: Readonly<Record<string, string>> = {
  '-C': '-C INPUT -p udp -j ACCEPT',
  '-A': '-A nosuch -j ACCEPT',
  '-N': '-N web',
  '-X': '-X web',
  '-t nosuch': '-t nosuch -S',
}

test.each(statuses)('iptables-legacy %s exits with %s', (words = '', status, message = '') => {
  const namespace = newNamespace()
  attempt(namespace, 'iptables-legacy -N web; iptables-legacy -A INPUT -j web')
  const { stderr, ...result } = attempt(namespace, `iptables-legacy ${SPELT[words] ?? words}`)
  expect(result.status).toBe(Number(status))
  expect(stderr).toContain(message)
})

const drop = () => xtables.Rule.parse('-j DROP')

/** What the page says about our equivalent of each row. */
const HERE: Readonly<Record<string, [act: (table: xtables.Table) => unknown, expected: unknown]>> = {
  '-C': [(table) => new xtables.Chain(table, 'INPUT').deleteRule(drop()), xtables.NotFoundError],
  '-A': [(table) => new xtables.Chain(table, 'nosuch').appendRule(drop()), xtables.NotFoundError],
  '-N': [(table) => table.createChain('web'), xtables.RuleError],
  '-X': [(table) => table.deleteChain('web'), xtables.RuleError],
  '-A OUTPUT -j MASQUERADE': [
    (table) => new xtables.Chain(table, 'OUTPUT').appendRule(xtables.Rule.parse('-j MASQUERADE')),
    xtables.RuleError,
  ],
  '-A INPUT -j nosuch': [
    (table) => new xtables.Chain(table, 'INPUT').appendRule(xtables.Rule.parse('-j nosuch')),
    xtables.RuleError,
  ],
  '-t nosuch': [() => new xtables.Table('nosuch').chains, xtables.NotFoundError],
}

test.each(statuses.map(([words = '']) => words))('%s, with the library', (words) => {
  const [act, expected] = HERE[words] as (typeof HERE)[string]
  newNamespace().run(() => {
    using table = new xtables.Table('filter')
    table.createChain('web')
    new xtables.Chain(table, 'INPUT').appendRule(xtables.Rule.parse('-j web'))
    expect(() => act(table)).toThrow(expected as never)
  })
})

test('the table of statuses is found', () => {
  expect(statuses.map(([words]) => words)).toEqual(Object.keys(HERE))
})

test('every program compiles', () => {
  expect(complaintsOf(blocks)).toEqual([])
}, 300_000)
