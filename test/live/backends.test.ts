/** Tests what docs/backends.md says about the differences between the backends. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import {
  Chain,
  LockTimeoutError,
  type NetworkNamespace,
  Rule,
  Table,
  type TableOptions,
  UnsupportedError,
} from '../../src/index'
import { follow, newProject, shellIn, stepsOf } from '../support/followed-page'
import { pageText } from '../support/programs'
import { keep, newNamespace, run } from './legacy'
import { answer, newNetwork, serve } from './neighbours'

jest.setTimeout(120_000)

const BACKENDS = ['legacy', 'nft'] as const
const tableOf = (namespace: NetworkNamespace, options: TableOptions): Table =>
  keep(new Table('filter', { namespace, ...options }))
const append = (table: Table, chain: string, ...lines: readonly string[]): void =>
  table.transaction(() => {
    for (const line of lines) new Chain(table, chain).appendRule(Rule.parse(line))
  })

test('its program prints what it says', async () => {
  const project = newProject()
  try {
    const { XTABLES_BACKEND: _, ...env } = project.env
    const shell = newNamespace().run(() => shellIn({ ...project, env }))
    await follow(stepsOf(pageText('docs/backends.md')), project, shell)
  } finally {
    rmSync(project.directory, { recursive: true })
  }
})

test('neither backend sees the rules of the other, and packets traverse both', async () => {
  const { machine, outside } = newNetwork()
  const [legacy, nft] = BACKENDS.map((backend) => tableOf(machine, { backend })) as [Table, Table]
  await serve(machine, 80)
  append(legacy, 'INPUT', '-p tcp --dport 80 -j ACCEPT')
  append(nft, 'INPUT', '-p tcp --dport 80 -j ACCEPT')
  expect(answer(outside, '203.0.113.1', 80)).toBe('203.0.113.9')
  for (const [dropping, other] of [
    [legacy, nft],
    [nft, legacy],
  ] as const) {
    new Chain(dropping, 'INPUT').insertRule(Rule.parse('-p tcp --dport 80 -j DROP'))
    other.refresh()
    expect(new Chain(other, 'INPUT').rules.map(String)).toEqual(['-p tcp -m tcp --dport 80 -j ACCEPT'])
    expect(answer(outside, '203.0.113.1', 80)).toBe('dropped')
    new Chain(dropping, 'INPUT').deleteRule(0)
  }
})

test.each([
  ['legacy', '203.0.113.9'],
  ['nft', 'dropped'],
] as const)('the internal counts of a rule of %s after an edit of another rule', async (backend, answered) => {
  const { machine, outside } = newNetwork()
  await serve(machine, 80)
  append(
    tableOf(machine, { backend }),
    'INPUT',
    '-m conntrack --ctstate ESTABLISHED -j ACCEPT',
    '-p tcp --dport 80 -m limit --limit 1/hour --limit-burst 1 -j ACCEPT',
    '-j DROP',
  )
  expect(answer(outside, '203.0.113.1', 80)).toBe('203.0.113.9')
  expect(answer(outside, '203.0.113.1', 80)).toBe('dropped')
  run(machine, `iptables-${backend} -A FORWARD -s 10.0.0.1 -j ACCEPT`)
  expect(answer(outside, '203.0.113.1', 80)).toBe(answered)
})

test('only legacy uses the lock', async () => {
  const namespace = newNamespace()
  const lock = process.env['XTABLES_LOCKFILE'] as string
  const holder = spawn('flock', [lock, process.execPath, '-e', 'console.log("held"); setTimeout(() => {}, 60_000)'], {
    detached: true,
  })
  try {
    await once(holder.stdout, 'data')
    const edit = (backend: 'legacy' | 'nft'): void =>
      append(tableOf(namespace, { backend, lockTimeoutMs: 200 }), 'INPUT', '-j ACCEPT')
    expect(() => edit('legacy')).toThrow(LockTimeoutError)
    edit('nft')
  } finally {
    holder.stdout.destroy()
    process.kill(-(holder.pid as number))
  }
})

test('only nf_tables reports changes', () => {
  expect(() => tableOf(newNamespace(), { backend: 'legacy' }).watch()).toThrow(UnsupportedError)
})

test('reading creates tables of ip_tables, but not of nf_tables', () => {
  const namespace = newNamespace()
  const tables = (): string => run(namespace, 'cat /proc/net/ip_tables_names; nft list tables')
  expect(tableOf(namespace, { backend: 'nft' }).chains).toHaveLength(3)
  expect(tables()).toBe('')
  expect(tableOf(namespace, { backend: 'legacy' }).chains).toHaveLength(3)
  expect(tables()).toBe('filter\n')
  append(tableOf(namespace, { backend: 'nft' }), 'INPUT', '-j ACCEPT')
  expect(tables()).toBe('filter\ntable ip filter\n')
})

test('nft writes rules that cannot be expressed in iptables syntax', () => {
  const namespace = newNamespace()
  run(namespace, 'iptables-nft -N web; nft add rule ip filter web tcp dport "{ 1, 2 }" accept')
  expect(tableOf(namespace, { backend: 'nft' }).incompatible).toEqual(['rule 1 of chain web'])
})
