/**
 * What the design costs, as ratios within one run, in network namespaces of its own. Needs root and Linux.
 *
 *   npm run bench
 *
 * - one autocommit edit against its bare system calls (GET_INFO, GET_ENTRIES, SET_REPLACE, SET_ADD_COUNTERS) on the same
 *   table of 1,000 and of 10,000 rules; at most 1.5;
 * - a dump of 10,000 rules to dictionaries against python-iptables, where that is installed; at least 20 times as fast;
 * - the commands `iptables-restore` and `iptables-save` against the legacy ones, where those are installed, and a list of
 *   rules against the start of Node itself.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { Chain, easy, LinuxKernel, NetworkNamespace, Rule, Table } from '../src'
import { IPV4 } from '../src/abi/family'
import { Client } from '../src/kernel/client'
import { REQUEST_HEAD } from '../src/ruleset/write'

const ruleAt = (i: number): Rule =>
  Rule.parse(
    `-s 10.${(i >> 8) & 255}.${i & 255}.1/32 -p tcp -m tcp --dport ${1 + (i % 65535)} ` +
      `-m state --state NEW,ESTABLISHED -m comment --comment "rule ${i}" -j ACCEPT`,
  )

function fill(namespace: NetworkNamespace, count: number): number {
  using table = new Table('filter', { namespace })
  const chain = new Chain(table, 'INPUT')
  const rules = Array.from({ length: count }, (_, i) => ruleAt(i))
  const start = performance.now()
  table.transaction(() => {
    for (const rule of rules) chain.appendRule(rule)
  })
  return performance.now() - start
}

/** The system calls of one edit and nothing else, on the table as it is. */
function bareCalls(client: Client): void {
  const { info, entries } = client.entries('filter')
  const request = new Uint8Array(REQUEST_HEAD + entries.length)
  request.set(entries, REQUEST_HEAD)
  client.addCounters('filter', client.replace('filter', info, request, info.numEntries))
}

const report = (what: string, ratio: number, good: boolean): void => {
  console.log(`${what}: ${ratio.toFixed(2)}${good ? '' : '  <- NOT WHAT IT SHOULD BE'}`)
  if (!good) process.exitCode = 1
}

/** Medians of two bodies that take turns, in milliseconds. */
async function inTurns(first: () => void, second: () => void, rounds: number): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < rounds; round++)
    for (const [i, body] of [first, second].entries()) {
      const bench = new Bench({ iterations: 1, time: 0, warmup: round === 0, warmupIterations: 5, warmupTime: 0 })
      bench.add('once', body)
      await bench.run()
      const { result } = bench.tasks[0] as { result: { latency?: { p50: number } } }
      times[i as 0 | 1].push(result.latency?.p50 ?? Number.NaN)
    }
  const median = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] as number
  return [median(times[0]), median(times[1])]
}

async function benchEdit(count: number): Promise<void> {
  using namespace = NetworkNamespace.create()
  fill(namespace, count)
  using table = new Table('filter', { namespace })
  const client = new Client(new LinuxKernel({ namespace }), IPV4)
  const chain = new Chain(table, 'INPUT')
  const rules = [Rule.parse('-p tcp --dport 22 -j ACCEPT'), Rule.parse('-p tcp --dport 23 -j ACCEPT')]
  let turn = 0
  const edit = (): void => chain.replaceRule(rules[turn++ % 2] as Rule, count >> 1)
  const [bare, edited] = await inTurns(() => bareCalls(client), edit, count > 5000 ? 25 : 60)
  client.close()
  console.log(`${count} rules: bare system calls ${bare.toFixed(2)} ms, one autocommit edit ${edited.toFixed(2)} ms`)
  report('  edit / bare calls (at most 1.5)', edited / bare, edited / bare <= 1.5)
}

const PYTHON = `
import time, iptc.easy
iptc.easy.get_tables()
start = time.perf_counter()
rules = iptc.easy.dump_chain('filter', 'INPUT')
print(len(rules), (time.perf_counter() - start) * 1000)
`

function pythonDump(namespace: NetworkNamespace): { count: number; ms: number } | undefined {
  const { status, stdout } = namespace.run(() => spawnSync('/usr/bin/python3', ['-c', PYTHON], { encoding: 'utf8' }))
  const [count, ms] = stdout.split(' ').map(Number)
  return status === 0 && count !== undefined && ms !== undefined ? { count, ms } : undefined
}

function benchDump(count: number): void {
  using namespace = NetworkNamespace.create()
  console.log(`${count} rules appended in one transaction in ${fill(namespace, count).toFixed(0)} ms`)
  const times = Array.from({ length: 9 }, () => {
    const start = performance.now()
    easy.dumpChain('filter', 'INPUT', { namespace })
    return performance.now() - start
  }).sort((a, b) => a - b)
  const ours = times[times.length >> 1] as number
  const theirs = pythonDump(namespace)
  console.log(
    `dump of ${count} rules to dictionaries: ${ours.toFixed(1)} ms (median), first ${times.at(-1)?.toFixed(1)} ms at most`,
  )
  if (theirs === undefined) {
    console.log('  python3-iptables is not installed: nothing to compare with')
    return
  }
  if (theirs.count !== count) throw new Error(`python-iptables saw ${theirs.count} rules`)
  console.log(`  python-iptables: ${theirs.ms.toFixed(0)} ms`)
  report('  python-iptables / ours (at least 20)', theirs.ms / ours, theirs.ms / ours >= 20)
}

/** As `npm run build` makes it. */
const COMMAND = join(__dirname, '../dist/xtables.js')

/** How long a process takes, in milliseconds: the median of a few that take turns with another. */
function processes(first: readonly string[], second: readonly string[], input: string, rounds: number) {
  const time = ([program, ...args]: readonly string[]): number => {
    const start = performance.now()
    const { status, error, stderr } = spawnSync(program as string, args, { input, maxBuffer: 2 ** 30 })
    if (error !== undefined || status !== 0) throw error ?? new Error(`${program} ${args.join(' ')}: ${stderr}`)
    return performance.now() - start
  }
  const times = Array.from({ length: rounds }, () => [time(first), time(second)] as const)
  const median = (side: 0 | 1): number => times.map((one) => one[side]).sort((a, b) => a - b)[rounds >> 1] as number
  return [median(0), median(1)] as const
}

const restoreText = (count: number): string =>
  ['*filter', ...Array.from({ length: count }, (_, i) => `-A INPUT ${ruleAt(i)}`), 'COMMIT', ''].join('\n')

function benchCommands(count: number): void {
  if (spawnSync('iptables-legacy', ['-V']).status !== 0) {
    console.log('iptables-legacy is not installed: nothing to compare the commands with')
    return
  }
  using namespace = NetworkNamespace.create()
  for (const [tool, input] of [
    ['restore', restoreText(count)],
    ['save', ''],
  ] as const) {
    const [ours, theirs] = namespace.run(() =>
      processes([process.execPath, COMMAND, `iptables-${tool}`], [`iptables-legacy-${tool}`], input, 5),
    )
    console.log(`iptables-${tool} of ${count} rules: ours ${ours.toFixed(0)} ms, legacy ${theirs.toFixed(0)} ms`)
    console.log(`  ours / legacy: ${(ours / theirs).toFixed(2)}`)
  }
}

function benchStart(): void {
  const list = [process.execPath, COMMAND, '--kernel', 'memory', 'iptables', '-S']
  const [ours, node] = processes(list, [process.execPath, '-e', '0'], '', 15)
  console.log(`a list of rules: ${ours.toFixed(0)} ms, node itself ${node.toFixed(0)} ms`)
  console.log(`  list / node: ${(ours / node).toFixed(2)}`)
}

async function main(): Promise<void> {
  await benchEdit(1_000)
  await benchEdit(10_000)
  benchDump(10_000)
  benchCommands(10_000)
  benchCommands(100_000)
  benchStart()
}

void main()
