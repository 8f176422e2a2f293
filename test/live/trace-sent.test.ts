/**
 * Packets that programs of this host send, to others and to the host itself: the rules that count them must be those
 * that `trace` predicts. XTABLES_TEST_PACKETS=5000 sends more, XTABLES_TEST_SEED=1000 others.
 */
import type { FamilyName } from '../../src/abi/family'
import { NetworkNamespace } from '../../src/index'
import { FamilyRuleset } from '../../src/trace/family-ruleset'
import { trace } from '../../src/trace/trace'
import { Random } from '../kernel/random'
import { CABLES, LOCAL, REMOTE, type SentPacket, sentPacket } from '../support/traced-packets'
import { tracedRuleset } from '../support/traced-rules'
import { type Backend, counted, FAMILIES, lineAt, met, restore } from './counted-rules'
import { run } from './legacy'

const PACKETS = Number(process.env['XTABLES_TEST_PACKETS'] ?? 600)
const SEED = Number(process.env['XTABLES_TEST_SEED'] ?? 1)
/** The number of packets for the same rules. */
const BATCH = 50

jest.setTimeout(3_600_000)

/** Packets to others go to a hardware address that nobody has, and incoming packets are not answered. */
const HOST = `
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
nft 'table inet silence { chain output { type filter hook output priority -500; policy drop; meta skuid >= 0 accept; }; }'
ip link set lo up
${CABLES.map((cable, i) =>
  [
    `ip link add ${cable} type veth peer name ${cable}-end`,
    ...[cable, `${cable}-end`].map((one) => `ip link set ${one} addrgenmode none up`),
    ...(LOCAL[i] ?? []).map((one) => `ip addr add ${one} dev ${cable} ${one.includes(':') ? 'nodad' : ''}`),
    ...(REMOTE[i] ?? []).map((one) => `ip neigh add ${one} lladdr 02:00:00:00:00:99 dev ${cable} nud permanent`),
  ].join('\n'),
).join('\n')}
`

const destinationOf = ({ whole: { bytes = new Uint8Array() } }: SentPacket): string =>
  (bytes[0] as number) >>> 4 === 4
    ? bytes.subarray(16, 20).join('.')
    : (Buffer.from(bytes.subarray(24, 40)).toString('hex').match(/..../g) as string[]).join(':')

function send(host: NetworkNamespace, packets: readonly SentPacket[]): void {
  if (packets.length === 0) return
  const lines = packets.map((one) =>
    [one.uid, one.gid, one.mark, destinationOf(one), Buffer.from(one.whole.bytes as Uint8Array).toString('hex')].join(
      ' ',
    ),
  )
  run(host, `python3 ${__dirname}/sent-packets.py <<'END'\n${lines.join('\n')}\nEND`)
}

interface Batch {
  readonly backend: Backend
  readonly family: FamilyName
  readonly rules: readonly string[]
  readonly packets: readonly SentPacket[]
  readonly isLooped: boolean
}

/** Policies that packets traverse before they come in again. */
const WAY_OUT = / (OUTPUT|POSTROUTING) policy$/

/** The counters that differ from the prediction, each with a single packet that shows the difference. */
function differences({ backend, family, rules, packets, isLooped }: Batch): { wrong: string[]; met: number } {
  const host = NetworkNamespace.create()
  try {
    run(host, HOST)
    const taken = restore(host, family, backend, rules)
    const ruleset = FamilyRuleset.read({ namespace: host, backend, ipv6: family === 'ipv6' })
    const ways = packets.map(({ whole }) => met(trace(whole, ruleset), backend))
    const said = new Map<string, number>()
    for (const key of ways.flatMap((way) => way ?? [])) said.set(key, (said.get(key) ?? 0) + 1)
    send(
      host,
      packets.filter((_, i) => ways[i] !== undefined),
    )
    const wrong = [...counted(host, family, backend)]
      .filter(([key, count]) => count !== (said.get(key) ?? 0) && !(isLooped && WAY_OUT.test(key)))
      .map(
        ([key, count]) => `${key}: counted ${count}, said ${said.get(key) ?? 0}: ${lineAt(taken, `${family} ${key}`)}`,
      )
    return { wrong, met: [...said.values()].reduce((all, one) => all + one, 0) }
  } finally {
    host.close()
  }
}

function shown(batch: Batch): string {
  for (const packet of batch.packets) {
    const { wrong } = differences({ ...batch, packets: [packet] })
    const bytes = Buffer.from(packet.whole.bytes as Uint8Array).toString('hex')
    if (wrong.length > 0) return [...wrong, JSON.stringify({ ...packet.whole, bytes })].join('\n')
  }
  return 'no packet alone shows it'
}

test.each([
  ['sent to others', false],
  ['sent to the host itself, as they come in', true],
])('packets %s', (_, isLooped) => {
  const random = new Random(SEED + Number(isLooped))
  let passed = 0
  for (let number = 0; number * BATCH < PACKETS / 2; number++) {
    const [backend, isTracked] = [(['legacy', 'nft'] as const)[number % 2] as Backend, number % 4 > 1]
    const family = FAMILIES[(number >>> 2) % 2] as FamilyName
    const rules = tracedRuleset(random, { family, isTracked, hooks: isLooped ? 'loopback' : 'departure' })
    const packets = Array.from({ length: BATCH }, (_, i) =>
      sentPacket(random, { family, id: isTracked ? 1_000 + 11 * i : undefined }, isLooped),
    )
    const batch = { backend, family, rules, packets, isLooped }
    const { wrong, met } = differences(batch)
    if (wrong.length > 0)
      throw new Error(
        `XTABLES_TEST_SEED=${SEED}, batch ${number}, ${family} by ${backend}:\n${wrong.join('\n')}\n\n${shown(batch)}`,
      )
    passed += met
  }
  expect(passed / PACKETS).toBeGreaterThan(1)
})
