/** Tests iptables-translate and related tools: commands other than those for rules, and restore texts. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RESTORE_TEXT, RESTORED, translateCommands } from '../support/translate-commands'
import { run } from './run'

const directory = mkdtempSync(join(tmpdir(), 'xtables-translate-'))
afterAll(() => rmSync(directory, { recursive: true }))

const file = (text: string): string => {
  const path = join(directory, 'rules')
  writeFileSync(path, text)
  return path
}

test.each(translateCommands.map((one) => [one.words.join(' '), one] as const))('%j', (_, { words, why, ...wanted }) => {
  expect(run('iptables-translate', words)).toEqual(wanted)
})

test('is also an applet of xtables', () => {
  const { stdout } = run('xtables', ['ip6tables-translate', '-A', 'INPUT', '-p', 'udp', '-j', 'REJECT'])
  expect(stdout).toBe("nft 'add rule ip6 filter INPUT meta l4proto udp counter reject'\n")
})

test('translates a text line by line', () => {
  const { status, stdout, stderr } = run('iptables-restore-translate', ['-f', file(RESTORE_TEXT)])
  const [first, ...lines] = stdout.split('\n')
  expect({ status, stderr, first, last: lines.at(-2) }).toEqual({
    status: 0,
    stderr: '',
    first: expect.stringMatching(
      /^# Translated by iptables-restore-translate v1\.8\.9 on \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/,
    ),
    last: expect.stringMatching(/^# Completed on /),
  })
  expect(lines.slice(0, -2)).toEqual(RESTORED)
})

test.each([
  ['a line outside of a table', 'garbage\n', 1, 'iptables-restore-translate: line 1 failed\n'],
  [
    'a rule that is none',
    '*filter\n-A INPUT -j DROP extra\nCOMMIT\n',
    2,
    /^Bad argument `extra'\nError occurred at line: 2\n/,
  ],
  ['a policy that is missing', '*filter\n:INPUT\n', 1, 'iptables-restore-translate: line 2 failed\n'],
])('%s is an error', (_, text, status, stderr) => {
  const outcome = run('iptables-restore-translate', ['-f', file(text)])
  expect(outcome).toMatchObject({ status, stderr: typeof stderr === 'string' ? stderr : expect.stringMatching(stderr) })
})

test('requires a file', () => {
  expect(run('iptables-restore-translate', [])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^ERROR: missing file name\n/),
  })
})
