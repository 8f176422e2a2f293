/**
 * Tests `xtables apply --confirm` on Linux: with killed processes, closed terminals and concurrent changes, in both
 * families and backends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type NetworkNamespace, Table, Table6 } from '../../src/index'
import { bundledCommand } from '../support/bundle'
import { until } from '../support/until'
import { attempt, newNamespace, run } from './legacy'

jest.setTimeout(120_000)

let folder: string
let namespace: NetworkNamespace
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xtables-confirm-'))
  // The directory that the processes share.
  process.env['XDG_RUNTIME_DIR'] = folder
  namespace = newNamespace()
})
afterEach(() => {
  namespace.close()
  delete process.env['XDG_RUNTIME_DIR']
  rmSync(folder, { recursive: true })
})

const command = `${process.execPath} ${bundledCommand()}`

/** The process ids of the holders that wait for a change to be confirmed whose files are in this directory. */
const holders = (where = folder): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        return words.includes('hold-change') && words.some((word) => word.startsWith(`${where}/`))
      } catch {
        return false
      }
    })
    .map(Number)

/** Waits until no holder is left that could still change something. */
const decided = (where = folder): Promise<void> =>
  until(`no process holds a change in ${where}`, () => holders(where).length === 0)

const TEXT = `*filter
:INPUT DROP [0:0]
:web-in - [0:0]
-A INPUT -j web-in
-A web-in -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`

describe.each([
  ['', 'legacy'],
  ['6', 'legacy'],
  ['', 'nft'],
  ['6', 'nft'],
] as const)('ip%stables %s', (family, backend) => {
  const tool = `ip${family}tables-${backend}`
  const listed = (where = namespace): string[] =>
    run(where, `${tool}-save -c -t filter`)
      .split('\n')
      .filter((line) => /^[:[]/.test(line))
  const fill = (where = namespace): string =>
    run(
      where,
      `${tool}-restore -c <<'END'
*filter
:INPUT ACCEPT [0:0]
:web-old - [0:0]
[1:2] -A INPUT -i lo -j ACCEPT
[3:4] -A INPUT -j web-old
[5:6] -A web-old -m limit --limit 5/sec -j RETURN
COMMIT
END`,
    )
  const words = (seconds: number): string =>
    `${command} --backend ${backend} apply ${family && '-6'} --tables --confirm ${seconds} ${folder}/rules`
  const changed = (): boolean => run(namespace, `${tool} -S INPUT`).includes('-P INPUT DROP')
  beforeEach(() => {
    writeFileSync(join(folder, 'rules'), TEXT)
    fill()
  })
  const applied = (seconds: number): string => {
    const [, directory = ''] = /xtables confirm (.*)$/m.exec(run(namespace, words(seconds))) ?? []
    expect(existsSync(join(directory, 'waiting'))).toBe(true)
    return directory
  }

  test('an unconfirmed change is rolled back, with counters; a confirmed one stays', async () => {
    const before = listed()
    const directory = applied(5)
    expect(changed()).toBe(true)
    await until('it is rolled back', () => existsSync(join(directory, 'result')))
    await decided()
    expect(listed()).toEqual(before)
    const other = applied(60)
    expect(holders()).toHaveLength(1)
    run(namespace, `${command} confirm ${other}`)
    await decided()
    expect(changed()).toBe(true)
  })

  test('whenever the process is killed, nothing stays changed', async () => {
    const kill = async (delay: number): Promise<void> => {
      const own = newNamespace()
      const directory = mkdtempSync(join(folder, 'killed-'))
      fill(own)
      const before = listed(own)
      const child = own.run(() =>
        spawn('bash', ['-c', `exec ${words(1)}`], {
          stdio: 'ignore',
          env: { ...process.env, XDG_RUNTIME_DIR: directory },
        }),
      )
      await sleep(delay)
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
      await decided(directory)
      expect(listed(own)).toEqual(before)
      own.close()
    }
    await Promise.all([200, 500, 700, 900, 1100, 1300, 1500, 1800].map(kill))
  })

  test('if the process is killed right after the change, it is rolled back', async () => {
    const before = listed()
    const child = namespace.run(() =>
      spawn('bash', ['-c', `exec ${words(5)}`], { stdio: 'ignore', env: { ...process.env } }),
    )
    using table = new (family === '' ? Table : Table6)('filter', { namespace, backend })
    while (table.getPolicy('INPUT').name === 'ACCEPT') {
      await sleep(1)
      table.refresh()
    }
    child.kill('SIGKILL')
    expect(changed()).toBe(true)
    await decided()
    expect(listed()).toEqual(before)
  })

  test('rules that others add next to ours keep their places', () => {
    const before = listed().filter((line) => line.startsWith('['))
    const directory = applied(60)
    run(namespace, `${tool} -I INPUT -s ${family ? '2001:db8::1' : '10.0.0.1'} -j DROP`)
    const foreign = listed().find((line) => line.endsWith('-j DROP')) as string
    const { status, stdout } = attempt(namespace, `${command} rollback ${directory}`)
    expect(status).toBe(0)
    expect(stdout).toContain('table filter: chain INPUT: rolled back, but later changes by other programs stay')
    expect(listed().filter((line) => line.startsWith('['))).toEqual([foreign, ...before])
    expect(listed()[0]).toMatch(/^:INPUT ACCEPT/)
  })

  if (family !== '') return

  /**
   * Runs the command on a terminal of its own. Without `exec`, some shells would react to an interrupt with their own
   * exit status.
   */
  const onTerminal = (seconds: number): ChildProcess =>
    namespace.run(() =>
      spawn('script', ['-qec', `exec ${words(seconds)}`, '/dev/null'], {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env },
      }),
    )
  const asked = (child: ChildProcess): Promise<void> =>
    new Promise((resolve) => {
      let text = ''
      child.stdout?.on('data', (some) => {
        text += some
        if (text.includes('Keep the change?')) resolve()
      })
    })

  test.each([
    ['y\n', 0, true],
    ['yes\n', 0, true],
    ['n\n', 1, false],
    ['\n', 1, false],
    // End of input, and an interrupt.
    ['\x04', 1, false],
    ['\x03', 1, false],
  ])('the answer %j', async (answer, status, isKept) => {
    const before = listed()
    const child = onTerminal(60)
    await asked(child)
    expect(changed()).toBe(true)
    child.stdin?.write(answer)
    const [code] = await once(child, 'close')
    expect([code, changed()]).toEqual([status, isKept])
    if (!isKept) expect(listed()).toEqual(before)
  })

  test('while it asks, the change can be confirmed elsewhere', async () => {
    const child = onTerminal(60)
    await asked(child)
    run(namespace, `${command} confirm ${folder}/${readdirSync(folder).find((name) => name !== 'rules')}`)
    const [code] = await once(child, 'close')
    expect([code, changed()]).toEqual([0, true])
  })

  test('if somebody deletes the directory while it asks, the change is rolled back, and this is reported', async () => {
    const before = listed()
    const child = onTerminal(60)
    await asked(child)
    rmSync(join(folder, readdirSync(folder).find((name) => name !== 'rules') as string), { recursive: true })
    const [code] = await once(child, 'close')
    expect(code).toBe(1)
    await until('it is rolled back', () => !changed())
    expect(listed()).toEqual(before)
  })

  test('if the terminal is closed, or nobody answers, the change is rolled back in time', async () => {
    const before = listed()
    const gone = onTerminal(4)
    await asked(gone)
    gone.kill('SIGKILL')
    await sleep(200)
    expect(changed()).toBe(true)
    await until('it is rolled back', () => !changed())
    expect(listed()).toEqual(before)
    const child = onTerminal(1)
    await asked(child)
    const [code] = await once(child, 'close')
    expect([code, listed()]).toEqual([1, before])
  })

  test('if the waiting process was killed, rollback does it itself, but only in the same network namespace', () => {
    const before = listed()
    const directory = applied(60)
    const [holder] = holders()
    process.kill(holder as number, 'SIGKILL')
    const other = newNamespace()
    const { status, stderr } = attempt(other, `${command} rollback ${directory}`)
    expect([status, stderr]).toEqual([1, expect.stringContaining('made in another network namespace')])
    other.close()
    expect(attempt(namespace, `${command} rollback ${directory}`).stdout).toBe('table filter: all is as it was\n')
    expect(listed()).toEqual(before)
  })

  test('if others delete its directory, the change is rolled back at once', async () => {
    const before = listed()
    rmSync(applied(60), { recursive: true })
    await until('it is rolled back', () => !changed())
    expect(listed()).toEqual(before)
  })

  test('if the files cannot be written, nothing is changed', () => {
    const before = listed()
    const { status, stderr } = attempt(namespace, `XDG_RUNTIME_DIR=/proc ${words(60)}`)
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('nothing was changed: the files to take the change back cannot'),
    ])
    expect(listed()).toEqual(before)
  })

  test('ending the waiting process rolls the change back', async () => {
    applied(60)
    process.kill(holders()[0] as number, 'SIGTERM')
    await until('it is rolled back', () => !changed())
    await decided()
  })
})
