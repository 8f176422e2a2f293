/** Compares the sets of the in-process kernel with those of Linux: the same requests must get the same answers. */

import { setTimeout as sleep } from 'node:timers/promises'
import { kernelRevisions } from '../../src/ipset/create'
import { IpSet } from '../../src/ipset/ip-set'
import { Sets } from '../../src/ipset/sets'
import { type SetTypeName, setType } from '../../src/ipset/types'
import { Chain } from '../../src/iptc/chain'
import { Rule } from '../../src/iptc/rule'
import { Table } from '../../src/iptc/table'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { Random } from '../kernel/random'
import { ALL_TYPES, Asked, comparable, RequestMaker, shownRequest } from '../support/set-requests'

// XTABLES_TEST_SEQUENCES=200 runs more of them, XTABLES_TEST_SEED=1000 others.
const SEQUENCES = Number(process.env['XTABLES_TEST_SEQUENCES'] ?? 12)
const SEED = Number(process.env['XTABLES_TEST_SEED'] ?? 1)
const REQUESTS = 100

// A separate namespace, because other live tests run at the same time.
const namespace = NetworkNamespace.create()
const linuxKernel = new LinuxKernel({ namespace })
const linux = new Asked(linuxKernel)

jest.setTimeout(600_000)

afterAll(() => {
  linux.close()
  namespace.close()
})

const hasType = (typename: SetTypeName): boolean =>
  [2, 0].some((family) => Array.isArray(linux.answer({ command: 'type', values: { typename, family }, flags: 0 })))

const types = ALL_TYPES.filter(hasType)

/** The newest revision of each type that both support. */
const setRevisions = Object.fromEntries(
  types.map((name) => {
    const type = setType(name)
    const sets = new Sets({ kernel: linuxKernel })
    const [, newest] = sets.perform(kernelRevisions('x', type, type.families[0] ?? 'any'))
    sets.close()
    return [name, Math.min(newest, type.revisions[1])]
  }),
)
const memoryKernel = (): MemoryKernel => new MemoryKernel({ setRevisions })

test('there are types to compare', () => {
  expect(types.length).toBeGreaterThan(10)
})

/** Sets of type list:set are flushed first, because they refer to other sets. */
function clear(): void {
  linux.answer({ command: 'flush', values: {}, flags: 0 })
  linux.answer({ command: 'destroy', values: {}, flags: 0 })
}

test.each(Array.from({ length: SEQUENCES }, (_, i) => SEED + i))('sequence %d', (seed) => {
  clear()
  const memory = new Asked(memoryKernel())
  const maker = new RequestMaker(types, new Random(seed))
  const done = { carriedOut: 0, refused: 0 }
  for (let i = 0; i < REQUESTS; i++) {
    const request = maker.next()
    const [theirs, ours] = [linux.answer(request), memory.answer(request)]
    expect([i, shownRequest(request), ours]).toEqual([i, shownRequest(request), theirs])
    const sets = linux.sets()
    expect([shownRequest(request), memory.sets().map(comparable)]).toEqual([
      shownRequest(request),
      sets.map(comparable),
    ])
    maker.look(sets)
    done[Array.isArray(theirs) ? 'carriedOut' : 'refused']++
  }
  // The test only means something if both happen often.
  expect(done.carriedOut).toBeGreaterThan(REQUESTS / 10)
  expect(done.refused).toBeGreaterThan(REQUESTS / 10)
})

test('rules refer to sets in both', () => {
  clear()
  const outcomes = [linuxKernel, memoryKernel()].map((kernel) => {
    const [one, two] = ['one', 'two'].map((name) => IpSet.create(name, 'hash:ip', {}, { kernel })) as [IpSet, IpSet]
    using table = new Table('filter', { kernel })
    const chain = new Chain(table, 'INPUT')
    const lines = [
      '-m set --match-set one src -m set ! --match-set two dst -j DROP',
      '-j SET --add-set one src --del-set two dst',
      '-m set --match-set one src -j ACCEPT',
      '-m set --match-set one src -j ACCEPT',
    ]
    const counted: unknown[] = []
    const count = (): void => void counted.push(one.header().references, two.header().references)
    for (const line of lines) {
      chain.appendRule(Rule.parse(line))
      count()
    }
    one.swap(two)
    count()
    chain.flush()
    count()
    one.destroy()
    two.destroy()
    return counted
  })
  expect(outcomes[1]).toEqual(outcomes[0])
  expect(outcomes[0]).toContain(4)
})

test('entries expire after the same time', async () => {
  const kernels = [linuxKernel, memoryKernel()]
  const sets = kernels.map((kernel) => IpSet.create('timed', 'hash:ip', { timeout: 60 }, { kernel }))
  for (const set of sets) set.add([{ ip: '10.0.0.1', timeout: 3 }, '10.0.0.2', { ip: '10.0.0.3', timeout: 0 }])
  const told = (): unknown[] =>
    sets.map((set) => [
      set
        .list()
        // Remaining times are not compared: a second may pass between the two listings.
        .map(({ ip, timeout = 0 }) => `${ip} ${timeout === 0 ? 'stays' : 'goes'}`)
        .sort(),
      set.test('10.0.0.1'),
    ])
  const [theirs, ours] = told() as [unknown, unknown]
  expect(ours).toEqual(theirs)
  await sleep(3500)
  const [theirsThen, oursThen] = told() as [unknown, unknown]
  expect(oursThen).toEqual(theirsThen)
  expect(oursThen).toEqual([['10.0.0.2 goes', '10.0.0.3 stays'], false])
  for (const set of sets) set.destroy()
})
