/** Tables kept in nf_tables, over the in-process kernel: what is sent, who gets in between, and what stays as it was. */

import { NLM_F_CREATE, NLM_F_DUMP } from '../../src/abi/netlink'
import { NFNL_SUBSYS_NFTABLES } from '../../src/abi/nfnetlink'
import { Chain, ConflictError, MemoryKernel, Rule, RuleError, restore, save, Table } from '../../src/index'
import { nfHead, request } from '../../src/netlink/message'
import { batchBegin, batchEnd, messages } from '../../src/nft/messages'
import { caught } from '../support/caught'
import { NftAsked } from '../support/nft-asked'

let kernel: MemoryKernel
const open = (name: 'filter' | 'nat' = 'filter', options = {}): Table =>
  new Table(name, { kernel, backend: 'nft', ...options })
const chain = (name: string, table: Table = open()): Chain => new Chain(table, name)
const lines = (name: string): string[] => chain(name).rules.map(String)

beforeEach(() => {
  kernel = new MemoryKernel()
})

/** Handles of the rules, by chain and in their order; of the chains under `chains`. */
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

test('a table comes to be when something is put into it, and then what that needs', () => {
  const table = open()
  expect(table.chains.map(({ name }) => name)).toEqual(['INPUT', 'FORWARD', 'OUTPUT'])
  expect(handles()).toEqual({ chains: [] })
  chain('INPUT', table).appendRule(Rule.parse('-p tcp -j ACCEPT'))
  expect(handles()).toEqual({ chains: ['1n'], INPUT: ['2n'] })
  expect(lines('INPUT')).toEqual(['-p tcp -j ACCEPT'])
})

describe('in between', () => {
  test('an edit of another table is none of this', () => {
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

  test('the same off the main thread', async () => {
    let runs = 0
    await open().transactionAsync(async (table) => {
      runs++
      await chain('POSTROUTING', open('nat')).appendRule(Rule.parse('-j ACCEPT'))
      chain('INPUT', table).appendRule(Rule.parse('-p tcp'))
    })
    expect([runs, lines('INPUT')]).toEqual([1, ['-p tcp']])
  })

  test('an edit of this table has a transaction run again, and a deferred commit refused', () => {
    const other = open()
    let runs = 0
    // Another program has no turn to wait for.
    const asOther = new MessageWriter()
    chain('INPUT', other).appendRule(Rule.parse('-p udp'))
    open().transaction((table) => {
      if (runs++ === 0) asOther.addChain('theirs')
      chain('INPUT', table).appendRule(Rule.parse('-p tcp'))
    })
    expect([runs, lines('INPUT')]).toEqual([2, ['-p udp', '-p tcp']])
    const deferred = open('filter', { autocommit: false })
    chain('INPUT', deferred).appendRule(Rule.parse('-p icmp'))
    asOther.addChain('more')
    expect(() => deferred.commit()).toThrow(ConflictError)
    expect(lines('INPUT')).toEqual(['-p udp', '-p tcp'])
  })
})

/** Another program. */
class MessageWriter {
  addChain(name: string): void {
    const asked = new NftAsked(kernel)
    const subsystem = { ...nfHead(0), resId: NFNL_SUBSYS_NFTABLES }
    asked.ask([
      request(batchBegin, 0, subsystem, {}),
      request(messages.newChain, NLM_F_CREATE, nfHead(2), { table: 'filter', name }),
      request(batchEnd, 0, subsystem, {}),
    ])
    asked.close()
  }
}

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

test('what is not edited is not touched: neither its counters nor its handle', () => {
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

describe('chains that are called otherwise', () => {
  beforeEach(() => restore(COUNTED, { ...place(), counters: true }))

  test('keep their handles, and so do the rules that go to them', () => {
    const before = handles()
    open().renameChain('a', 'c')
    expect(handles()).toEqual({ chains: before['chains'], INPUT: before['INPUT'], c: before['a'] })
    expect(lines('INPUT')[0]).toBe('-s 10.0.0.1/32 -j c')
  })

  test('are gone to, and added to, in the edit that renames them', () => {
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

  test('one takes the name that another had', () => {
    expect(renamed(['b', 'c'], ['a', 'b'])).toEqual([
      '[1:2] -A INPUT -s 10.0.0.1/32 -j b',
      '[3:4] -A INPUT -p tcp -m tcp --dport 22 -j c',
      '[5:6] -A b -j c',
    ])
  })

  test('they change places', () => {
    expect(renamed(['b', 'c'], ['a', 'b'], ['c', 'a'])).toEqual([
      '[1:2] -A INPUT -s 10.0.0.1/32 -j b',
      '[3:4] -A INPUT -p tcp -m tcp --dport 22 -j a',
      '[5:6] -A b -j a',
    ])
  })

  test('a new one takes the name of one that has another', () => {
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

test('more rules at once than the kernel is asked to tell of', () => {
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

test('one rule twice is two', () => {
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
  '%s would be wider in nf_tables than it says',
  (line) => {
    const error = caught(() => chain('INPUT').appendRule(Rule.parse(line)))
    expect(error).toBeInstanceOf(RuleError)
    expect(error).toMatchObject({ message: expect.stringMatching(/needs -p (tcp|udp)/) })
    expect(handles()).toEqual({ chains: [] })
  },
)

test('what stands at a hook that its extension is not for is named', () => {
  const table = open()
  table.createChain('X')
  const rule = Rule.parse('-m mac --mac-source 00:11:22:33:44:55')
  expect(caught(() => chain('OUTPUT', table).appendRule(rule))).toMatchObject({ extension: 'mac', position: 0 })
  chain('X', table).appendRule(rule)
  // Where it is reached from such a hook by a jump, the kernel alone sees it.
  expect(() => chain('OUTPUT', table).appendRule(Rule.parse('-j X'))).toThrow(RuleError)
  expect(lines('OUTPUT')).toEqual([])
})
