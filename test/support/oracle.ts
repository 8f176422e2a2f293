/** iptables-legacy and its kin, run in the network namespace that this process is in. */
import { spawnSync } from 'node:child_process'
import type { Family } from '../../src/abi/family'
import type { Case } from './cases'

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export function run(command: string, args: readonly string[], input: string | Uint8Array = ''): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input, encoding: 'utf8', maxBuffer: 1 << 28 })
  // A program may refuse its options before it reads anything.
  if (error !== undefined && (error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  return { status, stdout, stderr }
}

function must(outcome: Outcome, what: string): Outcome {
  if (outcome.status !== 0) throw new Error(`${what}: exit ${outcome.status}: ${outcome.stderr}`)
  return outcome
}

const command = (family: Family): string => (family.name === 'ipv4' ? 'iptables-legacy' : 'ip6tables-legacy')

/** Runs iptables with these words. */
export const iptables = (family: Family, ...args: string[]): Outcome => run(command(family), args)

/** Puts lines into a table, keeping what is there; refuses or takes all. */
export const restore = (family: Family, table: string, lines: readonly string[], ...options: string[]): Outcome =>
  run(`${command(family)}-restore`, ['-n', ...options], [`*${table}`, ...lines, 'COMMIT', ''].join('\n'))

const RESTORE_EACH = `
while IFS= read -rd '' line; do
  stderr=$("$1" -n <<<"*$2"$'\\n'"$line"$'\\nCOMMIT' 2>&1 >/dev/null)
  printf '%s %s\\0' $? "$stderr"
done`

/** As {@link restore}, of one line after the other: from a small process, each is started many times faster than from here. */
export function restoreEach(family: Family, table: string, lines: readonly string[]): Outcome[] {
  const input = lines.map((line) => `${line}\0`).join('')
  const { stdout } = must(run('bash', ['-c', RESTORE_EACH, 'bash', `${command(family)}-restore`, table], input), 'bash')
  const outcomes = stdout.split('\0').slice(0, -1)
  if (outcomes.length !== lines.length) throw new Error(`${lines.length} lines, and ${outcomes.length} outcomes`)
  return outcomes.map((outcome) => {
    const [, status, stderr = ''] = /^(\d+) (.*)$/s.exec(outcome) ?? []
    return { status: Number(status), stdout: '', stderr }
  })
}

/** What `-S` prints of a table; a comment may hold a line break. */
export const listing = (family: Family, table: string): string[] =>
  must(iptables(family, '-t', table, '-S'), `-S of ${table}`)
    .stdout.split(/\n(?=-[PNA] )/)
    .map((line) => line.replace(/\n$/, ''))

/** What `-L` prints of a table, with these options. */
export const shown = (family: Family, table: string, ...options: string[]): string =>
  must(iptables(family, '-t', table, '-L', ...options), `-L of ${table}`).stdout

/** Empties a table and makes what a group needs there. */
export function prepare({ family, table, setup }: Case): void {
  must(iptables(family, '-t', table, '-F'), 'flush')
  must(iptables(family, '-t', table, '-X'), 'delete chains')
  run('ipset', ['destroy'])
  if (setup.some((line) => line.startsWith('nfacct '))) must(run('nfacct', ['flush']), 'nfacct flush')
  for (const line of setup) setUp(family, table, line)
}

/** Programs that make what rules refer to. */
const MAKERS = ['ipset', 'nfacct']

function setUp(family: Family, table: string, line: string): void {
  const [first, ...rest] = line.split(/\s+/) as [string, ...string[]]
  if (MAKERS.includes(first)) must(run(first, rest), line)
  else must(iptables(family, '-t', table, first, ...rest), line)
}

/** Names of the ipsets that there are. */
export const ipsets = (): string[] => {
  const { status, stdout } = run('ipset', ['list', '-n'])
  return status === 0 ? stdout.split('\n').filter((name) => name !== '') : []
}

/** First line of `iptables -V`, or undefined where it is not installed. */
export function oracleVersion(): string | undefined {
  const { error, stdout } = spawnSync('iptables-legacy', ['-V'], { encoding: 'utf8' })
  return error === undefined ? stdout.trim() : undefined
}
