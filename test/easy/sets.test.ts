/** Sets as dictionaries, on the in-process kernel. */

import { IPSET_ERR } from '../../src/abi/ip-set'
import { applySets, diffSets, dumpSets, type SetDictionary } from '../../src/easy/easy'
import { IptcError, SetError, UnsupportedError } from '../../src/errors'
import { IpSet } from '../../src/ipset/ip-set'
import { commands } from '../../src/ipset/messages'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import type { Message } from '../../src/netlink/message'
import { meddled } from '../netlink/port'
import { setFixtures } from '../support/set-fixtures'

let kernel = new MemoryKernel()
beforeEach(() => {
  kernel = new MemoryKernel({ clock: () => 0 })
})

type Sets = Readonly<Record<string, SetDictionary>>

const SETS: Sets = {
  all: { type: 'list:set', entries: [{ set: 'ports' }, { set: 'blocked' }] },
  blocked: {
    type: 'hash:net',
    comment: true,
    timeout: 0,
    entries: [{ net: '10.0.0.0/8', comment: 'ours' }, '192.0.2.0/24', { net: '10.1.0.0/16', nomatch: true }],
  },
  ports: { type: 'bitmap:port', range: [0, 100], counters: true, entries: [{ port: [1, 3], packets: 5n }] },
}

test('applied sets are dumped, also via JSON, and then do not differ', () => {
  expect(diffSets(SETS, { kernel })).toMatchObject({ all: { missing: true }, blocked: { missing: true } })
  expect(applySets(SETS, { kernel })).toEqual({
    all: { added: 2, removed: 0, kept: 0 },
    blocked: { added: 3, removed: 0, kept: 0 },
    ports: { added: 3, removed: 0, kept: 0 },
  })
  expect(diffSets(SETS, { kernel })).toEqual({})
  const dumped = dumpSets({ kernel })
  expect(Object.keys(dumped)).toEqual(['blocked', 'ports', 'all'])
  expect(dumped['ports']).toEqual({
    type: 'bitmap:port',
    family: 'any',
    range: [0, 100],
    counters: true,
    entries: [1, 2, 3].map((port) => ({ port, packets: 5n, bytes: 0n })),
  })
  const other = { kernel: new MemoryKernel() }
  const json = JSON.stringify(dumped, (_, value) => (typeof value === 'bigint' ? String(value) : value))
  applySets(JSON.parse(json), other)
  expect(dumpSets(other)).toEqual(dumped)
})

test.each(
  setFixtures.map(({ type, family, options, entries }) => [`${type} of ${family}`, type, family, options, entries]),
)('sets with all extensions survive a round trip: %s', (_, type, family, options, entries) => {
  for (const name of ['one', 'two', 'three']) IpSet.create(name, 'hash:ip', {}, { kernel })
  const set = { type, ...options, ...(family === 'ipv6' && { family }), entries } as unknown as SetDictionary
  applySets({ set }, { kernel })
  const before = dumpSets({ kernel })
  expect(before['set']?.entries.length).toBeGreaterThan(0)
  expect(diffSets({ set }, { kernel })).toEqual({})
  expect(applySets(before as never, { kernel })['set']).toMatchObject({ added: 0, removed: 0 })
})

test('the order of a list of sets is compared and applied', () => {
  const names = ['one', 'two', 'three', 'four']
  for (const name of names) IpSet.create(name, 'hash:ip', {}, { kernel })
  const sets = (...members: string[]): Sets => ({ all: { type: 'list:set', entries: members.map((set) => ({ set })) } })
  const order = (): unknown[] =>
    (dumpSets({ kernel })['all']?.entries ?? []).map((entry) => (entry as { set: string }).set)
  applySets(sets('one', 'two', 'three'), { kernel })
  const swapped = [{ set: 'two' }, { set: 'one' }]
  expect(diffSets(sets('two', 'one', 'three'), { kernel })).toEqual({
    all: { missing: false, added: swapped, removed: swapped.toReversed() },
  })
  expect(diffSets(sets('four', 'one', 'three'), { kernel })).toEqual({
    all: { missing: false, added: [{ set: 'four' }], removed: [{ set: 'two' }] },
  })
  applySets(sets('two', 'one', 'three'), { kernel })
  expect(order()).toEqual(['two', 'one', 'three'])
  expect(diffSets(sets('two', 'one', 'three'), { kernel })).toEqual({})
})

test('differences are reported and applied', () => {
  applySets(SETS, { kernel })
  const blocked = IpSet.open('blocked', 'hash:net', { kernel })
  blocked.remove('192.0.2.0/24')
  blocked.add(['203.0.113.9', { net: '10.0.0.0/8', comment: 'theirs' }], { exist: true })
  expect(diffSets(SETS, { kernel })).toEqual({
    blocked: {
      missing: false,
      added: [
        { net: '10.0.0.0/8', timeout: 0, comment: 'ours' },
        { net: '192.0.2.0/24', timeout: 0 },
      ],
      removed: expect.arrayContaining([
        { net: '10.0.0.0/8', timeout: 0, comment: 'theirs' },
        { net: '203.0.113.9', timeout: 0 },
      ]),
    },
  })
  expect(applySets(SETS, { kernel })['blocked']).toEqual({ added: 1, removed: 1, kept: 2 })
  expect(diffSets(SETS, { kernel })).toEqual({})
})

// biome-ignore lint/suspicious/noExplicitAny: tests values that the compiler refuses.
test.each<[string, any, RegExp]>([
  ['no object', [], /the sets must be an object of sets by name/],
  ['a set that is none', { a: 1 }, /set a must be an object with a type and entries, not 1/],
  ['an unknown type', { a: { type: 'hash:nope', entries: [] } }, /set a\.type must be a type of sets.*"hash:nope"/],
  ['no entries', { a: { type: 'hash:ip' } }, /set a\.entries must be a list of entries, not undefined/],
  ['an unknown option', { a: { type: 'hash:ip', hashsise: 3, entries: [] } }, /set a: .*no hashsise here; accepted/],
  ['a bad option', { a: { type: 'hash:ip', netmask: 33, entries: [] } }, /set a: .*netmask is not one/],
  ['no range', { a: { type: 'bitmap:port', entries: [] } }, /set a: .*range is missing/],
  [
    'a bad entry',
    { a: { type: 'hash:ip', entries: ['10.0.0.1', 'x'] } },
    /set a\.entries\[1\]: .*ip must be an address/,
  ],
  [
    'an unknown key',
    { a: { type: 'hash:ip', entries: [{ ip: '10.0.0.1', cmnt: 'x' }] } },
    /entries\[0\]: .*no cmnt here/,
  ],
  ['an entry out of range', { a: { type: 'bitmap:port', range: [1, 9], entries: [5, 10] } }, /entries\[1\]: .*outside/],
  ['too many', { a: { type: 'hash:ip', maxelem: 1, entries: ['10.0.0.1', '10.0.0.2'] } }, /entries\[1\]: .*is full/],
  [
    'a set that is not there',
    { a: { type: 'list:set', entries: ['nope'] } },
    /set a\.entries\[0\]: .*no set of the name/,
  ],
])('%s is refused with its path, and nothing is changed', (_, sets, reason) => {
  const good = { b: { type: 'hash:ip', entries: ['10.0.0.1'] } }
  for (const use of [applySets, diffSets]) {
    expect(() => use(Array.isArray(sets) ? sets : { ...good, ...sets }, { kernel })).toThrow(reason)
    expect(() => use(Array.isArray(sets) ? sets : { ...good, ...sets }, { kernel })).toThrow(IptcError)
  }
  expect(IpSet.names({ kernel })).toEqual([])
})

test('an existing set with other options is left unchanged', () => {
  IpSet.create('a', 'hash:ip', { timeout: 5 }, { kernel }).add('10.0.0.1')
  for (const set of [
    { type: 'hash:net', entries: [] },
    { type: 'hash:ip', timeout: 6, entries: [] },
    { type: 'hash:ip', timeout: 5, family: 'ipv6', entries: [] },
    { type: 'hash:ip', timeout: 5, comment: true, entries: [] },
  ] as const)
    expect(() => applySets({ a: set }, { kernel })).toThrow(SetError)
  expect(IpSet.open('a', { kernel }).list()).toEqual([{ ip: '10.0.0.1', timeout: 5 }])
  applySets({ a: { type: 'hash:ip', timeout: 5, hashsize: 4096, entries: [] } }, { kernel })
  expect(IpSet.open('a', { kernel }).list()).toEqual([])
})

describe.each<[string, Sets, RegExp]>([
  [
    'another size',
    { new: { type: 'hash:ip', entries: [] }, old: { type: 'hash:ip', maxelem: 7, entries: [] } },
    /maxelem/,
  ],
  ['another type', { new: { type: 'hash:ip', entries: [] }, old: { type: 'hash:net', entries: [] } }, /type hash:ip/],
  [
    'another family',
    { new: { type: 'hash:ip', entries: [] }, old: { type: 'hash:ip', family: 'ipv6', entries: [] } },
    /another family/,
  ],
])('an existing set with %s', (_, sets, reason) => {
  test('is an error before any set is created, also in diffSets', () => {
    IpSet.create('old', 'hash:ip', {}, { kernel })
    expect(() => applySets(sets, { kernel })).toThrow(SetError)
    expect(() => applySets(sets, { kernel })).toThrow(reason)
    expect(IpSet.names({ kernel })).toEqual(['old'])
    expect(() => diffSets(sets, { kernel })).toThrow(reason)
  })
})

test('errors in a dictionary have a path if the set exists, too', () => {
  IpSet.create('old', 'hash:ip', {}, { kernel })
  const sets = { old: { type: 'hash:ip', foo: 1, entries: [] } } as unknown as Sets
  expect(() => applySets(sets, { kernel })).toThrow(/^set old: set old: create: there is no foo here/)
})

test('a dump ignores sets that others create and destroy in the meantime', () => {
  IpSet.create('set', 'hash:ip', {}, { kernel })
  const passing = IpSet.create('passing', 'hash:ip', {}, { kernel })
  let sent = 0
  const after = (): void => {
    if (++sent === 2) passing.destroy()
  }
  const dumped = dumpSets({ kernel: Object.assign(new MemoryKernel(), meddled(kernel, { after })) })
  expect(Object.keys(dumped)).toEqual(['set', 'passing'])
})

test('if only the kernel refuses a set, the sets created before it are destroyed again', () => {
  const refuse = ({ type, bytes }: Message): number =>
    type === commands.type.type && Buffer.from(bytes).includes('hash:mac') ? IPSET_ERR.FIND_TYPE : 0
  const lacking = Object.assign(new MemoryKernel(), meddled(kernel, { refuse }))
  IpSet.create('old', 'hash:ip', {}, { kernel }).add('10.0.0.1')
  const sets: Sets = {
    old: { type: 'hash:ip', entries: [] },
    new: { type: 'hash:ip', entries: [] },
    macs: { type: 'hash:mac', entries: [] },
  }
  expect(() => applySets(sets, { kernel: lacking })).toThrow(UnsupportedError)
  expect(IpSet.names({ kernel })).toEqual(['old'])
  expect(IpSet.open('old', 'hash:ip', { kernel }).list()).toEqual([{ ip: '10.0.0.1' }])
})
