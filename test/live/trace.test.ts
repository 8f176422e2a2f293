/**
 * Packets that Linux takes through random tables: the rules that count them, and how often, must be those that `trace`
 * predicts. XTABLES_TEST_PACKETS=20000 sends more, XTABLES_TEST_SEED=1000 others.
 */
import type { FamilyName } from '../../src/abi/family'
import { FamilyRuleset } from '../../src/trace/family-ruleset'
import type { PacketDescription } from '../../src/trace/packet'
import { type Trace, trace } from '../../src/trace/trace'
import { Random } from '../kernel/random'
import { type TracedPacket, tracedPacket } from '../support/traced-packets'
import { tracedRuleset } from '../support/traced-rules'
import { type Backend, type Counts, counted, FAMILIES, lineAt, met, refused, restore } from './counted-rules'
import { Wire } from './wire'

const PACKETS = Number(process.env['XTABLES_TEST_PACKETS'] ?? 6_000)
const SEED = Number(process.env['XTABLES_TEST_SEED'] ?? 1)
/** The number of packets for the same rules. */
const BATCH = 100
/** The number of wrong trials after which the test stops. */
const MOST_WRONG = 3

jest.setTimeout(3_600_000)

const MATCHES = [
  'ah',
  'bpf',
  'comment',
  'connmark',
  'conntrack',
  'dccp',
  'dscp',
  'dst',
  'ecn',
  'esp',
  'eui64',
  'frag',
  'hbh',
  'hl',
  'icmp',
  'icmp6',
  'ipcomp',
  'iprange',
  'ipv6header',
  'length',
  'mac',
  'mark',
  'mh',
  'multiport',
  'pkttype',
  'rt',
  'sctp',
  'srh',
  'state',
  'string',
  'tcp',
  'tcpmss',
  'tos',
  'ttl',
  'u32',
  'udp',
]

/** Whether a path is possible according to the trace; 'cut' if there are too many branches to tell. */
function isOpen({ steps, verdict, fork }: Trace, way: readonly string[], backend: Backend, start = 0): boolean | 'cut' {
  let at = start
  for (const step of steps) {
    if (step.kind === 'translated' || (step.kind === 'policy' && backend === 'nft')) continue
    const key = `${step.table} ${step.chain} ${step.kind === 'policy' ? 'policy' : step.position}`
    const isMet = step.kind === 'policy' || step.matches
    if (isMet && way[at] !== key) return false
    // If it makes no difference, trace may leave open whether the rule matches.
    if (isMet || (isMet === undefined && way[at] === key)) at++
  }
  if (fork !== undefined) {
    const ways = [fork.yes, fork.no].map((one) => isOpen(one, way, backend, at))
    return ways.includes(true) || (ways.includes('cut') && 'cut')
  }
  return verdict === undefined ? 'cut' : at === way.length
}

/** Properties that cannot be given if another one is unknown. */
const NEEDS: Partial<Record<keyof PacketDescription, readonly (keyof PacketDescription)[]>> = {
  protocol: ['sourcePort', 'destinationPort', 'tcpFlags', 'icmpType'],
  in: ['out'],
}
/** Properties with a default: omitting them does not make them unknown. */
const SAID: readonly (keyof PacketDescription)[] = ['fragment', 'way']

/** The packet with some properties omitted, or less exact. */
function vague(
  random: Random,
  described: PacketDescription,
  mayLackWay: boolean,
  without: readonly (keyof PacketDescription)[],
): PacketDescription {
  const left = { ...described }
  for (const name of Object.keys(described) as (keyof PacketDescription)[])
    if (without.includes(name) || (!SAID.includes(name) && random.below(4) === 0))
      for (const one of [name, ...(NEEDS[name] ?? [])]) delete left[one]
  if (mayLackWay && left.in !== undefined) delete left.way
  for (const end of ['source', 'destination'] as const)
    if (left[end] !== undefined && random.below(3) === 0)
      Object.assign(left, {
        [end]: `${left[end]}/${left[end]?.includes(':') ? random.pick([32, 64, 96, 113]) : random.pick([8, 15, 24, 31])}`,
      })
  return left
}

interface Trial {
  readonly backend: Backend
  readonly isTracked: boolean
  readonly rules: Readonly<Record<FamilyName, readonly string[]>>
  readonly packets: readonly (TracedPacket & { readonly family: FamilyName })[]
}

function makeTrial(random: Random, number: number): Trial {
  const [backend, isTracked] = [(['legacy', 'nft'] as const)[number % 2] as Backend, number % 4 > 1]
  const rules = {
    ipv4: tracedRuleset(random, { family: 'ipv4', isTracked }),
    ipv6: tracedRuleset(random, { family: 'ipv6', isTracked }),
  }
  const packets = Array.from({ length: BATCH }, (_, i) => {
    const family = FAMILIES[i % 2] as FamilyName
    return {
      family,
      ...tracedPacket(random, { family, id: isTracked ? 1_000 + 11 * i : undefined }),
    }
  })
  return { backend, isTracked, rules, packets }
}

interface Result {
  /** Rules whose counter differs from the prediction, with both values. */
  readonly differences: readonly string[]
  readonly rulesets: Readonly<Record<FamilyName, FamilyRuleset>>
  readonly ways: readonly (readonly string[] | undefined)[]
  readonly rules: Readonly<Record<FamilyName, readonly string[]>>
}

/** Sends packets, and compares the counters with the predictions. */
async function tried(wire: Wire, { backend, rules, packets }: Trial): Promise<Result> {
  const host = wire.host()
  try {
    const taken = { ipv4: restore(host, 'ipv4', backend, rules.ipv4), ipv6: restore(host, 'ipv6', backend, rules.ipv6) }
    const rulesets = {
      ipv4: FamilyRuleset.read({ namespace: host, backend, ipv6: false }),
      ipv6: FamilyRuleset.read({ namespace: host, backend, ipv6: true }),
    }
    const ways = packets.map(({ family, whole }) => met(trace(whole, rulesets[family]), backend))
    const sent = packets.filter((_, i) => ways[i] !== undefined)
    const expected = (family: FamilyName): Counts => {
      const counts: Counts = new Map()
      for (const [i, way] of ways.entries())
        if (packets[i]?.family === family) for (const key of way ?? []) counts.set(key, (counts.get(key) ?? 0) + 1)
      return counts
    }
    const compared = (): string[] =>
      FAMILIES.flatMap((family) => {
        const said = expected(family)
        return [...counted(host, family, backend)]
          .filter(([key, count]) => count !== (said.get(key) ?? 0))
          .map(([key, count]) => `${family} ${key}: counted ${count}, said ${said.get(key) ?? 0}`)
      })
    const before = compared().filter((one) => !one.includes('counted 0,'))
    if (before.length > 0) throw new Error(`counted before any packet: ${before.join('\n')}`)
    await wire.send(sent.map(({ cable, frame }) => ({ cable, bytes: frame })))
    let differences = compared()
    for (let i = 0; i < 5 && differences.length > 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      differences = compared()
    }
    return { differences, rulesets, ways, rules: taken }
  } finally {
    host.close()
  }
}

/** Finds a packet whose counters differ from the prediction by bisection, and describes it. */
async function shown(wire: Wire, trial: Trial, result: Result): Promise<string> {
  const { packets } = trial
  if (packets.length > 1) {
    const middle = packets.length >>> 1
    for (const half of [packets.slice(0, middle), packets.slice(middle)]) {
      const part = { ...trial, packets: half }
      const found = await tried(wire, part)
      if (found.differences.length > 0) return shown(wire, part, found)
    }
  }
  const { differences, rules, rulesets } = result
  return [
    ...differences,
    ...packets.flatMap(({ family, whole, described }) => [
      `${family} by ${trial.backend}: ${JSON.stringify({ ...whole, bytes: Buffer.from(whole.bytes as Uint8Array).toString('hex') })}`,
      JSON.stringify(described),
      ...differences.map((text) => lineAt(rules[family], text)),
      ...(process.env['XTABLES_TEST_RULES'] ? rules[family] : []),
      ...trace(whole, rulesets[family])
        .steps.filter((step) => step.kind !== 'rule' || step.matches !== false)
        .map((step) => JSON.stringify(step)),
    ]),
  ].join('\n')
}

test('the rules whose counters change are those that were predicted', async () => {
  const wire = await Wire.open()
  const random = new Random(SEED)
  let [sent, undecided, passed] = [0, 0, 0]
  const wrong: string[] = []
  const matches = new Map<string, number>()
  try {
    for (let number = 0; sent < PACKETS; number++) {
      const trial = makeTrial(random, number)
      const result = await tried(wire, trial)
      if (result.differences.length > 0)
        wrong.push(`XTABLES_TEST_SEED=${SEED}, trial ${number}:\n${await shown(wire, trial, result)}`)
      if (wrong.length > MOST_WRONG) break
      sent += result.ways.length
      undecided += result.ways.filter((way) => way === undefined).length
      passed += result.ways.flatMap((way) => way ?? []).length
      for (const [i, way] of result.ways.entries())
        for (const key of way ?? []) {
          const family = trial.packets[i]?.family as FamilyName
          for (const [, name = ''] of lineAt(result.rules[family], `${family} ${key}`).matchAll(/-m (\S+)/g))
            matches.set(name, (matches.get(name) ?? 0) + 1)
        }
    }
  } finally {
    await wire.close()
  }
  process.stdout.write(
    `${sent} packets, ${passed} rules met, ${undecided} undecided, ${refused.length} lines refused\n`,
  )
  process.stdout.write(
    `${[...matches]
      .sort(([, a], [, b]) => a - b)
      .map((one) => one.join(' '))
      .join(', ')}\n`,
  )
  if (process.env['XTABLES_TEST_REFUSED']) process.stdout.write(`${refused.join('\n')}\n`)
  expect(wrong.join('\n\n')).toBe('')
  // Each match must have been tested by some packet. Those of owner only apply to packets sent from here.
  if (sent >= 6_000) expect([...matches.keys()].filter((name) => name !== 'owner').sort()).toEqual(MATCHES)
  expect(undecided / sent).toBeLessThan(0.1)
  expect(passed / sent).toBeGreaterThan(3)
})

test('for a partly known packet, its path is one of the predicted ones', async () => {
  const wire = await Wire.open()
  const random = new Random(SEED + 1)
  let [asked, whole, cut] = [0, 0, 0]
  try {
    for (let number = 0; asked < PACKETS / 10; number++) {
      const trial = makeTrial(random, number)
      const { backend, packets } = trial
      const result = await tried(wire, trial)
      const { differences, rulesets, ways, rules } = result
      if (differences.length > 0) throw new Error(await shown(wire, trial, result))
      for (const [i, way] of ways.entries()) {
        const { family, described, isAuthenticated } = packets[i] as Trial['packets'][number]
        const isHidden = backend === 'nft' && isAuthenticated
        const packet = vague(random, described, random.below(3) === 0, isHidden ? ['protocol'] : [])
        if (way === undefined) continue
        const said = trace(packet, rulesets[family], { branches: 200 })
        asked++
        if (said.verdict !== undefined) whole++
        const isFound = isOpen(said, way, backend)
        if (isFound === 'cut') cut++
        if (isFound) continue
        throw new Error(
          [
            `XTABLES_TEST_SEED=${SEED}, trial ${number}: ${family} by ${backend}`,
            `${JSON.stringify(packet)} of ${JSON.stringify(described)}`,
            ...way.map((key) => `${key}: ${lineAt(rules[family], `${family} ${key}`)}`),
            JSON.stringify(said, undefined, 1),
          ].join('\n'),
        )
      }
    }
  } finally {
    await wire.close()
  }
  process.stdout.write(`${asked} packets, ${whole} with one way, ${cut} with too many\n`)
  expect(cut / asked).toBeLessThan(0.25)
  expect(whole / asked).toBeGreaterThan(0.1)
})
