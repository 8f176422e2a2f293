/** iptables-xml: what it makes of texts, ours against the tool. */
import { spawnSync } from 'node:child_process'
import { runXml } from '../../src/cli/xml'

function ours(input: string, args: readonly string[]) {
  const said = { stdout: '', stderr: '' }
  const status = runXml(args, {
    stdin: () => input,
    stdout: (text) => {
      said.stdout += text
    },
    stderr: (text) => {
      said.stderr += text
    },
  })
  return { status, ...said }
}

function theirs(input: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync('iptables-xml', args, { input, encoding: 'utf8' })
  return { status, stdout, stderr }
}

const table = (...lines: readonly string[]): string =>
  [
    '*filter',
    ':INPUT ACCEPT [5:10]',
    ':FORWARD DROP [0:0]',
    ':one - [0:0]',
    ':two - [3:4]',
    ...lines,
    'COMMIT',
    '',
  ].join('\n')

const TEXTS: Readonly<Record<string, string>> = {
  'an empty text': '',
  'tables and comments':
    '# a\n*nat\n:PREROUTING ACCEPT [0:0]\n# b\nCOMMIT\n\n*filter\n:INPUT DROP [1:2]\nCOMMIT\n# c\n',
  'a table in a table': '*filter\n:INPUT ACCEPT [1:2]\n-A INPUT -j LOG\n*nat\nCOMMIT\n',
  'policies without counters': '*filter\n:INPUT ACCEPT\n:OUTPUT ACCEPT [x:y]\nCOMMIT\n',
  'targets, calls and gotos': table(
    '-A INPUT -j one',
    '-A one -j LOG',
    '-A INPUT -g two',
    '-A two -j foo',
    '-A INPUT',
    '-A INPUT -j DROP',
  ),
  counters: table('[3:4] -A INPUT -s 1.1.1.1/32 -j DROP', '[5:6] -A INPUT'),
  matches: table(
    '-A INPUT ! -s 1.1.1.1/32 -i eth0 -p tcp -m tcp ! --dport 22 --syn -m comment --comment "a <b> & \'q\' \\"x\\"" -j DROP',
    '-A INPUT -p tcp -m mark --mark 1 -m mark ! --mark 2 -j DNAT --to-destination 1.2.3.4 --random',
    '-A INPUT -f -m set --match-set a src,dst ! --update-counters -m tcp -j LOG --log-prefix "hi there" --log-level 4',
    '-A INPUT -m conntrack --ctstate NEW -m limit --limit 3/sec -j REJECT --reject-with tcp-reset',
  ),
  'the same conditions': table(
    ...[
      'LOG',
      'MARK --set-mark 1',
      'ACCEPT',
      'LOG',
      'QUEUE',
      'LOG',
      'RETURN',
      'LOG',
      'DROP',
      'REJECT',
      'LOG',
      'one',
      'LOG',
    ].map((target) => `-A INPUT -s 1.1.1.1/32 -m tcp --dport 1 -j ${target}`),
    '-A INPUT -s 1.1.1.1/32 -m tcp --dport 1 -g two',
    '-A INPUT -s 1.1.1.1/32 -m tcp --dport 1 -j LOG',
    '-A INPUT -s 1.1.1.1/32 -m tcp --dport 1',
    '-A INPUT -s 1.1.1.1/32 -m tcp --dport 1 -j LOG',
    '-A INPUT -s 1.1.1.1/32 -m tcp --dport 2 -j LOG',
    '[1:2] -A INPUT -s 1.1.1.1/32 -m tcp --dport 2 -j LOG',
    '[1:2] -A INPUT -s 1.1.1.1/32 -m tcp --dport 2 -j LOG',
    '-A one -s 1.1.1.1/32 -m tcp --dport 2 -j LOG',
    '-A two -j LOG',
    '-A two -j LOG',
  ),
}

describe.each(Object.entries(TEXTS))('%s', (_, text) => {
  test.each([[[]], [['-c']]])('with %j as the tool makes it', (args) => {
    expect(ours(text, args)).toEqual(theirs(text, args))
  })
})

test.each([
  ['foo\n'],
  [':INPUT ACCEPT [0:0]\n'],
  ['*filter\n:INPUT ACCEPT [0:0]\n-F INPUT\nCOMMIT\n'],
  ['*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\n'],
  ['*filter\n:INPUT\nCOMMIT\n'],
  ['*filter\n:INPUT ACCEPT [0:0]\n[1:2 -A INPUT\nCOMMIT\n'],
])('%j is refused with the status of the tool, and with what was made until there', (text) => {
  const [mine, other] = [ours(text, []), theirs(text, [])]
  expect({ status: mine.status, stdout: mine.stdout }).toEqual({ status: other.status, stdout: other.stdout })
  expect(mine.stderr).toMatch(/^iptables-xml: /)
})

test('a rule of a chain that was not named is refused', () => {
  expect(ours('*filter\n-A INPUT -j DROP\nCOMMIT\n', [])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(':INPUT'),
  })
})

test.each([[['-h']], [['a', 'b']], [['-x']]])('%j', (args) => {
  expect(ours('', args).status).toBe(1)
})

test('-v puts each line into a comment that is one', () => {
  const { stdout } = ours(table('-A INPUT -m tcp --dport 22 -j DROP'), ['-v'])
  expect(stdout).toContain('<!-- line 6 -A INPUT -m tcp - -dport 22 -j DROP -->')
})
