/** Finds packets that IPv4 and IPv6 treat differently although only their addresses differ. */
import { PROTOCOLS } from '../abi/protocols'
import { printEntry } from '../language/print-entry'
import { policyOf } from '../ruleset/ruleset'
import type { CompiledChain, FamilyRuleset } from '../trace/family-ruleset'
import type { PacketDescription } from '../trace/packet'
import { samplePacket } from '../trace/sample-packet'
import { trace } from '../trace/trace'
import { TableChains } from './chains'
import type { Finding } from './finding'
import { anyPacket, suppose } from './supposed-packet'
import { verdictsOf } from './verdicts'

const WAYS = { INPUT: 'input', FORWARD: 'forward', OUTPUT: 'output' } as const
type FilterHook = keyof typeof WAYS

/** @returns findings about the policies, then about rules of the first family, then about rules of the second */
export const compareFamilies = (one: FamilyRuleset, other: FamilyRuleset): Finding[] => [
  ...policies(one, other),
  ...different(one, other),
  ...different(other, one),
]

function policies(one: FamilyRuleset, other: FamilyRuleset): Finding[] {
  return (Object.keys(WAYS) as FilterHook[]).flatMap((chain) => {
    const [here, there] = [one, other].map((ruleset) => policyAt(ruleset, chain))
    if (here === there) return []
    const message = `the policy is ${here} in ${one.family} and ${there} in ${other.family}`
    return [{ kind: 'families-differ', family: one.family, table: 'filter', chain, message }]
  })
}

const policyAt = (ruleset: FamilyRuleset, name: FilterHook): string => {
  const compiled = ruleset.chain('filter', name)
  return (compiled && policyOf(compiled.ruleset.family, compiled.chain)) ?? 'ACCEPT'
}

/** For each rule of the table filter that does not test addresses, traces a sample packet through both families. */
function different(one: FamilyRuleset, other: FamilyRuleset): Finding[] {
  if (one.table('filter') === undefined) return []
  const chains = new TableChains(one, 'filter')
  return chains.all.flatMap((chain) =>
    Array.from({ length: chain.length }, (_, i) => i).flatMap((i) => differentAt(chain, i, chains, one, other)),
  )
}

function differentAt(
  chain: CompiledChain,
  position: number,
  chains: TableChains,
  one: FamilyRuleset,
  other: FamilyRuleset,
): Finding[] {
  const rule = chain.rule(position)
  if (!chains.isLast(rule.target)) return []
  return [...chains.hooksOf(chain)].flatMap((hook): Finding[] => {
    if (!(hook in WAYS)) return []
    const { packet, contradiction } = suppose(rule, anyPacket(one.context.family, new Set([hook])))
    const sample = samplePacket(packet)
    if (contradiction !== undefined || !isNeutral(sample)) return []
    const example: PacketDescription = {
      ...usual(sample, hook as FilterHook),
      ...sample,
      way: WAYS[hook as FilterHook],
    }
    const [here, there] = [one, other].map((ruleset) => [
      ...verdictsOf(trace({ ...example, ...ADDRESSES[ruleset.family] }, ruleset)),
    ])
    if (
      here?.length !== 1 ||
      there?.length !== 1 ||
      here[0] === there[0] ||
      here[0] === 'undecided' ||
      there[0] === 'undecided'
    )
      return []
    const message = `such a packet ends with ${here[0]} in ${one.family} and with ${there[0]} in ${other.family}`
    const at = { position, rule: printEntry(rule.entry, one.context) }
    return [
      {
        kind: 'families-differ',
        family: one.family,
        table: 'filter',
        chain: chain.chain.name,
        at,
        packet: example,
        message,
      },
    ]
  })
}

/** Whether the packet could be of either family: it has no addresses, and a protocol that both have. */
const isNeutral = ({ source, destination, protocol, fragment }: PacketDescription): boolean =>
  source === undefined &&
  destination === undefined &&
  !fragment &&
  protocol !== PROTOCOLS.icmp &&
  protocol !== PROTOCOLS['ipv6-icmp']

/** Addresses for documentation, which hardly any rule uses. */
const ADDRESSES = {
  ipv4: { source: '203.0.113.77', destination: '198.51.100.77' },
  ipv6: { source: '2001:db8:203:113::77', destination: '2001:db8:198:51::77' },
}

/** Typical properties of a packet that starts a connection. */
const usual = ({ protocol }: PacketDescription, hook: FilterHook): PacketDescription => ({
  state: 'NEW',
  mark: 0,
  ...(protocol === PROTOCOLS.tcp && { tcpFlags: 'SYN' }),
  ...(hook !== 'OUTPUT' && { in: 'eth0' }),
  ...(hook !== 'INPUT' && { out: hook === 'OUTPUT' ? 'eth0' : 'eth1' }),
})
