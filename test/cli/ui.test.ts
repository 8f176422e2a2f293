/** `xtables ui`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openKernel } from '../../src/cli/open-kernel'
import { runUi } from '../../src/cli/ui'
import { pageFiles } from '../ui/serve'
import { TEXT } from '../view/tables'
import { run, type Said } from './run'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xtables-ui-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const place = (): { kernel: string; state: string } => ({ kernel: 'memory', state: join(directory, 'state.json') })
const xtables = (line: string, input?: string): Said =>
  run('xtables', ['--kernel', 'memory', '--state', place().state, ...line.split(' ')], input)

/** Runs `xtables ui` until `act` is done, stops it, and returns its output. It must then end. */
async function going(args: string[], act: (url: string) => unknown = () => {}): Promise<string> {
  using open = openKernel(place())
  const end = new AbortController()
  let printed = ''
  let told: () => void = () => {}
  const address = new Promise<void>((resolve) => {
    told = resolve
  })
  const stdout = (text: string): void => {
    printed += text
    told()
  }
  const going = runUi(args, open, { stdout, stderr: stdout }, end.signal, pageFiles())
  await Promise.race([address, going])
  await act(printed.trim())
  end.abort()
  await going
  return printed
}

test('prints a loopback address with a new token, and serves the page until the signal', async () => {
  xtables('iptables-restore -c', TEXT)
  let url = ''
  const first = await going([], async (address) => {
    url = address
    expect(await (await fetch(address)).text()).toContain('<title>xtables</title>')
    expect((await fetch(address.replace(/token=.*/, ''))).status).toBe(403)
    // A page that is connected does not keep the command running.
    const headers = { authorization: `Bearer ${new URL(address).searchParams.get('token')}` }
    const stream = await fetch(new URL('/api/live', address), { headers })
    await stream.body?.getReader().read()
  })
  expect(first).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}\n$/)
  await expect(fetch(url)).rejects.toThrow()
  const second = await going([])
  expect(new URL(second.trim()).searchParams.get('token')).not.toBe(new URL(url).searchParams.get('token'))
})

test('cannot be reached from the network', async () => {
  await going([], async (address) => {
    const { port } = new URL(address)
    // On Linux, all of 127.0.0.0/8 is loopback. A server that listens on all addresses would accept this one, too.
    await expect(fetch(`http://127.0.0.2:${port}/`)).rejects.toThrow()
  })
})

test.each([
  [[], 403],
  [['--allow-apply'], 200],
])('with %j, applying a plan returns %i, and the state is saved', async (args, status) => {
  xtables('iptables-restore -c', TEXT)
  await going(args, async (address) => {
    const headers = {
      authorization: `Bearer ${new URL(address).searchParams.get('token')}`,
      'content-type': 'application/json',
    }
    const post = (name: string, body: object) =>
      fetch(new URL(`/api/${name}`, address), { method: 'POST', headers, body: JSON.stringify(body) })
    const desired = '*filter\n:new - [0:0]\nCOMMIT\n'
    const plan = await post('plan', { family: 'ipv4', desired, owns: { chains: ['new'] }, jumps: [] })
    const { id } = (await plan.json()) as { id: string }
    expect((await post('apply', { plan: id, isConfirmed: true })).status).toBe(status)
  })
  expect(xtables('iptables-save').stdout.includes(':new - [0:0]')).toBe(status === 200)
})

test.each([
  [['--port', '65536'], '--port must be a number from 0 to 65535, not "65536"'],
  [['--port='], '--port must be a number from 0 to 65535, not ""'],
  [['--delay', '0'], '--delay must be a number of seconds from 0.1, not 0'],
  [['--delay', 'x'], '--delay must be a number of seconds from 0.1, not x'],
  [['--host', '0.0.0.0'], 'there is no option --host'],
  [['file'], 'unexpected operand "file"; expected none'],
])('%j is refused', async (args, message) => {
  await expect(going(args)).rejects.toThrow(message)
})

test('names a port that is in use', async () => {
  await going([], async (address) => {
    const { port } = new URL(address)
    await expect(
      (async () => {
        using open = openKernel({ kernel: 'memory' })
        await runUi(['--port', port], open, { stdout: () => {}, stderr: () => {} }, new AbortController().signal)
      })(),
    ).rejects.toThrow(`cannot listen on 127.0.0.1:${port} (EADDRINUSE)`)
  })
})

test('cannot be a line of a batch', () => {
  expect(xtables('ui')).toEqual({
    status: 2,
    stdout: '',
    stderr: expect.stringContaining('ui runs until it is stopped'),
  })
})
