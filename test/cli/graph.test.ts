/** `xtables graph`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { printGraph } from '../../src/index'
import { TEXT, tablesOf } from '../view/tables'
import { run, type Said } from './run'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'xtables-graph-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const xtables = (line: string, input?: string): Said =>
  run('xtables', ['--kernel', 'memory', '--state', join(directory, 'state.json'), ...line.split(' ')], input)

test.each(['mermaid', 'dot', 'svg'] as const)('%s', (format) => {
  xtables('iptables-restore -c', TEXT)
  expect(xtables(`graph --format ${format}`)).toEqual({ status: 0, stdout: printGraph(tablesOf(), format), stderr: '' })
})

test('Mermaid by default, and only the selected tables', () => {
  xtables('iptables-restore -c', TEXT)
  xtables('ip6tables -A FORWARD -j LOG')
  const all = xtables('graph').stdout
  expect(all).toMatch(/^flowchart LR\n/)
  expect(all.match(/subgraph/g)).toHaveLength(2)
  expect(xtables('graph -6').stdout.match(/subgraph/g)).toHaveLength(1)
  expect(xtables('graph -t nat').stdout).toBe('flowchart LR\n')
})

test('as data', () => {
  xtables('iptables-nft-restore -c', TEXT)
  const { nodes, edges } = JSON.parse(xtables('graph --json').stdout)
  expect(nodes[0]).toEqual({
    ...{ id: 'ipv4 filter INPUT', family: 'ipv4', table: 'filter', chain: 'INPUT' },
    ...{ policy: 'DROP', counters: [3, 4], rules: 3 },
  })
  expect(edges[0]).toEqual({
    ...{ from: 'ipv4 filter INPUT', to: 'ipv4 filter user', kind: 'jump', positions: [1], packets: 5, bytes: 6 },
  })
})

test.each([
  ['graph --format png', 2, '--format must be mermaid, dot or svg, not "png"'],
  ['graph --json --format dot', 2, '--json and --format exclude each other'],
  ['graph -t nope', 1, 'there is no table "nope"'],
  ['graph INPUT', 2, 'unexpected operand "INPUT"; expected none'],
])('%s is refused', (line, status, message) => {
  expect(xtables(line)).toEqual({ status, stdout: '', stderr: expect.stringContaining(message) })
})
