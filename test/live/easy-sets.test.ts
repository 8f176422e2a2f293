/** Sets as dictionaries, on Linux and on the in-process kernel. */
import { applySets, diffSets, dumpSets, type SetDictionary } from '../../src/easy/easy'
import { UnsupportedError } from '../../src/errors'
import { IpSet } from '../../src/ipset/ip-set'
import type { SetTypeName } from '../../src/ipset/types'
import { Chain } from '../../src/iptc/chain'
import { Rule } from '../../src/iptc/rule'
import { Table } from '../../src/iptc/table'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { hasType } from '../support/ipset'
import { setFixtures } from '../support/set-fixtures'

const namespace = NetworkNamespace.create()
const linux = { kernel: new LinuxKernel({ namespace }) }
afterAll(() => namespace.close())

jest.setTimeout(60_000)

beforeEach(() => {
  IpSet.flushAll(linux)
  IpSet.destroyAll(linux)
})

/** Without values that the kernel may choose, and without the order of hashes. */
function comparable(sets: ReturnType<typeof dumpSets>): object {
  return Object.fromEntries(
    Object.entries(sets).map(([name, { entries, ...others }]) => {
      const { hashsize: _, ...made } = others as { hashsize?: number }
      const texts = entries.map((entry) =>
        JSON.stringify({ ...entry, timeout: undefined }, (_, value) =>
          typeof value === 'bigint' ? String(value) : value,
        ),
      )
      return [name, { ...made, entries: texts.sort() }]
    }),
  )
}

function known(type: SetTypeName): boolean {
  using other = NetworkNamespace.create()
  return other.run(() => hasType(type))
}

const OTHERS = Object.fromEntries(['one', 'two', 'three'].map((name) => [name, { type: 'hash:ip', entries: [] }]))

test.each(
  setFixtures.map(({ type, family, options, entries }) => [`${type} of ${family}`, type, family, options, entries]),
)('%s: both kernels return the same after applying', (_, type, family, options, entries) => {
  const set = { type, ...options, ...(family === 'ipv6' && { family }), entries }
  const sets = { ...OTHERS, set } as unknown as Record<string, SetDictionary>
  if (!known(type)) return expect(() => applySets(sets, linux)).toThrow(UnsupportedError)
  const memory = { kernel: new MemoryKernel() }
  expect(applySets(sets, linux)).toEqual(applySets(sets, memory))
  expect(comparable(dumpSets(linux))).toEqual(comparable(dumpSets(memory)))
  expect(diffSets(sets, linux)).toEqual({})
  expect(applySets(dumpSets(linux) as never, linux)['set']).toMatchObject({ added: 0, removed: 0 })
})

test('whether a range is too long for the kernel is left to Linux', () => {
  const sets: Record<string, SetDictionary> = { long: { type: 'hash:ip', maxelem: 2 ** 20, entries: ['10.0.0.0/13'] } }
  expect(applySets(sets, linux)).toEqual({ long: { added: 2 ** 19, removed: 0, kept: 0 } })
  expect(() => diffSets(sets, linux)).toThrow(
    /^set long\.entries\[0\]: .* goes through 262144 entries of a range at most/,
  )
  expect(IpSet.names(linux)).toEqual(['long'])
  const faulty = {
    ...sets,
    other: { type: 'hash:ip', maxelem: 2 ** 20, entries: ['10.0.0.0/13', '10.0.0.1', '0.0.0.0'] },
  }
  expect(() => applySets(faulty as never, linux)).toThrow(/^set other\.entries\[2\]: .* cannot hold a zero/)
  expect(IpSet.names(linux)).toEqual(['long'])
})

test('sets that rules refer to are changed in place, and nothing is left behind', () => {
  const blocked = (entries: string[]): Record<string, SetDictionary> => ({ blocked: { type: 'hash:net', entries } })
  applySets(blocked(['10.0.0.0/8', '192.0.2.0/24']), linux)
  using table = new Table('filter', linux)
  const chain = new Chain(table, 'INPUT')
  chain.appendRule(Rule.parse('-m set --match-set blocked src -j DROP'))
  expect(diffSets(blocked(['10.0.0.0/8', '192.0.2.1']), linux)).toEqual({
    blocked: { missing: false, added: [{ net: '192.0.2.1' }], removed: [{ net: '192.0.2.0/24' }] },
  })
  expect(applySets(blocked(['10.0.0.0/8', '192.0.2.1']), linux)).toEqual({ blocked: { added: 1, removed: 1, kept: 1 } })
  expect(() => applySets(blocked(['10.0.0.0/8', '::1']), linux)).toThrow(/set blocked\.entries\[1\]/)
  expect(IpSet.open('blocked', linux).test('192.0.2.1')).toBe(true)
  expect(IpSet.names(linux)).toEqual(['blocked'])
  chain.flush()
})
