/**
 * Tables of nf_tables on the in-process kernel: the messages that are sent, concurrent changes by others, and what
 * stays unchanged.
 */

import { NLM_F_CREATE, NLM_F_DUMP } from '../../src/abi/netlink'
import { Chain, ConflictError, MemoryKernel, Rule, RuleError, restore, save, Table } from '../../src/index'
import { nfHead, type Request, request } from '../../src/netlink/message'
import { messages } from '../../src/nft/messages'
import { caught } from '../support/caught'
import { NftAsked } from '../support/nft-asked'
import { addChain, change } from '../support/nft-writer'
import { type SystemCall, WatchedKernel } from '../support/watched-kernel'

let kernel: MemoryKernel
const open = (name: 'filter' | 'nat' = 'filter', options = {}): Table =>
  new Table(name, { kernel, backend: 'nft', ...options })
const chain = (name: string, table: Table = open()): Chain => new Chain(table, name)
const lines = (name: string): string[] => chain(name).rules.map(String)

beforeEach(() => {
  kernel = new MemoryKernel()
})

/** Handles of the rules by chain, in order; handles of chains under `chains`. */
function handles(): Record<string, unknown[]> {
  const asked = new NftAsked(kernel)
  const told = (kind: typeof messages.getRule | typeof messages.getChain): Record<string, string>[] =>
    asked
      .ask([request(kind as typeof messages.getRule, NLM_F_DUMP, nfHead(2), {})])
      .flatMap(([, name, , what]) => (name === 'done' ? [] : [JSON.parse(what)]))
  const found: Record<string, unknown[]> = { chains: told(messages.getChain).map(({ handle }) => handle) }
  for (const { chain = '', handle } of told(messages.getRule)) found[chain] = [...(found[chain] ?? []), handle]
  asked.close()
  return found
}

test('a table is created when something is added, and then what that needs', () => {
  const table = open()
  expect(table.chains.map(({ name }) => name)).toEqual(['INPUT', 'FORWARD', 'OUTPUT'])
  expect(handles()).toEqual({ chains: [] })
  chain('INPUT', table).appendRule(Rule.parse('-p tcp -j ACCEPT'))
  expect(handles()).toEqual({ chains: ['1n'], INPUT: ['2n'] })
  expect(lines('INPUT')).toEqual(['-p tcp -j ACCEPT'])
})

describe('concurrent changes', () => {
  test('an edit of another table does not matter', () => {
    let runs = 0
    open().transaction((table) => {
      runs++
      chain('POSTROUTING', open('nat')).appendRule(Rule.parse('-j ACCEPT'))
      chain('INPUT', table).appendRule(Rule.parse('-p tcp'))
    })
    expect([runs, lines('INPUT')]).toEqual([1, ['-p tcp']])
    const deferred = open('filter', { autocommit: false })
    chain('INPUT', deferred).appendRule(Rule.parse('-p udp'))
    chain('POSTROUTING', open('nat')).appendRule(Rule.parse('-j ACCEPT'))
    deferred.commit()
    expect(lines('INPUT')).toEqual(['-p tcp', '-p udp'])
  })

  test('an edit of another table does not matter, off the main thread', async () => {
    let runs = 0
    await open().transactionAsync(async (table) => {
      runs++
      await chain('POSTROUTING', open('nat')).appendRule(Rule.parse('-j ACCEPT'))
      chain('INPUT', table).appendRule(Rule.parse('-p tcp'))
    })
    expect([runs, lines('INPUT')]).toEqual([1, ['-p tcp']])
  })

  test('an edit of this table repeats a transaction, and makes a deferred commit fail', () => {
    const other = open()
    let runs = 0
    chain('INPUT', other).appendRule(Rule.parse('-p udp'))
    open().transaction((table) => {
      if (runs++ === 0) addChain(kernel, 'theirs')
      chain('INPUT', table).appendRule(Rule.parse('-p tcp'))
    })
    expect([runs, lines('INPUT')]).toEqual([2, ['-p udp', '-p tcp']])
    const deferred = open('filter', { autocommit: false })
    chain('INPUT', deferred).appendRule(Rule.parse('-p icmp'))
    addChain(kernel, 'more')
    expect(() => deferred.commit()).toThrow(ConflictError)
    expect(lines('INPUT')).toEqual(['-p udp', '-p tcp'])
  })
})

describe('between reading and writing, another program', () => {
  const table = request(messages.deleteTable, 0, nfHead(2), { name: 'filter' })
  const rules = request(messages.deleteRule, 0, nfHead(2), { table: 'filter' })
  const chain = request(messages.deleteChain, 0, nfHead(2), { table: 'filter', name: 'x' })
  const renaming = (): Request => {
    const values = { table: 'filter', name: 'y', handle: BigInt(handleOfChain('x')) }
    return request(messages.newChain, 0, nfHead(2), values)
  }
  const handleOfChain = (name: string): number => {
    const asked = new NftAsked(kernel)
    const told = asked.ask([request(messages.getChain, NLM_F_DUMP, nfHead(2), {})])
    asked.close()
    return Number.parseInt(
      told
        .map(([, , , what]) => what)
        .find((what) => what.includes(`"${name}"`))
        ?.match(/"handle":"(\d+)n"/)?.[1] ?? '',
      10,
    )
  }
  const RULE = '-s 10.0.0.1/32 -p tcp'

  const EVENTS: readonly (readonly [string, () => readonly Request[], string[] | RegExp])[] = [
    ['deletes the table', () => [table], /no chain "x"/],
    ['deletes all rules', () => [rules], [RULE]],
    ['deletes the chain', () => [rules, chain], /no chain "x"/],
    ['renames the chain', () => [renaming()], /no chain "x"/],
    ['makes the chain anew', () => [rules, chain, newChain('x')], [RULE]],
    ['makes another chain', () => [newChain('z')], ['-p udp', RULE]],
  ]
  const newChain = (name: string): Request =>
    request(messages.newChain, NLM_F_CREATE, nfHead(2), { table: 'filter', name })

  const WAYS: readonly (readonly [string, (table: Table) => unknown])[] = [
    ['an edit', (table) => new Chain(table, 'x').appendRule(Rule.parse(RULE))],
    ['a transaction', (table) => table.transaction(() => new Chain(table, 'x').appendRule(Rule.parse(RULE)))],
    [
      'a transaction off the main thread',
      (table) => table.transactionAsync(() => new Chain(table, 'x').appendRule(Rule.parse(RULE))),
    ],
  ]
  let watched: WatchedKernel
  let edited: Table
  let times: number
  beforeEach(() => {
    restore('*filter\n:x - [0:0]\n-A INPUT -j ACCEPT\n-A x -p udp\nCOMMIT\n', place())
    watched = new WatchedKernel(kernel)
    edited = new Table('filter', { kernel: watched, backend: 'nft' })
    times = 0
  })
  const once =
    (changes: () => readonly Request[]) =>
    (call: SystemCall): void => {
      if (call.operation === 'batch' && times++ === 0) expect(change(kernel, ...changes())).toEqual([])
    }

  describe.each(EVENTS)('%s', (_, changes, expected) => {
    test.each(WAYS)('%s is applied to the changed table', async (_name, edit) => {
      watched.before = once(changes)
      let error: unknown
      try {
        await edit(edited)
      } catch (thrown) {
        error = thrown
      }
      if (expected instanceof RegExp) expect(error).toMatchObject({ message: expect.stringMatching(expected) })
      else expect([error, lines('x')]).toEqual([undefined, expected])
      expect(times).toBe(expected instanceof RegExp ? 1 : 2)
    })

    test.each([
      ['a commit', (): unknown => edited.commit()],
      ['a commit off the main thread', () => edited.commitAsync()],
    ])('%s is refused, and nothing is written', async (_name, commit) => {
      edited.autocommit = false
      new Chain(edited, 'x').appendRule(Rule.parse(RULE))
      watched.before = once(changes)
      await expect((async () => void (await commit()))()).rejects.toThrow(ConflictError)
      expect([times, saved().filter((line) => line.includes('10.0.0.1'))]).toEqual([1, []])
    })
  })

  test('is faster every time: the edit gives up', () => {
    const gone = request(messages.deleteChain, 0, nfHead(2), { table: 'filter', name: 'z' })
    let n = 0
    watched.before = ({ operation }) => {
      if (operation === 'batch') change(kernel, n++ % 2 === 0 ? newChain('z') : gone)
    }
    expect(() => new Chain(edited, 'x').appendRule(Rule.parse(RULE))).toThrow(ConflictError)
    expect(n).toBe(1000)
    expect(lines('x')).toEqual(['-p udp'])
  })

  test('is faster every time in another table: the edit gives up, too', () => {
    const inNat = (kind: typeof messages.newTable | typeof messages.deleteTable): Request =>
      request(kind, kind === messages.newTable ? NLM_F_CREATE : 0, nfHead(2), { name: 'nat' })
    let n = 0
    watched.before = ({ operation }) => {
      if (operation === 'batch') change(kernel, inNat(n++ % 2 === 0 ? messages.newTable : messages.deleteTable))
    }
    expect(() => new Chain(edited, 'x').appendRule(Rule.parse(RULE))).toThrow(ConflictError)
    expect(n).toBeLessThan(2000)
    expect(lines('x')).toEqual(['-p udp'])
  })
})

const COUNTED = `*filter
:INPUT ACCEPT [7:8]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:a - [0:0]
:b - [0:0]
[1:2] -A INPUT -s 10.0.0.1/32 -j a
[3:4] -A INPUT -p tcp -m tcp --dport 22 -j b
[5:6] -A a -j b
COMMIT
`
const place = () => ({ kernel, backend: 'nft' as const })
const saved = (): string[] =>
  save({ ...place(), counters: true })
    .split('\n')
    .filter((line) => /^[:[]/.test(line))

test('rules that are not edited keep their counters and handles', () => {
  restore(COUNTED, { ...place(), counters: true })
  const [before, counted] = [handles(), saved()]
  const table = open()
  chain('INPUT', table).insertRule(Rule.parse('-p udp'), 1)
  chain('INPUT', table).deleteRule(1)
  chain('OUTPUT', table).appendRule(Rule.parse('-j a'))
  table.setPolicy('INPUT', 'DROP')
  const after = handles()
  expect([after['INPUT'], after['a']]).toEqual([before['INPUT'], before['a']])
  expect(saved()).toEqual([
    ':INPUT DROP [7:8]',
    ...counted.filter((line) => !line.startsWith(':INPUT') && line !== '[5:6] -A a -j b'),
    '[0:0] -A OUTPUT -j a',
    '[5:6] -A a -j b',
  ])
})

describe('renamed chains', () => {
  beforeEach(() => restore(COUNTED, { ...place(), counters: true }))

  test('keep their handles, and so do rules that jump to them', () => {
    const before = handles()
    open().renameChain('a', 'c')
    expect(handles()).toEqual({ chains: before['chains'], INPUT: before['INPUT'], c: before['a'] })
    expect(lines('INPUT')[0]).toBe('-s 10.0.0.1/32 -j c')
  })

  test('can be jumped to and appended to in the edit that renames them', () => {
    open().transaction((table) => {
      table.renameChain('a', 'c')
      chain('c', table).appendRule(Rule.parse('-p udp'))
      chain('OUTPUT', table).appendRule(Rule.parse('-g c'))
    })
    expect([lines('c'), lines('OUTPUT')]).toEqual([['-j b', '-p udp'], ['-g c']])
  })

  const renamed = (...names: readonly (readonly [string, string])[]): string[] => {
    open().transaction((table) => {
      for (const [from, to] of names) table.renameChain(from, to)
    })
    return saved().filter((line) => line.startsWith('['))
  }

  test('one chain takes the former name of another', () => {
    expect(renamed(['b', 'c'], ['a', 'b'])).toEqual([
      '[1:2] -A INPUT -s 10.0.0.1/32 -j b',
      '[3:4] -A INPUT -p tcp -m tcp --dport 22 -j c',
      '[5:6] -A b -j c',
    ])
  })

  test('two chains swap their names', () => {
    expect(renamed(['b', 'c'], ['a', 'b'], ['c', 'a'])).toEqual([
      '[1:2] -A INPUT -s 10.0.0.1/32 -j b',
      '[3:4] -A INPUT -p tcp -m tcp --dport 22 -j a',
      '[5:6] -A b -j a',
    ])
  })

  test('a new chain takes the former name of a renamed one', () => {
    open().transaction((table) => {
      table.renameChain('b', 'c')
      table.createChain('b')
      chain('b', table).appendRule(Rule.parse('-j c'))
    })
    expect(saved().filter((line) => line.startsWith('['))).toEqual([
      '[1:2] -A INPUT -s 10.0.0.1/32 -j a',
      '[3:4] -A INPUT -p tcp -m tcp --dport 22 -j c',
      '[5:6] -A a -j c',
      '[0:0] -A b -j c',
    ])
  })
})

test('more rules at once than the kernel is asked to report', () => {
  const table = open()
  const many = Array.from({ length: 200 }, (_, i) => `-s 10.0.0.${i}/32`)
  table.transaction(() => {
    for (const line of many) chain('INPUT', table).appendRule(Rule.parse(line))
  })
  chain('INPUT', table).deleteRule(100)
  chain('INPUT', table).insertRule(Rule.parse('-p udp'), 150)
  const expected = [...many]
  expected.splice(100, 1)
  expected.splice(150, 0, '-p udp')
  expect(lines('INPUT')).toEqual(expected)
  expect(chain('INPUT', table).rules.map(String)).toEqual(expected)
})

test('the same rule twice is two rules', () => {
  const table = open()
  const rule = Rule.parse('-p tcp')
  table.transaction(() => {
    chain('INPUT', table).appendRule(rule)
    chain('INPUT', table).appendRule(rule)
  })
  chain('INPUT', table).appendRule(rule)
  expect(lines('INPUT')).toEqual(['-p tcp', '-p tcp', '-p tcp'])
  chain('INPUT', table).deleteRule(1)
  chain('INPUT', table).insertRule(Rule.parse('-p udp'), 1)
  expect(lines('INPUT')).toEqual(['-p tcp', '-p udp', '-p tcp'])
})

test.each(['-m tcp --dport 22', '-p udp -m tcp --dport 22', '! -p tcp -m tcp --dport 22', '-m udp --sport 53'])(
  '%s would match more packets in nf_tables than it says',
  (line) => {
    const error = caught(() => chain('INPUT').appendRule(Rule.parse(line)))
    expect(error).toBeInstanceOf(RuleError)
    expect(error).toMatchObject({ message: expect.stringMatching(/needs -p (tcp|udp)/) })
    expect(handles()).toEqual({ chains: [] })
  },
)

test('a rule at a hook that its extension does not support is named', () => {
  const table = open()
  table.createChain('X')
  const rule = Rule.parse('-m mac --mac-source 00:11:22:33:44:55')
  expect(caught(() => chain('OUTPUT', table).appendRule(rule))).toMatchObject({ extension: 'mac', position: 0 })
  chain('X', table).appendRule(rule)
  // If such a hook only reaches the chain by a jump, only the kernel notices.
  expect(() => chain('OUTPUT', table).appendRule(Rule.parse('-j X'))).toThrow(RuleError)
  expect(lines('OUTPUT')).toEqual([])
})
