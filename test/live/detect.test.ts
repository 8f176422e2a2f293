/** The backend that we and commands with plain names choose by default. */
import { detectBackend, LinuxKernel, type NetworkNamespace, Table } from '../../src/index'
import { run as runOurs } from '../cli/run'
import { newNamespace, run } from './legacy'

beforeAll(() => void delete process.env['XTABLES_BACKEND'])

const existing = (namespace: NetworkNamespace): string =>
  run(namespace, 'cat /proc/net/ip_tables_names /proc/net/ip6_tables_names; nft list tables')

test.each<[string, string[], 'legacy' | 'nft']>([
  ['nothing at all', [], 'nft'],
  ['a legacy table in which nothing is', ['iptables-legacy -S'], 'nft'],
  ['a legacy rule', ['iptables-legacy -A INPUT -j ACCEPT'], 'legacy'],
  ['a legacy chain', ['iptables-legacy -t nat -N a'], 'legacy'],
  ['a legacy policy', ['iptables-legacy -P INPUT DROP'], 'legacy'],
  ['a legacy rule of the other family', ['ip6tables-legacy -A INPUT -j ACCEPT'], 'legacy'],
  ['a rule of each', ['iptables-legacy -A INPUT', 'iptables-nft -A INPUT'], 'nft'],
  ['more legacy rules', ['iptables-legacy -A INPUT', 'iptables-legacy -A INPUT', 'iptables-nft -A INPUT'], 'legacy'],
  ['more nft rules', ['iptables-legacy -A INPUT', 'iptables-nft -A INPUT', 'iptables-nft -A INPUT'], 'nft'],
  [
    'a legacy rule, and an nft table in which nothing is',
    ['iptables-legacy -A INPUT', 'iptables-nft -P INPUT ACCEPT'],
    'legacy',
  ],
  ['a legacy rule, and an nft policy', ['iptables-legacy -t nat -N a', 'iptables-nft -P INPUT DROP'], 'nft'],
  ['a legacy rule, and native rules', ['iptables-legacy -A INPUT', 'nft add table inet filter'], 'legacy'],
  ['a legacy rule of the other family, and an nft rule', ['ip6tables-legacy -A INPUT', 'iptables-nft -A INPUT'], 'nft'],
])('%s', (_, commands, expected) => {
  const namespace = newNamespace()
  run(namespace, ...commands)
  const before = existing(namespace)
  expect(detectBackend({ namespace })).toBe(expected)
  expect(detectBackend({ kernel: new LinuxKernel({ namespace }) })).toBe(expected)
  expect(existing(namespace)).toBe(before)
  namespace.run(() => {
    const label = expected === 'nft' ? 'nf_tables' : 'legacy'
    expect(runOurs('iptables', ['-V']).stdout).toBe(`iptables v1.8.9 (${label})\n`)
    expect(runOurs('iptables', ['-N', 'mine'])).toMatchObject({ status: 0, stderr: '' })
    expect(runOurs('iptables-save', []).stdout).toContain(':mine - [0:0]')
  })
  expect(run(namespace, `iptables-${expected} -S mine`)).toBe('-N mine\n')
})

test('the requested family comes first', () => {
  const namespace = newNamespace()
  run(namespace, 'ip6tables-legacy -A INPUT', 'iptables-nft -A INPUT')
  expect([detectBackend({ namespace }), detectBackend({ namespace, ipv6: true })]).toEqual(['nft', 'legacy'])
})

test('the name of the applet takes precedence over the environment', () => {
  const namespace = newNamespace()
  const said = (...words: string[]): string => namespace.run(() => runOurs('xtables', [...words, '-V']).stdout.trim())
  expect(said('--backend', 'legacy', 'iptables')).toBe('iptables v1.8.9 (legacy)')
  expect(said('--backend', 'nft', 'ip6tables')).toBe('ip6tables v1.8.9 (nf_tables)')
  expect(said('--backend', 'nft', 'iptables-nft')).toBe('iptables v1.8.9 (nf_tables)')
  expect(namespace.run(() => runOurs('xtables', ['--backend', 'legacy', 'iptables-nft', '-V']))).toMatchObject({
    status: 2,
    stderr: 'xtables: iptables-nft is for the backend nft, but --backend is legacy\n',
  })
  process.env['XTABLES_BACKEND'] = 'legacy'
  expect(said('iptables')).toBe('iptables v1.8.9 (legacy)')
  expect(said('iptables-nft')).toBe('iptables v1.8.9 (nf_tables)')
  expect(said('iptables-nft-save')).toBe('iptables-nft-save v1.8.9 (nf_tables)')
  process.env['XTABLES_BACKEND'] = 'nft'
  expect(said('iptables-legacy')).toBe('iptables v1.8.9 (legacy)')
  expect(new Table('filter', { namespace, backend: 'legacy' }).backend).toBe('legacy')
  delete process.env['XTABLES_BACKEND']
  expect(new Table('filter', { namespace }).backend).toBe('legacy')
})

test('the nft applets warn of legacy tables', () => {
  const namespace = newNamespace()
  run(namespace, 'iptables-legacy -N old')
  const mine = (name: string, ...words: string[]) => namespace.run(() => runOurs(name, words))
  for (const words of ['-S', '-L -n', '-S INPUT'])
    expect(mine('iptables-nft', ...words.split(' '))).toMatchObject({
      status: 0,
      stderr: '# Warning: iptables-legacy tables present, use iptables-legacy to see them\n',
    })
  expect(mine('iptables-nft-save').stderr).toBe(
    '# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n',
  )
  expect(mine('ip6tables-nft', '-S').stderr).toBe('')
  expect(mine('iptables-nft', '-N', 'new').stderr).toBe('')
  expect(mine('iptables-legacy', '-S').stderr).toBe('')
})
