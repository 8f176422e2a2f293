/** The paths of packets through rules, and their verdicts. */
import {
  FamilyRuleset,
  IptcError,
  MemoryKernel,
  type PacketDescription,
  restore,
  type Trace,
  trace,
} from '../../src/index'
import type { Ruleset } from '../../src/ruleset/ruleset'

const tables = (texts: Readonly<Record<string, string>>): string =>
  Object.entries(texts)
    .map(([table, lines]) => `*${table}\n${lines.trim()}\nCOMMIT\n`)
    .join('')

const of = (texts: Readonly<Record<string, string>>, ipv6 = false): FamilyRuleset =>
  FamilyRuleset.parse(tables(texts), { ipv6 })

/**
 * The rules that match and the policies that decide, as `chain position`; then the verdict, and where the path forks.
 */
function way({ steps, verdict, fork }: Trace): unknown[] {
  const told = steps.flatMap((step) => {
    if (step.kind === 'rule') return step.matches === false ? [] : [`${step.chain} ${step.position + 1}`]
    return step.kind === 'policy' ? [`${step.table} ${step.chain} ${step.verdict}`] : [`${step.hook} translated`]
  })
  return [
    ...told,
    ...(verdict === undefined ? [] : [verdict]),
    ...(fork ? [{ [fork.decides]: way(fork.yes), not: way(fork.no) }] : []),
  ]
}

const SSH: PacketDescription = {
  protocol: 'tcp',
  source: '192.0.2.1',
  destinationPort: 22,
  way: 'input',
  in: 'eth0',
  state: 'NEW',
}

test('chains are entered by jump and goto, and left', () => {
  const ruleset = of({
    filter: `
:INPUT DROP
:a -
:b -
:c -
-A INPUT -p tcp -j a
-A INPUT -j b
-A a -p udp -j ACCEPT
-A a -p tcp --dport 22 -g c
-A a -j ACCEPT
-A b -s 192.0.2.0/24 -j RETURN
-A b -j ACCEPT
-A c -p tcp --dport 80 -j ACCEPT`,
  })
  expect(way(trace(SSH, ruleset))).toEqual(['INPUT 1', 'a 2', 'INPUT 2', 'b 1', 'filter INPUT DROP', 'DROP'])
  expect(way(trace({ ...SSH, destinationPort: 80 }, ruleset)).at(-1)).toBe('ACCEPT')
})

test('after a goto from a built-in chain, its policy decides', () => {
  const ruleset = of({ filter: ':INPUT DROP\n:a -\n-A INPUT -g a\n-A INPUT -j ACCEPT\n-A a -p udp -j ACCEPT' })
  expect(way(trace(SSH, ruleset))).toEqual(['INPUT 1', 'filter INPUT DROP', 'DROP'])
})

test('tables are traversed in the order of the kernel, and see the changes of earlier ones', () => {
  const ruleset = of({
    raw: ':PREROUTING ACCEPT',
    mangle:
      ':PREROUTING ACCEPT\n-A PREROUTING -i eth0 -j MARK --set-xmark 0x5/0xf\n-A PREROUTING -j TOS --set-tos 0x10/0xff',
    nat: ':PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 80 -m mark --mark 0x5/0xf -j DNAT --to-destination 10.0.0.9:8080',
    filter:
      ':FORWARD DROP\n-A FORWARD -d 10.0.0.9 -p tcp --dport 8080 -m tos --tos 0x10 -m conntrack --ctorigdstport 80 -j ACCEPT',
  })
  const packet = { ...SSH, destinationPort: 80, way: 'forward', mark: 0x100, out: 'eth1' } as const
  const traced = trace(packet, ruleset)
  expect(way(traced)).toEqual([
    ...['raw PREROUTING ACCEPT', 'PREROUTING 1', 'PREROUTING 2', 'mangle PREROUTING ACCEPT', 'PREROUTING 1'],
    ...['mangle FORWARD ACCEPT', 'FORWARD 1', 'mangle POSTROUTING ACCEPT', 'nat POSTROUTING ACCEPT', 'ACCEPT'],
  ])
  const changes = traced.steps.flatMap((step) => (step.kind === 'rule' ? step.changes : []))
  expect(changes).toEqual([
    { property: 'mark', from: 0x100, to: 0x105 },
    { property: 'tos', from: undefined, to: 0x10 },
    { property: 'destination', from: undefined, to: '10.0.0.9' },
    { property: 'destinationPort', from: 80, to: 8080 },
  ])
})

test('rules of nat only see the first packet of a connection; others are translated in the same way', () => {
  const ruleset = of({
    nat: ':PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 22 -j DNAT --to-destination 10.0.0.9',
    filter: ':INPUT DROP\n-A INPUT -d 192.0.2.7 -j ACCEPT',
  })
  const packet = { ...SSH, destination: '192.0.2.7' }
  expect(way(trace(packet, ruleset))).toContain('DROP')
  expect(way(trace({ ...packet, state: 'ESTABLISHED' }, ruleset))).toEqual([
    'PREROUTING translated',
    { '-d 192.0.2.7/32': ['INPUT 1', 'INPUT translated', 'ACCEPT'], not: ['filter INPUT DROP', 'DROP'] },
  ])
  expect(way(trace({ ...packet, state: undefined }, ruleset))[0]).toHaveProperty([
    'whether the packet is the first of its connection',
  ])
})

test('before connection tracking there is no state, and an untracked packet has no connection', () => {
  const ruleset = of({
    raw: ':PREROUTING ACCEPT\n-A PREROUTING -m conntrack --ctstate NEW -j DROP\n-A PREROUTING -p tcp --dport 22 -j CT --notrack',
    nat: ':PREROUTING ACCEPT\n-A PREROUTING -j DNAT --to-destination 10.0.0.9',
    filter: ':INPUT DROP\n-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT',
  })
  expect(way(trace(SSH, ruleset))).toEqual(['PREROUTING 2', 'raw PREROUTING ACCEPT', 'INPUT 1', 'ACCEPT'])
})

test('if something is unknown, both branches are followed, each with its assumption', () => {
  const ruleset = of({
    filter: `
:INPUT DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp --syn -m limit --limit 1/s -j ACCEPT
-A INPUT -p tcp --syn -j REJECT`,
  })
  const packet = { protocol: 'tcp', way: 'input', in: 'eth0' } as const
  expect(way(trace({ ...packet, state: 'NEW', tcpFlags: 'SYN' }, ruleset))).toEqual([
    {
      '--limit 1/sec': ['INPUT 3', 'nat INPUT ACCEPT', 'ACCEPT'].filter((one) => !one.startsWith('nat')),
      not: ['INPUT 4', 'REJECT'],
    },
  ])
  expect(way(trace(packet, ruleset))).toEqual([
    {
      '--ctstate RELATED,ESTABLISHED': ['INPUT 1', 'ACCEPT'],
      not: [
        {
          '--ctstate INVALID': ['INPUT 2', 'DROP'],
          not: [
            {
              '--tcp-flags FIN,SYN,RST,ACK SYN': [
                { '--limit 1/sec': ['INPUT 3', 'ACCEPT'], not: ['INPUT 4', 'REJECT'] },
              ],
              not: ['filter INPUT DROP', 'DROP'],
            },
          ],
        },
      ],
    },
  ])
})

test('unknown properties that make no difference do not fork the path', () => {
  const ruleset = of({ filter: ':INPUT DROP\n-A INPUT -m limit --limit 1/s -j LOG\n-A INPUT -p tcp -j ACCEPT' })
  const { steps } = trace(SSH, ruleset)
  expect(steps.map((step) => step.kind === 'rule' && step.matches)).toEqual([undefined, true])
})

test('no more branches are followed than requested', () => {
  const rules = Array.from({ length: 20 }, (_, i) => `-A INPUT -m mark --mark ${i + 1} -j ACCEPT`)
  const ruleset = of({ filter: `:INPUT DROP\n${rules.join('\n')}` })
  let [now, count] = [trace(SSH, ruleset, { branches: 5 }), 1]
  for (; now.fork !== undefined; now = now.fork.no) count++
  expect([count, now.verdict]).toEqual([5, undefined])
  expect(() => trace(SSH, ruleset, { branches: 0 })).toThrow(IptcError)
})

test('if nothing decides, a packet may be for this host, or be forwarded', () => {
  const ruleset = of({ filter: ':INPUT DROP\n:FORWARD ACCEPT' })
  expect(way(trace({ protocol: 'tcp', in: 'eth0', state: 'NEW' }, ruleset))).toEqual([
    {
      'whether the packet is for this host': ['filter INPUT DROP', 'DROP'],
      not: ['filter FORWARD ACCEPT', 'ACCEPT'],
    },
  ])
  expect(way(trace({ out: 'eth0' }, ruleset))).toEqual(['filter OUTPUT ACCEPT', 'ACCEPT'])
})

test.each([
  ['-s 10.0.0.0/8', { match: undefined, asks: '-s 10.0.0.0/8', has: '-s 192.0.2.1/32' }],
  ['! -i eth0', { match: undefined, asks: '! -i eth0', has: '-i eth0' }],
  ['-p tcp --dport 1024:65535', { match: 'tcp', asks: '--dport 1024:65535', has: '--dport 22' }],
  ['-p udp', { match: undefined, asks: '-p udp', has: '-p tcp' }],
  ['-p tcp -m conntrack --ctstate RELATED', { match: 'conntrack', asks: '--ctstate RELATED', has: undefined }],
])('why %s does not match', (rule, because) => {
  const [step] = trace(SSH, of({ filter: `:INPUT DROP\n-A INPUT ${rule} -j ACCEPT` })).steps
  expect(step).toMatchObject({ kind: 'rule', matches: false, because })
})

test('for a network, the bits that all of its addresses share are known', () => {
  const ruleset = of({ filter: ':INPUT DROP\n-A INPUT -s 10.0.0.0/8 -j ACCEPT\n-A INPUT -s 192.0.2.128/25 -j ACCEPT' })
  expect(way(trace({ ...SSH, source: '192.0.2.0/24' }, ruleset))).toEqual([
    { '-s 192.0.2.128/25': ['INPUT 2', 'ACCEPT'], not: ['filter INPUT DROP', 'DROP'] },
  ])
  expect(way(trace({ ...SSH, source: '10.1.0.0/16' }, ruleset))).toEqual(['INPUT 1', 'ACCEPT'])
})

test('IPv6, and both backends', () => {
  const text = tables({
    filter: ':INPUT DROP\n-A INPUT -s 2001:db8::/32 -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT',
  })
  const packet = {
    protocol: 'ipv6-icmp',
    icmpType: 'echo-request',
    source: '2001:db8::1',
    way: 'input',
    state: 'NEW',
  } as const
  const place = { ipv6: true, kernel: new MemoryKernel(), backend: 'nft' } as const
  restore(text, place)
  for (const ruleset of [FamilyRuleset.parse(text, { ipv6: true }), FamilyRuleset.read(place)])
    expect(way(trace(packet, ruleset)).slice(-2)).toEqual(['INPUT 1', 'ACCEPT'])
})

test('sets have their names, even if they can no longer be looked up', () => {
  const kernel = new MemoryKernel({ sets: { blocked: 'ipv4' } })
  restore(tables({ filter: ':INPUT DROP\n-A INPUT -m set --match-set blocked src -j DROP\n-A INPUT -j ACCEPT' }), {
    kernel,
  })
  const { fork } = trace(SSH, FamilyRuleset.read({ kernel }))
  expect([fork?.decides, fork?.rule?.rule]).toEqual([
    '--match-set blocked src',
    '-m set --match-set blocked src -j DROP',
  ])
})

test('an nft rule without a form in iptables may do anything', () => {
  const kernel = new MemoryKernel()
  restore(tables({ filter: ':INPUT DROP\n-A INPUT -j ACCEPT' }), { kernel })
  const ruleset = FamilyRuleset.read({ kernel })
  const filter = ruleset.table('filter') as Ruleset
  const rules = new Set(filter.chains.get('INPUT')?.rules.refs)
  Object.assign(filter, { foreign: { chains: new Map(), rules, isDormant: false, owner: undefined } })
  expect(way(trace(SSH, ruleset))).toEqual([
    'INPUT 1',
    {
      'whether a rule of nft that iptables cannot express lets the packet go on': ['filter INPUT DROP', 'DROP'],
      not: [{ 'whether a rule of nft that iptables cannot express accepts the packet': ['ACCEPT'], not: ['DROP'] }],
    },
  ])
})

test('the bytes of a packet determine all of its headers', () => {
  const bytes = Buffer.from('45000028000140004006000001020304c0000207d431001600000000000000005002ffff00000000', 'hex')
  const ruleset = of({
    filter:
      ':INPUT DROP\n-A INPUT -s 1.2.3.4 -p tcp --dport 22 --syn -m length --length 40 -m ttl --ttl-eq 64 -j ACCEPT',
  })
  expect(way(trace({ bytes, way: 'input', in: 'eth0' }, ruleset))).toEqual(['INPUT 1', 'ACCEPT'])
  expect(() => trace({ bytes, source: '1.2.3.4' }, ruleset)).toThrow(/bytes of the packet say its source/)
  expect(() => trace({ bytes: new Uint8Array(8) }, ruleset)).toThrow(/not a packet of ipv4/)
})

test.each<[string, PacketDescription]>([
  ['a port without a protocol', { destinationPort: 22 }],
  ['a port of a protocol that has none', { protocol: 'icmp', destinationPort: 22 }],
  ['flags of udp', { protocol: 'udp', tcpFlags: 'SYN' }],
  ['an address of the other family', { source: '2001:db8::1' }],
  ['a protocol that nobody knows', { protocol: 'nonsense' }],
  ['a state that there is not', { state: 'OLD' as never }],
  ['a property that there is not', { sport: 22 } as never],
  ['a port that is too great', { protocol: 'tcp', sourcePort: 65536 }],
  ['an interface for what this host sends', { way: 'output', in: 'eth0' }],
  ['a long name of an interface', { in: 'a-very-long-name-of-one' }],
])('%s is not a valid packet', (_, packet) => {
  expect(() => trace(packet, of({ filter: ':INPUT DROP' }))).toThrow(IptcError)
})

test('a RELATED packet may be the first of a connection that a helper expected; ICMP errors are not', () => {
  const ruleset = FamilyRuleset.parse('*nat\n-A POSTROUTING -d 192.0.2.1 -j SNAT --to-source 198.51.100.1\nCOMMIT\n')
  const related = { destination: '192.0.2.1', in: 'eth0', out: 'eth1', state: 'RELATED' } as const
  const { steps, fork } = trace({ ...related, protocol: 'tcp' }, ruleset)
  expect(steps).toEqual([])
  expect(fork?.decides).toBe('whether the packet is the first of its connection')
  expect(fork?.yes.steps.filter(({ kind }) => kind === 'rule')).toMatchObject([
    { hook: 'POSTROUTING', matches: true, changes: [{ property: 'source', to: '198.51.100.1' }] },
  ])
  expect(fork?.no.steps.map(({ kind }) => kind)).toContain('translated')
  expect(trace({ ...related, protocol: 'icmp' }, ruleset).fork).toBe(undefined)
})

test('for packets over lo, rules see the state before tracking, and the nat table is skipped', () => {
  const ruleset = FamilyRuleset.parse(
    '*raw\n-A PREROUTING -m conntrack --ctstate NEW -j NOTRACK\n-A PREROUTING -m state --state NEW\nCOMMIT\n*nat\n-A PREROUTING -p udp\n-A INPUT -p udp\nCOMMIT\n',
  )
  const met = (packet: PacketDescription): string[] =>
    trace({ protocol: 'udp', way: 'input', state: 'NEW', ...packet }, ruleset).steps.flatMap((step) =>
      step.kind === 'rule' && step.matches === true ? [`${step.table} ${step.chain} ${step.position + 1}`] : [],
    )
  expect(met({ in: 'lo' })).toEqual(['raw PREROUTING 1', 'raw PREROUTING 2'])
  expect(met({ in: 'eth0' })).toEqual(['nat PREROUTING 1', 'nat INPUT 1'])
})

test('for a connection over lo, its source before translation is unknown', () => {
  const ruleset = FamilyRuleset.parse('*filter\n-A INPUT -m conntrack --ctorigdst 192.0.2.1 -j DROP\nCOMMIT\n')
  const packet = { destination: '192.0.2.2', way: 'input', state: 'NEW' } as const
  expect(trace({ ...packet, in: 'eth0' }, ruleset).verdict).toBe('ACCEPT')
  expect(trace({ ...packet, in: 'lo' }, ruleset).fork?.decides).toBe('--ctorigdst 192.0.2.1')
})

test('forwarded packets have no owner, and therefore no excluded one', () => {
  const ruleset = FamilyRuleset.parse(
    [
      '*mangle',
      '-A POSTROUTING -m owner --uid-owner 0',
      '-A POSTROUTING -m owner ! --uid-owner 0',
      '-A POSTROUTING -m owner --socket-exists',
      '-A POSTROUTING -m owner ! --socket-exists',
      '-A POSTROUTING -m owner ! --uid-owner 0 --gid-owner 0',
      'COMMIT\n',
    ].join('\n'),
  )
  const met = (packet: PacketDescription): number[] =>
    trace(packet, ruleset).steps.flatMap((step) => (step.kind === 'rule' && step.matches ? [step.position + 1] : []))
  expect(met({ in: 'eth0', out: 'eth1' })).toEqual([2, 4])
  expect(met({ way: 'output', uid: 5, gid: 0 })).toEqual([2, 3, 5])
})

test('the match ecn reads the data of a later fragment as a TCP header', () => {
  const ruleset = of({ filter: '-A FORWARD -p tcp -m ecn ! --ecn-tcp-ece' })
  const matches = (packet: PacketDescription): unknown[] =>
    trace({ protocol: 'tcp', way: 'forward', ...packet }, ruleset).steps.flatMap((step) =>
      step.kind === 'rule' ? [step.matches] : [],
    )
  expect(matches({ fragment: true })).toEqual([undefined])
  expect(matches({ protocol: 'udp', fragment: true })).toEqual([false])
})
