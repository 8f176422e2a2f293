/** Traffic through the rules while they are edited: no packet is missing in the counters of what stayed. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Chain, type Counters, type DiagnosticEvents, Rule, Table } from '../src/index'
import { outcomeOf, resultOf, Stage } from './stage'

/** Without a target, so that what it counts goes on to the policy. */
const STAYS = '-m comment --comment stays'
const OTHER = Rule.parse('-s 10.9.9.9 -j DROP')

/** Each beside who counts the same in a table that nobody edits. */
interface Counted {
  readonly sent: Counters
  readonly received: Counters
  /** Of OUTPUT. */
  readonly rule: Counters
  readonly output: Counters
  readonly input: Counters
}

function counted(stage: Stage): Counted {
  using raw = new Table('raw', { namespace: stage.namespace })
  using filter = new Table('filter', { namespace: stage.namespace })
  const ofRule = (table: Table, chain: string): Counters =>
    new Chain(table, chain).rules.find((rule) => String(rule) === STAYS)?.getCounters() ?? [0n, 0n]
  return {
    sent: ofRule(raw, 'OUTPUT'),
    received: ofRule(raw, 'PREROUTING'),
    rule: ofRule(filter, 'OUTPUT'),
    output: new Chain(filter, 'OUTPUT').getCounters(),
    input: new Chain(filter, 'INPUT').getCounters(),
  }
}

/** Answers to the last datagrams may still be on their way. */
async function whenQuiet(stage: Stage): Promise<Counted> {
  for (let last = counted(stage); ; ) {
    await breathe()
    const now = counted(stage)
    if (now.sent[0] === last.sent[0] && now.received[0] === last.received[0]) return now
    last = now
  }
}

const minus = ([packets, bytes]: Counters, [fewer, fewerBytes]: Counters): Counters => [
  packets - fewer,
  bytes - fewerBytes,
]

/** What came through the filter table, and what it lost of that. */
interface Passed {
  readonly packets: bigint
  readonly seconds: number
  readonly lost: Readonly<Record<'rule' | 'output' | 'input', Counters>>
}

/** Sends through the rules while `edit` runs. */
async function underTraffic(stage: Stage, edit: () => Promise<void>): Promise<Passed> {
  const before = counted(stage)
  const sender = stage.startActor('send')
  const sending = outcomeOf(sender)
  while (counted(stage).sent[0] === before.sent[0]) await breathe()
  const start = performance.now()
  await edit()
  const seconds = (performance.now() - start) / 1000
  sender.stdin?.end()
  resultOf(await sending)
  const after = await whenQuiet(stage)
  const gained = (name: keyof Counted): Counters => minus(after[name], before[name])
  const lost = {
    rule: minus(gained('sent'), gained('rule')),
    output: minus(gained('sent'), gained('output')),
    input: minus(gained('received'), gained('input')),
  }
  return { packets: gained('sent')[0] + gained('received')[0], seconds, lost }
}

/** How long each exchange leaves the rules without what they had counted: until that is added, in milliseconds. */
async function windowsOf(body: () => Promise<void>): Promise<number[]> {
  const windows: number[] = []
  let exchanged = 0
  const listen = (event: unknown): void => {
    const { operation } = event as DiagnosticEvents['call']
    if (operation === 'SET_REPLACE') exchanged = performance.now()
    if (operation === 'SET_ADD_COUNTERS') windows.push(performance.now() - exchanged)
  }
  subscribe('xtables:call', listen)
  try {
    await body()
  } finally {
    unsubscribe('xtables:call', listen)
  }
  return windows.sort((one, other) => one - other)
}

/** How many ways of editing there are. */
const ROUND = 11

const breathe = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 1))

/** Every way of editing, on the chain that the packets pass and on others. */
function ways(table: Table): readonly (() => unknown)[] {
  const [input, output] = [new Chain(table, 'INPUT'), new Chain(table, 'OUTPUT')]
  return [
    () => input.appendRule(OTHER),
    () => input.deleteRule(OTHER),
    () => output.insertRule(OTHER, 0),
    () => output.deleteRule(OTHER),
    () => table.createChain('one'),
    () => table.renameChain('one', 'other'),
    () => table.transactionAsync(() => table.deleteChain('other')),
    () => table.setPolicy('FORWARD', 'DROP'),
    () => table.setPolicy('FORWARD', 'ACCEPT'),
    () => commitDeferred(table, () => output.insertRule(OTHER, 0)),
    () => commitDeferred(table, () => output.deleteRule(OTHER)),
  ]
}

async function commitDeferred(table: Table, edit: () => void): Promise<void> {
  table.autocommit = false
  table.refresh()
  edit()
  await table.commitAsync()
  table.autocommit = true
}

async function editOurs(stage: Stage, edits: number): Promise<void> {
  using table = new Table('filter', { namespace: stage.namespace })
  const all = ways(table)
  for (let n = 0; n < edits; n++) {
    await all[n % all.length]?.()
    if (n % 8 === 0) await breathe()
  }
}

function editLegacy(stage: Stage, edits: number): void {
  const pair = 'iptables-legacy -w -A INPUT -s 10.9.9.9 -j DROP; iptables-legacy -w -D INPUT -s 10.9.9.9 -j DROP'
  stage.shell(`for ((n = 0; n < ${edits}; n += 2)); do ${pair}; done`)
}

/** A part of sorted durations, in microseconds. */
const share = (durations: readonly number[], part: number): string =>
  `${(1000 * (durations[Math.floor(part * (durations.length - 1))] ?? 0)).toFixed(0)} µs`

/** @param edits how many of ours; a tenth as many by iptables-legacy, for comparison */
export async function counters(edits: number): Promise<string> {
  using stage = new Stage()
  stage.shell('ip link set lo up')
  for (const [name, chain] of [
    ['raw', 'OUTPUT'],
    ['raw', 'PREROUTING'],
    ['filter', 'OUTPUT'],
  ] as const) {
    using table = new Table(name, { namespace: stage.namespace })
    new Chain(table, chain).appendRule(Rule.parse(STAYS))
  }
  // An odd number is brought to the end of the round, where all is as it was.
  const whole = Math.ceil(edits / ROUND) * ROUND
  let windows: number[] = []
  const ours = await underTraffic(stage, async () => {
    windows = await windowsOf(() => editOurs(stage, whole))
  })
  if (ours.packets === 0n) throw new Error('no packet was sent')
  const lost = Object.entries(ours.lost).filter(([, counters]) => counters.some((count) => count !== 0n))
  if (lost.length > 0) throw new Error(`lost of ${ours.packets} packets, with their bytes: ${lost.join('; ')}`)
  // Without them, the check would have tried nothing.
  if (windows.length < whole) throw new Error(`${whole} edits, and counters were carried over ${windows.length} times`)
  const open = windows.reduce((sum, window) => sum + window, 0) / 1000
  const inside = ((Number(ours.packets) * open) / ours.seconds).toFixed(0)
  const theirs = await underTraffic(stage, async () => editLegacy(stage, Math.ceil(edits / 10)))
  return (
    `${whole} edits under ${ours.packets} packets: none lost, nor a byte, by the rule that stayed or by the policies of ` +
    `OUTPUT and INPUT; ${share(windows, 0.5)} between exchange and adding, ${share(windows, 0.99)} in 99 of 100, ` +
    `${share(windows, 1)} at most, about ${inside} packets in all of them; iptables-legacy, ${Math.ceil(edits / 10)} ` +
    `edits under ${theirs.packets} packets: ${theirs.lost.rule[0]} lost by the rule, and the policies set back each time`
  )
}
