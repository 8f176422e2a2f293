/** Compares our iptables-xml with the tool. */
import { xmlDeviations } from '../cli/deviations'
import { ourXml } from '../support/applets'
import { type Outcome, run } from '../support/run-program'

const ours = (input: string, args: readonly string[]): Outcome => ourXml(args, input)
const theirs = (input: string, args: readonly string[]): Outcome => run('iptables-xml', args, input)

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
    '# a-b -- c --- <&> *-\n# d\n*nat\n:PREROUTING ACCEPT [0:0]\n# b\nCOMMIT\n\n*filter\n:INPUT DROP [1:2]\nCOMMIT\n# c\n',
  'names behind blanks': '* filter\n: INPUT DROP [1:2]\nCOMMIT\n',
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
  test.each([[[]], [['-c']], [['-v']]])('gives the same output as the tool with %j', (args) => {
    expect(ours(text, args)).toEqual(theirs(text, args))
  })
})

test.each([
  ['*\nCOMMIT\n'],
  ['*filter\n:\nCOMMIT\n'],
  ['*filter\n:INPUT ACCEPT [0:0]\n--append INPUT -j DROP\nCOMMIT\n'],
  ['foo\n'],
  [':INPUT ACCEPT [0:0]\n'],
  ['*filter\n:INPUT ACCEPT [0:0]\n-F INPUT\nCOMMIT\n'],
  ['*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\n'],
  ['*filter\n:INPUT\nCOMMIT\n'],
  ['*filter\n:INPUT ACCEPT [0:0]\n[1:2 -A INPUT\nCOMMIT\n'],
])('%j is refused as by the tool, after the same output', (text) => {
  const mine = ours(text, [])
  expect(mine).toEqual(theirs(text, []))
  expect(mine.status).not.toBe(0)
})

test.each(xmlDeviations.map((one) => [one.text, one] as const))('%j still deviates', (text, { what, lines }) => {
  expect(text).toMatch(lines)
  const [mine, other] = [ours(text, ['-c']), theirs(text, ['-c'])]
  expect(other.status).toBe(0)
  expect(mine.status === 0).toBe(what === 'text')
  expect(mine.stdout).not.toBe(other.stdout)
})

test('refused input leaves the output up to the error', () => {
  const { status, stdout, stderr } = ours(table('-A INPUT -j LOG', '-A INPUT -j DR\0OP'), [])
  expect(status).toBe(2)
  expect(stdout).toContain('<LOG  />')
  expect(stderr).toContain('Error occurred at line: 7\n')
  expect(stdout + stderr).not.toContain('\0')
})

test('an unknown option is refused, although the tool only complains', () => {
  expect(theirs('', ['-V']).status).toBe(0)
  for (const option of ['-V', '--bogus', '--combine=1'])
    expect(ours('', [option])).toMatchObject({ status: 1, stdout: '' })
})

test.each([[['-h']], [['a', 'b']], [['-']]])('%j', (args) => {
  const [mine, other] = [ours('', args), theirs('', args)]
  expect([mine.status, mine.stdout, mine.stderr.trim()]).toEqual([other.status, other.stdout, other.stderr.trim()])
})
