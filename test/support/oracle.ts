/** Runs iptables-legacy and related tools in this process's network namespace. */
import { spawnSync } from 'node:child_process'
import type { Family } from '../../src/abi/family'
import type { Case } from './cases'
import { onThisKernel } from './on-this-kernel'
import { type Outcome, run } from './run-program'

/** @throws Error if the program did not succeed */
export function must(outcome: Outcome, what: string): Outcome {
  if (outcome.status !== 0) throw new Error(`${what}: exit ${outcome.status}: ${outcome.stderr}`)
  return outcome
}

const command = (family: Family): string => (family.name === 'ipv4' ? 'iptables-legacy' : 'ip6tables-legacy')

/** Runs iptables with these arguments. */
export const iptables = (family: Family, ...args: string[]): Outcome => run(command(family), args)

/** The text that adds lines to a table, all or none. */
export const tableText = (table: string, lines: readonly string[]): string =>
  [`*${table}`, ...lines, 'COMMIT', ''].join('\n')

/** Runs iptables-restore, which keeps the rules of the tables. */
export const restoreText = (family: Family, text: string, ...options: string[]): Outcome =>
  run(`${command(family)}-restore`, ['-n', ...options], text)

/** Adds lines to a table, and keeps its rules. Accepts all lines or none. */
export const restore = (family: Family, table: string, lines: readonly string[], ...options: string[]): Outcome =>
  restoreText(family, tableText(table, lines), ...options)

/** As {@link restore}, for each line separately. */
export const restoreEach = (family: Family, table: string, lines: readonly string[]): Outcome[] =>
  lines.map((line) => restore(family, table, [line]))

/** The number of the line of its input that a restore program refuses. */
const REFUSED_LINE = /Error occurred at line: (\d+)|line (\d+)(?: failed|: \w+ failed)/

/**
 * The lines that a restore program refuses, each in a transaction of its own, and the outcome for each. One process takes
 * lines until it refuses one.
 * @param program runs it on a text, and keeps the rules of the table
 */
export function refusedOf(
  program: (text: string) => Outcome,
  table: string,
  lines: readonly string[],
): Map<string, Outcome> {
  const textOf = (line: string): string => tableText(table, [line])
  const refused = new Map<string, Outcome>()
  for (let rest = lines; rest.length > 0; ) {
    const outcome = program(rest.map(textOf).join(''))
    if (outcome.status === 0) break
    const [, byParser, byKernel] = REFUSED_LINE.exec(outcome.stderr) ?? []
    const number = Number(byParser ?? byKernel)
    let end = 0
    const at = rest.findIndex((line) => {
      end += textOf(line).split('\n').length - 1
      return end >= number
    })
    if (at < 0) throw new Error(`${table}: exit ${outcome.status} after or at ${rest[0]}: ${outcome.stderr}`)
    refused.set(rest[at] as string, outcome)
    rest = rest.slice(at + 1)
  }
  return refused
}

/** The output of `-S` for a table. Comments may contain line breaks. */
export const listing = (family: Family, table: string): string[] =>
  must(iptables(family, '-t', table, '-S'), `-S of ${table}`)
    .stdout.split(/\n(?=-[PNA] )/)
    .map((line) => line.replace(/\n$/, ''))

/** The output of `-L` for a table, with these options. */
export const shown = (family: Family, table: string, ...options: string[]): string =>
  must(iptables(family, '-t', table, '-L', ...options), `-L of ${table}`).stdout

/** Programs that create objects that rules refer to. */
const MAKERS = /^(?:ipset|nfacct) /

/** Whether this process has created an ipset, so that there may be some to destroy. */
let mayHaveSets = false

/** Destroys the objects of the last group, whose rules are in the same table, and creates those of this one. */
export function makeObjects(one: Case): void {
  const made = one.setup.filter((line) => MAKERS.test(line))
  if (!mayHaveSets && made.length === 0) return
  must(refill({ ...one, setup: [] }), `emptying ${one.table}`)
  // May fail, because a set that rules of other tables refer to stays.
  if (mayHaveSets) mayHaveSets = run('ipset', ['destroy']).status !== 0
  if (made.some((line) => line.startsWith('nfacct '))) must(run('nfacct', ['flush']), 'nfacct flush')
  for (const line of made) {
    const [program, ...words] = line.split(/\s+/) as [string, ...string[]]
    mayHaveSets ||= program === 'ipset'
    must(run(program, words), line)
  }
}

/** The text that adds the rules of a group's setup, and these lines. */
export const setupText = ({ table, setup }: Case, lines: readonly string[] = []): string =>
  tableText(table, [...setup.filter((line) => !MAKERS.test(line)), ...lines])

/** Empties a table, and adds the rules of the setup and these lines, in one process. */
export const refill = (one: Case, lines: readonly string[] = [], ...options: string[]): Outcome =>
  run(`${command(one.family)}-restore`, options, setupText(one, lines))

/**
 * Empties a table, creates what a group needs, and adds lines, with as few processes as possible, because this is called
 * most often. Returns the outcome for the lines.
 */
export function prepare(one: Case, lines: readonly string[] = [], ...options: string[]): Outcome {
  makeObjects(one)
  const outcome = refill(one, lines, ...options)
  return lines.length === 0 ? must(outcome, `*${one.table}: ${one.setup.join(', ')}`) : outcome
}

/** The names of existing ipsets. */
export const ipsets = (): string[] => {
  const { status, stdout } = run('ipset', ['list', '-n'])
  return status === 0 ? stdout.split('\n').filter((name) => name !== '') : []
}

/** The first line of `iptables -V`. Undefined if it is not installed. */
export function oracleVersion(): string | undefined {
  const { error, stdout } = spawnSync('iptables-legacy', ['-V'], { encoding: 'utf8' })
  return error === undefined ? stdout.trim() : undefined
}

/** The tool and the kernel, by both of which a capture is written. @throws Error if the tool is not installed */
export function oracleAndKernel(): string {
  const version = oracleVersion()
  if (version === undefined) throw new Error('iptables-legacy is not installed')
  return onThisKernel(version)
}
