/** Tests `xtables apply --confirm` in real processes, and the files that it leaves. What must happen soon runs in this one. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pending } from '../../src/cli/pending'
import { bundledCommand } from '../support/bundle'
import { until } from '../support/until'
import { run, type Said } from './run'

jest.setTimeout(60_000)

/** How long to wait for the process that rolls back. */
const PATIENCE_MS = 20_000

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xtables-confirm-'))
  writeFileSync(join(folder, 'rules'), '*filter\n:web-in - [0:0]\n-A INPUT -j web-in\nCOMMIT\n')
})
afterEach(() => rmSync(folder, { recursive: true }))

const RULES = '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n'
const CHANGED = `${RULES}-N web-in\n-A INPUT -j web-in\n`

/** Runs the command in a process of its own. Its files are removed after the test. */
function xtables(line: string): Said {
  const env = { ...process.env, XDG_RUNTIME_DIR: folder }
  const words = [bundledCommand(), ...line.split(' ')]
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    env,
    input: '',
    cwd: folder,
  })
  return { status: status ?? -1, stdout, stderr }
}
const inMemory = (line: string): Said => xtables(`--kernel memory --state state.json ${line}`)
const listed = (): string => inMemory('iptables -S').stdout

function applied(seconds: number): string {
  const { status, stdout, stderr } = inMemory(`apply --prefix web- --confirm ${seconds} rules`)
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  const [, directory = ''] = /^rolled back in \d+ seconds, unless you run: xtables confirm (.*)$/m.exec(stdout) ?? []
  expect(directory).toContain(folder)
  return directory
}

test('an unconfirmed change is rolled back, and can no longer be confirmed', async () => {
  const directory = applied(5)
  // In this process: on a busy machine, another one might not start within the 5 seconds.
  const words = ['--kernel', 'memory', '--state', join(folder, 'state.json'), 'iptables', '-S']
  expect(run('xtables', words)).toEqual({ status: 0, stdout: CHANGED, stderr: '' })
  await until('it is rolled back', () => existsSync(join(directory, 'result')), PATIENCE_MS)
  expect(listed()).toBe(RULES)
  expect(xtables(`confirm ${directory}`)).toEqual({
    status: 1,
    stdout: '',
    stderr: 'xtables: it is too late: the change was rolled back\n',
  })
  expect(xtables(`rollback ${directory}`)).toEqual({
    status: 0,
    stdout: 'table filter: all is as it was\n',
    stderr: '',
  })
})

test('a confirmed change stays, and the waiting process ends', async () => {
  const directory = applied(5)
  // In this process, for the same reason.
  expect(run('xtables', ['confirm', directory])).toEqual({ status: 0, stdout: '', stderr: '' })
  await until('the directory is removed', () => !existsSync(directory), PATIENCE_MS)
  await sleep(5000)
  expect(listed()).toBe(CHANGED)
  expect(xtables(`rollback ${directory}`).stderr).toContain('it was confirmed, or never made')
})

test('rollback rolls the change back at once', () => {
  const directory = applied(60)
  expect(xtables(`rollback ${directory}`)).toEqual({
    status: 0,
    stdout: 'table filter: all is as it was\n',
    stderr: '',
  })
  expect(listed()).toBe(RULES)
})

test('a refused change has no effect, and leaves no files', async () => {
  writeFileSync(join(folder, 'rules'), '*filter\n:web-in - [0:0]\n-A web-in -j nowhere\nCOMMIT\n')
  const { status, stdout } = inMemory('apply --prefix web- --confirm 60 rules')
  expect([status, stdout]).toEqual([1, ''])
  writeFileSync(join(folder, 'rules'), '*filter\nCOMMIT\n')
  expect(inMemory('apply --prefix web- --confirm 60 rules').stdout).toBe('nothing to do\n')
  expect(readdirSync(folder).sort()).toEqual(['rules', 'state.json'])
})

test('of two decisions, only one counts', () => {
  process.env['XDG_RUNTIME_DIR'] = folder
  const pending = Pending.make({} as never)
  delete process.env['XDG_RUNTIME_DIR']
  expect([pending.decision, pending.decide('kept'), pending.decide('undo'), pending.decision]).toEqual([
    undefined,
    true,
    false,
    'kept',
  ])
})

test.each([
  ['0', '--confirm takes a number of seconds from 1 to 86400, not 0'],
  ['86401', '--confirm takes a number of seconds'],
  ['1.5', '--confirm takes a number of seconds'],
  ['-x', 'argument is ambiguous'],
])('--confirm %s is refused', (seconds, message) => {
  const { status, stderr } = run(
    'xtables',
    ['--kernel', 'memory', 'apply', '--tables', '--confirm', seconds],
    '*filter\nCOMMIT\n',
  )
  expect(status).toBeGreaterThan(0)
  expect(stderr).toContain(message)
})

test.each([
  ['confirm', 2, 'confirm: expected DIRECTORY'],
  ['rollback', 2, 'rollback runs until it is stopped'],
  ['confirm a b', 2, 'confirm: unexpected operand "b"; expected only DIRECTORY'],
  ['confirm /nonexistent', 1, 'no change is pending in /nonexistent'],
  ['confirm /', 1, '/ is not a directory of xtables apply --confirm'],
  ['--backend nft confirm x', 2, '--backend cannot be used with confirm: it knows where the tables are'],
])('xtables %s ends with %d: %s', (line, expected, message) => {
  const { status, stderr } = run('xtables', line.split(' '))
  expect(status).toBe(expected)
  expect(stderr).toContain(message)
})

test('a directory that other users may have written to is refused', () => {
  const directory = join(folder, 'other')
  mkdirSync(directory)
  writeFileSync(join(directory, 'change.json'), '{}')
  chmodSync(directory, 0o770)
  expect(run('xtables', ['confirm', directory]).stderr).toContain('is not a directory of xtables apply --confirm')
})

test('--confirm is refused for tables that no other process can access', () => {
  const { status, stderr } = run(
    'xtables',
    ['--kernel', 'memory', 'apply', '--tables', '--confirm', '9'],
    '*filter\n:x -\nCOMMIT\n',
  )
  expect([status, stderr]).toEqual([2, expect.stringContaining('--confirm with --kernel memory requires --state')])
})

test('nothing is changed if the process that rolls back does not start', () => {
  process.env['XDG_RUNTIME_DIR'] = folder
  const place = ['--kernel', 'memory', '--state', join(folder, 'state.json')]
  const words = [...place, 'apply', '--prefix', 'web-', '--confirm', '9', join(folder, 'rules')]
  const { status, stdout, stderr } = run('xtables', words, '', { self: ['/nonexistent/node'] })
  delete process.env['XDG_RUNTIME_DIR']
  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toContain('nothing was changed: the process that would roll the change back did not start')
  expect(listed()).toBe(RULES)
  expect(readdirSync(folder).sort()).toEqual(['rules', 'state.json'])
})
