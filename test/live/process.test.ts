/** The command as a process: pipes, signals, files, and an unprivileged user. */

import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NetworkNamespace } from '../../src/index'
import { bundle } from '../support/bundle'
import { attempt, newNamespace, run } from './legacy'

/** The command and its modules, in a place that all users can read. */
const installed = mkdtempSync(join(tmpdir(), 'xtables-installed-'))
const command = `${process.execPath} ${install()}`
const isRoot = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/).join() === '0,0,4294967295'

function install(): string {
  const modules = join(__dirname, '../../node_modules')
  const file = join(installed, 'dist/xtables.js')
  for (const name of ['ffi-rs', '@yuuang'])
    cpSync(join(modules, name), join(installed, 'node_modules', name), { recursive: true })
  cpSync(join(modules, '../package.json'), join(installed, 'package.json'))
  cpSync(bundle('src/cli/main.ts'), file)
  chmodSync(installed, 0o755)
  return file
}

afterAll(() => rmSync(installed, { recursive: true }))

let namespace: NetworkNamespace
let folder: string
beforeEach(() => {
  namespace = newNamespace()
  folder = mkdtempSync(join(tmpdir(), 'xtables-process-'))
  chmodSync(folder, 0o755)
})
afterEach(() => rmSync(folder, { recursive: true }))

/** `count` rules as restore text. */
const rules = (count: number): string => {
  const lines = Array.from(
    { length: count },
    (_, i) => `-A INPUT -s 10.0.${i >> 8}.${i & 255} -p tcp -m tcp --dport ${i} -j ACCEPT`,
  )
  return ['*filter', ...lines, 'COMMIT', ''].join('\n')
}

test.each(['iptables -S', 'iptables -n -L', 'iptables-save'])(
  '%s ends like other tools if the pipe is closed',
  (words) => {
    writeFileSync(join(folder, 'rules'), rules(3000))
    run(namespace, `iptables-legacy-restore ${folder}/rules`)
    const { stdout, stderr } = attempt(
      namespace,
      `${command} ${words} | head -1 >${folder}/first; echo $\{PIPESTATUS[0]}`,
    )
    expect({ stdout, stderr }).toEqual({ stdout: '141\n', stderr: '' })
  },
)

test('a NUL of a refused line is not echoed', () => {
  const { stderr, status } = attempt(
    namespace,
    `printf '*filter\\n-A INPUT \\0 -j DROP\\nCOMMIT\\n' | ${command} iptables-restore`,
  )
  expect(stderr).toContain('-A INPUT \\0 -j DROP')
  expect(stderr).not.toContain('\0')
  expect(status).toBe(2)
})

test('--netns with a FIFO is refused at once', () => {
  const { stderr, status } = attempt(
    namespace,
    `mkfifo ${folder}/fifo; timeout 10 ${command} --netns ${folder}/fifo iptables -S`,
  )
  expect(stderr).toContain(`${JSON.stringify(join(folder, 'fifo'))} is no network namespace`)
  expect(status).toBe(1)
})

test('-vv says that it prints no dump', () => {
  const { stdout, stderr } = attempt(namespace, `${command} iptables -vv -S INPUT`)
  expect(stdout).toBe('-P INPUT ACCEPT -c 0 0\n')
  expect(stderr).toMatch(/no dump of the table with -vv/)
})

test('names of protocols and services are read once, not for each rule', () => {
  writeFileSync(join(folder, 'rules'), rules(1000).replaceAll(/--dport \d+/g, '--dport ssh'))
  run(namespace, `strace -f -o ${folder}/trace -e trace=openat ${command} iptables-restore ${folder}/rules`)
  const opened = readFileSync(join(folder, 'trace'), 'utf8').match(/"\/etc\/(protocols|services)"/g) ?? []
  expect(opened).toContain('"/etc/services"')
  expect(new Set(opened).size).toBe(opened.length)
})

describe('a user who is not root', () => {
  const USER = 'setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all'
  // Without a second user id, the tests cannot run as another user.
  const asUser = isRoot ? test : test.skip

  /** Status and messages of the tool and of our command, with and without access to the lock. */
  function outcomes(program: string, words: string, lock: 'lock' | 'none/lock') {
    const input = join(folder, 'rules')
    writeFileSync(input, rules(1))
    writeFileSync(join(folder, 'lock'), '')
    chmodSync(join(folder, 'lock'), 0o666)
    const [tool, suffix] = program.split(/(?=-)/) as [string, string | undefined]
    return [`${tool}-legacy${suffix ?? ''}`, `${command} ${program}`].map((one) => {
      const line = `XTABLES_LOCKFILE=${folder}/${lock} ${USER} ${one} ${words} <${input}`
      const { status, stdout, stderr } = attempt(namespace, line)
      return { status, stdout, stderr }
    })
  }

  const COMMANDS = [
    ...['-L', '-S', '-A INPUT -j DROP', '-I INPUT -j DROP', '-D INPUT 1', '-R INPUT 1 -j DROP', '-C INPUT -j DROP'],
    ...['-N x', '-X', '-X x', '-F', '-F INPUT', '-Z', '-Z INPUT 1', '-P INPUT DROP', '-E a b', '-V', '-t nat -L'],
    ...['-t foo -L', '-w -L', '-w 1 -A INPUT -j DROP', '-v -L', '-n -x --line-numbers -L INPUT', '-L -Z', '-S INPUT 1'],
    ...[
      '-A INPUT -m set --match-set foo src',
      '-D INPUT -j SET --add-set foo src',
      '-A INPUT --bad',
      '-A INPUT -j NOSUCH',
      '',
      '-4 -L',
      '-c 1 2 -A INPUT',
    ],
  ]
  const CASES: readonly (readonly [string, string, 'lock' | 'none/lock'])[] = [
    ...COMMANDS.map((words) => ['iptables', words, 'lock'] as const),
    ...['-L', '-A INPUT -j DROP', '-V', '-t foo -L'].map((words) => ['ip6tables', words, 'lock'] as const),
    ...['-L', '-A INPUT -j DROP', '-V'].map((words) => ['iptables', words, 'none/lock'] as const),
    ...['', '-c', '-t filter', '-t foo', '-V'].map((words) => ['iptables-save', words, 'lock'] as const),
    ['ip6tables-save', '', 'lock'],
  ]

  /** Messages of the tool about its queries for revisions, which we do not make. */
  const ABOUT_REVISIONS = /^\w+: Could not determine whether revision \d is supported, assuming it is\.\n/gm

  asUser.each(CASES)('%s %s, %s: the message and the status of the tool', (program, words, lock) => {
    const [theirs, ours] = outcomes(program, words, lock)
    expect(ours).toEqual({ ...theirs, stderr: theirs?.stderr.replaceAll(ABOUT_REVISIONS, '') })
  })

  asUser.each(['', '-t', '-w 1'])('iptables-restore %s reports why, with the status of the tool', (words) => {
    const [theirs, ours] = outcomes('iptables-restore', words, 'lock')
    expect(ours?.status).toBe(theirs?.status)
    expect(ours?.stderr).toContain('Permission denied (you must be root)')
    const [noLock, ourNoLock] = outcomes('iptables-restore', words, 'none/lock')
    expect(ourNoLock?.status).toBe(noLock?.status)
  })

  asUser('iptables-restore -T takes no lock for a text without that table, although the tool does', () => {
    const [theirs, ours] = outcomes('iptables-restore', '-T nat', 'none/lock')
    expect([theirs?.status, ours?.status]).toEqual([4, 0])
  })
})

test('the tools of this test are installed', () => {
  for (const tool of ['strace', 'setpriv', 'timeout']) expect(spawnSync('which', [tool]).status).toBe(0)
})
