import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { ERRNO } from '../../src/abi/errno'
import { NETLINK_NETFILTER } from '../../src/abi/netlink'
import { NFNL_SUBSYS_NFTABLES, NFNLGRP, nfnlType } from '../../src/abi/nfnetlink'
import { dumpSets } from '../../src/easy/easy'
import { IptcError, NotFoundError, PermissionError, SetError, UnsupportedError } from '../../src/errors'
import { IpSet } from '../../src/ipset/ip-set'
import { Chain } from '../../src/iptc/chain'
import { Rule } from '../../src/iptc/rule'
import { Table } from '../../src/iptc/table'
import { NetlinkFailure } from '../../src/kernel/kernel'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { attribute, attributes, binary } from '../../src/netlink/attribute'
import { NetlinkClient } from '../../src/netlink/client'
import { type MessageType, nfHead, nfMessage, request } from '../../src/netlink/message'
import { explain, type Refusal } from '../../src/netlink/refusal'
import { subscribe } from '../../src/netlink/subscribe'
import { caught } from '../support/caught'
import { createWords, type Entry, entryWords } from '../support/ipset'
import { run } from '../support/run-program'
import { until } from '../support/until'
import { mapsAllIds } from '../support/user-namespace'
import { countingTurns, openDescriptors, openedSince, RULES_AT_ONCE, recordBlocking, runScript } from './machine'

function tool(...args: string[]): string {
  const { status, stdout, stderr } = run(args[0] as string, args.slice(1))
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`)
  return stdout
}

jest.setTimeout(60_000)

afterEach(() => {
  run('iptables-legacy', ['-F'])
  run('ipset', ['flush'])
  tool('ipset', 'destroy')
})

const addresses = (count: number, head = 10): string[] =>
  Array.from({ length: count }, (_, i) => `${head}.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`)

/** An entry that neither accepts, our reason, and the kernel's error code if it was called. */
type Refused = [type: string, options: Entry, entry: Entry, reason: RegExp, code?: string]

const refused: readonly Refused[] = [
  ['hash:ip', {}, { ip: '10.0.0.256' }, /ip must be an address/],
  ['hash:ip', {}, { ip: '::1' }, /not of the set's family ipv4/],
  ['hash:ip', { family: 'ipv6' }, { ip: '10.0.0.1' }, /not of the set's family ipv6/],
  ['hash:ip', { family: 'ipv6' }, { ip: '2000::/16' }, /only sets of IPv4 take networks and ranges/],
  ['hash:ip', { family: 'ipv6' }, { ip: '2000::1-2000::5' }, /only sets of IPv4 take networks and ranges/],
  ['hash:ip', {}, { ip: '0.0.0.0' }, /cannot hold a zero/, 'IPSET_ERR_HASH_ELEM'],
  ['hash:ip', {}, { ip: '10.0.0.0/33' }, /a number from 0 to 32/],
  ['hash:ip', {}, { ip: '10.0.0.1', timeout: 5 }, /made without timeout/, 'IPSET_ERR_TIMEOUT'],
  ['hash:ip', {}, { ip: '10.0.0.1', packets: 5n }, /made without counters/, 'IPSET_ERR_COUNTER'],
  ['hash:ip', {}, { ip: '10.0.0.1', comment: 'x' }, /made without comment/, 'IPSET_ERR_COMMENT'],
  ['hash:ip', {}, { ip: '10.0.0.1', skbqueue: 1 }, /made without skbinfo/, 'IPSET_ERR_SKBINFO'],
  ['hash:ip', { timeout: 1 }, { ip: '10.0.0.1', timeout: 2147484 }, /timeout must be a whole number/],
  ['hash:ip', { comment: true }, { ip: '10.0.0.1', comment: 'x'.repeat(256) }, /more than 255 bytes/],
  ['hash:ip', { counters: true }, { ip: '10.0.0.1', packets: 2n ** 64n - 1n }, /packets must be a bigint/],
  ['hash:ip', { skbinfo: true }, { ip: '10.0.0.1', skbqueue: 65536 }, /skbqueue must be a whole number/],
  ['hash:net', {}, { net: '0.0.0.0/0' }, /prefix is not one/, 'IPSET_ERR_INVALID_CIDR'],
  ['hash:net', { family: 'ipv6' }, { net: '2000::1-2000::5' }, /only sets of IPv4 take ranges/],
  ['hash:ip,port', {}, { ip: '10.0.0.1', port: 65536, protocol: 'tcp' }, /port must be a port/],
  ['hash:ip,port', {}, { ip: '10.0.0.1', port: 80, protocol: 'nope' }, /protocol must be the name/],
  ['hash:net,iface', {}, { net: '10.0.0.0/8', iface: 'abcdefghijklmnop' }, /iface must be the name of an interface/],
  ['bitmap:port', { range: [10, 20] }, { port: 9 }, /outside of the range/, 'IPSET_ERR_BITMAP_RANGE'],
  ['bitmap:port', { range: [10, 20] }, { port: [9, 12] }, /outside of the range/, 'IPSET_ERR_BITMAP_RANGE'],
  ['bitmap:ip', { range: '10.0.0.0-10.0.0.255' }, { ip: '10.0.1.0' }, /outside of the range/, 'IPSET_ERR_BITMAP_RANGE'],
  [
    'bitmap:ip,mac',
    { range: '10.0.0.0-10.0.0.255' },
    { ip: '10.0.0.1', mac: '00:11:22:33:44' },
    /mac must be a MAC address/,
  ],
  ['list:set', {}, { set: 'nope' }, /no set of the name/, 'IPSET_ERR_NAME'],
  ['list:set', {}, { set: 'set' }, /cannot be in a list of sets/, 'IPSET_ERR_LOOP'],
  ['list:set', {}, { set: 'other', before: 'nope' }, /beside which/, 'IPSET_ERR_NAMEREF'],
  ['list:set', {}, { set: 'other', before: 'third' }, /not in the list/, 'IPSET_ERR_REF_EXIST'],
]

test.each(refused)('%s %j refuses %j, like ipset', (...[type, options, entry, reason, code]) => {
  tool('ipset', 'create', 'other', 'hash:ip')
  tool('ipset', 'create', 'third', 'hash:ip')
  const set = IpSet.create('set', type as 'hash:ip', options as never)
  const error = caught(() => set.add(entry as never)) as SetError
  expect(error).toBeInstanceOf(SetError)
  expect(error).toMatchObject({ set: 'set', operation: 'add', entry, index: 0, errnoName: code })
  expect(error.message).toMatch(reason)
  expect(tool('ipset', 'save', 'set').trim().split('\n')).toHaveLength(1)
  expect(run('ipset', ['add', 'set', ...entryWords(entry)]).status).not.toBe(0)
})

test.each<[string, string, Entry, RegExp]>([
  ['a name that is too long', 'x'.repeat(32), {}, /1 to 31 bytes/],
  ['an unknown option', 'set', { hashsise: 3 }, /no hashsise here; accepted: hashsize, maxelem/],
  ['a netmask that is too long', 'set', { netmask: 33 }, /netmask is not one/],
  ['a mask of the other family', 'set', { bitmask: 'ffff::' }, /not of the set's family/],
  ['two masks', 'set', { bitmask: '255.255.0.0', netmask: 16 }, /netmask and bitmask exclude each other/],
  ['a timeout that is too long', 'set', { timeout: 2147484 }, /timeout must be a whole number/],
  ['a size of buckets that no byte holds', 'set', { bucketsize: 256 }, /bucketsize must be a whole number/],
])('%s is refused, like by ipset', (_, name, options, reason) => {
  const error = caught<Error>(() => IpSet.create(name, 'hash:ip', options as never))
  expect(error).toBeInstanceOf(SetError)
  expect(error.message).toMatch(reason)
  expect(run('ipset', ['create', name, 'hash:ip', ...createWords(options)]).status).not.toBe(0)
  expect(IpSet.names()).toEqual([])
})

test('of many entries, the refused one is named, and those before it stay', () => {
  const set = IpSet.create('set', 'hash:ip', { maxelem: 200_000 })
  const given = addresses(10_000)
  const error = caught<Error>(() => set.add([...given, '9.9.9.9', given[77] as string, '8.8.8.8']))
  expect(error).toMatchObject({ set: 'set', entry: given[77], index: 10_001, errnoName: 'IPSET_ERR_EXIST' })
  expect(error.message).toBe(`set set: add ${given[77]}: it is in the set already`)
  expect(set.header().elements).toBe(10_001)
  const missing = caught<Error>(() => set.remove(['9.9.9.9', '7.7.7.7']))
  expect(missing.message).toBe('set set: remove 7.7.7.7: it is not in the set')
  set.remove('7.7.7.7', { exist: true })
  set.add(given, { exist: true })
})

test('if a set is full, the first entry that does not fit is named', () => {
  const set = IpSet.create('set', 'hash:ip', { maxelem: 64 })
  const given = addresses(100)
  const error = caught(() => set.add(given)) as SetError
  expect(error).toMatchObject({ errnoName: 'IPSET_ERR_HASH_FULL', entry: given[error.index as number] })
  expect(set.header().elements).toBe(error.index)
})

test('an existing set is not created again, unless that is allowed', () => {
  IpSet.create('set', 'hash:ip', { counters: true })
  expect(() => IpSet.create('set', 'hash:ip', { counters: true })).toThrow(/there is a set of this name already/)
  IpSet.create('set', 'hash:ip', { counters: true }, { exist: true }).add('10.0.0.1')
  expect(() => IpSet.create('set', 'hash:ip', {}, { exist: true })).toThrow(SetError)
})

test('a missing set is a NotFoundError in every operation', () => {
  const set = IpSet.create('set', 'hash:ip')
  const other = IpSet.create('other', 'hash:ip')
  set.destroy()
  for (const use of [
    () => set.add('10.0.0.1'),
    () => set.remove('10.0.0.1'),
    () => set.test('10.0.0.1'),
    () => set.list(),
    () => set.header(),
    () => set.flush(),
    () => set.rename('x'),
    () => set.swap(other),
    () => other.swap('set'),
    () => set.destroy(),
    () => set.replaceContents(['10.0.0.1']),
    () => IpSet.open('set'),
  ])
    expect(use).toThrow(NotFoundError)
  set.destroy({ exist: true })
  expect(IpSet.names()).toEqual(['other'])
})

test('a set that a rule refers to cannot be destroyed', () => {
  const set = IpSet.create('set', 'hash:ip')
  tool('iptables-legacy', '-A', 'INPUT', '-m', 'set', '--match-set', 'set', 'src', '-j', 'DROP')
  expect(caught(() => set.destroy())).toMatchObject({ set: 'set', operation: 'destroy', errnoName: 'IPSET_ERR_BUSY' })
  expect(caught(() => set.rename('other'))).toMatchObject({ errnoName: 'IPSET_ERR_REFERENCED' })
  expect(caught(() => IpSet.destroyAll())).toMatchObject({ errnoName: 'IPSET_ERR_BUSY' })
  expect(set.header().references).toBe(1)
})

test('contents are replaced without leaving anything behind while another program lists all sets', async () => {
  const set = IpSet.create('set', 'hash:ip')
  set.add(addresses(5_000, 9))
  const lister = spawn('sh', ['-c', 'while ipset list >/dev/null; do :; done'])
  try {
    for (let round = 0; round < 60; round++) {
      const given = addresses(5_000, 10 + round)
      expect(set.replaceContents(given)).toEqual({ added: 5_000, removed: 5_000, kept: 0 })
      await nextTurn()
    }
    expect(Object.keys(dumpSets())).toEqual(['set'])
  } finally {
    lister.kill()
    await once(lister, 'close')
  }
  expect(IpSet.names()).toEqual(['set'])
})

test('a hash that is larger than the kernel can allocate is refused, like by ipset', () => {
  const error = caught(() => IpSet.create('set', 'hash:ip', { hashsize: 2 ** 27 + 1 }))
  expect(error).toMatchObject({ errnoName: 'ENOMEM', reason: 'the kernel has not enough memory for it' })
  expect(run('ipset', ['create', 'set', 'hash:ip', 'hashsize', String(2 ** 27 + 1)]).status).not.toBe(0)
})

test('sets are listed, renamed, swapped, flushed and destroyed', () => {
  const one = IpSet.create('one', 'hash:ip')
  const two = IpSet.create('two', 'hash:ip', { timeout: 0 })
  one.add(['10.0.0.1', '10.0.0.2'])
  one.swap(two)
  expect(
    two
      .list()
      .map(({ ip }) => ip)
      .sort(),
  ).toEqual(['10.0.0.1', '10.0.0.2'])
  two.rename('three')
  expect(two.name).toBe('three')
  expect(two.test('10.0.0.1')).toBe(true)
  expect(two.test('10.0.0.3')).toBe(false)
  expect(IpSet.names().sort()).toEqual(['one', 'three'])
  expect(
    IpSet.headers()
      .map(({ name, type, elements }) => [name, type, elements])
      .sort(),
  ).toEqual([
    ['one', 'hash:ip', 0],
    ['three', 'hash:ip', 2],
  ])
  expect(caught(() => one.swap(IpSet.create('net', 'hash:net') as never))).toMatchObject({
    errnoName: 'IPSET_ERR_TYPE_MISMATCH',
  })
  IpSet.flushAll()
  expect(two.list()).toEqual([])
  IpSet.destroyAll()
  expect(IpSet.names()).toEqual([])
})

test('nomatch is tested like by ipset', () => {
  const set = IpSet.create('set', 'hash:net')
  set.add(['10.0.0.0/8', { net: '10.1.0.0/16', nomatch: true }])
  for (const entry of [
    { net: '10.2.0.1' },
    { net: '10.1.0.1' },
    { net: '10.1.0.0/16', nomatch: true },
    { net: '10.1.0.0/16' },
  ])
    expect([entry, set.test(entry)]).toEqual([entry, run('ipset', ['test', 'set', ...entryWords(entry)]).status === 0])
})

test('contents are replaced atomically, and the changes are counted', () => {
  const set = IpSet.create('set', 'hash:ip', { timeout: 300, comment: true, maxelem: 200_000 })
  set.add(addresses(5000))
  tool('iptables-legacy', '-A', 'INPUT', '-m', 'set', '--match-set', 'set', 'src')
  const wanted = [...addresses(4000), ...addresses(100, 11)]
  expect(set.replaceContents(wanted)).toEqual({ added: 100, removed: 1000, kept: 4000 })
  expect(
    set
      .list()
      .map(({ ip }) => ip)
      .sort(),
  ).toEqual([...wanted].sort())
  expect(IpSet.names()).toEqual(['set'])
  expect(set.header().options).toMatchObject({ timeout: 300, comment: true, maxelem: 200_000 })
  expect(set.replaceContents([])).toEqual({ added: 0, removed: 4100, kept: 0 })
})

test('contents that are refused leave the set unchanged, and nothing behind', async () => {
  const set = IpSet.create('x'.repeat(31), 'hash:ip', { maxelem: 10 })
  set.add('10.0.0.1')
  expect(() => set.replaceContents(['10.0.0.2', 'nonsense'])).toThrow(/nonsense/)
  expect(() => set.replaceContents(['10.0.0.2', '0.0.0.0'])).toThrow(/cannot hold a zero/)
  await expect(set.replaceContentsAsync(addresses(100))).rejects.toThrow(/is full/)
  expect(set.list()).toEqual([{ ip: '10.0.0.1' }])
  expect(IpSet.names()).toEqual([set.name])
})

test('a large set is read in parts, and cannot be destroyed in the meantime', async () => {
  const set = IpSet.create('set', 'hash:ip', { maxelem: 200_000 })
  const given = addresses(40_000)
  await set.addAsync(given)
  const before = openDescriptors()
  const seen = new Set<string>()
  const { turns } = await countingTurns(async () => {
    for await (const { ip } of set) {
      if (seen.size === 0) expect(caught(() => set.destroy())).toMatchObject({ errnoName: 'IPSET_ERR_BUSY' })
      seen.add(ip)
    }
  })
  expect(seen.size).toBe(40_000)
  expect(turns).toBeGreaterThan(0)
  for await (const { ip } of set) {
    expect(ip).toMatch(/^10\./)
    break
  }
  expect(openedSince(before)).toEqual([])
  set.destroy()
})

test('adding off the main thread leaves the event loop free, and the handle usable', async () => {
  const set = IpSet.create('set', 'hash:ip', { maxelem: 200_000 })
  const adding = set.addAsync(addresses(40_000))
  set.add('9.9.9.9')
  const { turns } = await countingTurns(() => adding)
  expect(turns).toBeGreaterThan(0)
  expect(set.header().elements).toBe(40_001)
})

/** Runs in a process of its own, because access to globals is slower in jest. */
const MEASURE = `
  const { spawnSync } = require('node:child_process')
  const { IpSet } = require('./src/ipset/ip-set')
  const set = IpSet.create('set', 'hash:ip', { maxelem: 200_000 })
  const given = Array.from({ length: 100_000 }, (_, i) => ['10', 1 + (i >> 16), (i >> 8) & 255, i & 255].join('.'))
  const input = given.map((ip) => 'add set ' + ip + '\\n').join('')
  const timed = (body) => {
    const start = performance.now()
    body()
    return performance.now() - start
  }
  const ipset = (args, input) => {
    if (spawnSync('ipset', args, { input, maxBuffer: 1 << 28 }).status !== 0) throw new Error(args[0])
  }
  for (let i = 0; i < 5; i++) {
    const restore = timed(() => ipset(['restore'], input))
    const save = timed(() => ipset(['save', 'set']))
    set.flush()
    const add = timed(() => set.add(given))
    const list = timed(() => { if (set.list().length !== given.length) throw new Error('list') })
    set.flush()
    console.log(JSON.stringify({ add: add / restore, list: list / save }))
  }
`

test('100,000 entries are added in the time of ipset restore, and listed in one and a half times that of ipset save', () => {
  const { stdout, stderr } = runScript(MEASURE)
  expect(stderr).toBe('')
  const runs: { add: number; list: number }[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(Math.min(...runs.map(({ add }) => add))).toBeLessThan(1)
  expect(Math.min(...runs.map(({ list }) => list))).toBeLessThan(1.5)
  expect(runs).toHaveLength(5)
})

/** Never blocked, so that what it sends arrives after what was sent before, unless that was dropped. */
const LAST = '127.0.0.9'

/** Sends a datagram within this namespace. @returns whether it arrived */
async function arrives(from: string): Promise<boolean> {
  const receiver = createSocket('udp4').bind(0, '127.0.0.1')
  const senders = [from, LAST].map((address) => createSocket('udp4').bind(0, address))
  const sockets = [receiver, ...senders]
  try {
    await Promise.all(sockets.map((socket) => once(socket, 'listening')))
    const message = once(receiver, 'message')
    for (const sender of senders) {
      sender.send('x', receiver.address().port, '127.0.0.1')
      // Two processors might otherwise deliver them in the other order.
      await sleep(20)
    }
    const [, { address }] = await message
    return address === from
  } finally {
    for (const socket of sockets) socket.close()
  }
}

test('a rule drops packets from a set, and adds addresses to another', async () => {
  tool('ip', 'link', 'set', 'lo', 'up')
  const blocked = IpSet.create('blocked', 'hash:net', { counters: true })
  const seen = IpSet.create('seen', 'hash:ip', { timeout: 60 })
  const table = new Table('filter')
  const input = new Chain(table, 'INPUT')
  input.appendRule(Rule.parse('-p udp -j SET --add-set seen src'))
  input.appendRule(Rule.parse('-p udp -m set --match-set blocked src -j DROP'))
  expect(await arrives('127.0.0.2')).toBe(true)
  blocked.add('127.0.0.2')
  expect(await arrives('127.0.0.2')).toBe(false)
  expect(await arrives('127.0.0.3')).toBe(true)
  blocked.remove('127.0.0.2')
  expect(await arrives('127.0.0.2')).toBe(true)
  blocked.replaceContents(['127.0.0.0/30'])
  expect(await arrives('127.0.0.3')).toBe(false)
  expect(blocked.list()).toMatchObject([{ net: '127.0.0.0/30', packets: 1n }])
  expect(
    seen
      .list()
      .map(({ ip }) => ip)
      .sort(),
  ).toEqual(['127.0.0.2', '127.0.0.3', LAST])
  table.flush()
  table.close()
})

test('a set cannot be swapped with one of another namespace, wherever its handle was opened', () => {
  using namespace = NetworkNamespace.create()
  using here = IpSet.create('here', 'hash:ip')
  using twin = IpSet.create('there', 'hash:ip')
  using there = IpSet.create('there', 'hash:ip', {}, { namespace })
  using inside = namespace.run(() => IpSet.create('here', 'hash:ip'))
  twin.add('10.0.0.1')
  const refusal = /it is in another network namespace/
  expect(() => here.swap(there)).toThrow(refusal)
  expect(() => there.swap(here)).toThrow(refusal)
  expect(() => inside.swap(twin)).toThrow(refusal)
  expect(here.list()).toEqual([])
  inside.add('10.0.0.2')
  inside.swap(there)
  here.swap(twin)
  expect([here, twin, there].map((set) => set.list())).toEqual([[{ ip: '10.0.0.1' }], [], [{ ip: '10.0.0.2' }]])
})

test('the namespace determines the sets', () => {
  const namespace = NetworkNamespace.create()
  const descriptors = openDescriptors()
  const there = IpSet.create('there', 'hash:ip', {}, { namespace })
  there.add('10.0.0.1')
  expect(IpSet.names()).toEqual([])
  expect(IpSet.names({ namespace })).toEqual(['there'])
  const again = IpSet.open('there', 'hash:ip', { namespace })
  expect(again.list()).toEqual([{ ip: '10.0.0.1' }])
  again.close()
  expect(() => IpSet.open('there')).toThrow(NotFoundError)
  there.close()
  expect(there.test('10.0.0.1')).toBe(true)
  IpSet.destroyAll({ namespace })
  there.close()
  expect(() => IpSet.names({ namespace, kernel: new LinuxKernel() })).toThrow(/kernel and namespace exclude each other/)
  namespace.close()
  expect(openedSince(descriptors)).toEqual([])
})

test('sockets are closed with their users', async () => {
  const before = openDescriptors()
  for (let i = 0; i < 50; i++) {
    using set = IpSet.create('set', 'hash:ip')
    set.add('10.0.0.1')
    set.list()
    set.destroy()
    expect(() => IpSet.open('set')).toThrow(NotFoundError)
  }
  expect(openedSince(before)).toEqual([])
})

test('without capabilities, it throws PermissionError', () => {
  const { stdout, stderr } = runScript(`
    const { IpSet } = require('./src/ipset/ip-set')
    IpSet.create('set', 'hash:ip')
    dropCapabilities()
    for (const use of [() => IpSet.create('x', 'hash:ip'), () => IpSet.open('set'), () => IpSet.names()])
      try { use(); console.log('done') } catch (error) { console.log(error.name, error.message.slice(0, 40)) }
  `)
  expect(stderr).toBe('')
  expect(stdout.trim().split('\n')).toEqual([
    'PermissionError IPSET_CMD_TYPE: needs CAP_NET_ADMIN in t',
    'PermissionError IPSET_CMD_HEADER: needs CAP_NET_ADMIN in',
    'PermissionError IPSET_CMD_LIST: needs CAP_NET_ADMIN in t',
  ])
  expect([PermissionError, UnsupportedError].every((type) => type.prototype instanceof IptcError)).toBe(true)
})

/** nf_tables messages, because nf_tables adds details to its errors. */
const newRule = nfMessage(
  'NFT_MSG_NEWRULE',
  NFNL_SUBSYS_NFTABLES,
  7,
  attributes({ table: attribute(1, binary), chain: attribute(2, binary) }),
)

test('the kernel says which attribute it refuses', () => {
  const client = new NetlinkClient(new LinuxKernel(), NETLINK_NETFILTER)
  // NFT_MSG_GETTABLE with a name that is far too long.
  const getTable: MessageType<ReturnType<typeof nfHead>, { name?: Uint8Array | undefined }> = {
    ...newRule,
    name: 'NFT_MSG_GETTABLE',
    type: nfnlType(NFNL_SUBSYS_NFTABLES, 1),
    attributes: attributes({ name: attribute(1, binary) }),
  }
  const refusal = caught(() =>
    client.request(request(getTable, 0, nfHead(2), { name: Buffer.from(`${'x'.repeat(2000)}\0`) })),
  )
  expect(explain(refusal as Refusal)).toMatchObject({ attribute: 'name', errnoName: expect.any(String) })
  client.close()
})

test('a missing answer is not awaited for ever', () => {
  const connection = new LinuxKernel().netlink(NETLINK_NETFILTER)
  const waits = [false, true].map((wait) => {
    const start = performance.now()
    expect(connection.receive(wait)).toBeUndefined()
    return performance.now() - start
  })
  expect(waits[0]).toBeLessThan((waits[1] as number) / 2)
  expect(waits[1]).toBeLessThan(8000)
  connection.close()
  expect(() => connection.receive(true)).toThrow(NetlinkFailure)
}, 20_000)

test('if there are too many messages for the socket, the loss is reported', () => {
  const connection = new LinuxKernel().netlink(NETLINK_NETFILTER)
  connection.join(NFNLGRP.NFTABLES)
  // A listening socket has room for tens of thousands of messages.
  const rule = `add rule ip t c counter comment "${'x'.repeat(120)}"`
  const rules = `yes '${rule}' | head -${RULES_AT_ONCE} | nft -f - || exit; nft flush chain ip t c`
  tool(
    'bash',
    '-c',
    `nft add table ip t; nft add chain ip t c; for n in {1..${mapsAllIds ? 16 : 40}}; do ${rules}; done`,
  )
  const drain = (): void => {
    while (connection.receive(false) !== undefined);
  }
  expect(caught(drain)).toMatchObject({ errno: ERRNO.ENOBUFS })
  drain()
  connection.close()
  tool('nft', 'flush', 'ruleset')
})

test('a protocol that the kernel lacks is an UnsupportedError', () => {
  expect(() => new LinuxKernel().netlink(31)).toThrow(UnsupportedError)
})

test('a group is received without blocking the event loop, and the signal ends it', async () => {
  const abort = new AbortController()
  const messages = subscribe(new LinuxKernel(), NETLINK_NETFILTER, [NFNLGRP.NFTABLES], { signal: abort.signal })
  const seen: number[] = []
  const receiving = (async () => {
    for await (const { type } of messages) seen.push(type)
  })()
  const blocked = recordBlocking()
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  await until('the event loop has turned', () => turns > 50)
  clearInterval(timer)
  jest.restoreAllMocks()
  expect(blocked).toEqual([])
  tool('nft', 'add', 'table', 'ip', 'watched')
  // NFT_MSG_NEWTABLE and NFT_MSG_NEWGEN
  const expected = [nfnlType(NFNL_SUBSYS_NFTABLES, 0), nfnlType(NFNL_SUBSYS_NFTABLES, 15)]
  await until('both are received', () => seen.length >= expected.length)
  abort.abort()
  await receiving
  expect(seen).toEqual(expected)
  tool('nft', 'delete', 'table', 'ip', 'watched')
})
