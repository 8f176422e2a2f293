/** The dictionary API on Linux, compared with the listing of iptables-legacy and with python-iptables. */
import { spawnSync } from 'node:child_process'
import { type DumpedRule, easy, type NetworkNamespace, type RuleDictionary } from '../../src/index'
import { attempt, listed, newNamespace, run } from './legacy'
import { openDescriptors, openedSince } from './machine'

/** Rules that both libraries can express, and read in the same way. */
const RULES: readonly RuleDictionary[] = [
  { target: 'RETURN' },
  {},
  { protocol: 'tcp', target: 'ACCEPT' },
  { src: '10.0.0.0/8', dst: '!1.2.3.4/32', protocol: '!udp', 'in-interface': 'eth+', 'out-interface': '!lo' },
  { protocol: 'gre', fragment: true, target: { goto: 'foo' } },
  { protocol: 'icmpv6', target: 'foo' },
  { protocol: '4' },
  { protocol: '99' },
  { protocol: 'tcp', tcp: {} },
  { protocol: 'tcp', tcp: { sport: '1:5', dport: ['!', '22'], 'tcp-option': ['!', '5'] } },
  { protocol: 'tcp', tcp: { 'tcp-flags': ['FIN,SYN,RST,PSH,ACK,URG', 'NONE'] } },
  { protocol: 'tcp', tcp: { 'tcp-flags': ['!', 'FIN,SYN,RST,ACK', 'SYN'] } },
  { protocol: 'udp', udp: { dport: '53' } },
  { protocol: 'icmp', icmp: { 'icmp-type': ['!', 'any'] } },
  { state: { state: 'RELATED,ESTABLISHED' }, comment: { comment: 'hello world' } },
  { comment: { comment: 'hello world' }, state: { state: ['!', 'NEW'] } },
  { conntrack: { ctstate: 'NEW,RELATED', ctorigsrc: '1.2.3.4', ctproto: ['!', '6'], ctdir: 'ORIGINAL' } },
  { mark: { mark: '0x1/0xff' } },
  { mark: { mark: ['!', '0x5'] } },
  { mac: { 'mac-source': '00:11:22:33:44:55' } },
  { iprange: { 'src-range': ['!', '1.1.1.1-2.2.2.2'], 'dst-range': '3.3.3.3-3.3.3.3' } },
  { comment: [{ comment: 'a' }, { comment: 'b' }], mark: { mark: '0x1' } },
  { set: [{ 'match-set': ['hosts', 'src'] }, { 'match-set': ['!', 'hosts', 'dst'] }] },
  { set: { 'match-set': ['!', 'hosts', 'src'], 'return-nomatch': '', 'update-counters': '!', 'packets-gt': '5' } },
  { target: { REJECT: { 'reject-with': 'icmp-port-unreachable' } } },
  { protocol: 'tcp', target: { REJECT: { 'reject-with': 'tcp-reset' } } },
  { target: 'LOG' },
  { target: { LOG: { 'log-prefix': 'a b', 'log-level': '3', 'log-tcp-options': '', 'log-uid': '' } } },
  { target: 'ACCEPT', counters: [5, 900719925474099] },
]

const counted: readonly DumpedRule[] = RULES.map((rule) => ({ counters: [0, 0], ...rule }) as DumpedRule)

function prepared(): NetworkNamespace {
  const namespace = newNamespace()
  run(namespace, 'ipset create hosts hash:ip', 'iptables-legacy -N foo', 'iptables-legacy -N X')
  return namespace
}

const at = (namespace: NetworkNamespace): { namespace: NetworkNamespace } => ({ namespace })

function addAll(namespace: NetworkNamespace): void {
  const rules = RULES.map((rule) => ['X', rule] as const)
  easy.batchAddRules('filter', rules, at(namespace))
}

test('iptables lists the added rules, and accepts the dumped ones', () => {
  const [one, other] = [prepared(), prepared()]
  addAll(one)
  const lines = listed(one)
  expect(lines.filter((line) => line.startsWith('-A X'))).toHaveLength(RULES.length)
  run(other, ...lines.filter((line) => line.startsWith('-A X')).map((line) => `iptables-legacy ${line}`))
  expect(listed(other)).toEqual(lines)
  const withoutCounters = (rules: DumpedRule[]): object[] => rules.map((rule) => ({ ...rule, counters: [0, 0] }))
  expect(withoutCounters(easy.dumpChain('filter', 'X', at(one)))).toEqual(
    withoutCounters(easy.dumpChain('filter', 'X', at(other))),
  )
})

test('a dump as JSON creates the same table again', () => {
  const [one, other] = [prepared(), prepared()]
  addAll(one)
  run(one, 'iptables-legacy -A X -m comment --comment a -m mark --mark 1 -m comment --comment b')
  const dump = JSON.parse(JSON.stringify(easy.dumpTable('filter', at(one)))) as ReturnType<typeof easy.dumpTable>
  const rules = Object.entries(dump).flatMap(([chain, list]) => list.map((rule) => [chain, rule] as const))
  easy.batchAddRules('filter', rules, at(other))
  const save = 'iptables-legacy -t filter -vS'
  expect(run(other, save)).toBe(run(one, save))
})

test('edits have the same result as those of iptables', () => {
  const namespace = prepared()
  const options = at(namespace)
  const named = (comment: string): RuleDictionary => ({ comment, target: 'ACCEPT' })
  for (const name of ['a', 'b', 'c']) easy.addRule('filter', 'X', named(name), 0, options)
  easy.addRule('filter', 'X', named('d'), -1, options)
  easy.insertRule('filter', 'X', named('e'), options)
  easy.replaceRule('filter', 'X', named('b'), named('B'), options)
  easy.deleteRule('filter', 'X', named('a'), options)
  easy.setPolicy('filter', 'FORWARD', 'DROP', options)
  easy.deleteChain('filter', 'foo', options)
  expect(listed(namespace)).toEqual([
    '-P INPUT ACCEPT',
    '-P FORWARD DROP',
    '-P OUTPUT ACCEPT',
    '-N X',
    ...['e', 'B', 'd', 'c'].map((name) => `-A X -m comment --comment ${name} -j ACCEPT`),
  ])
  easy.flushAll(options)
  expect(listed(namespace)).toEqual(['-P INPUT ACCEPT', '-P FORWARD DROP', '-P OUTPUT ACCEPT'])
})

test('reading creates no table, and leaves no socket open', () => {
  const namespace = newNamespace()
  const options = at(namespace)
  expect([easy.getTables(options), easy.dumpAll(options)]).toEqual([[], {}])
  easy.addChain('raw', 'X', options)
  expect(easy.getTables(options)).toEqual(['raw'])
  const before = openDescriptors()
  for (let i = 0; i < 20; i++) {
    easy.dumpAll(options)
    easy.addRule('raw', 'X', { mark: i }, 0, options)
    expect(() => easy.addRule('raw', 'X', { target: 'nowhere' }, 0, options)).toThrow()
    expect(easy.hasChain('filter', 'X', { ...options, ipv6: true })).toBe(false)
    easy.batchBegin('raw', options).abandon()
  }
  expect(openedSince(before)).toEqual([])
})

const PYTHON = ['/usr/bin/python3', 'python3'].find(
  (python) => spawnSync(python, ['-c', 'import iptc.easy']).status === 0,
)
const withPython = PYTHON === undefined ? describe.skip : describe

/** Runs lines of Python, with `easy`, and `data` from JSON. @returns what they assign to `result` */
function python(namespace: NetworkNamespace, data: unknown, ...lines: readonly string[]): unknown {
  const script = ['import json, sys, iptc.easy as easy', 'data = json.load(sys.stdin)', 'result = None', ...lines]
  const quoted = [...script, 'print(json.dumps(result))'].join('\n').replaceAll("'", "'\\''")
  const input = JSON.stringify(data).replaceAll("'", "'\\''")
  return JSON.parse(run(namespace, `printf %s '${input}' | ${PYTHON} -c '${quoted}'`))
}

withPython('python-iptables', () => {
  /** python-iptables calls protocol 4 ipip; iptables uses this name for protocol 94. */
  const ours = (rule: DumpedRule): object => (rule.protocol === '4' ? { ...rule, protocol: 'ipip' } : rule)

  test('reads what we write in the same way', () => {
    const namespace = prepared()
    addAll(namespace)
    const dump = easy.dumpChain('filter', 'X', at(namespace))
    expect(dump).toEqual(counted)
    expect(python(namespace, null, 'result = easy.dump_chain("filter", "X")')).toEqual(dump.map(ours))
  })

  test('writes back unchanged what we read', () => {
    const [one, other] = [prepared(), prepared()]
    addAll(one)
    const dump = easy.dumpChain('filter', 'X', at(one))
    python(other, dump, 'for rule in data: easy.add_rule("filter", "X", rule)')
    expect(listed(other)).toEqual(listed(one))
    expect(easy.dumpChain('filter', 'X', at(other))).toEqual(dump)
    expect(dump.filter((rule) => !easy.hasRule('filter', 'X', rule, at(other)))).toEqual([])
  })

  test('reads no rule as a broader one although it loses the order of matches', () => {
    const [one, other] = [prepared(), prepared()]
    run(one, 'iptables-legacy -A X -m comment --comment a -m mark --mark 1 -m comment --comment b')
    python(other, easy.dumpChain('filter', 'X', at(one)), 'for rule in data: easy.add_rule("filter", "X", rule)')
    expect(listed(other)).toContain('-A X -m comment --comment a -m comment --comment b -m mark --mark 0x1')
  })

  test('counts positions in the same way', () => {
    const namespace = prepared()
    const options = at(namespace)
    run(namespace, ...['a', 'b', 'c'].map((name) => `iptables-legacy -A X -c 5 77 -m comment --comment ${name}`))
    const rule: RuleDictionary = { comment: { comment: 'b' } }
    const positions = [1, 3, -1, -3]
    const theirs = python(
      namespace,
      { rule, positions },
      'rule = data["rule"]',
      'counters = easy.get_rule_counters("filter", "X", rule)',
      'found = [easy.get_rule("filter", "X", at) for at in data["positions"]]',
      'result = [easy.get_rule_position("filter", "X", rule), counters, found]',
    )
    expect(theirs).toEqual([
      easy.getRulePosition('filter', 'X', rule, options),
      easy.getRuleCounters('filter', 'X', rule, options),
      positions.map((position) => easy.getRule('filter', 'X', position, options)),
    ])
  })

  test.each([0, 1, 2, 4, -1, -2, -3])('adds at position %d in the same place', (position) => {
    const [one, other] = [prepared(), prepared()]
    for (const namespace of [one, other])
      run(namespace, ...['a', 'b', 'c'].map((name) => `iptables-legacy -A X -m comment --comment ${name}`))
    const rule: RuleDictionary = { mark: { mark: '0x1' } }
    easy.addRule('filter', 'X', rule, position, at(one))
    python(other, rule, `easy.add_rule("filter", "X", data, ${position})`)
    expect(listed(one)).toEqual(listed(other))
  })
})

test('python-iptables is installed', () => expect(attempt(newNamespace(), 'iptables-legacy -V').status).toBe(0))
