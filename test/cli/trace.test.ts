/** `xtables trace` and `xtables lint`. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, type Said } from './run'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xtables-trace-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const xtables = (line: string): Said =>
  run('xtables', ['--kernel', 'memory', '--state', join(directory, 'state.json'), ...line.split(' ')])

function file(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

const RULES = `*filter
:INPUT DROP [0:0]
-A INPUT -s 10.0.0.0/8 -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m limit --limit 1/sec -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset
COMMIT
`
const PACKET = '-p tcp -s 192.0.2.1 --dport 22 -i eth0 --way input --state new'

test('prints the rules that a packet matches, for a file', () => {
  expect(xtables(`trace ${PACKET} ${file('rules', RULES)}`)).toEqual({
    status: 0,
    stderr: '',
    stdout: `if filter INPUT 2 matches (unknown: --limit 1/sec):
  filter INPUT 2: -p tcp -m tcp --dport 22 -m limit --limit 1/sec -j ACCEPT
  ACCEPT
if not:
  filter INPUT 3: -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset
  REJECT
`,
  })
})

test('--all also prints rules that do not match, with the reason, for the tables of the kernel', () => {
  xtables('iptables -A INPUT -p tcp -s 10.0.0.0/8 --dport 1:1023 -j DROP')
  xtables('iptables -A INPUT -p tcp --dport 22 -j ACCEPT')
  expect(xtables(`trace --all ${PACKET}`).stdout).toBe(
    `filter INPUT 1: -s 10.0.0.0/8 -p tcp -m tcp --dport 1:1023 -j DROP (fails: -s 10.0.0.0/8; the packet has -s 192.0.2.1/32)
filter INPUT 2: -p tcp -m tcp --dport 22 -j ACCEPT
ACCEPT
`,
  )
})

test('a fork that no rule decides reads as a condition', () => {
  const [first = ''] = xtables('trace -p udp').stdout.split('\n')
  expect(first).toBe('if the packet is for this host:')
})

test('as JSON', () => {
  const { verdict, steps } = JSON.parse(xtables(`trace --json ${PACKET} --dport 80 ${file('rules', RULES)}`).stdout)
  expect(verdict).toBe('DROP')
  expect(steps).toEqual([{ kind: 'policy', hook: 'INPUT', table: 'filter', chain: 'INPUT', verdict: 'DROP' }])
})

test.each([
  ['a word that is none of a packet', 'trace --destination-port 22', 2, /--destination-port/],
  ['a port that is no number', 'trace -p tcp --dport ssh', 2, /--dport takes a whole number from 0 to 65535, not ssh/],
  [
    'a port that is too large',
    'trace -p tcp --dport 70000',
    2,
    /--dport takes a whole number from 0 to 65535, not 70000/,
  ],
  ['a TTL that is too large', 'trace --ttl 256', 2, /--ttl takes a whole number from 0 to 255, not 256/],
  ['a port without a protocol', 'trace --dport 22', 1, /destinationPort only if its protocol is tcp/],
  ['two files', 'trace a b', 2, /expected only \[FILE\]/],
  ['half a byte', 'trace --bytes 450', 2, /hexadecimal/],
])('%s', (_, line, status, message) => {
  expect(xtables(line)).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(message) })
})

test('lint prints its findings with their positions', () => {
  const rules = RULES.replace('COMMIT', '-A INPUT -s 10.1.2.3 -j ACCEPT\nCOMMIT')
  expect(xtables(`lint --no-session ${file('rules', rules)}`)).toEqual({
    status: 1,
    stderr: '',
    stdout: `ipv4 filter INPUT 4: rule 1 takes every packet that would meet this one (shadowed)
  -s 10.1.2.3/32 -j ACCEPT
  rule 1: -s 10.0.0.0/8 -j DROP
  for example: {"source":"10.1.2.3/32"}
`,
  })
  expect(xtables(`lint --no-session ${file('rules', RULES)}`)).toEqual({ status: 0, stdout: '', stderr: '' })
})

test('lint checks both families, and the SSH session', () => {
  xtables('iptables -P INPUT DROP')
  const before = process.env['SSH_CONNECTION']
  process.env['SSH_CONNECTION'] = '192.0.2.9 50000 192.0.2.1 22'
  try {
    const kinds = (line: string): string[] => JSON.parse(xtables(line).stdout).map(({ kind }: { kind: string }) => kind)
    expect(kinds('lint --json')).toEqual(['lockout', 'families-differ'])
    expect(kinds('lint --json --no-session')).toEqual(['families-differ'])
    expect(kinds('lint --json -6')).toEqual([])
  } finally {
    if (before === undefined) delete process.env['SSH_CONNECTION']
    else process.env['SSH_CONNECTION'] = before
  }
})
