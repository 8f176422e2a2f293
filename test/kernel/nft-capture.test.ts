/** Tables of nf_tables in a file, used without Linux. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  Chain,
  captureNftTable,
  IptcError,
  MemoryKernel,
  NotFoundError,
  nftCaptureFromJson,
  nftCaptureToJson,
  Rule,
  restore,
  save,
  Table,
} from '../../src/index'
import { run } from '../cli/run'

const TEXT = `*filter
:INPUT DROP [7:8]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:a - [0:0]
[1:2] -A INPUT -p tcp -m tcp --dport 22 -j a
[3:4] -A INPUT -m set --match-set blocked src -m comment --comment "no entry" -j REJECT --reject-with icmp-port-unreachable
[5:6] -A a -s 10.0.0.0/8 -j ACCEPT
COMMIT
`
const bare = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')

function filled(): MemoryKernel {
  const kernel = new MemoryKernel({ sets: { blocked: 'ipv4' } })
  restore(TEXT, { kernel, backend: 'nft', counters: true })
  return kernel
}
const saved = (kernel: MemoryKernel): string => bare(save({ kernel, backend: 'nft', counters: true }))

test('a table is the same in another kernel: text, counters, handles, and references to sets', () => {
  const capture = nftCaptureFromJson(
    JSON.parse(JSON.stringify(nftCaptureToJson(captureNftTable(filled(), 'ipv4', 'filter')))),
  )
  const kernel = new MemoryKernel({ captures: [capture] })
  expect(saved(kernel)).toBe(bare(TEXT))
  expect(captureNftTable(kernel, 'ipv4', 'filter')).toEqual(capture)
  using table = new Table('filter', { kernel, backend: 'nft' })
  new Chain(table, 'INPUT').insertRule(Rule.parse('-p udp'), 1)
  expect(new Chain(table, 'INPUT').rules.map(String)[1]).toBe('-p udp')
  expect(() => table.deleteChain('a')).toThrow(IptcError)
  new Chain(table, 'INPUT').flush()
  new Chain(table, 'a').flush()
  table.deleteChain('a')
})

test('capturing a missing table is an error, and does not create it', () => {
  const kernel = new MemoryKernel()
  expect(() => captureNftTable(kernel, 'ipv4', 'nat')).toThrow(NotFoundError)
  expect(() => captureNftTable(kernel, 'ipv4', 'nat')).toThrow(NotFoundError)
})

test('damaged captures are refused with an explanation', () => {
  const json = nftCaptureToJson(captureNftTable(filled(), 'ipv4', 'filter'))
  const broken: readonly (readonly [object, RegExp])[] = [
    [{ ...json, backend: 'legacy' }, /backend is nft/],
    [{ ...json, more: 1 }, /"more" is not known/],
    [{ ...json, family: 'ipx' }, /family/],
    [{ ...json, table: 'nat' }, /of table "filter", and the capture of "nat"/],
    [{ ...json, newTable: '!' }, /base64/],
    [{ ...json, newChains: 'AAAA' }, /must be a list/],
    [{ ...json, newRules: [json.newRules[0]?.slice(0, 40)] }, /./],
    [{ ...json, newRules: json.newChains }, /./],
  ]
  for (const [value, reason] of broken) {
    expect(() => new MemoryKernel({ captures: [nftCaptureFromJson(value)] })).toThrow(IptcError)
    expect(() => new MemoryKernel({ captures: [nftCaptureFromJson(value)] })).toThrow(reason)
  }
  const capture = nftCaptureFromJson(json)
  expect(() => new MemoryKernel({ captures: [{ ...capture, newChains: [] }] })).toThrow(/no such chain/)
  expect(() => new MemoryKernel({ captures: [capture, capture] })).toThrow(/table filter of ipv4 exists already/)
})

test('the command stores such tables in its state file, captures them, and shows them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xtables-'))
  const state = join(folder, 'state.json')
  const place = ['--kernel', 'memory', '--state', state, '--backend', 'nft']
  const ask = (...words: string[]) => run('xtables', words)
  try {
    expect(ask(...place, 'iptables', '-A', 'INPUT', '-p', 'tcp', '-j', 'ACCEPT').status).toBe(0)
    const before = readFileSync(state, 'utf8')
    expect(ask(...place, 'iptables', '-S', 'INPUT').stdout).toBe('-P INPUT ACCEPT\n-A INPUT -p tcp -j ACCEPT\n')
    expect(readFileSync(state, 'utf8')).toBe(before)
    const { stdout } = ask(...place, 'capture', 'filter')
    expect(JSON.parse(before)).toEqual([JSON.parse(stdout)])
    expect(ask('show', state).stdout).toContain('-A INPUT -p tcp -j ACCEPT')
  } finally {
    rmSync(folder, { recursive: true })
  }
})
