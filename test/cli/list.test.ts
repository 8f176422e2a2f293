/** `xtables list`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasColours } from '../../src/cli/colours'
import { main } from '../../src/cli/main'
import { MemoryKernel, printTree, snapshot } from '../../src/index'
import { TEXT, tablesOf } from '../view/tables'
import { run, type Said } from './run'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xtables-list-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const place = (): string[] => ['--kernel', 'memory', '--state', join(directory, 'state.json')]
const xtables = (line: string, input?: string): Said => run('xtables', [...place(), ...line.split(' ')], input)

const untimed = (json: string): unknown => JSON.parse(json).map(({ time: _, ...table }: { time: number }) => table)

test('chain by chain', () => {
  xtables('iptables-restore -c', TEXT)
  const { status, stdout } = xtables('list')
  expect(status).toBe(0)
  expect(stdout).toContain(
    'filter (IPv4, ip_tables)\nINPUT policy DROP [3:4]\n  1 [5:6] -p tcp -m tcp --dport 22 -m comment --comment "the shell" -j user\n',
  )
  expect(stdout).toContain('OUTPUT policy ACCEPT [0:0]\nalone\n  1 [0:0] -j DROP\nalone2\n')
})

test('as a tree', () => {
  xtables('iptables-restore -c', TEXT)
  expect(xtables('list --tree')).toEqual({ status: 0, stdout: printTree(tablesOf()), stderr: '' })
})

test('in colours on request', () => {
  xtables('iptables-restore -c', TEXT)
  const said: string[] = []
  const streams = { stderr: () => {}, stdin: () => '', lines: () => [], colours: () => true }
  main('xtables', [...place(), 'list', '--tree'], { ...streams, stdout: (text) => said.push(text) })
  expect(said.join('')).toBe(printTree(tablesOf(), { colours: true }))
})

test('as data, with counters beyond the range of numbers as text', () => {
  xtables('iptables-restore -c', TEXT)
  const { stdout } = xtables('list --json')
  const [filter] = untimed(stdout) as { chains: { name: string; rules: unknown[] }[] }[]
  expect(filter?.chains.find(({ name }) => name === 'deep')?.rules).toEqual([
    { position: 1, rule: '-j LOG', counters: ['18446744073709551615', 7] },
  ])
  expect(xtables('list --tree --json --table nat').stdout).toBe('[]\n')
})

test('both families, or one; each from the backend that has rules', () => {
  xtables('iptables-nft -A INPUT -j LOG')
  xtables('ip6tables-legacy -t raw -A OUTPUT -j LOG')
  const titles = (line: string): string[] => xtables(line).stdout.match(/^\w+ \(.*/gm) ?? []
  expect(titles('list')).toEqual(['filter (IPv4, nf_tables)', 'raw (IPv6, ip_tables)'])
  expect(titles('list -4 -6')).toEqual(titles('list'))
  expect(titles('list -4')).toEqual(['filter (IPv4, nf_tables)'])
  expect(titles('list -6')).toEqual(['raw (IPv6, ip_tables)'])
  expect(titles('list -t raw')).toEqual(['raw (IPv6, ip_tables)'])
  expect(titles('list -t raw -t filter')).toEqual(titles('list'))
  expect(titles('--backend legacy list')).toEqual(['raw (IPv6, ip_tables)'])
})

test('without tables', () => {
  expect(xtables('list')).toEqual({ status: 0, stdout: 'no tables yet\n', stderr: '' })
  expect(snapshot({ kernel: new MemoryKernel() })).toEqual([])
})

test.each([
  ['list -t nope', 1, 'there is no table "nope"'],
  ['list --colour', 2, 'there is no option --colour'],
  ['list filter', 2, 'unexpected operand "filter"; expected none'],
])('%s is refused', (line, status, message) => {
  expect(xtables(line)).toEqual({ status, stdout: '', stderr: expect.stringContaining(message) })
})

describe('colours', () => {
  const terminal = { isTTY: true, hasColors: () => true }
  test.each<[Record<string, string>, object, boolean]>([
    [{}, terminal, true],
    [{}, {}, false],
    [{}, { ...terminal, hasColors: () => false }, false],
    [{ NO_COLOR: '1' }, terminal, false],
    [{ NO_COLOR: '' }, terminal, true],
    [{ FORCE_COLOR: '1' }, {}, true],
    [{ FORCE_COLOR: '' }, {}, true],
    [{ FORCE_COLOR: '0' }, terminal, false],
    [{ FORCE_COLOR: 'false' }, terminal, false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, {}, true],
  ])('%j, %j: %p', (environment, output, wanted) => {
    expect(hasColours(() => output, environment)).toBe(wanted)
  })
})
