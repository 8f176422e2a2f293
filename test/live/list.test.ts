/** Compares our listings with those of iptables-legacy. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FAMILIES } from '../../src/abi/family'
import { Chain, Rule, Rule6, Table, Table6 } from '../../src/index'
import { captureTable } from '../../src/kernel/capture'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { type ListOptions, listTable } from '../../src/language/list'
import type { Case } from '../support/cases'
import { deviations, explained } from '../support/deviations'
import { contextOf, rulesetOf } from '../support/fixtures'
import { absentCases, liveCases, sharedTables } from '../support/here'
import { iptables, prepare, shown } from '../support/oracle'
import { runScript } from './machine'

type Place = Omit<Case, 'name' | 'extension' | 'refused'>

/** Command-line options, and the same as options of the library. */
const OPTIONS: readonly (readonly [words: readonly string[], options: ListOptions])[] = [
  [[], {}],
  [['-n'], { numeric: true }],
  [['-v'], { verbose: true }],
  [['-n', '-v'], { numeric: true, verbose: true }],
  [['-n', '-v', '-x', '--line-numbers'], { numeric: true, verbose: true, exact: true, lineNumbers: true }],
  [['-n', '-x', '--line-numbers'], { numeric: true, exact: true, lineNumbers: true }],
]

const place = (family: 'ipv4' | 'ipv6', accepted: readonly string[], setup: readonly string[] = []): Place => ({
  family: FAMILIES[family],
  table: 'filter',
  setup,
  accepted,
})

const filled: Place[] = []

/** Rules keep sets alive that the next test creates again. */
afterEach(() => {
  for (const { family, table } of filled.splice(0)) iptables(family, '-t', table, '-F')
})

function fill(one: Place, lines: readonly string[] = one.accepted): void {
  filled.push(one)
  expect(prepare({ ...one, name: '', extension: '', refused: [] }, lines)).toMatchObject({ status: 0 })
}

/** Prints our listings of the current table. */
function lister({ family, table }: Place): (options: ListOptions) => string {
  const capture = captureTable(new LinuxKernel(), family.name, table)
  const [ruleset, context] = [rulesetOf({ capture }), contextOf({ capture })]
  return (options) => listTable(ruleset, context, options)
}

const ours = (one: Place, options: ListOptions): string => lister(one)(options)

const theirs = ({ family, table }: Place, ...words: string[]): string => shown(family, table, ...words)

function expectSame(one: Place): void {
  const list = lister(one)
  for (const [words, options] of OPTIONS) expect(list(options)).toBe(theirs(one, ...words))
}

const named = sharedTables().map((one) => [`${one.family.name} ${one.table} ${one.name}`, one] as const)

test.each(named)('%s', (_, one) => {
  fill(
    one,
    one.accepted.filter((line) => !explained('listed', line)),
  )
  expectSame(one)
})

test('every deviation still applies', () => {
  const differing = liveCases.flatMap((one) =>
    one.accepted.filter((line) => explained('listed', line)).map((line) => ({ ...one, accepted: [line] })),
  )
  const same = differing.filter((one) => {
    fill(one)
    return ours(one, { verbose: true }) === theirs(one, '-v')
  })
  expect(same.flatMap(({ accepted }) => accepted)).toEqual([])
  // Lines that this kernel does not support cannot be compared.
  const lacking = absentCases.flatMap(({ accepted }) => accepted)
  const shown = [...differing.flatMap(({ accepted }) => accepted), ...lacking]
  for (const { lines } of deviations.filter(({ what }) => what === 'listed'))
    expect([lines, shown.some((line) => lines.test(line))]).toEqual([lines, true])
})

test('counters of every size', () => {
  const digits = Array.from({ length: 19 }, (_, i) => 10n ** BigInt(i))
  const counts = digits.flatMap((one) => [one - 1n, one, one * 2n + 499n, one * 2n + 500n, one * 99995n - 1n])
  const one = place(
    'ipv4',
    counts.filter((count) => count < 2n ** 64n - 500n).map((count) => `-A INPUT -c ${count} ${count + 1n}`),
  )
  fill(one)
  expectSame(one)
})

test('counters of policies', () => {
  const one = place('ipv4', [])
  fill(one)
  for (const counters of [
    ['99999', '100000'],
    ['123456', '9999499999999'],
  ]) {
    iptables(one.family, '-P', 'FORWARD', 'DROP', '-c', ...counters)
    expectSame(one)
  }
  iptables(one.family, '-P', 'FORWARD', 'ACCEPT')
})

test('one chain, one rule, and missing ones', () => {
  const one = place('ipv4', ['-A foo -p tcp --dport 22', '-A foo -j bar', '-A INPUT -g foo'], ['-N foo', '-N bar'])
  fill(one)
  expect(ours(one, { chain: 'foo', verbose: true })).toBe(theirs(one, 'foo', '-v'))
  for (const rule of [1, 2, 3]) {
    const numbered = { chain: 'foo', rule, numeric: true, verbose: true, lineNumbers: true }
    expect(ours(one, numbered)).toBe(theirs(one, 'foo', `${rule}`, '-n', '-v', '--line-numbers'))
  }
  expect(() => ours(one, { chain: 'baz' })).toThrow('table filter has no chain "baz"')
})

test('names that are wider than their columns', () => {
  const one = place(
    'ipv4',
    [
      '-A INPUT -j abcdefghijklmnopqrstuvwxyz12 -p 143 ! -i abcdefghijklmno',
      '-A INPUT -j Grüße -s 100.100.100.100/255.255.255.253 ! -d 100.100.100.100/30 -p ipv6-icmp',
    ],
    ['-N abcdefghijklmnopqrstuvwxyz12', '-N Grüße'],
  )
  fill(one)
  expectSame(one)
})

test.each(['ipv4', 'ipv6'] as const)('names that only the kernel knows, in %s', (name) => {
  const one = place(name, [])
  fill(one)
  using table = name === 'ipv4' ? new Table('filter') : new Table6('filter')
  const rule = '-m state --revision 0 --payload 0x0200000000000000'
  const chain = new Chain(table, 'INPUT')
  chain.appendRule(name === 'ipv4' ? Rule.parse(rule) : Rule6.parse(rule))
  const codes = '--revision 0 --payload 0x0102050100000000'
  chain.appendRule(
    name === 'ipv4' ? Rule.parse(`-p icmp -m icmp ${codes}`) : Rule6.parse(`-p ipv6-icmp -m icmp6 ${codes}`),
  )
  expectSame(one)
})

/** The start of a command that runs another one with a file mounted over /etc/hosts, in a mount namespace. */
const withHosts = (file: string): string[] => [
  ...['unshare', '-m', 'bash', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', file],
]

const OURS = (family: string): string => `
  const { LinuxKernel } = require('./src/kernel/linux/linux-kernel')
  const { captureTable } = require('./src/kernel/capture')
  const { contextOf, rulesetOf } = require('./test/support/fixtures')
  const { listTable } = require('./src/language/list')
  const fixture = { capture: captureTable(new LinuxKernel(), '${family}', 'filter') }
  process.stdout.write(listTable(rulesetOf(fixture), contextOf(fixture)))
`

describe('names of hosts and networks', () => {
  const directory = mkdtempSync(join(tmpdir(), 'xtables-list-'))
  const file = join(directory, 'hosts')
  const names = ['127.0.0.1 localhost', '10.0.0.0 tens', '10.1.2.3 quite-a-long-name.example.com short', '::1 six']
  const addresses = {
    ipv4: ['127.0.0.1', '127.0.0.0', '10.0.0.0', '10.1.2.3', '0.0.0.0', '169.254.0.0', '203.0.113.9'],
    ipv6: ['::1', '::', '2001:db8::', 'fe80::1', '::ffff:127.0.0.1'],
  }
  const masks = { ipv4: ['', '/8', '/0', '/255.0.0.255'], ipv6: ['', '/32', '/0', '/ffff::ffff'] }

  beforeAll(() => writeFileSync(file, [...names, '2001:db8:: docs', ''].join('\n')))
  afterAll(() => rmSync(directory, { recursive: true }))

  test.each(['ipv4', 'ipv6'] as const)('%s', (name) => {
    const networks = addresses[name].flatMap((address) => masks[name].map((mask) => `${address}${mask}`))
    // 1.8.9 drops masks of these options that are not prefixes.
    const prefixes = networks.filter((network) => !/255.0|ffff::f/.test(network))
    fill(
      place(name, [
        ...networks.map((network) => `-A INPUT -s ${network} ! -d ${network}`),
        ...prefixes.map((network) => `-A INPUT -m conntrack --ctorigsrc ${network} ! --ctorigdst ${network}`),
        `-A INPUT -m iprange --src-range ${addresses[name][0]}`,
      ]),
    )
    const [command, ...words] = [...withHosts(file), name === 'ipv4' ? 'iptables-legacy' : 'ip6tables-legacy', '-L']
    const their = spawnSync(command as string, words, { encoding: 'utf8' })
    expect(their).toMatchObject({ status: 0, stderr: '' })
    expect(their.stdout).toContain(name === 'ipv4' ? 'quite-a-long-name.example.com' : 'docs')
    expect(runScript(OURS(name), withHosts(file))).toMatchObject({ status: 0, stdout: their.stdout })
  })
})
