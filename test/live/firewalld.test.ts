/**
 * Texts as firewalld sends them to iptables-restore: all chains of its default zones, several tables in one text, with
 * -w and -n; first to build everything, then to change a part.
 */
import type { FamilyName } from '../../src/abi/family'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { ourRestore } from '../support/applets'
import { run as runTool } from '../support/run-program'

const ZONES = ['block', 'dmz', 'drop', 'external', 'home', 'internal', 'public', 'trusted', 'work']
const STAGES = ['pre', 'log', 'deny', 'allow', 'post']

/** For each built-in chain, by table: the kinds of zone chains to which it dispatches. */
const DISPATCH: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  raw: { PREROUTING: ['PRE'] },
  security: {},
  mangle: { PREROUTING: ['PRE'] },
  nat: { PREROUTING: ['PRE'], POSTROUTING: ['POST'] },
  filter: { INPUT: ['IN'], FORWARD: ['FWDI', 'FWDO'] },
}
/** Built-in chains of each table that have a chain for the user's own rules. */
const DIRECT: Readonly<Record<string, readonly string[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  security: ['INPUT', 'OUTPUT', 'FORWARD'],
  mangle: ['PREROUTING', 'POSTROUTING', 'INPUT', 'OUTPUT', 'FORWARD'],
  nat: ['PREROUTING', 'POSTROUTING', 'OUTPUT'],
  filter: ['INPUT', 'OUTPUT', 'FORWARD'],
}

function zoneLines(kind: string, zone: string): string[] {
  const chain = `${kind}_${zone}`
  const stages = STAGES.map((stage) => `${chain}_${stage}`)
  return [chain, ...stages].map((name) => `-N ${name}`).concat(stages.map((stage) => `-A ${chain} -j ${stage}`))
}

/** The rules at the end of a zone, for packets that it has not decided on. */
function zoneEnd(kind: string, zone: string, reject: string): string[] {
  if (kind === 'PRE' || kind === 'POST') return []
  const chain = `${kind}_${zone}`
  if (zone === 'trusted') return [`-A ${chain} -j ACCEPT`]
  if (zone === 'drop') return [`-A ${chain} -j DROP`]
  return zone === 'block' ? [`-A ${chain} -j REJECT --reject-with ${reject}`] : []
}

function dispatch(table: string, builtin: string, kind: string, reject: string): string[] {
  const zones = `${builtin}_ZONES${kind === 'FWDI' ? '_IN' : kind === 'FWDO' ? '_OUT' : ''}`
  const way = ['PRE', 'IN', 'FWDI'].includes(kind) ? '-i' : '-o'
  return [
    `-N ${zones}`,
    ...ZONES.flatMap((zone) => [...zoneLines(kind, zone), ...zoneEnd(kind, zone, reject)]),
    `-A ${builtin} -j ${zones}`,
    ...['eth0', 'wlan0', 'virbr+'].map((name, i) => `-A ${zones} ${way} ${name} -g ${kind}_${ZONES[i + 4]}`),
    `-A ${zones} -g ${kind}_public`,
    ...(table === 'nat' && kind === 'POST' ? [`-A POST_external_allow ! -o lo -j MASQUERADE`] : []),
  ]
}

function ends(table: string, reject: string, icmp: string): string[] {
  if (table !== 'filter') return []
  const open = 'IN_public_allow -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT'
  return [
    '-I INPUT 1 -m conntrack --ctstate ESTABLISHED,RELATED,DNAT -j ACCEPT',
    '-I INPUT 2 -i lo -j ACCEPT',
    ...['INPUT', 'FORWARD'].flatMap((chain) => [
      `-A ${chain} -m conntrack --ctstate INVALID -j LOG --log-prefix "STATE_INVALID_DROP: "`,
      `-A ${chain} -m conntrack --ctstate INVALID -j DROP`,
      `-A ${chain} -j LOG --log-prefix "FINAL_REJECT: "`,
      `-A ${chain} -j REJECT --reject-with ${reject}`,
    ]),
    '-I OUTPUT 1 -o lo -j ACCEPT',
    `-A IN_public_allow -p ${icmp} -j ACCEPT`,
    `-A ${open}`,
    '-A IN_public_allow -p udp -m udp --dport 5353 -m limit --limit 5/min -j ACCEPT',
    '-A IN_home_allow -p udp --dport 137:138 -j ACCEPT',
    '-A IN_work_deny -s 10.1.0.0/16 -j DROP'.replace('10.1.0.0/16', icmp === 'icmp' ? '10.1.0.0/16' : '2001:db8::/32'),
  ]
}

function tableText(family: FamilyName, table: string): string[] {
  const [reject, icmp] = family === 'ipv4' ? ['icmp-host-prohibited', 'icmp'] : ['icmp6-adm-prohibited', 'ipv6-icmp']
  const direct = (DIRECT[table] ?? []).flatMap((chain) => [`-N ${chain}_direct`, `-A ${chain} -j ${chain}_direct`])
  const zones = Object.entries(DISPATCH[table] ?? {}).flatMap(([builtin, kinds]) =>
    kinds.flatMap((kind) => dispatch(table, builtin, kind, reject)),
  )
  return [`*${table}`, ...direct, ...zones, ...ends(table, reject, icmp), 'COMMIT']
}

const whole = (family: FamilyName): string =>
  `${Object.keys(DIRECT)
    .flatMap((table) => tableText(family, table))
    .join('\n')}\n`

/** The text for opening a port, moving an interface to another zone, and leaving panic mode. */
const CHANGE = `*filter
-I IN_public_allow 1 -p tcp -m tcp --dport 443 -j ACCEPT
-D INPUT_ZONES -i wlan0 -g IN_internal
-I INPUT_ZONES 1 -i wlan0 -g IN_dmz
-F IN_public_pre
-P FORWARD DROP
COMMIT
*nat
-D POST_external_allow ! -o lo -j MASQUERADE
COMMIT
`

const FLUSH = `${Object.keys(DIRECT)
  .flatMap((table) => [`*${table}`, '-F', '-X', '-Z', 'COMMIT'])
  .join('\n')}\n`

/** Without the time and the name of the program. */
const saved = (family: FamilyName): string =>
  runTool(family === 'ipv4' ? 'iptables-legacy-save' : 'ip6tables-legacy-save', []).stdout.replace(/^#.*$/gm, '')

const tool = (family: FamilyName) => (family === 'ipv4' ? 'iptables-legacy-restore' : 'ip6tables-legacy-restore')

/** Feeds the texts to one of the two commands, in a new namespace. */
function fed(texts: readonly string[], feed: (text: string) => object, family: FamilyName) {
  using namespace = NetworkNamespace.create()
  return namespace.run(() => texts.map((text) => [feed(text), saved(family)]))
}

describe.each<FamilyName>(['ipv4', 'ipv6'])('%s', (family) => {
  test('everything, changes, everything again, and the end: the same as with the tool', () => {
    const texts = [
      whole(family),
      CHANGE,
      whole(family),
      FLUSH,
      whole(family),
      '*filter\n-A IN_nowhere -j DROP\nCOMMIT\n',
    ]
    const options = ['-w', '-n']
    const mine = fed(texts, (text) => ourRestore(family, options, text), family)
    const other = fed(texts, (text) => runTool(tool(family), options, text), family)
    for (const [i, [outcome, tables]] of other.entries()) {
      expect(mine[i]?.[1]).toBe(tables)
      expect(mine[i]?.[0]).toMatchObject({ status: (outcome as { status: number }).status, stdout: '' })
    }
    const [[outcome, tables]] = mine as [[object, string]]
    expect(outcome).toEqual({ status: 0, stdout: '', stderr: '' })
    // Every zone of every kind, each with five stages.
    expect(tables.match(/^:\w+_(block|dmz|drop|external|home|internal|public|trusted|work)/gm)).toHaveLength(7 * 9 * 6)
    expect(tables.match(/^-A IN_public -j/gm)).toHaveLength(5)
  })
})
