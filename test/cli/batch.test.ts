import { spawn } from 'node:child_process'
import { decodeText } from '../../src/binary/text'
import { readLines } from '../../src/cli/read-files'
import { shellWords } from '../../src/cli/shell-words'
import { run, type Said } from './run'

const batch = (text: string, words: readonly string[] = ['--kernel', 'memory']): Said =>
  run('xtables', [...words, 'batch'], text)

describe('batch', () => {
  test('prints the exit status of each line after its output', () => {
    const { status, stdout, stderr } = batch(
      ['iptables -A INPUT -j ACCEPT', '', '# a comment', 'ip6tables -S INPUT', 'iptables -D INPUT 1'].join('\n'),
    )
    expect(stdout).toBe('0\n-P INPUT ACCEPT\n0\n1\n')
    expect(stderr).toContain('Index of deletion too big')
    expect(status).toBe(1)
  })

  test('exits with 0 if every line did', () => {
    expect(batch('iptables -S OUTPUT\nxml')).toMatchObject({ status: 1 })
    expect(batch('iptables -S OUTPUT')).toEqual({ status: 0, stdout: '-P OUTPUT ACCEPT\n0\n', stderr: '' })
  })

  test('continues after a line that cannot be parsed', () => {
    const { stdout, stderr } = batch('iptables -A $CHAIN\niptables -S OUTPUT')
    expect(stdout).toBe('1\n-P OUTPUT ACCEPT\n0\n')
    expect(stderr).toMatch(/^xtables: cannot read "iptables -A \$CHAIN": a shell would not take the \$ at 13 for text/)
  })

  test.each(['iptables-restore', 'xtables', 'batch', 'apply --json'])('does not give standard input to %s', (line) => {
    expect(batch(line)).toMatchObject({ status: 1, stdout: expect.stringMatching(/^[12]\n$/) })
  })

  test('accepts no arguments', () => {
    expect(run('xtables', ['batch', 'file']).status).toBe(2)
  })
})

test.each([
  ['a  b\tc', ['a', 'b', 'c']],
  [' a ', ['a']],
  ['', []],
  ['# a', []],
  ['a # b', ['a']],
  ['a#b', ['a#b']],
  ["'a b' ! c", ['a b', '!', 'c']],
  ['"a \\"b\\" \\n" c', ['a "b" \\n', 'c']],
  ['\'a\'"b"c\\ d', ['abc d']],
  ["''", ['']],
  ['10.0.0.1/8,~ü', ['10.0.0.1/8,~ü']],
])('%j is split into %j', (line, words) => {
  expect(shellWords(line)).toEqual(words)
})

test.each(['a $b', 'a `b`', 'a; b', 'a | b', 'a & b', 'a > b', 'a *', 'a "$b"', "a 'b", 'a "b', 'a \\', '(a)', 'eth?'])(
  '%j is refused',
  (line) => {
    expect(() => shellWords(line)).toThrow(/cannot read/)
  },
)

test('lines are available before the end of the file', async () => {
  const child = spawn('sh', ['-c', 'printf "one\\ntwo"; read _; printf " more\\n\\nlast"'], {
    stdio: ['pipe', 'pipe', 0],
  })
  const fd = (child.stdout as unknown as { _handle: { fd: number } })._handle.fd
  const lines = readLines(fd)
  expect(decodeText(lines.next().value as Uint8Array)).toBe('one')
  child.stdin?.end('\n')
  expect(Array.from(lines, decodeText)).toEqual(['two more', '', 'last'])
})
