/** `xtables metrics`. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { main } from '../../src/cli/main'
import { openMetrics } from '../../src/index'
import { TEXT, tablesOf } from '../view/tables'
import { run, type Said } from './run'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xtables-metrics-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const place = (): string[] => ['--kernel', 'memory', '--state', join(directory, 'state.json')]
const xtables = (line: string, input?: string): Said => run('xtables', [...place(), ...line.split(' ')], input)

test('are printed once', () => {
  xtables('iptables-restore -c', TEXT)
  expect(xtables('metrics')).toEqual({ status: 0, stdout: openMetrics(tablesOf()), stderr: '' })
  const options = { chains: ['deep', 'alone'], prefix: 'us' }
  expect(xtables('metrics --chain deep --chain alone --prefix us').stdout).toBe(openMetrics(tablesOf(), options))
  expect(xtables('metrics -6').stdout).toBe(openMetrics([]))
  expect(xtables('metrics -t nat').stdout).toBe(openMetrics([]))
})

/** Runs a command that does not exit by itself, and returns its output and status after it was stopped. */
async function goingOn(words: readonly string[], act: (url: string) => unknown = () => {}): Promise<Said> {
  const said = { stdout: '', stderr: '' }
  const end = new AbortController()
  let told: (url: string) => void = () => {}
  const url = new Promise<string>((resolve) => {
    told = resolve
  })
  const work = new Promise<number>((resolve) => {
    main('xtables', words, {
      stdout: (text) => {
        said.stdout += text
        told(text.trim())
      },
      stderr: (text) => {
        said.stderr += text
        told('')
      },
      stdin: () => '',
      lines: () => [],
      goOn: (body) => resolve(body(end.signal)),
    })
  })
  await act(await url)
  end.abort()
  return { status: await work, ...said }
}

test('are served until the signal, on loopback by default', async () => {
  xtables('iptables-restore -c', TEXT)
  const { status, stdout, stderr } = await goingOn([...place(), 'metrics', '--listen', '0'], async (url) => {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    expect(await (await fetch(url)).text()).toBe(openMetrics(tablesOf()))
    // A client that has not finished its request does not keep the command running.
    const slow = connect(Number(new URL(url).port), '127.0.0.1')
    await once(slow, 'connect')
    slow.write('GET /metr')
    slow.on('error', () => {})
    await fetch(url)
  })
  expect([status, stderr]).toEqual([0, ''])
  await expect(fetch(stdout.trim())).rejects.toThrow()
})

test.each(['', 'x', '-1', '65536', ':1', 'a:b', '::1:80', '[::1]', '1.2.3.4'])(
  '--listen=%s is refused',
  async (word) => {
    expect(await goingOn([...place(), 'metrics', `--listen=${word}`])).toEqual({
      status: 2,
      stdout: '',
      stderr: `xtables: --listen takes PORT, HOST:PORT or [ADDRESS]:PORT, not ${JSON.stringify(word)}\n`,
    })
  },
)

test('an address on which it cannot listen is named', async () => {
  const said = await goingOn([...place(), 'metrics', '--listen', '192.0.2.1:9'])
  expect(said).toEqual({ status: 1, stdout: '', stderr: expect.stringContaining('cannot listen on 192.0.2.1:9 (E') })
})

test.each([
  ['metrics -t nope', 1, 'there is no table "nope"'],
  ['metrics --json', 2, 'there is no option --json'],
  ['metrics --listen=0', 2, 'metrics runs until it is stopped: it cannot be a line of a batch'],
])('%s is refused', (line, status, message) => {
  expect(xtables(line)).toEqual({ status, stdout: '', stderr: expect.stringContaining(message) })
})
