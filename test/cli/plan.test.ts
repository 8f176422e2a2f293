/** Tests `xtables plan` and `xtables apply` for owned chains. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryKernel, Plan, reconcile } from '../../src/index'
import { run, type Said } from './run'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xtables-plan-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const xtables = (line: string, input?: string): Said =>
  run('xtables', ['--kernel', 'memory', '--state', join(directory, 'state.json'), ...line.split(' ')], input)

const TEXT = '*filter\n:web-in - [0:0]\n-A INPUT -j web-in\n-A web-in -p tcp -m tcp --dport 443 -j ACCEPT\nCOMMIT\n'
const JSON_TEXT = JSON.stringify({
  filter: { INPUT: ['-j web-in'], 'web-in': [{ protocol: 'tcp', tcp: { dport: '443' }, target: 'ACCEPT' }] },
})
const DIFFERENCE = `*filter
 :INPUT
+  1: -j web-in
+:web-in
+  1: -p tcp -m tcp --dport 443 -j ACCEPT
`

test.each([
  ['text', TEXT],
  ['JSON', JSON_TEXT],
])('%s is planned and applied; then there is nothing to do', (_, desired) => {
  xtables('iptables -A INPUT -i lo -j ACCEPT')
  const file = join(directory, 'desired')
  writeFileSync(file, desired)
  expect(xtables(`plan --prefix web- ${file}`)).toEqual({ status: 0, stdout: DIFFERENCE, stderr: '' })
  expect(xtables('iptables -S INPUT').stdout).toBe('-P INPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n')
  expect(xtables('apply --prefix web-', desired)).toEqual({ status: 0, stdout: DIFFERENCE, stderr: '' })
  expect(xtables('iptables -S').stdout).toBe(
    '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-N web-in\n-A INPUT -j web-in\n-A INPUT -i lo -j ACCEPT\n' +
      '-A web-in -p tcp -m tcp --dport 443 -j ACCEPT\n',
  )
  expect(xtables('plan --prefix web-', desired).stdout).toBe('nothing to do\n')
})

test('the backend is the one that has rules, as for iptables', () => {
  xtables('--backend nft iptables -A INPUT -i lo -j ACCEPT')
  expect(xtables('plan --prefix web-', TEXT).stdout).toContain('+  1: -j web-in')
  xtables('apply --prefix web-', TEXT)
  expect(xtables('--backend nft iptables -S INPUT').stdout).toContain('-A INPUT -j web-in\n-A INPUT -i lo -j ACCEPT\n')
  const { stdout } = xtables('dump --json filter')
  expect(JSON.parse(stdout)).toMatchObject({ INPUT: [{ target: 'web-in' }, { 'in-interface': 'lo' }] })
  xtables('apply --json', JSON.stringify({ filter: { INPUT: [{ target: 'DROP' }] } }))
  expect(xtables('--backend nft iptables -S INPUT').stdout).toBe('-P INPUT ACCEPT\n-A INPUT -j DROP\n')
  expect(xtables('--backend legacy iptables -S').stdout).not.toContain('-A ')
})

test('--json prints the plan of the library', () => {
  const { stdout } = xtables('plan --prefix web- --jumps INPUT=last --json', TEXT)
  const kernel = new MemoryKernel()
  const plan = reconcile(TEXT, { owns: { prefix: 'web-' }, kernel })
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(plan)))
  Plan.fromJSON(JSON.parse(stdout), { kernel }).apply()
  expect(reconcile(TEXT, { owns: { prefix: 'web-' }, kernel }).isEmpty).toBe(true)
})

test('jumps have the requested place, and chains are named one by one', () => {
  xtables('iptables -A INPUT -i lo -j ACCEPT')
  xtables('apply --chain web-in --jumps INPUT=last', TEXT)
  expect(xtables('iptables -S INPUT').stdout).toBe('-P INPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j web-in\n')
  xtables('apply --tables', '*filter\n:INPUT DROP [0:0]\nCOMMIT\n')
  expect(xtables('iptables -S').stdout).toBe('-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n')
})

test.each([
  ['before', ['-A INPUT -j web-in', '-A INPUT -s 10.0.0.1/32 -i lo -j ACCEPT', '-A INPUT -j DROP']],
  ['after', ['-A INPUT -s 10.0.0.1/32 -i lo -j ACCEPT', '-A INPUT -j web-in', '-A INPUT -j DROP']],
])('jumps have their place %s a rule', (side, rules) => {
  xtables('iptables -A INPUT -i lo -s 10.0.0.1 -j ACCEPT')
  xtables('iptables -A INPUT -j DROP')
  const words = ['--kernel', 'memory', '--state', join(directory, 'state.json'), 'apply', '--prefix', 'web-', '--jumps']
  expect(run('xtables', [...words, `INPUT=${side}:-s 10.0.0.1 -i lo -j ACCEPT`], TEXT).stderr).toBe('')
  expect(xtables('iptables -S INPUT').stdout.trim().split('\n').slice(1)).toEqual(rules)
})

test.each([
  ['plan', 'say which chains are yours, with exactly one of --tables, --chain NAME'],
  ['apply', 'say which chains are yours, with exactly one of --tables, --chain NAME'],
  ['plan --prefix=', '--prefix must not be empty; to own all chains, use --tables'],
  ['plan --tables --prefix x', 'say which chains are yours, with exactly one of --tables, --chain NAME'],
  ['plan --tables --jumps INPUT=middle', 'CHAIN=before:RULE or CHAIN=after:RULE, not INPUT=middle'],
  ['plan --tables --jumps INPUT=before:', 'CHAIN=before:RULE or CHAIN=after:RULE, not INPUT=before:'],
  ['plan --tables --jumps =first', 'CHAIN=before:RULE or CHAIN=after:RULE, not =first'],
  ['plan --tables --jumps INPUT=first --jumps INPUT=last', '--jumps gives two places for the jumps of chain INPUT'],
  ['plan --prefix web- --jumps INPUT=after:--nonsense', '--nonsense'],
  ['plan --tables a b', 'unexpected operand "b"; expected only [FILE]'],
  ['plan --tables /nonexistent', '/nonexistent'],
  ['plan --prefix web-', 'it can only get jumps to chains that are yours', '*filter\n-A INPUT -j DROP\nCOMMIT\n'],
  ['plan --tables', 'is not valid JSON', '{'],
  ['plan --tables', 'filter', '{"filter": {}, "filter": {}}'],
  ['plan --tables', 'the desired state has no table', ''],
])('xtables %s: %s', (line, message, input = TEXT) => {
  const said = xtables(line, input)
  // Errors in the command line itself have another status than errors in what it refers to.
  const isUsage = /^(say which chains|--prefix must|CHAIN=before|--jumps gives|unexpected operand)/.test(message)
  expect([said.status, said.stdout]).toEqual([isUsage ? 2 : 1, ''])
  expect(said.stderr).toContain(message)
})

test('IPv6', () => {
  xtables('apply -6 --tables', '*filter\n-A INPUT -s 2001:db8::/32 -j DROP\nCOMMIT\n')
  expect(xtables('ip6tables -S INPUT').stdout).toContain('-A INPUT -s 2001:db8::/32 -j DROP')
})
