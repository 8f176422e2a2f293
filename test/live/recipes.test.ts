/** Follows every page of docs/recipes from beginning to end, on both backends, and then sends packets. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BackendName, FamilyRuleset, trace } from '../../src/index'
import { addProgram, follow, newProject, type Project, type Step, shellIn, stepsOf } from '../support/followed-page'
import { pageText } from '../support/programs'
import { run } from './legacy'
import { answer, type Network, newNetwork, serve } from './neighbours'

jest.setTimeout(300_000)

let project: Project
let network: Network
let runtime: string
beforeEach(() => {
  project = newProject()
  runtime = mkdtempSync(join(tmpdir(), 'xtables-run-'))
  network = newNetwork()
})
afterEach(() => {
  for (const directory of [project.directory, runtime]) rmSync(directory, { recursive: true })
})

const PAGES = readdirSync(join(__dirname, '../../docs/recipes')).map((file) => file.replace('.md', ''))

/** Splits the steps of a page into parts. Each of `commands` begins a new part. Each part has all files. */
function partsOf(page: string, ...commands: readonly string[]): Step[][] {
  const steps = stepsOf(pageText(`docs/recipes/${page}.md`))
  const files = steps.filter(({ kind }) => kind === 'file')
  const begun = steps.filter((step) => step.kind === 'command').map(({ command }) => commands.indexOf(command))
  expect(begun.filter((number) => number >= 0)).toEqual(commands.map((_, i) => i))
  const parts = [...commands, ''].map(() => [...files])
  let part = 0
  for (const step of steps) {
    if (step.kind === 'file') continue
    part = Math.max(part, commands.indexOf(step.command) + 1)
    parts[part]?.push(step)
  }
  return parts
}

describe.each(['legacy', 'nft'] as const)('on %s', (backend: BackendName) => {
  /** Follows steps of a page on the machine. @returns the output */
  async function followed(steps: readonly Step[] = []): Promise<string> {
    const env = { ...project.env, XTABLES_BACKEND: backend, XDG_RUNTIME_DIR: runtime }
    addProgram(project, 'iptables', `iptables-${backend} -w`)
    const shell = network.machine.run(() => shellIn({ ...project, env }))
    return follow(steps, project, shell, { '/run': runtime })
  }
  const listed = (table = 'filter'): string[] =>
    run(network.machine, `iptables-${backend} -t ${table} -S`).trim().split('\n')

  test('allow-list', async () => {
    const { machine, outside } = network
    await serve(machine, 5432)
    const [first, second] = partsOf('allow-list', 'node allow-list.mjs 203.0.113.9')
    await followed(first)
    expect(answer(outside, '203.0.113.1', 5432)).toBe('203.0.113.9')
    expect(answer(outside, '203.0.113.1', 5432, '203.0.113.10')).toBe('dropped')
    expect(answer(network.inside, '192.168.7.1', 5432)).toBe('192.168.7.2')
    await followed(second)
    expect(answer(network.inside, '192.168.7.1', 5432)).toBe('dropped')
    expect(listed()).toContain('-A db-in -m set --match-set db-allowed src -j ACCEPT')
  })

  test('ssh-rate-limit', async () => {
    const { machine, outside } = network
    await serve(machine, 22)
    await followed(...partsOf('ssh-rate-limit'))
    const answers = Array.from({ length: 5 }, () => answer(outside, '203.0.113.1', 22))
    expect(answers).toEqual([...Array(3).fill('203.0.113.9'), 'dropped', 'dropped'])
    expect(answer(outside, '203.0.113.1', 22, '203.0.113.10')).toBe('203.0.113.10')
  })

  test('gateway', async () => {
    const { outside, inside } = network
    await serve(outside, 80)
    await serve(inside, 80)
    expect(answer(inside, '203.0.113.9', 80)).not.toBe('203.0.113.1')
    await followed(...partsOf('gateway'))
    expect(answer(inside, '203.0.113.9', 80)).toBe('203.0.113.1')
    run(outside, 'ip route add 192.168.7.0/24 via 203.0.113.1')
    expect(answer(outside, '192.168.7.2', 80)).toBe('dropped')
    expect(listed('nat')).toContain('-A gw-out -s 192.168.7.0/24 -o eth0 -j MASQUERADE')
  })

  test('port-forward', async () => {
    const { outside, inside } = network
    await serve(inside, 80)
    await followed(...partsOf('port-forward'))
    expect(answer(outside, '203.0.113.1', 8080)).toBe('203.0.113.9')
    expect(answer(outside, '203.0.113.1', 8081)).toBe('ECONNREFUSED')
  })

  test('block-list', async () => {
    const { machine, outside } = network
    await serve(machine, 80)
    const [first, second = []] = partsOf('block-list', 'node block-list.mjs bad.txt 203.0.113.77')
    await followed(first)
    expect(answer(outside, '203.0.113.1', 80)).toBe('dropped')
    expect(answer(outside, '203.0.113.1', 80, '203.0.113.10')).toBe('203.0.113.10')
    await followed(second)
    expect(answer(outside, '203.0.113.1', 80, '203.0.113.10')).toBe('203.0.113.10')
    await followed([{ kind: 'command', command: 'node block-list.mjs bad.txt 203.0.113.10', output: '…\n' }])
    expect(answer(outside, '203.0.113.1', 80, '203.0.113.10')).toBe('dropped')
  })

  test('containers', async () => {
    await followed(...partsOf('containers'))
    expect(listed()).toEqual(['-P INPUT ACCEPT', '-P FORWARD ACCEPT', '-P OUTPUT ACCEPT'])
  })

  test('taking-over', async () => {
    const verdicts = () => {
      const ruleset = FamilyRuleset.read({ namespace: network.machine, backend })
      return [22, 80, 443, 8080].map((destinationPort) => {
        const packet = {
          protocol: 'tcp',
          source: '203.0.113.9',
          destinationPort,
          in: 'eth0',
          way: 'input',
          state: 'NEW',
        }
        return trace(packet as Parameters<typeof trace>[0], ruleset).verdict
      })
    }
    const [script, move, keep] = partsOf('taking-over', 'node move.mjs', 'node keep.mjs')
    await followed(script)
    const before = verdicts()
    expect(before).toEqual(['ACCEPT', 'ACCEPT', 'DROP', 'ACCEPT'])
    await followed(move)
    expect(verdicts()).toEqual(before)
    await followed(keep)
    expect(verdicts()).toEqual(['ACCEPT', 'DROP', 'ACCEPT', 'ACCEPT'])
    expect(listed()).toContain('-A INPUT -p tcp -m tcp --dport 22 -j f2b-sshd')
  })

  test('metrics', async () => {
    expect(await followed(...partsOf('metrics'))).toMatch(/comment="loopback"\} [1-9]/)
    expect(run(network.machine, `iptables-${backend} -nvxL INPUT`)).toMatch(/^ +[1-9]\d* .* loopback /m)
  })

  test('confirm', async () => {
    await followed(...partsOf('confirm'))
    expect(listed().filter((line) => line.startsWith('-A safe-in'))).toEqual([
      '-A safe-in -p tcp -m tcp --dport 23 -j DROP',
      '-A safe-in -p tcp -m tcp --dport 25 -j DROP',
    ])
  })
})

test('every page is followed', () => {
  const tested = ['allow-list', 'ssh-rate-limit', 'gateway', 'port-forward', 'block-list', 'containers', 'taking-over']
  expect(PAGES.sort()).toEqual([...tested, 'metrics', 'confirm', 'unit-testing', 'index'].sort())
})
