import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { FAMILIES, type FamilyName, IPV4, IPV6 } from '../../src/abi/family'
import { counters as countersStruct, getInfo, replace } from '../../src/abi/x-tables'
import { ConflictError, IptcError, KernelError, NotFoundError } from '../../src/errors'
import { Client, type TableEntries } from '../../src/kernel/client'
import { SockoptFailure } from '../../src/kernel/kernel'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import {
  collectGarbage,
  countingTurns,
  forgotten,
  openDescriptors,
  openedSince,
  ownNamespace,
  runScript,
} from './machine'

const HEAD = 96
const BIG = 100_000
/** The `INPUT` hook. */
const INPUT = 1

/** Offsets of hooks that the table does not have must be 0. */
const valid = (offset: number): number => (offset === 0xffffffff ? 0 : offset)

const home = ownNamespace()
let namespace: NetworkNamespace
let kernel: LinuxKernel
let client: Client

beforeEach(() => {
  namespace = NetworkNamespace.create()
  kernel = new LinuxKernel({ namespace })
  client = new Client(kernel, IPV4)
})

afterEach(() => {
  client.close()
  namespace.close()
  expect(ownNamespace()).toBe(home)
})

const inside = (...command: [string, ...string[]]): string =>
  execFileSync('nsenter', [`--net=${namespace.path}`, ...command], { encoding: 'utf8' })

const requestOf = (entries: Uint8Array): Uint8Array => Buffer.concat([new Uint8Array(HEAD), entries])

/** Counters: n packets and 1000 n bytes for entry n, and the maximum for the last one. */
function countersOf(count: number): Uint8Array {
  const bytes = new Uint8Array(count * countersStruct.size)
  for (let n = 0; n < count; n++) countersStruct.write(bytes, n * 16, { pcnt: BigInt(n), bcnt: BigInt(n) * 1000n })
  countersStruct.write(bytes, (count - 1) * 16, { pcnt: 2n ** 64n - 1n, bcnt: 2n ** 63n })
  return bytes
}

/** The table with `count` copies of INPUT's policy inserted before it. */
function grown({ info, entries }: TableEntries, count: number) {
  const start = info.hookEntry[INPUT] as number
  const policy = entries.subarray(start, info.hookEntry[INPUT + 1])
  const grow = count * policy.length
  const request = new Uint8Array(HEAD + grow + entries.length)
  request.set(entries.subarray(0, start), HEAD)
  for (let n = 0; n < count; n++) request.set(policy, HEAD + start + n * policy.length)
  request.set(entries.subarray(start), HEAD + start + grow)
  const shift = (offset: number, hook: number) => (hook > INPUT ? offset + grow : offset)
  const hookEntry = info.hookEntry.map(shift)
  const underflow = info.underflow.map((offset, hook) => (hook >= INPUT ? offset + grow : offset))
  return { layout: { ...info, hookEntry, underflow, numEntries: info.numEntries + count }, request }
}

describe.each(Object.keys(FAMILIES) as FamilyName[])('%s', (name) => {
  const family = FAMILIES[name]

  beforeEach(() => {
    client = new Client(kernel, family)
  })

  test('a table exists once it was requested, and the newest is the first', () => {
    expect(kernel.tables(name)).toEqual([])
    client.info('filter')
    client.info('raw')
    expect(kernel.tables(name)).toEqual(['raw', 'filter'])
  })

  test('returns the layout of a new table', () => {
    const standard = family.entrySize + 40
    const info = client.info('filter')
    expect(info).toMatchObject({ validHooks: 0x0e, numEntries: 4, size: 3 * standard + family.entrySize + 64 })
    expect(info.hookEntry.slice(1, 4)).toEqual([0, standard, 2 * standard])
    expect(info.underflow.slice(1, 4)).toEqual([0, standard, 2 * standard])
  })

  test.each(['filter', 'nat', 'mangle', 'raw', 'security'])('%s is the same after a round trip', (table) => {
    const before = client.entries(table)
    client.replace(table, before.info, requestOf(before.entries), before.info.numEntries)
    const after = client.entries(table)
    expect(after.info).toEqual(before.info)
    expect(Buffer.compare(after.entries, before.entries)).toBe(0)
  })

  test('counters are returned by a replace, and can be restored', async () => {
    const { info, entries } = client.entries('mangle')
    const counters = countersOf(info.numEntries)
    client.addCounters('mangle', counters)
    const counted = client.entries('mangle').entries
    expect(Buffer.compare(counted, entries)).not.toBe(0)

    const old = client.replace('mangle', info, requestOf(entries), info.numEntries)
    expect(old).toEqual(counters)
    expect(Buffer.compare(client.entries('mangle').entries, entries)).toBe(0)

    await client.addCountersAsync('mangle', old)
    expect(Buffer.compare((await client.entriesAsync('mangle')).entries, counted)).toBe(0)
    expect(await client.replaceAsync('mangle', info, requestOf(entries), info.numEntries)).toEqual(counters)
  })

  test('supports each revision separately', () => {
    expect(client.hasRevision('match', 'conntrack', 3)).toBe(true)
    expect(client.hasRevision('match', 'conntrack', 0)).toBe(false)
    expect(client.hasRevision('match', 'conntrack', 255)).toBe(false)
    expect(client.hasRevision('target', 'MARK', 2)).toBe(true)
    expect(client.hasRevision('target', '', 0)).toBe(true)
    expect(client.hasRevision('match', 'MARK', 2)).toBe(false)
    expect(client.hasRevision('match', 'no-such-match', 0)).toBe(false)
    expect(client.hasRevision('match', 'x'.repeat(29), 0)).toBe(false)
  })

  test('sets are found by name and by index', () => {
    inside('ipset', 'create', 'v4', 'hash:ip')
    inside('ipset', 'create', 'v6', 'hash:ip', 'family', 'inet6')
    inside('ipset', 'create', 'n'.repeat(31), 'list:set')
    const found = ['v4', 'v6', 'n'.repeat(31)].map((set) => client.setByName(set))
    expect(found.map((set) => set?.family)).toEqual(['ipv4', 'ipv6', 'any'])
    expect(found.map((set) => client.setByIndex(set?.index as number))).toEqual(['v4', 'v6', 'n'.repeat(31)])
    expect(client.setByName('absent')).toBeUndefined()
    expect(client.setByName('n'.repeat(32))).toBeUndefined()
    expect(client.setByName('v4\0')).toBeUndefined()
    for (const absent of [200, 0xfffe, 0xffff, 0x10000, -1]) expect(client.setByIndex(absent)).toBeUndefined()
  })
})

describe('refusals of the kernel', () => {
  test.each(['no-such-table', '', 'x'.repeat(31), 'x'.repeat(32), 'filter\0'])('there is no table %j', (table) => {
    expect(() => client.info(table)).toThrow(NotFoundError)
    expect(() => client.entries(table)).toThrow(/filter, nat, mangle, raw, security/)
  })

  test('a replace with a wrong number of entries is a conflict, and changes nothing', async () => {
    const { info, entries } = client.entries('filter')
    const { layout, request } = grown({ info, entries }, 1)
    expect(() => client.replace('filter', layout, request, 5)).toThrow(ConflictError)
    await expect(client.replaceAsync('filter', layout, request, 3)).rejects.toThrow(ConflictError)
    expect(client.info('filter')).toEqual(info)
  })

  test('invalid requests are errors with fields and a cause', () => {
    // Without the log, to which other processes write too: if it has lines, the message has them instead of the hint.
    Object.assign(kernel, { log: () => undefined })
    const { info, entries } = client.entries('filter')
    const act = () => client.replace('filter', { ...info, validHooks: 1 }, requestOf(entries), info.numEntries)
    const fields = { operation: 'SET_REPLACE filter', table: 'filter', errno: 22, errnoName: 'EINVAL' }
    expect(act).toThrow(KernelError)
    expect(act).toThrow(expect.objectContaining({ ...fields, cause: expect.any(SockoptFailure) }))
    expect(act).toThrow(/dmesg/)
  })

  test('a wrong number of counters', () => {
    client.info('filter')
    expect(() => client.addCounters('filter', new Uint8Array(16))).toThrow(/SET_ADD_COUNTERS filter: EINVAL.*number/)
  })

  test('a closed client', async () => {
    client.info('filter')
    client.close()
    client.close()
    expect(() => client.info('filter')).toThrow(IptcError)
    await expect(client.entriesAsync('filter')).rejects.toThrow(/closed/)
  })

  test('a closed connection, whose descriptor may have been reused', async () => {
    const connection = kernel.connect('ipv4')
    connection.close()
    connection.close()
    const next = kernel.connect('ipv4')
    const value = new Uint8Array(getInfo.size)
    getInfo.fields.name.write(value, 0, 'filter')
    expect(() => connection.getsockopt(64, value)).toThrow(SockoptFailure)
    await expect(connection.getsockoptAsync(64, value)).rejects.toMatchObject({ errno: 9 })
    next.getsockopt(64, value)
    next.close()
  })

  test('a process without privileges', () => {
    const script = `
      const { LinuxKernel } = require('./src/kernel/linux/linux-kernel')
      const { Client } = require('./src/kernel/client')
      const { IPV4 } = require('./src/abi/family')
      const kernel = new LinuxKernel()
      const [open, late] = [new Client(kernel, IPV4), new Client(kernel, IPV4)]
      open.hasRevision('match', 'tcp', 0)
      dropCapabilities()
      for (const client of [open, late])
        try { client.info('filter') } catch (error) { console.log(error.name, error.message) }
    `
    const lines = runScript(script).stdout.split('\n')
    expect(lines[0]).toMatch(/^PermissionError GET_INFO filter: needs CAP_NET_ADMIN.*unshare -rn/)
    expect(lines[1]).toMatch(/^PermissionError .*CAP_NET_RAW.*unshare -rn.*in-process/)
  })
})

describe('namespaces', () => {
  /** The number of entries in the filter table of a place. */
  const entriesIn = (options: { namespace?: string | number | NetworkNamespace }): number => {
    const there = new Client(new LinuxKernel(options), IPV4)
    const { numEntries } = there.info('filter')
    there.close()
    return numEntries
  }

  test('a handle and a path open the same namespace; the default is our own', () => {
    const own = entriesIn({})
    const { layout, request } = grown(client.entries('filter'), 3)
    client.replace('filter', layout, request, 4)
    expect(entriesIn({ namespace })).toBe(7)
    expect(entriesIn({ namespace: namespace.path })).toBe(7)
    expect(new LinuxKernel({ namespace: namespace.path }).tables('ipv4')).toEqual(['filter'])
    expect(entriesIn({})).toBe(own)
    expect(own).toBe(4)
  })

  test('a missing namespace is an error', () => {
    expect(() => new LinuxKernel({ namespace: 'no-such-name' }).connect('ipv4')).toThrow(NotFoundError)
    expect(() => new LinuxKernel({ namespace: 2 ** 30 }).tables('ipv6')).toThrow(NotFoundError)
  })

  test('a socket stays in its namespace after the handle is closed', () => {
    client.info('raw')
    const { path } = namespace
    const other = new Client(new LinuxKernel({ namespace: path }), IPV4)
    expect(other.info('raw')).toEqual(client.info('raw'))
    namespace.close()
    expect(client.info('filter').numEntries).toBe(4)
    expect(() => new Client(kernel, IPV6).info('filter')).toThrow(/closed/)
    other.close()
  })

  test('two namespaces do not affect each other', () => {
    const second = NetworkNamespace.create()
    const other = new Client(new LinuxKernel({ namespace: second }), IPV4)
    const before = other.entries('filter')
    const { layout, request } = grown(client.entries('filter'), 3)
    client.replace('filter', layout, request, 4)
    expect(client.info('filter').numEntries).toBe(7)
    expect(other.entries('filter')).toEqual(before)
    other.close()
    second.close()
  })
})

describe('off the main thread', () => {
  let before: TableEntries

  beforeEach(() => {
    before = client.entries('filter')
    const { layout, request } = grown(before, BIG)
    client.replace('filter', layout, request, before.info.numEntries)
  })

  test('the event loop runs while a big table is read and replaced', async () => {
    const { layout, request } = grown(before, BIG)
    const read = await countingTurns(() => client.entriesAsync('filter'))
    expect(read.turns).toBeGreaterThan(0)
    expect(read.result.entries.length).toBe(request.length - HEAD)
    expect(Buffer.compare(read.result.entries, request.subarray(HEAD))).not.toBe(0)
    const write = await countingTurns(() => client.replaceAsync('filter', layout, request, layout.numEntries))
    expect(write.turns).toBeGreaterThan(0)
    expect(write.result.length).toBe(layout.numEntries * 16)
  })

  test('buffers without other references live until the kernel is done with them', async () => {
    const connection = kernel.connect('ipv4')
    const value = requestOf(before.entries)
    const { hookEntry, underflow, ...layout } = before.info
    const offsets = { hookEntry: hookEntry.map(valid), underflow: underflow.map(valid) }
    const numCounters = BIG + layout.numEntries
    replace.write(value, 0, { name: 'filter', ...layout, ...offsets, numCounters, counters: 0n })

    const start = () => {
      const answer = new Uint8Array(numCounters * countersStruct.size)
      const settled = connection.setsockoptAsync(IPV4.sockopt.replace, value, answer, replace.fields.counters.offset)
      return { answer: new WeakRef(answer), settled }
    }
    const { answer, settled } = start()
    // The target of a WeakRef stays alive until the end of the job that created it. In a later turn, the kernel may be done.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    collectGarbage()
    expect(answer.deref()).toBeDefined()
    await settled
    await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
    expect(answer.deref()).toBeUndefined()
    expect(client.info('filter').numEntries).toBe(4)
    connection.close()
  })

  test('closing waits for running calls', async () => {
    const descriptors = openDescriptors()
    const reading = client.entriesAsync('filter')
    await new Promise((resolve) => setTimeout(resolve, 5))
    const connection = kernel.connect('ipv4')
    const value = new Uint8Array(getInfo.size)
    getInfo.fields.name.write(value, 0, 'filter')
    const asking = connection.getsockoptAsync(IPV4.sockopt.getInfo, value)
    connection.close()
    expect(openedSince(descriptors)).toHaveLength(1)
    await asking
    expect(getInfo.fields.numEntries.read(value, 0)).toBe(BIG + 4)
    await reading
    expect(openedSince(descriptors)).toEqual([])
  })
})

describe('over a long time', () => {
  const megabytes = (): number => {
    collectGarbage()
    return process.memoryUsage().rss / 2 ** 20
  }

  test('100,000 calls leak neither descriptors nor memory', () => {
    const connection = kernel.connect('ipv4')
    const ask = (count: number) => {
      for (let i = 0; i < count; i++) {
        const value = new Uint8Array(getInfo.size)
        getInfo.fields.name.write(value, 0, i % 2 === 0 ? 'filter' : 'absent')
        let errno = 0
        try {
          connection.getsockopt(IPV4.sockopt.getInfo, value)
        } catch (error) {
          errno = (error as SockoptFailure).errno
        }
        if (errno !== (i % 2 === 0 ? 0 : 2)) throw new Error(`call ${i}: errno ${errno}`)
      }
    }
    ask(20_000)
    const [memory, descriptors] = [megabytes(), openDescriptors()]
    ask(100_000)
    expect(openedSince(descriptors)).toEqual([])
    expect(megabytes() - memory).toBeLessThan(12)
    connection.close()
  }, 60_000)

  test('5,000 calls on other threads leak neither threads nor memory', async () => {
    const { info, entries } = client.entries('filter')
    const ask = async (count: number) => {
      for (let i = 0; i < count; i++)
        await client.replaceAsync('filter', info, requestOf(entries), i % 10 === 0 ? 3 : 4).catch(() => undefined)
    }
    await ask(1000)
    const [memory, descriptors] = [megabytes(), openDescriptors()]
    await ask(5000)
    expect(openedSince(descriptors)).toEqual([])
    expect(megabytes() - memory).toBeLessThan(12)
  }, 60_000)

  test('a connection is closed when it is garbage collected', () => {
    const prepare = `
      const { LinuxKernel } = require('./src/kernel/linux/linux-kernel')
      const kernel = new LinuxKernel()
    `
    expect(forgotten(prepare, `kernel.connect('ipv6')`)).toEqual({ opened: 20, left: 0 })
  })
})

describe('the rest of the port', () => {
  test('has a description', () => {
    expect(kernel.description).toMatch(/^Linux \d+\.\d+/)
  })

  // These tests mount a file over one in /proc, for which root of a user namespace has no permission.
  const asRoot = readFileSync('/proc/self/uid_map', 'utf8').includes('4294967295') ? test : test.skip

  asRoot('modules cannot be loaded where the kernel takes none', () => {
    const script = `
      const { LinuxKernel } = require('./src/kernel/linux/linux-kernel')
      console.log(new LinuxKernel().loadModule('ipv4'))
    `
    const hide = 'mount -t tmpfs none /proc/sys/kernel && exec "$@"'
    expect(runScript(script, ['unshare', '-m', 'sh', '-c', hide, 'sh']).stdout).toBe('false\n')
  })

  asRoot.each([
    ['true', 'true'],
    ['false', 'false'],
  ])('the program that loads modules answers (%s)', (program, answer) => {
    const script = `
      const { LinuxKernel } = require('./src/kernel/linux/linux-kernel')
      console.log(new LinuxKernel().loadModule('ipv6'))
    `
    const prepare =
      'mount -t tmpfs none /proc/sys/kernel && command -v "$0" > /proc/sys/kernel/modprobe && exec env "$@"'
    const { stdout } = runScript(script, ['unshare', '-m', 'bash', '-c', prepare, `/usr/bin/${program}`])
    expect(stdout).toBe(`${answer}\n`)
  })

  test('a worker thread can end without ending the process, even if it is the only user', () => {
    const script = `
      const { Worker } = require('node:worker_threads')
      const code = "new (require('./src').Table)('filter').chains; require('node:worker_threads').parentPort.postMessage('read')"
      const worker = new Worker(code, { eval: true, execArgv: ['-r', './test/support/load-typescript.js'] })
      worker.on('message', console.log)
      worker.on('exit', (code) => console.log('exit', code))
    `
    const { status, signal, stdout } = runScript(script)
    expect({ status, signal, stdout }).toEqual({ status: 0, signal: null, stdout: 'read\nexit 0\n' })
  })

  test('each call can be logged to standard error', () => {
    const script = `
      const { LinuxKernel } = require('./src/kernel/linux/linux-kernel')
      const { Client } = require('./src/kernel/client')
      const { IPV6 } = require('./src/abi/family')
      const client = new Client(new LinuxKernel(), IPV6)
      client.entries('filter')
      client.hasRevision('match', 'absent', 0)
    `
    const { stderr } = runScript(script, ['env', 'XTABLES_DEBUG=1'])
    expect(
      stderr
        .trim()
        .replace(/durationMs=[\d.]+/g, 'durationMs=…')
        .split('\n'),
    ).toEqual([
      'xtables: call operation="GET_INFO" family="ipv6" table="filter" bytes=84 durationMs=…',
      'xtables: call operation="GET_ENTRIES" family="ipv6" table="filter" bytes=896 durationMs=…',
      'xtables: call operation="GET_INFO" family="ipv6" table="filter" bytes=84 durationMs=…',
      'xtables: read family="ipv6" table="filter" entries=4 bytes=856 durationMs=…',
      'xtables: call operation="GET_REVISION_MATCH" family="ipv6" bytes=30 durationMs=… error="ENOENT"',
    ])
  })
})
