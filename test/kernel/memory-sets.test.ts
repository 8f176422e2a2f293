/** Sets of the in-process kernel, as used to test a policy with a block list without Linux. */
import { IPSET_CMD } from '../../src/abi/ip-set'
import { NETLINK_NETFILTER } from '../../src/abi/netlink'
import { NFNL_SUBSYS_IPSET, nfnlType } from '../../src/abi/nfnetlink'
import { KernelError, NotFoundError, UnsupportedError } from '../../src/errors'
import { IpSet } from '../../src/ipset/ip-set'
import { commands } from '../../src/ipset/messages'
import { ask } from '../../src/ipset/sets'
import { Chain } from '../../src/iptc/chain'
import { Rule } from '../../src/iptc/rule'
import { Table } from '../../src/iptc/table'
import { captureTable } from '../../src/kernel/capture'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { attributes } from '../../src/netlink/attribute'
import { NetlinkClient } from '../../src/netlink/client'
import { type MessageType, nfHead, nfMessage, request } from '../../src/netlink/message'
import { explain, type Refusal } from '../../src/netlink/refusal'
import { subscribe } from '../../src/netlink/subscribe'
import { caught } from '../support/caught'
import { cpuTime } from '../support/cpu-time'
import { setFixtures, useSet } from '../support/set-fixtures'

const sorted = (values: readonly unknown[]): string[] =>
  values.map((value) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}n` : one))).sort()

/** A second may have passed during the recording. */
const whole = (entry: unknown): unknown => {
  const { timeout, ...others } = entry as { timeout?: number }
  return timeout === undefined ? entry : { ...others, timeout: Math.ceil(timeout / 1000) * 1000 }
}

describe.each(setFixtures.map((fixture) => [`${fixture.type} of ${fixture.family}`, fixture] as const))(
  '%s',
  (_, fixture) => {
    test('gives the results that were recorded on Linux', () => {
      const kernel = new MemoryKernel({ clock: () => 0 })
      for (const name of ['one', 'two', 'three']) IpSet.create(name, 'hash:ip', {}, { kernel })
      const [told, listed, ...others] = useSet(kernel, fixture) as [object, unknown[], ...unknown[]]
      const [linuxTold, linuxListed, ...linuxOthers] = fixture.found as [object, unknown[], ...unknown[]]
      expect(told).toEqual({ ...linuxTold, hashsize: (told as { hashsize?: number }).hashsize })
      expect(sorted(listed.map(whole))).toEqual(sorted(linuxListed.map(whole)))
      expect(others.map(general)).toEqual(linuxOthers.map(general))
    })
  },
)

/** Removes the entry from a message: which entry of a hash comes first depends on the kernel. */
const general = (outcome: unknown): unknown =>
  typeof outcome === 'string' ? outcome.replace(/(add|remove) .*: it is/, '$1: it is') : outcome

const place = { kernel: new MemoryKernel() }
beforeEach(() => {
  place.kernel = new MemoryKernel()
})

test('a policy with a block list can be tested without Linux', () => {
  const blocked = IpSet.create('blocked', 'hash:net', { comment: true }, place)
  blocked.add([{ net: '198.51.100.0/24', comment: 'scanner' }, { net: '198.51.100.7', nomatch: true }, '203.0.113.9'])
  expect(blocked.test('198.51.100.1')).toBe(true)
  expect(blocked.test('198.51.100.7')).toBe(false)
  using table = new Table('filter', place)
  new Chain(table, 'INPUT').appendRule(Rule.parse('-m set --match-set blocked src -j DROP'))
  expect(new Chain(table, 'INPUT').rules.map(String)).toEqual(['-m set --match-set blocked src -j DROP'])
  expect(blocked.header()).toMatchObject({ references: 1, elements: 3, index: 0 })
  expect(blocked.replaceContents(['203.0.113.9', '192.0.2.0/24'])).toEqual({ added: 1, removed: 2, kept: 1 })
  expect(IpSet.names(place)).toEqual(['blocked'])
})

test('a set can neither be destroyed nor renamed while a rule refers to it', () => {
  const set = IpSet.create('set', 'hash:ip', {}, place)
  using table = new Table('filter', place)
  const chain = new Chain(table, 'INPUT')
  const rule = Rule.parse('-m set --match-set set src -j SET --add-set set dst')
  chain.appendRule(rule)
  expect(set.header().references).toBe(2)
  expect(caught(() => set.destroy())).toMatchObject({ errnoName: 'IPSET_ERR_BUSY' })
  expect(caught(() => set.rename('other'))).toMatchObject({ errnoName: 'IPSET_ERR_REFERENCED' })
  expect(caught(() => IpSet.destroyAll(place))).toMatchObject({ errnoName: 'IPSET_ERR_BUSY' })
  const captured = new MemoryKernel({ captures: [captureTable(place.kernel, 'ipv4', 'filter')] })
  expect(IpSet.open('set', { kernel: captured }).header().references).toBe(2)
  chain.deleteRule(rule)
  set.rename('other')
  set.destroy()
  expect(() => IpSet.open('other', place)).toThrow(NotFoundError)
})

test('entries expire by the given clock', () => {
  let now = 0
  const kernel = new MemoryKernel({ clock: () => now })
  const set = IpSet.create('set', 'hash:ip', { timeout: 10, maxelem: 2 }, { kernel })
  set.add(['10.0.0.1', { ip: '10.0.0.2', timeout: 0 }])
  now = 9_500
  expect(sorted(set.list())).toEqual(
    sorted([
      { ip: '10.0.0.1', timeout: 1 },
      { ip: '10.0.0.2', timeout: 0 },
    ]),
  )
  expect(caught(() => set.add('10.0.0.3'))).toMatchObject({ errnoName: 'IPSET_ERR_HASH_FULL' })
  now = 10_000
  expect(set.test('10.0.0.1')).toBe(false)
  expect(set.header().elements).toBe(1)
  set.add('10.0.0.3')
})

test('sets of which only the names are known are created empty', () => {
  const kernel = new MemoryKernel({ sets: { four: 'ipv4', list: 'any', six: { index: 7, family: 'ipv6' } } })
  expect(IpSet.headers({ kernel }).map(({ name, type, family, index }) => [name, type, family, index])).toEqual([
    ['four', 'hash:ip', 'ipv4', 0],
    ['six', 'hash:ip', 'ipv6', 7],
    ['list', 'list:set', 'any', 1],
  ])
  IpSet.open('list', 'list:set', { kernel }).add('six')
  expect(caught(() => IpSet.open('six', { kernel }).destroy())).toMatchObject({ errnoName: 'IPSET_ERR_BUSY' })
})

test('a large set is read in parts, and cannot be destroyed in the meantime', async () => {
  const set = IpSet.create('set', 'hash:ip', { maxelem: 200_000 }, place)
  await set.addAsync(Array.from({ length: 5000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`))
  let seen = 0
  for await (const { ip } of set) {
    if (seen++ === 0) expect(caught(() => set.destroy())).toMatchObject({ errnoName: 'IPSET_ERR_BUSY' })
    expect(ip).toMatch(/^10\.1\./)
  }
  expect(seen).toBe(5000)
  for await (const _ of set) break
  set.destroy()
})

test('as on 6.1, hash:net,port,net for IPv6 accepts no range in the second network', () => {
  const client = new NetlinkClient(place.kernel, NETLINK_NETFILTER)
  IpSet.create('set', 'hash:net,port,net', { family: 'ipv6' }, place)
  const entry = { ip: '::', cidr: 127, port: 3, proto: 6, ip2: '2000::2', cidr2: 64, ip2To: '2000::2' }
  const [outcome] = client.batch([ask(commands.add, { setname: 'set', lineno: 1, adt: [entry] })])
  expect(outcome?.refusal?.errno).toBe(4356)
})

test('of many entries, the refused one is named, and those before it stay', () => {
  const set = IpSet.create('set', 'hash:ip', { maxelem: 3 }, place)
  const error = caught(() => set.add(['10.0.0.1', '10.0.0.2', '10.0.0.1']))
  expect(error).toMatchObject({ entry: '10.0.0.1', index: 2, errnoName: 'IPSET_ERR_EXIST' })
  expect(set.header().elements).toBe(2)
})

test('the time for a long range is a small multiple of the time to store as many strings', () => {
  const COUNT = 2 ** 18
  const storeTexts = (): void => {
    const kept = new Map<string, object>()
    for (let i = 0; i < COUNT; i++) kept.set(`10.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}`, { i })
    expect(kept.size).toBe(COUNT)
  }
  const addRange = (round: number): void => {
    const set = IpSet.create(`set${round}`, 'hash:ip', { maxelem: COUNT }, place)
    set.add('10.0.0.0/14')
    expect(set.header().elements).toBe(COUNT)
    set.destroy()
  }
  // Alternately: a phase in which the machine is slow affects both.
  const rounds = [0, 1, 2].map((round) => ({ texts: cpuTime(storeTexts), range: cpuTime(() => addRange(round)) }))
  const texts = Math.min(...rounds.map((round) => round.texts))
  const range = Math.min(...rounds.map((round) => round.range))
  expect(range / texts).toBeLessThan(6)
})

test('unsupported requests are refused with an explanation', () => {
  const client = new NetlinkClient(place.kernel, NETLINK_NETFILTER)
  const refusalOf = (kind: MessageType<ReturnType<typeof nfHead>, never>): Refusal => {
    const [outcome] = client.batch([request(kind, 0, nfHead(0), {} as never)])
    return outcome?.refusal as Refusal
  }
  const none = attributes({}) as never
  for (const type of [nfnlType(99, 0), nfnlType(NFNL_SUBSYS_IPSET, IPSET_CMD.PROTOCOL)])
    expect(explain(refusalOf({ ...nfMessage('ANY', 0, 0, none), type })).message).toMatch(
      /in-process kernel takes requests about sets and nf_tables, and none of this type/,
    )
  expect(() => place.kernel.netlink(0)).toThrow(UnsupportedError)
  expect(() => subscribe(place.kernel, NETLINK_NETFILTER, [7])).toThrow(KernelError)
  expect(() => IpSet.create('set', 'hash:net,net', { netmask: 8 }, place)).toThrow(
    /netmask requires revision 4 of hash:net,net; the kernel has 3/,
  )
})
