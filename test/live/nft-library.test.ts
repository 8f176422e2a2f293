/** The library on tables of nf_tables: Linux and the in-process kernel must behave in the same way. */
import { readFileSync } from 'node:fs'
import { Chain, easy, type Kernel, Rule, RuleError, restore, save, Table } from '../../src/index'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { caught } from '../support/caught'
import { runScript } from './machine'

const KERNELS: readonly (readonly [string, () => Kernel])[] = [
  ['Linux', () => new LinuxKernel({ namespace: NetworkNamespace.create() })],
  ['the in-process kernel', () => new MemoryKernel()],
]

describe.each(KERNELS)('%s', (_, make) => {
  let kernel: Kernel
  let place: { readonly kernel: Kernel; readonly backend: 'nft' }
  beforeEach(() => {
    kernel = make()
    place = { kernel, backend: 'nft' }
  })
  const text = (...lines: readonly string[]): string => ['*filter', ...lines, 'COMMIT', ''].join('\n')
  const saved = (): string => save({ ...place, counters: true }).replace(/^#.*\n/gm, '')

  /**
   * Lines that only the kernel refuses: because of the rule itself, because of the hook that reaches it, or because of
   * a loop.
   */
  const REFUSED: readonly (readonly [string, readonly string[], number])[] = [
    ['a rule at a hook that it is not for', ['-A OUTPUT -m mac --mac-source 00:11:22:33:44:55'], 0],
    [
      'a rule that is reached from such a hook',
      [':x - [0:0]', '-A x -m mac --mac-source 00:11:22:33:44:55', '-A OUTPUT -j x'],
      1,
    ],
    ['a loop', [':x - [0:0]', ':y - [0:0]', '-A x -j y', '-A y -j x', '-A INPUT -j x'], 3],
  ]

  test.each(REFUSED)('%s is found by a rehearsal', (_name, lines, wrong) => {
    // The table must exist before: the kernel does not check a table as a whole that the rehearsal itself creates.
    restore(text('-A INPUT -j ACCEPT'), place)
    const before = saved()
    for (const test of [true, false]) {
      const error = caught(() => restore(text(...lines), { ...place, test }))
      expect([test, error]).toMatchObject([test, { name: 'RestoreError', line: wrong + 2 }])
      expect(saved()).toBe(before)
    }
  })

  test('no table of a batch is written if the kernel refuses another', () => {
    const batch = easy.batchBegin(undefined, place)
    easy.addRule('mangle', 'INPUT', { target: 'ACCEPT' }, 0, { batch })
    easy.addRule('filter', 'OUTPUT', { mac: { 'mac-source': '00:11:22:33:44:55' } }, 0, { batch })
    expect(() => easy.batchEnd(batch)).toThrow(RuleError)
    expect(easy.getTables(place)).toEqual([])
  })

  const MAC = '-m mac --mac-source 00:11:22:33:44:55'
  const REACHED =
    'match mac: only in rules reached from PREROUTING, INPUT, FORWARD, and this one is reached from OUTPUT'
  const open = (): Table => new Table('filter', place)
  const append = (table: Table, chain: string, ...rules: readonly string[]): void => {
    for (const rule of rules) new Chain(table, chain).appendRule(Rule.parse(rule))
  }
  const many = (wrong: number): string[] =>
    Array.from({ length: 5000 }, (_, i) => (i === wrong ? MAC : `-s 10.0.${i >> 8}.${i & 255}`))

  /** Ways to add rules of which the kernel refuses the 2501st, and how the error shows that. */
  const WAYS: readonly (readonly [string, () => unknown, object])[] = [
    [
      'restore',
      () => restore(text(...many(2500).map((rule) => `-A OUTPUT ${rule}`)), place),
      { line: 2502, cause: { chain: 'OUTPUT', position: 2500, extension: 'mac' } },
    ],
    [
      'a transaction',
      () => open().transaction((table) => append(table, 'OUTPUT', ...many(2500))),
      { chain: 'OUTPUT', position: 2500, extension: 'mac' },
    ],
    [
      'easy.batchAddRules',
      () =>
        easy.batchAddRules(
          'filter',
          many(2500).map((rule) => ['OUTPUT', easy.decodeRule(Rule.parse(rule))]),
          place,
        ),
      { chain: 'OUTPUT', position: 2500, extension: 'mac' },
    ],
    [
      'a transaction with more refusals than the socket has room for',
      () => open().transaction((table) => append(table, 'OUTPUT', ...many(2500).map(() => MAC))),
      { chain: 'OUTPUT', position: 0, extension: 'mac' },
    ],
    [
      'a transaction in which every later rule is refused for it',
      () =>
        open().transaction((table) => {
          table.createChain('x')
          append(table, 'x', ...many(2500))
          append(table, 'OUTPUT', '-j x')
        }),
      { chain: 'x', position: 2500, extension: 'mac', reason: expect.stringContaining(REACHED) },
    ],
  ]

  test.each(WAYS)('which of 5,000 rules the kernel refuses, in %s', (_name, add, found) => {
    expect(caught(add)).toMatchObject(found)
    expect(saved()).toBe('')
  })

  test.each<[string, readonly string[], string, string]>([
    ['what it leads to', ['-N x', `-A x ${MAC}`], '-A OUTPUT -j x', `it leads to rule 1 of chain x: ${REACHED}`],
    ['a loop', ['-N x', '-N y', '-A x -j y', '-A INPUT -j x'], '-A y -j x', 'in a loop'],
    ['too many jumps', [], '-A INPUT -j 15', 'by more than 15 jumps'],
    [
      'too many expressions',
      [],
      `-A INPUT ${'-m mark --mark 1 '.repeat(64)}`,
      'takes 129 expressions of nf_tables, which has room for 128',
    ],
  ])('the error of a rule that is refused for %s says so', (_name, lines, line, reason) => {
    const table = open()
    const carryOut = (one: string): void => {
      const [, command, chain = '', rule = ''] = /^(-.) (\S+) ?(.*)$/.exec(one) ?? []
      if (command === '-N') table.createChain(chain)
      else append(table, chain, rule)
    }
    table.transaction(() => {
      for (let i = 0; i <= 15; i++) table.createChain(`${i}`)
      for (let i = 1; i <= 15; i++) append(table, `${i}`, `-j ${i - 1}`)
      for (const one of lines) carryOut(one)
    })
    expect(() => carryOut(line)).toThrow(reason)
  })
})

/** Adds this many rules with long comments in one transaction. */
const adding = (count: number): string => `
  const { Chain, Rule, Table } = require('./src/index')
  const table = new Table('filter', { backend: 'nft' })
  const input = new Chain(table, 'INPUT')
  const rule = Rule.parse('-m comment --comment ' + 'x'.repeat(200))
  try {
    table.transaction(() => { for (let i = 0; i < ${count}; i++) input.appendRule(rule) })
  } catch ({ code, message }) {
    console.log(code, message)
  }
  table.refresh()
  console.log(input.rules.length)
`

test('in a user namespace, a batch can be as long as the system allows', () => {
  const most = Number(readFileSync('/proc/sys/net/core/wmem_max', 'utf8'))
  const add = (count: number): string => runScript(adding(count), ['unshare', '-rn']).stdout
  // A rule takes between 400 and 800 bytes.
  const [fitting, excessive] = [Math.floor((2 * most) / 800), Math.ceil((2 * most) / 400)]
  expect(add(fitting)).toBe(`${fitting}\n`)
  // Elsewhere, a batch that is too long would take minutes.
  if (most <= 8 * 2 ** 20)
    expect(add(excessive)).toMatch(
      /^XT_KERNEL .*: the message is too long for the socket: .* net\.core\.wmem_max.*\n0\n$/,
    )
})
