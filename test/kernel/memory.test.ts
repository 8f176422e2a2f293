import { ERRNO, errnoName } from '../../src/abi/errno'
import { IPV4, IPV6 } from '../../src/abi/family'
import { SO_IP_SET } from '../../src/abi/ip-set'
import { VERDICTS } from '../../src/abi/netfilter'
import { getEntries, getInfo, replace } from '../../src/abi/x-tables'
import { readRuleset } from '../../src/blob/read'
import { writeRuleset } from '../../src/blob/write'
import { ConflictError, IptcError, KernelError, LockTimeoutError, NotFoundError } from '../../src/errors'
import { Client } from '../../src/kernel/client'
import { SockoptFailure } from '../../src/kernel/kernel'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { buildPart } from '../../src/ruleset/entry'
import { entriesOf, type Ruleset } from '../../src/ruleset/ruleset'
import { plain } from '../../src/ruleset/table-entry'
import { accept, emptyRuleset, families, jump, matchOf, ruleBytes, targetOf, withRules } from '../ruleset/tables'

const failure = (call: () => void): string => {
  try {
    call()
    return 'ok'
  } catch (error) {
    if (error instanceof SockoptFailure) return errnoName(error.errno)
    throw error
  }
}

const rulesetOf = (client: Client, table = 'filter', family = IPV4): Ruleset => {
  const { info, entries } = client.entries(table)
  return readRuleset(family, table, info, entries)
}

function put(client: Client, ruleset: Ruleset, oldCount = client.info(ruleset.table).numEntries): Uint8Array {
  const { layout, bytes } = writeRuleset(ruleset)
  return client.replace(ruleset.table, layout, bytes, oldCount)
}

const countersIn = (client: Client, family = IPV4, table = 'filter'): bigint[] => {
  const { pcnt, bcnt } = family.entry.fields
  const entries = [...entriesOf(rulesetOf(client, table, family))]
  return entries.flatMap(({ bytes }) => [pcnt.read(bytes, 0), bcnt.read(bytes, 0)])
}

const u64s = (...values: bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer)

describe.each(families)('tables of $name', (family) => {
  test('are created when they are first requested, newest first', () => {
    const kernel = new MemoryKernel()
    const client = new Client(kernel, family)
    expect(kernel.tables(family.name)).toEqual([])
    client.info('filter')
    client.entries('nat')
    expect(kernel.tables(family.name)).toEqual(['nat', 'filter'])
    expect(kernel.tables(family === IPV4 ? 'ipv6' : 'ipv4')).toEqual([])
    expect(() => client.info('nope')).toThrow(NotFoundError)
    expect(kernel.tables(family.name)).toHaveLength(2)
  })

  test('are created with chains that accept', () => {
    const { info, entries } = new Client(new MemoryKernel(), family).entries('nat')
    const size = family.entrySize + 40
    expect(info).toEqual({
      validHooks: 0x1b,
      hookEntry: [0, size, 0xffff_ffff, 2 * size, 3 * size],
      underflow: [0, size, 0xffff_ffff, 2 * size, 3 * size],
      numEntries: 5,
      size: 4 * size + family.entrySize + 64,
    })
    const comefrom = [0, 1, 2, 3, 4].map((i) => family.entry.fields.comefrom.read(entries, i * size))
    expect(comefrom).toEqual([1, 2, 8, 16, 0])
  })

  test('contain what was written', () => {
    const client = new Client(new MemoryKernel(), family)
    const ruleset = withRules(
      withRules(emptyRuleset(family, 'filter'), 'INPUT', [jump(family, 'user'), accept(family)]),
      'user',
      [plain(ruleBytes(family, { target: targetOf(family, 'LOG', { 0: 4, 2: 0x61 }) }))],
    )
    put(client, ruleset)
    const again = rulesetOf(client, 'filter', family)
    expect([...again.chains.keys()]).toEqual(['INPUT', 'FORWARD', 'OUTPUT', 'user'])
    expect(again.chains.get('INPUT')?.rules.map((rule) => rule.jump)).toEqual(['user', undefined])
    const user = again.chains.get('user')
    expect(family.entry.fields.comefrom.read(user?.rules.at(0)?.bytes ?? new Uint8Array(200), 0)).toBe(2)
    expect(family.entry.fields.comefrom.read(user?.head?.bytes ?? new Uint8Array(200), 0)).toBe(0)
  })

  test('lose what a kernel does not return', () => {
    const client = new Client(new MemoryKernel(), family)
    const dirty = matchOf(family, 'mark', { 0: 1, 12: 1, 15: 1 })
    dirty.fill(0x7a, 7, 31)
    const rule = ruleBytes(family, { matches: [dirty] })
    family.entry.fields.pcnt.write(rule, 0, 7n)
    put(client, withRules(emptyRuleset(family, 'filter'), 'INPUT', [plain(rule)]))
    const kept = rulesetOf(client, 'filter', family).chains.get('INPUT')?.rules.at(0)?.bytes.slice()
    if (kept === undefined) throw new Error('no rule')
    const clean = ruleBytes(family, { matches: [matchOf(family, 'mark', { 0: 1 })] })
    family.entry.fields.comefrom.write(clean, 0, 2)
    expect(kept).toEqual(clean)
  })
})

describe('the port', () => {
  const kernel = new MemoryKernel()
  const connection = kernel.connect('ipv4')
  const named = (name: string, size: number): Uint8Array => {
    const value = new Uint8Array(size)
    value.set(Buffer.from(name))
    return value
  }

  test('has a description', () => {
    expect(kernel.description).toBe('in-process kernel')
    expect(kernel.loadModule()).toBe(false)
  })

  test.each([
    ['GET_INFO with too few bytes', 'get', 64, named('filter', 83), 'EINVAL'],
    ['GET_INFO with too many', 'get', 64, named('filter', 85), 'EINVAL'],
    ['GET_INFO of no table', 'get', 64, named('nope', 84), 'ENOENT'],
    ['GET_ENTRIES of another size than now', 'get', 65, named('filter', 40), 'EAGAIN'],
    ['GET_ENTRIES that is too short', 'get', 65, named('filter', 39), 'EINVAL'],
    ['GET_ENTRIES that is too long', 'get', 65, named('filter', 48), 'EINVAL'],
    ['a revision that there is', 'get', 66, named('tcp', 30), 'ok'],
    ['a revision that there is not', 'get', 66, named('mark', 30), 'EPROTONOSUPPORT'],
    ['a match that there is not', 'get', 66, named('LOG', 30), 'ENOENT'],
    ['a match of the other family', 'get', 66, named('icmp6', 30), 'ENOENT'],
    ['the standard target', 'get', 67, named('', 30), 'ok'],
    ['the standard target by its other name', 'get', 67, named('standard', 30), 'ENOENT'],
    ['an option that there is not', 'get', 63, named('', 30), 'ENOPROTOOPT'],
    ['a request without its head', 'set', 64, named('filter', 95), 'EINVAL'],
    ['no counters for the old entries', 'set', 64, named('filter', 96), 'EINVAL'],
    ['counters without their head', 'set', 65, named('filter', 39), 'EINVAL'],
    ['counters for no entries', 'set', 65, named('filter', 40), 'EINVAL'],
    ['another option that there is not', 'set', 66, named('', 30), 'ENOPROTOOPT'],
  ] as const)('%s', (_, way, option, value, errno) => {
    const bytes = value.slice()
    const call = () => (way === 'get' ? connection.getsockopt(option, bytes) : connection.setsockopt(option, bytes))
    expect(failure(call)).toBe(errno)
  })

  test('revisions of IPv6 have other numbers', () => {
    const other = kernel.connect('ipv6')
    expect(failure(() => other.getsockopt(68, named('tcp', 30)))).toBe('ok')
    expect(failure(() => other.getsockopt(69, named('REJECT', 30)))).toBe('ok')
    expect(failure(() => other.getsockopt(66, named('tcp', 30)))).toBe('ENOPROTOOPT')
    expect(failure(() => other.getsockopt(SO_IP_SET, new Uint8Array(8)))).toBe('ENOPROTOOPT')
  })

  test.each([
    [0, 'EINVAL'],
    [3, 'EAGAIN'],
    [0x7fff_ffff, 'ENOMEM'],
  ])('SET_REPLACE with room for %d counters', (numCounters, errno) => {
    const { layout, bytes } = writeRuleset(emptyRuleset(IPV4, 'filter'))
    const size = bytes.length - replace.size
    const { validHooks, numEntries, hookEntry, underflow } = layout
    const head = { name: 'filter', validHooks, numEntries, size, numCounters, counters: 0n }
    replace.write(bytes, 0, { ...head, hookEntry: [...hookEntry], underflow: [...underflow] })
    expect(failure(() => connection.setsockopt(64, bytes))).toBe(errno)
    replace.fields.numCounters.write(bytes, 0, 4)
    replace.fields.size.write(bytes, 0, size + 8)
    expect(failure(() => connection.setsockopt(64, bytes))).toBe('EINVAL')
    replace.fields.size.write(bytes, 0, size)
    expect(failure(() => connection.setsockopt(64, bytes))).toBe('ok')
  })

  test('a closed connection', async () => {
    const closed = kernel.connect('ipv4')
    closed.close()
    closed.close()
    expect(failure(() => closed.getsockopt(64, named('filter', 84)))).toBe('EBADF')
    await expect(closed.setsockoptAsync(64, named('filter', 96))).rejects.toMatchObject({ errno: ERRNO.EBADF })
    expect(failure(() => connection.getsockopt(64, named('filter', 84)))).toBe('ok')
  })

  test('returned and accepted values are copies', () => {
    const client = new Client(new MemoryKernel(), IPV4)
    const { layout, bytes } = writeRuleset(withRules(emptyRuleset(IPV4, 'filter'), 'INPUT', [accept(IPV4)]))
    client.replace('filter', layout, bytes, 4)
    bytes.fill(0xff)
    const first = client.entries('filter')
    const before = Buffer.from(first.entries)
    first.entries.fill(0xff)
    expect(Buffer.from(client.entries('filter').entries)).toEqual(before)
  })

  test('asynchronous calls return the same in a later turn', async () => {
    const client = new Client(new MemoryKernel(), IPV4)
    let turns = 0
    const count = setImmediate(() => turns++)
    const { info, entries } = await client.entriesAsync('filter')
    clearImmediate(count)
    expect(turns).toBe(1)
    expect({ info, entries }).toEqual(client.entries('filter'))
    await expect(client.addCountersAsync('filter', u64s(1n, 2n))).rejects.toThrow(KernelError)
    const { layout, bytes } = writeRuleset(emptyRuleset(IPV4, 'filter'))
    expect(await client.replaceAsync('filter', layout, bytes, 4)).toHaveLength(64)
    await expect(client.replaceAsync('filter', layout, bytes, 5)).rejects.toThrow(ConflictError)
  })
})

describe('SET_REPLACE', () => {
  test('refuses what Linux refuses, says why, and leaves the table unchanged', () => {
    const client = new Client(new MemoryKernel(), IPV4)
    const before = client.entries('filter')
    const tcp = plain(ruleBytes(IPV4, { matches: [matchOf(IPV4, 'tcp')] }))
    const attempt = () => put(client, withRules(emptyRuleset(IPV4, 'filter'), 'INPUT', [tcp]))
    expect(attempt).toThrow(/EINVAL/)
    try {
      attempt()
    } catch (error) {
      const { cause } = (error as KernelError).cause as Error
      expect(cause).toMatchObject({ reason: 'match tcp: needs -p tcp', offset: 0 })
    }
    expect(client.entries('filter')).toEqual(before)
  })

  test('supports only declared extensions', () => {
    const client = new Client(new MemoryKernel(), IPV4)
    const rule = plain(ruleBytes(IPV4, { matches: [buildPart('nobody-knows', 0, new Uint8Array(8))] }))
    expect(() => put(client, withRules(emptyRuleset(IPV4, 'filter'), 'INPUT', [rule]))).toThrow(/ENOENT/)
  })

  test('bytes after the struct are returned as zeros, also for payloads that cannot be decoded', () => {
    const client = new Client(new MemoryKernel(), IPV4)
    const payload = new Uint8Array(48)
    // A base port, and padding.
    payload.set([7, 7], 40)
    payload.fill(9, 44)
    const rule = plain(ruleBytes(IPV4, { target: buildPart('SNAT', 2, payload) }))
    put(client, withRules(emptyRuleset(IPV4, 'nat'), 'POSTROUTING', [rule]))
    const { entries } = client.entries('nat')
    const at = Buffer.from(entries).indexOf('SNAT') - 2 + 32
    expect([...entries.subarray(at + 40, at + 48)]).toEqual([7, 7, 0, 0, 0, 0, 0, 0])
  })

  test('a wrong number of current entries is a conflict', () => {
    const client = new Client(new MemoryKernel(), IPV4)
    put(client, withRules(emptyRuleset(IPV4, 'filter'), 'INPUT', [accept(IPV4)]))
    expect(() => put(client, emptyRuleset(IPV4, 'filter'), 4)).toThrow(ConflictError)
    expect(client.info('filter').numEntries).toBe(5)
  })

  test('only ACCEPT and DROP are policies', () => {
    const client = new Client(new MemoryKernel(), IPV4)
    const ruleset = emptyRuleset(IPV4, 'raw')
    const output = ruleset.chains.get('OUTPUT')
    const policy = (verdict: number): Ruleset => {
      const tail = plain(accept(IPV4).bytes.slice())
      new DataView(tail.bytes.buffer).setInt32(144, verdict, true)
      return { ...ruleset, chains: new Map([...ruleset.chains, ['OUTPUT', { ...output, tail } as never]]) }
    }
    put(client, policy(VERDICTS.DROP))
    expect(() => put(client, policy(VERDICTS.RETURN))).toThrow(/EINVAL/)
  })
})

describe('counters', () => {
  test('are added, and overflow to 0', () => {
    const client = new Client(new MemoryKernel(), IPV6)
    client.addCounters('raw', u64s(1n, 2n, 0n, 0n, 5n, 6n))
    client.addCounters('raw', u64s(2n ** 64n - 1n, 2n ** 64n - 1n, 3n, 4n, 0n, 0n))
    expect(countersIn(client, IPV6, 'raw')).toEqual([0n, 1n, 3n, 4n, 5n, 6n])
  })

  test('for a wrong number of entries are refused', () => {
    const client = new Client(new MemoryKernel(), IPV4)
    for (const count of [1, 3, 5])
      expect(() => client.addCounters('filter', new Uint8Array(16 * count))).toThrow(/EINVAL/)
  })

  test('of old entries are returned, those of new ones start at 0', () => {
    const client = new Client(new MemoryKernel(), IPV4)
    client.addCounters('filter', u64s(1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n))
    const { chains, ...rest } = rulesetOf(client)
    const old = put(client, { ...rest, chains })
    expect([...new BigUint64Array(old.slice().buffer)]).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n])
    expect(countersIn(client)).toEqual(Array(8).fill(0n))
  })

  test('no more are written than there is room for', () => {
    const kernel = new MemoryKernel()
    const client = new Client(kernel, IPV4)
    client.addCounters('filter', u64s(1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n))
    const room = new Uint8Array(40)
    const { layout, bytes } = writeRuleset(emptyRuleset(IPV4, 'filter'))
    const { validHooks, numEntries } = layout
    const head = { name: 'filter', validHooks, numEntries, size: bytes.length - 96, numCounters: 4, counters: 0n }
    replace.write(bytes, 0, { ...head, hookEntry: [...layout.hookEntry], underflow: [...layout.underflow] })
    kernel.connect('ipv4').setsockopt(64, bytes, room, 88)
    expect([...new BigUint64Array(room.buffer)]).toEqual([1n, 2n, 3n, 4n, 0n])
  })
})

describe('ipsets', () => {
  const kernel = () => new MemoryKernel({ sets: { four: 'ipv4', far: { index: 0, family: 'ipv6' }, list: 'any' } })

  test('have the lowest free index', () => {
    const one = kernel()
    const client = new Client(one, IPV6)
    expect(client.setByName('far')).toEqual({ index: 0, family: 'ipv6' })
    expect(client.setByName('four')).toEqual({ index: 1, family: 'ipv4' })
    expect(client.setByName('list')).toEqual({ index: 2, family: 'any' })
    expect(client.setByName('nope')).toBeUndefined()
    one.removeSet('four')
    expect(client.setByName('four')).toBeUndefined()
    expect(one.addSet('new', 'ipv4')).toBe(1)
    expect([0, 1, 2, 3, 255, 256, 60_000].map((index) => client.setByIndex(index))).toEqual([
      'far',
      'new',
      'list',
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  test('rules can only refer to existing ones', () => {
    const one = kernel()
    const client = new Client(one, IPV4)
    const using = (index: number): Ruleset => {
      const rule = plain(ruleBytes(IPV4, { matches: [matchOf(IPV4, 'set', { 0: index, 2: 1 })] }))
      return withRules(emptyRuleset(IPV4, 'filter'), 'INPUT', [rule])
    }
    put(client, using(1))
    expect(() => put(client, using(3))).toThrow(/ENOENT/)
    one.addSet('more', 'ipv4')
    put(client, using(3))
  })

  test('with invalid values', () => {
    const one = kernel()
    expect(() => one.addSet('four', 'ipv6')).toThrow(IptcError)
    expect(() => one.removeSet('nope')).toThrow(IptcError)
    for (const name of ['', 'x'.repeat(32), 'a\0b']) expect(() => one.addSet(name, 'any')).toThrow(IptcError)
    for (const index of [-1, 0.5, 0xffff, Number.NaN])
      expect(() => new MemoryKernel({ sets: { a: { index, family: 'any' } } })).toThrow(IptcError)
    const twice = { a: { index: 1, family: 'any' }, b: { index: 1, family: 'any' } } as const
    expect(() => new MemoryKernel({ sets: twice })).toThrow(/set a has the index 1/)
  })

  test('old protocols and unknown operations', () => {
    const connection = kernel().connect('ipv4')
    const ask = (size: number, op: number, version: number): string => {
      const value = new Uint8Array(size)
      new Uint32Array(value.buffer, 0, 2).set([op, version])
      return failure(() => connection.getsockopt(SO_IP_SET, value))
    }
    expect([ask(8, 0x100, 0), ask(44, 8, 6), ask(40, 7, 7), ask(40, 6, 7)]).toEqual(['ok', 'ok', 'ok', 'ok'])
    expect([ask(44, 8, 5), ask(8, 0x55, 7), ask(40, 8, 7)]).toEqual(['EPROTO', 'EBADMSG', 'EINVAL'])
  })
})

describe('the lock', () => {
  const later = (ms = 5): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

  test('is joined by functions that its holder calls', async () => {
    const kernel = new MemoryKernel()
    const outer = kernel.lock(0)
    kernel.lock(0).release()
    outer.release()
    outer.release()
    const borrower = async () => {
      kernel.lock(0).release()
      await later()
      return kernel.withLockAsync({ timeoutMs: 0 }, async () => 'inner')
    }
    expect(await kernel.withLockAsync({ timeoutMs: 0 }, (lend) => lend(borrower))).toBe('inner')
  })

  test('others wait their turn behind an asynchronous holder, or fail at once', async () => {
    const kernel = new MemoryKernel()
    const order: string[] = []
    const hold = (name: string) =>
      kernel.withLockAsync({ timeoutMs: Number.POSITIVE_INFINITY }, async () => {
        order.push(name)
        await later()
        order.push(name)
      })
    const all = ['a', 'b', 'c'].map(hold)
    await later(1)
    expect(() => kernel.lock(Number.POSITIVE_INFINITY)).toThrow(LockTimeoutError)
    await expect(kernel.withLockAsync({ timeoutMs: 1 }, () => later())).rejects.toThrow(LockTimeoutError)
    await Promise.all(all)
    expect(order.join('')).toBe('aabbcc')
    kernel.lock(0).release()
  })

  test('is released if the body fails', async () => {
    const kernel = new MemoryKernel()
    await expect(kernel.withLockAsync({ timeoutMs: 0 }, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    kernel.lock(0).release()
  })

  test('an aborted waiter gives up at once, and those after it still get their turn', async () => {
    const kernel = new MemoryKernel()
    let release = (): void => {}
    const held = kernel.withLockAsync({ timeoutMs: 0 }, () => new Promise<void>((resolve) => (release = resolve)))
    const stop = new AbortController()
    const never = jest.fn(() => later())
    const timeoutMs = Number.POSITIVE_INFINITY
    const waiting = kernel.withLockAsync({ timeoutMs, signal: stop.signal }, never)
    const behind = kernel.withLockAsync({ timeoutMs }, async () => 'behind')
    await later(1)
    stop.abort(new RangeError('enough'))
    await expect(waiting).rejects.toThrow(new RangeError('enough'))
    release()
    await held
    expect(await behind).toBe('behind')
    expect(never).not.toHaveBeenCalled()
    await expect(kernel.withLockAsync({ timeoutMs, signal: stop.signal }, never)).rejects.toThrow('enough')
    expect(never).not.toHaveBeenCalled()
    kernel.lock(0).release()
  })

  test('is one for each kernel', async () => {
    const [one, other] = [new MemoryKernel(), new MemoryKernel()]
    const held = one.withLockAsync({ timeoutMs: 0 }, () => later())
    other.lock(0).release()
    await other.withLockAsync({ timeoutMs: 0 }, () => later())
    await held
  })
})

test('sizes of requests', () => {
  expect([getInfo.size, getEntries.size, replace.size]).toEqual([84, 40, 96])
})
