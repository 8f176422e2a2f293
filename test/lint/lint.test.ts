/** The findings of lint, and that there are no false ones. */
import fc from 'fast-check'
import { FamilyRuleset, type Finding, lint, type PacketDescription, type Trace, trace } from '../../src/index'

const filter = (rules: string, ipv6 = false): FamilyRuleset =>
  FamilyRuleset.parse(`*filter\n${rules.trim()}\nCOMMIT\n`, { ipv6 })

const short = ({ kind, chain, at, by }: Finding): string =>
  [kind, chain, ...(at ? [at.position + 1] : []), ...(by ? [`by ${by.position + 1}`] : [])].join(' ')

const found = (rules: string): string[] => lint(filter(rules)).map(short)

test.each<[string, string, string[]]>([
  [
    'a narrower network',
    '-A INPUT -s 10.0.0.0/8 -j DROP\n-A INPUT -s 10.1.2.3 -p tcp -j ACCEPT',
    ['shadowed INPUT 2 by 1'],
  ],
  [
    'a port of a range',
    '-A INPUT -p tcp --dport 1:1023 -j DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT',
    ['shadowed INPUT 2 by 1'],
  ],
  [
    'a range in a range',
    '-A INPUT -p tcp --dport 1:1023 -j DROP\n-A INPUT -p tcp --dport 20:25 -j ACCEPT',
    ['shadowed INPUT 2 by 1'],
  ],
  [
    'a range with an end outside',
    '-A INPUT -p tcp --dport 1:1023 -j DROP\n-A INPUT -p tcp --dport 1000:1025 -j ACCEPT',
    [],
  ],
  ['all but another one', '-A INPUT ! -s 10.0.0.1 -j DROP\n-A INPUT -s 10.0.0.2 -j ACCEPT', ['shadowed INPUT 2 by 1']],
  ['an interface by its beginning', '-A INPUT -i eth+ -j DROP\n-A INPUT -i eth0 -j ACCEPT', ['shadowed INPUT 2 by 1']],
  ['another interface', '-A INPUT -i eth0 -j DROP\n-A INPUT -i eth1 -j ACCEPT', []],
  [
    'some bits of a mark',
    '-A INPUT -m mark --mark 1/1 -j DROP\n-A INPUT -m mark --mark 3/3 -j ACCEPT',
    ['shadowed INPUT 2 by 1'],
  ],
  ['other bits of a mark', '-A INPUT -m mark --mark 3/3 -j DROP\n-A INPUT -m mark --mark 1/1 -j ACCEPT', []],
  ['flags', '-A INPUT -p tcp --tcp-flags SYN SYN -j DROP\n-A INPUT -p tcp --syn -j ACCEPT', ['shadowed INPUT 2 by 1']],
  [
    'some of the states',
    '-A INPUT -m conntrack --ctstate NEW,RELATED -j DROP\n-A INPUT -m conntrack --ctstate NEW -j ACCEPT',
    ['shadowed INPUT 2 by 1'],
  ],
  ['whatever is left', '-A INPUT -j DROP\n-A INPUT -p udp -j ACCEPT', ['shadowed INPUT 2 by 1']],
  [
    'two that take it, of which the first does',
    '-A INPUT -p tcp -j DROP\n-A INPUT -s 10.0.0.0/8 -j DROP\n-A INPUT -s 10.0.0.1 -p tcp -j ACCEPT',
    ['shadowed INPUT 3 by 1'],
  ],
  ['what is limited takes not all', '-A INPUT -m limit --limit 1/s -j ACCEPT\n-A INPUT -p tcp -j DROP', []],
  ['what only logs takes nothing', '-A INPUT -j LOG\n-A INPUT -p tcp -j DROP', []],
  [
    'a chain from which nothing comes back',
    ':a -\n-A INPUT -p tcp -j a\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A a -s 10.0.0.1 -j ACCEPT\n-A a -j DROP',
    ['shadowed INPUT 2 by 1'],
  ],
  [
    'a chain from which something may come back',
    ':a -\n-A INPUT -p tcp -j a\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A a -s 10.0.0.1 -j RETURN\n-A a -j DROP',
    [],
  ],
  [
    'a chain that is left for good, by whose end packets come back',
    ':a -\n:b -\n-A INPUT -j a\n-A INPUT -p tcp -j DROP\n-A a -s 10.0.0.1 -g b\n-A a -j DROP\n-A b -s 10.0.0.2 -j DROP',
    [],
  ],
  [
    'what is gone to for good',
    ':a -\n-A INPUT -p tcp -g a\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A a -s 10.0.0.1 -j ACCEPT',
    ['shadowed INPUT 2 by 1'],
  ],
  [
    'ports that exclude each other',
    '-A INPUT -p tcp -m tcp --dport 22 -m tcp --dport 80 -j ACCEPT',
    ['never-matches INPUT 1'],
  ],
  [
    'a state and its opposite',
    '-A INPUT -m conntrack --ctstate NEW -m conntrack ! --ctstate NEW -j DROP',
    ['never-matches INPUT 1'],
  ],
  ['an interface that packets do not have there', ':a -\n-A OUTPUT -j a\n-A a -i eth0 -j DROP', ['never-matches a 1']],
  ['the same where it is reached from elsewhere, too', ':a -\n-A OUTPUT -j a\n-A INPUT -j a\n-A a -i eth0 -j DROP', []],
  [
    'the same rule twice',
    '-A INPUT -p tcp -j LOG\n-A INPUT -p udp -j DROP\n-A INPUT -p tcp -j LOG',
    ['duplicate INPUT 3 by 1'],
  ],
  [
    'the same limit twice, each of which counts',
    '-A INPUT -m limit --limit 1/s -j LOG\n-A INPUT -m limit --limit 1/s -j LOG',
    [],
  ],
  [
    'a header, which later fragments do not have',
    '-A FORWARD -p udp -m udp -j DROP\n-A FORWARD -p udp -f -j ACCEPT\n-A FORWARD -p udp -j ACCEPT',
    [],
  ],
  [
    'any port, and one of them',
    '-A FORWARD -p udp -m udp -j DROP\n-A FORWARD -p udp --dport 53 -j ACCEPT',
    ['shadowed FORWARD 2 by 1'],
  ],
  [
    'where a new connection was to go, and where it goes by now',
    '-A FORWARD -d 10.0.0.5 -m conntrack --ctstate NEW -m conntrack --ctorigdst 203.0.113.1 -j ACCEPT',
    [],
  ],
  [
    'a connection that is new and yet confirmed, as its first packet was not answered',
    '-A INPUT -m conntrack --ctstate NEW -m conntrack --ctstatus CONFIRMED -j DROP',
    [],
  ],
  [
    'a new connection with an answer',
    '-A INPUT -m conntrack --ctstate NEW -m conntrack --ctstatus SEEN_REPLY -j DROP',
    ['never-matches INPUT 1'],
  ],
  [
    'a jump twice, to a limit that counts again',
    ':a -\n-A INPUT -j a\n-A INPUT -j a\n-A a -m limit --limit 1/s -j ACCEPT',
    [],
  ],
  [
    'a jump twice, to what says the same again',
    ':a -\n-A INPUT -j a\n-A INPUT -j a\n-A a -s 10.0.0.1 -j DROP',
    ['duplicate INPUT 2 by 1'],
  ],
  ['chains that nobody uses', ':a -\n:b -\n-A a -j b', ['unused-chain a', 'unused-chain b']],
  ['a jump to a chain without rules', ':a -\n-A INPUT -p tcp -j a', ['empty-jump INPUT 1']],
  [
    'going for good to a chain without rules, which ends this one',
    ':a -\n:b -\n-A INPUT -j b\n-A b -p tcp -g a\n-A b -j DROP',
    [],
  ],
])('%s', (_, rules, expected) => {
  expect(found(rules)).toEqual(expected)
})

test('a change by a rule in between is taken into account', () => {
  const rules = `-A PREROUTING -m mark --mark 1 -j ACCEPT\n-A PREROUTING -p tcp -j MARK --set-mark 1\n-A PREROUTING -m mark --mark 1 -p tcp -j DROP`
  const mangle = (text: string) => lint(FamilyRuleset.parse(`*mangle\n${text}\nCOMMIT\n`)).map(short)
  expect(mangle(rules)).toEqual([])
  expect(mangle(rules.replace('-j MARK --set-mark 1', '-j LOG'))).toEqual(['shadowed PREROUTING 3 by 1'])
})

test.each<[string, string[]]>([
  ['-A PREROUTING -j MARK --set-mark 1\n-A PREROUTING -j MARK --set-mark 1', ['duplicate PREROUTING 2 by 1']],
  [
    '-A PREROUTING -p tcp -j MARK --or-mark 1\n-A PREROUTING -p tcp -j MARK --or-mark 1',
    ['duplicate PREROUTING 2 by 1'],
  ],
  ['-A PREROUTING -j MARK --xor-mark 1\n-A PREROUTING -j MARK --xor-mark 1', []],
  ['-A PREROUTING -j TTL --ttl-dec 1\n-A PREROUTING -j TTL --ttl-dec 1', []],
  [':a -\n-A PREROUTING -j a\n-A PREROUTING -j a\n-A a -p tcp -j TTL --ttl-inc 1', []],
  [
    '-A PREROUTING -m mark --mark 1 -j LOG\n-A PREROUTING -j MARK --set-mark 1\n-A PREROUTING -m mark --mark 1 -j LOG',
    [],
  ],
  // The rules do not match on what is changed between them.
  [
    '-A PREROUTING -i eth0 -j ACCEPT\n-A PREROUTING -j MARK --set-mark 1\n-A PREROUTING -i eth0 -p tcp -j DROP',
    ['shadowed PREROUTING 3 by 1'],
  ],
])('%s', (rules, expected) => {
  expect(lint(FamilyRuleset.parse(`*mangle\n${rules}\nCOMMIT\n`)).map(short)).toEqual(expected)
})

test('a finding contains its position, the rule in the way, and a packet', () => {
  const [finding] = lint(
    filter('-A INPUT -s 10.0.0.0/8 -j DROP\n-A INPUT -i eth0 -s 10.1.2.3 -p tcp --dport 22 -j ACCEPT'),
  )
  expect(finding).toEqual({
    kind: 'shadowed',
    family: 'ipv4',
    table: 'filter',
    chain: 'INPUT',
    at: { position: 1, rule: '-s 10.1.2.3/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT' },
    by: { position: 0, rule: '-s 10.0.0.0/8 -j DROP' },
    packet: { protocol: 6, source: '10.1.2.3/32', destinationPort: 22, in: 'eth0' },
    message: 'rule 1 takes every packet that would meet this one',
  })
})

const SESSION = { source: '192.0.2.9', sourcePort: 50000, destination: '192.0.2.1', destinationPort: 22 }

test.each<[string, string, string[]]>([
  ['a policy', ':INPUT DROP', ['lockout INPUT']],
  ['answers that are dropped', '-A OUTPUT -p tcp --sport 22 -j DROP', ['lockout OUTPUT 1']],
  ['what is rejected', '-A INPUT -p tcp -j REJECT', ['lockout INPUT 1']],
  ['another address', ':INPUT DROP\n-A INPUT -s 192.0.2.9 -j ACCEPT', []],
  ['what is established', ':INPUT DROP\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT', []],
  ['an interface that may be the one', ':INPUT DROP\n-A INPUT -i eth0 -j ACCEPT', []],
])('whether %s locks the session out', (_, rules, expected) => {
  expect(lint(filter(rules), { session: SESSION }).map(short)).toEqual(expected)
})

test('differences between the families are found', () => {
  const four = filter(
    ':INPUT DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp --dport 80 -j ACCEPT\n-A INPUT -s 10.0.0.1 -j ACCEPT',
  )
  const six = filter(':INPUT DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -p tcp --dport 443 -j ACCEPT', true)
  expect(lint(four, { other: six }).map(({ family, ...one }) => `${family} ${short(one as Finding)}`)).toEqual([
    'ipv4 families-differ INPUT 2',
    'ipv6 families-differ INPUT 2',
  ])
  expect(lint(four, { other: filter(':INPUT ACCEPT', true) })[0]).toMatchObject({
    kind: 'families-differ',
    message: 'the policy is DROP in ipv4 and ACCEPT in ipv6',
  })
})

// Nothing is found that is not so

const one = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const maybe = (words: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant('') }, words)
const sign = one('', '', '', '! ')
const said = (name: string, values: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(sign, values).map(([not, value]) => `${not}${name} ${value}`)

const networks = one('10.0.0.1', '10.0.0.0/24', '10.0.0.128/25', '10.0.0.0/8')
const ports = one('22', '80', '20:25', '1:1023', '1024:65535')
const transportWords = fc
  .tuple(
    maybe(said('--dport', ports)),
    maybe(said('--sport', ports)),
    maybe(said('--tcp-flags', one('SYN SYN', 'SYN,ACK SYN', 'ALL NONE'))),
  )
  .map((words) => `-p tcp ${words.join(' ')}`)
const rules = fc
  .tuple(
    maybe(said('-s', networks)),
    maybe(said('-d', networks)),
    maybe(said('-i', one('eth0', 'eth+', 'eth1'))),
    fc.oneof(fc.constant(''), transportWords, said('-p', one('udp', 'tcp'))),
    maybe(one('-m mark --mark 1', '-m mark --mark 2/2')),
    maybe(said('-m mark --mark', one('1', '1/1', '3/3', '2/2')).map((text) => text.replace(/^! -m mark/, '-m mark !'))),
    maybe(
      said('-m conntrack --ctstate', one('NEW', 'ESTABLISHED', 'NEW,RELATED', 'INVALID')).map((text) =>
        text.replace(/^! -m conntrack/, '-m conntrack !'),
      ),
    ),
    one('-j ACCEPT', '-j DROP', '-j DROP', '-j a', '-g a', '-j RETURN', '', '-j MARK --set-xmark 1/1'),
  )
  .map((words) => words.filter(Boolean).join(' '))

const tables = fc
  .tuple(fc.array(rules, { minLength: 4, maxLength: 12 }), fc.array(rules, { maxLength: 4 }))
  .map(([main, user]) =>
    [
      ':INPUT ACCEPT',
      ':a -',
      ...main.map((rule) => `-A INPUT ${rule}`),
      ...user.filter((rule) => !/-[jg] a/.test(rule)).map((rule) => `-A a ${rule}`),
    ].join('\n'),
  )

const packets: fc.Arbitrary<PacketDescription> = fc
  .oneof(
    fc.record({
      protocol: fc.constant('tcp'),
      sourcePort: one(21, 22, 80, 1023, 1024, 5000),
      destinationPort: one(21, 22, 80, 1023, 1024, 5000),
      tcpFlags: one('SYN', 'SYN,ACK', 'ACK', 'NONE'),
    }),
    fc.record({ protocol: one('udp') }),
  )
  .chain((transport) =>
    fc
      .record({
        source: one('10.0.0.1', '10.0.0.2', '10.0.0.200', '10.9.0.1', '192.0.2.1'),
        destination: one('10.0.0.1', '10.0.0.200', '192.0.2.1'),
        in: one('eth0', 'eth1', 'lo'),
        mark: one(0, 1, 2, 3),
        state: one('NEW', 'ESTABLISHED', 'RELATED', 'INVALID'),
      })
      .map((rest) => ({ ...transport, ...rest, way: 'input', packetType: 'unicast' }) as PacketDescription),
  )

/** Positions of the rules that the packet matches or may match. */
const met = ({ steps, fork }: Trace): string[] => [
  ...steps.flatMap((step) =>
    step.kind === 'rule' && step.matches !== false ? [`${step.chain} ${step.position}`] : [],
  ),
  ...(fork === undefined ? [] : [...met(fork.yes), ...met(fork.no)]),
]

/** The example with all properties that it leaves open. */
const whole = ({
  source = '192.0.2.7',
  destination = '192.0.2.8',
  protocol = 17,
  ...rest
}: PacketDescription): PacketDescription => ({
  ...{
    source: source.split('/')[0],
    destination: destination.split('/')[0],
    protocol,
    mark: 0,
    state: 'NEW',
    in: 'lo',
  },
  ...(protocol === 6 && { sourcePort: 9, destinationPort: 9, tcpFlags: 'FIN' }),
  ...rest,
  way: 'input',
})

test('no packet matches a rule that is reported as unreachable', () => {
  const kinds = new Map<string, number>()
  fc.assert(
    fc.property(tables, fc.array(packets, { minLength: 10, maxLength: 10 }), (text, some) => {
      const ruleset = FamilyRuleset.parse(`*mangle\n${text}\nCOMMIT\n`)
      const findings = lint(ruleset)
      for (const { kind } of findings) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      const dead = findings
        .filter(({ kind }) => kind === 'shadowed' || kind === 'never-matches')
        .map(({ chain, at }) => `${chain} ${at?.position}`)
      const examples = findings.flatMap(({ packet }) => (packet === undefined ? [] : [whole(packet)]))
      for (const packet of [...some, ...examples])
        expect(met(trace(packet, ruleset)).filter((place) => dead.includes(place))).toEqual([])
    }),
    { numRuns: 300 },
  )
  expect(kinds.get('shadowed')).toBeGreaterThan(100)
  expect(kinds.get('never-matches')).toBeGreaterThan(20)
})
