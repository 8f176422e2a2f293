import { lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, type Said } from './run'

const directory = mkdtempSync(join(tmpdir(), 'xtables-cli-'))
afterAll(() => rmSync(directory, { recursive: true }))
let files = 0
const newFile = (): string => join(directory, `state-${files++}.json`)

const memory = (file: string): string[] => ['--kernel', 'memory', '--state', file]
const ok = (stdout = ''): Said => ({ status: 0, stdout, stderr: '' })
const EMPTY = '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n'

test('rules that the kernel truncates are written back on request', () => {
  const place = memory(newFile())
  const add = (...words: string[]): Said => run('iptables', [...place, ...words, '-t', 'raw', '-A', 'PREROUTING'])
  expect(run('iptables', [...place, ...'-t raw -A OUTPUT -p tcp -j CT --timeout abcdef'.split(' ')])).toEqual(ok())
  expect(add()).toMatchObject({ status: 1, stderr: expect.stringContaining("with the name 'CT --timeout'") })
  expect(add('--rewrite', 'CT --timeout')).toEqual(ok())
  expect(add('--find-refused', '--rewrite=CT --timeout')).toEqual(ok())
  expect(add('--rewrite', 'CT --helper')).toMatchObject({ status: 2, stderr: expect.stringContaining('rewrite') })
  expect(add('--find-refused=yes')).toMatchObject({ status: 2, stderr: 'xtables: --find-refused takes no value\n' })
})

describe('a state file', () => {
  test('keeps the changes of commands', () => {
    const place = memory(newFile())
    expect(run('iptables', [...place, '-A', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT'])).toEqual(ok())
    expect(run('iptables', [...place, '-S'])).toEqual(ok(`${EMPTY}-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n`))
    expect(run('ip6tables', [...place, '-S'])).toEqual(ok(EMPTY))
    expect(run('xtables', [...place, 'iptables', '-D', 'INPUT', '1'])).toEqual(ok())
    expect(run('xtables', ['iptables', ...place, '-S'])).toEqual(ok(EMPTY))
  })

  test('keeps counters', () => {
    const place = memory(newFile())
    run('iptables', [...place, '-A', 'INPUT', '-c', '5', '6'])
    expect(run('iptables', [...place, '-v', '-S', 'INPUT']).stdout).toBe('-P INPUT ACCEPT -c 0 0\n-A INPUT -c 5 6\n')
  })

  test('is unchanged after a failed command, and after one that only reads', () => {
    const file = newFile()
    run('iptables', [...memory(file), '-N', 'x'])
    const before = readFileSync(file, 'utf8')
    expect(run('iptables', [...memory(file), '-N', 'x'])).toMatchObject({
      status: 1,
      stderr: 'iptables: Chain already exists.\n',
    })
    expect(run('iptables', [...memory(file), '-S']).status).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe(before)
  })

  test('may be empty or a symbolic link, and keeps its mode', () => {
    const file = newFile()
    const link = newFile()
    writeFileSync(file, '', { mode: 0o600 })
    symlinkSync(file, link)
    expect(run('iptables', [...memory(link), '-N', 'x'])).toEqual(ok())
    expect(run('iptables', [...memory(file), '-S']).stdout).toContain('-N x\n')
    expect(lstatSync(link).isSymbolicLink()).toBe(true)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  test('that cannot be opened is reported before anything is done', () => {
    expect(run('iptables', [...memory(join(directory, 'no', 'file')), '-S'])).toMatchObject({ status: 1, stdout: '' })
    expect(run('iptables', [...memory(''), '-S'])).toMatchObject({ status: 1, stdout: '' })
  })

  test('with other contents is refused', () => {
    const file = newFile()
    writeFileSync(file, 'nonsense')
    expect(run('iptables', [...memory(file), '-S'])).toMatchObject({ status: 1, stdout: '' })
    writeFileSync(file, '{}')
    expect(run('iptables', [...memory(file), '-S'])).toMatchObject({ status: 1, stdout: '' })
    expect(readFileSync(file, 'utf8')).toBe('{}')
  })

  test('is saved and restored', () => {
    const place = memory(newFile())
    const text = '*filter\n:INPUT DROP [0:0]\n:x - [0:0]\n-A INPUT -j x\nCOMMIT\n'
    expect(run('iptables-restore', place, text)).toEqual(ok())
    expect(run('iptables', [...place, '-S']).stdout).toBe(
      `${EMPTY.replace('INPUT ACCEPT', 'INPUT DROP')}-N x\n-A INPUT -j x\n`,
    )
    expect(run('iptables-save', place).stdout).toContain('-A INPUT -j x\nCOMMIT\n')
  })
})

describe('our own subcommands', () => {
  test('capture, show', () => {
    const place = memory(newFile())
    run('iptables', [...place, '-A', 'INPUT', '-s', '10.0.0.0/8', '-c', '1', '2', '-j', 'DROP'])
    const { stdout } = run('xtables', [...place, 'capture', 'filter'])
    const file = newFile()
    writeFileSync(file, stdout)
    expect(run('xtables', ['show', file]).stdout).toContain('[1:2] -A INPUT -s 10.0.0.0/8 -j DROP\n')
    expect(run('iptables', [...memory(file), '-S', 'INPUT', '1'])).toEqual(ok('-A INPUT -s 10.0.0.0/8 -j DROP\n'))
  })

  test('dump, apply', () => {
    const [one, other] = [memory(newFile()), memory(newFile())]
    for (const line of ['-N x', '-A x -p tcp --dport 80 -j ACCEPT', '-A INPUT -j x'])
      run('iptables', [...one, ...line.split(' ')])
    const { stdout } = run('xtables', [...one, 'dump', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({
      filter: { x: [{ protocol: 'tcp', tcp: { dport: '80' }, target: 'ACCEPT' }] },
    })
    run('iptables', [...other, '-N', 'gone'])
    const withSchema = JSON.stringify({ $schema: './dump.schema.json', ...JSON.parse(stdout) })
    expect(run('xtables', [...other, 'apply', '--json'], withSchema)).toEqual(ok())
    expect(run('iptables', [...other, '-S'])).toEqual(run('iptables', [...one, '-S']))
    expect(run('xtables', [...one, 'apply', '--json'], '{"filter":{"x":[{},{"nonsense":1}]}}')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^xtables: table filter chain x rule 2: .*"nonsense"/),
    })
    expect(run('iptables', [...other, '-S'])).toEqual(run('iptables', [...one, '-S']))
  })

  test('counters beyond the range of numbers are dumped and applied', () => {
    const [one, other] = [memory(newFile()), memory(newFile())]
    run('iptables', [...one, '-A', 'INPUT', '-c', '18446744073709551615', '7'])
    const { stdout } = run('xtables', [...one, 'dump', '--json'])
    expect(JSON.parse(stdout).filter.INPUT).toEqual([{ counters: ['18446744073709551615', 7] }])
    run('xtables', [...other, 'apply', '--json'], stdout)
    expect(run('iptables', [...other, '-vS', 'INPUT']).stdout).toContain('-c 18446744073709551615 7')
  })

  test('help', () => {
    expect(run('xtables', []).stdout).toContain('--kernel linux|memory')
    const { stdout } = run('xtables', ['help', 'tcp'])
    expect(stdout).toContain('[!] --dport, --destination-port')
    expect(stdout).toContain('Only with -p tcp.')
    expect(run('xtables', ['help', 'REJECT']).stdout).toContain('tcp-reset')
    expect(run('xtables', ['help', 'nope'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('there is no applet, match or target nope'),
    })
  })

  test.each([
    [['nope'], 2],
    [['show'], 2],
    [['capture', '--nope'], 2],
    [['dump'], 2],
    [['--kernel', 'nope', 'iptables', '-S'], 2],
    [['--state', 'x', 'iptables', '-S'], 2],
    [['--kernel=memory', '--netns', 'x', 'iptables', '-S'], 2],
    [['--netns'], 2],
    [['--netns', 'no-such-namespace', 'iptables', '-S'], 1],
    [['--netns', 'no-such-namespace', 'iptables-save'], 1],
    [['--netns', '/etc/hosts', 'iptables-restore'], 1],
  ])('%j fails', (words, status) => {
    expect(run('xtables', words)).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(/^xtables: ./) })
  })

  test('the version names the version of iptables that it imitates', () => {
    expect(run('iptables', ['--kernel', 'memory', '-V']).stdout).toMatch(/^iptables v\d+\.\d+\.\d+ \(legacy\)/)
    expect(run('xtables', ['--version']).stdout).toMatch(/^xtables \d+\.\d+\.\d+/)
  })

  test('iptables-restore prints its usage to standard error, like 1.8.9', () => {
    expect(run('iptables-restore', ['--kernel', 'memory', '-h'])).toMatchObject({
      status: 0,
      stdout: '',
      stderr: expect.stringMatching(/^Usage: iptables-restore /),
    })
  })
})
