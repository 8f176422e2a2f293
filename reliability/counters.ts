/** Traffic through the rules while they are edited: no packet is missing in the counters of what stayed. */
import { Chain, Rule, Table } from '../src'
import { outcomeOf, resultOf, Stage } from './stage'

/** Without a target, so that what it counts goes on to the policy. */
const STAYS = '-m comment --comment stays'
const OTHER = Rule.parse('-s 10.9.9.9 -j DROP')

interface Counted {
  /** By a rule of a table that nobody edits. */
  readonly packets: bigint
  readonly rule: bigint
  readonly policy: bigint
}

function counted(stage: Stage): Counted {
  using raw = new Table('raw', { namespace: stage.namespace })
  using filter = new Table('filter', { namespace: stage.namespace })
  const packetsOf = (table: Table): bigint => new Chain(table, 'OUTPUT').rules[0]?.getCounters()[0] ?? 0n
  return { packets: packetsOf(raw), rule: packetsOf(filter), policy: new Chain(filter, 'OUTPUT').getCounters()[0] }
}

/** Answers to the last datagrams may still be on their way. */
async function whenQuiet(stage: Stage): Promise<Counted> {
  for (let last = counted(stage); ; ) {
    await breathe()
    const now = counted(stage)
    if (now.packets === last.packets) return now
    last = now
  }
}

/** Sends through the rules while `edit` runs. @returns packets that were sent, and those that the filter table lost */
async function underTraffic(stage: Stage, edit: () => Promise<void>): Promise<{ sent: bigint; lost: Counted }> {
  const before = counted(stage)
  const sender = stage.startActor('send')
  const sending = outcomeOf(sender)
  while (counted(stage).packets === before.packets) await breathe()
  await edit()
  sender.stdin?.end()
  resultOf(await sending)
  const after = await whenQuiet(stage)
  const sent = after.packets - before.packets
  const lost = { packets: 0n, rule: sent - (after.rule - before.rule), policy: sent - (after.policy - before.policy) }
  return { sent, lost }
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

/** @param edits how many of ours; a tenth as many by iptables-legacy, for comparison */
export async function counters(edits: number): Promise<string> {
  using stage = new Stage()
  stage.shell('ip link set lo up')
  for (const name of ['raw', 'filter']) {
    using table = new Table(name, { namespace: stage.namespace })
    new Chain(table, 'OUTPUT').appendRule(Rule.parse(STAYS))
  }
  // An odd number is brought to the end of the round, where all is as it was.
  const whole = Math.ceil(edits / ROUND) * ROUND
  const ours = await underTraffic(stage, () => editOurs(stage, whole))
  if (ours.sent === 0n) throw new Error('no packet was sent')
  if (ours.lost.rule !== 0n || ours.lost.policy !== 0n)
    throw new Error(`lost of ${ours.sent} packets: ${ours.lost.rule} by the rule, ${ours.lost.policy} by the policy`)
  const theirs = await underTraffic(stage, async () => editLegacy(stage, Math.ceil(edits / 10)))
  return (
    `${whole} edits under ${ours.sent} packets: none lost, by the rule that stayed or by the policy; ` +
    `iptables-legacy, ${Math.ceil(edits / 10)} edits under ${theirs.sent} packets: ` +
    `${theirs.lost.rule} lost by the rule, and the policy set back each time`
  )
}
