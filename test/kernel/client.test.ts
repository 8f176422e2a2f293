import { FAMILIES, type FamilyName, IPV4, IPV6 } from '../../src/abi/family'
import { getInfo, replace } from '../../src/abi/x-tables'
import {
  ConflictError,
  IptcError,
  KernelError,
  NotFoundError,
  PermissionError,
  UnsupportedError,
} from '../../src/errors'
import { Client, type TableLayout } from '../../src/kernel/client'
import { type Connection, type Kernel, type Lend, type LockRequest, SockoptFailure } from '../../src/kernel/kernel'

interface Call {
  readonly way: 'get' | 'set'
  readonly family: FamilyName
  readonly option: number
  readonly value: Uint8Array
  readonly answer: Uint8Array | undefined
  readonly answerAt: number | undefined
}

/** A kernel that gives the answers of the test, and records the calls. */
class ScriptedKernel implements Kernel {
  readonly place = this
  readonly description = 'scripted'
  readonly calls: Call[] = []
  readonly open: FamilyName[] = []
  modules = 0
  moduleLoads = false
  readonly #answer: (call: Call, number: number) => number | undefined

  /** @param answer returns an errno, or undefined if the call succeeds */
  constructor(answer: (call: Call, number: number) => number | undefined) {
    this.#answer = answer
  }

  connect(family: FamilyName): Connection {
    this.open.push(family)
    const act = (way: 'get' | 'set') => (option: number, value: Uint8Array, answer?: Uint8Array, answerAt?: number) => {
      const call = { way, family, option, value, answer, answerAt }
      this.calls.push(call)
      const errno = this.#answer(call, this.calls.length)
      if (errno !== undefined) throw new SockoptFailure(errno)
    }
    return {
      getsockopt: act('get'),
      setsockopt: act('set'),
      getsockoptAsync: async (...args) => act('get')(...args),
      setsockoptAsync: async (...args) => act('set')(...args),
      close: () => void this.open.splice(this.open.indexOf(family), 1),
    }
  }

  tables(): string[] {
    return []
  }

  loadModule(): boolean {
    this.modules++
    return this.moduleLoads
  }

  lock() {
    return { release() {} }
  }

  withLockAsync<T>(_request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T> {
    return body(async (borrower) => borrower())
  }
}

const fails = (errno: number) => new ScriptedKernel(() => errno)

const LAYOUT: TableLayout = {
  validHooks: 0x0e,
  hookEntry: [0xffffffff, 0, 152, 304, 0xffffffff],
  underflow: [0xffffffff, 0, 152, 304, 0xffffffff],
  numEntries: 4,
}

/** GET_INFO returns `size`. GET_ENTRIES returns an errno while `stale` is greater than 0. */
function changing(stale: number) {
  let left = stale
  return new ScriptedKernel(({ option, value }) => {
    if (option === IPV4.sockopt.getEntries) return left-- > 0 ? 11 : undefined
    getInfo.fields.size.write(value, 0, 100 + Math.max(left, 0))
    return undefined
  })
}

describe('reading', () => {
  test('requests as many bytes as the table has, and returns the answer without a copy', () => {
    const kernel = changing(0)
    const { info, entries } = new Client(kernel, IPV4).entries('filter')
    expect(info.size).toBe(100)
    expect(entries).toHaveLength(100)
    expect(kernel.calls.map(({ value }) => value.length)).toEqual([84, 140, 84])
    expect(entries.buffer).toBe(kernel.calls[1]?.value.buffer)
  })

  test('starts again when the table has changed in between', async () => {
    const kernel = changing(3)
    expect(new Client(kernel, IPV4).entries('filter').entries).toHaveLength(100)
    expect(kernel.calls).toHaveLength(3 * 2 + 3)
    expect((await new Client(changing(3), IPV4).entriesAsync('filter')).entries).toHaveLength(100)
  })

  test('but not endlessly', async () => {
    const kernel = changing(1_000_000)
    expect(() => new Client(kernel, IPV4).entries('filter')).toThrow(ConflictError)
    expect(kernel.calls.length).toBeLessThan(100)
    await expect(new Client(kernel, IPV4).entriesAsync('filter')).rejects.toThrow(ConflictError)
  })

  test('but not for other errors', () => {
    const kernel = new ScriptedKernel(({ option }) => (option === IPV4.sockopt.getEntries ? 12 : undefined))
    expect(() => new Client(kernel, IPV4).entries('filter')).toThrow(/GET_ENTRIES filter: ENOMEM/)
    expect(kernel.calls).toHaveLength(2)
  })
})

describe('replacing', () => {
  test('fills in the head and leaves the entries unchanged', () => {
    const kernel = new ScriptedKernel(({ answer }) => void answer?.fill(7))
    const request = new Uint8Array(96 + 632).fill(9)
    const old = new Client(kernel, IPV4).replace('filter', LAYOUT, request, 6)
    expect(old).toEqual(new Uint8Array(96).fill(7))
    expect(kernel.calls).toMatchObject([{ way: 'set', option: 64, answerAt: 88 }])
    expect(kernel.calls[0]?.value).toBe(request)
    expect(kernel.calls[0]?.answer).toBe(old)
    expect(replace.read(request, 0)).toEqual({
      name: 'filter',
      validHooks: 0x0e,
      numEntries: 4,
      size: 632,
      hookEntry: [0, 0, 152, 304, 0],
      underflow: [0, 0, 152, 304, 0],
      numCounters: 6,
      counters: 0n,
    })
    expect(request.subarray(96).every((byte) => byte === 9)).toBe(true)
  })

  test('adds counters after their head', () => {
    const kernel = new ScriptedKernel(() => undefined)
    new Client(kernel, IPV6).addCounters('raw', new Uint8Array(48).fill(1))
    const value = Buffer.from(kernel.calls[0]?.value as Uint8Array)
    expect(value.length).toBe(88)
    expect(value.subarray(0, 4).toString()).toBe('raw\0')
    expect(value.readUInt32LE(32)).toBe(3)
    expect(value.subarray(40).every((byte) => byte === 1)).toBe(true)
  })
})

describe('errors', () => {
  const attempts: readonly [string, (client: Client) => unknown, (client: Client) => Promise<unknown>][] = [
    ['GET_INFO filter', (client) => client.info('filter'), (client) => client.entriesAsync('filter')],
    [
      'SET_REPLACE filter',
      (client) => client.replace('filter', LAYOUT, new Uint8Array(96), 4),
      (client) => client.replaceAsync('filter', LAYOUT, new Uint8Array(96), 4),
    ],
    [
      'SET_ADD_COUNTERS filter',
      (client) => client.addCounters('filter', new Uint8Array(64)),
      (client) => client.addCountersAsync('filter', new Uint8Array(64)),
    ],
  ]

  describe.each(attempts)('%s', (operation, now, later) => {
    test.each([1, 13])('errno %p is a PermissionError', async (errno) => {
      expect(() => now(new Client(fails(errno), IPV4))).toThrow(PermissionError)
      await expect(later(new Client(fails(errno), IPV4))).rejects.toThrow(PermissionError)
    })

    test.each([
      [22, 'EINVAL'],
      [12, 'ENOMEM'],
      [40, 'ELOOP'],
      [999, 'errno 999'],
    ])('errno %p is reported as it is', async (errno, errnoName) => {
      const fields = { operation, errno, errnoName, table: 'filter', cause: expect.any(SockoptFailure) }
      expect(() => now(new Client(fails(errno), IPV4))).toThrow(expect.objectContaining(fields))
      expect(() => now(new Client(fails(errno), IPV4))).toThrow(KernelError)
      await expect(later(new Client(fails(errno), IPV4))).rejects.toMatchObject(fields)
    })

    test('if the interface is missing, its module is loaded once, and the call is repeated', async () => {
      const kernel = new ScriptedKernel((_, number) => (number === 1 ? 92 : undefined))
      kernel.moduleLoads = true
      now(new Client(kernel, IPV4))
      expect([kernel.modules, kernel.calls.length]).toEqual([1, 2])

      const never = fails(92)
      never.moduleLoads = true
      const client = new Client(never, IPV4)
      expect(() => now(client)).toThrow(UnsupportedError)
      await expect(later(client)).rejects.toThrow(/no legacy ip_tables.*modprobe ip_tables/)
      expect([never.modules, never.calls.length]).toEqual([1, 3])
    })
  })

  test('if a module cannot be loaded, the call is not repeated', () => {
    const kernel = fails(92)
    expect(() => new Client(kernel, IPV6).info('filter')).toThrow(/no legacy ip6_tables/)
    expect([kernel.modules, kernel.calls.length]).toEqual([1, 1])
  })

  test('a table that other kernels have, and one that no kernel has', () => {
    const act = (table: string) => () => new Client(fails(2), IPV6).info(table)
    expect(act('nat')).toThrow(UnsupportedError)
    expect(act('nat')).toThrow(/ip6table_nat/)
    expect(act('natt')).toThrow(NotFoundError)
    expect(act('natt')).toThrow(expect.objectContaining({ cause: expect.any(SockoptFailure) }))
  })

  test('errors that only a replace can have', () => {
    const act = (errno: number) => () => new Client(fails(errno), IPV4).replace('nat', LAYOUT, new Uint8Array(96), 4)
    expect(act(11)).toThrow(ConflictError)
    expect(act(2)).toThrow(/SET_REPLACE nat: ENOENT.*extension/)
    expect(act(22)).toThrow(/dmesg/)
    expect(act(40)).toThrow(/circle/)
  })

  test('errors that are not from the kernel are passed on', () => {
    const kernel = new ScriptedKernel(() => {
      throw new RangeError('mine')
    })
    expect(() => new Client(kernel, IPV4).info('filter')).toThrow(RangeError)
  })
})

describe('revisions', () => {
  test.each(['match', 'target'] as const)('of a %s are requested once each', (kind) => {
    const kernel = new ScriptedKernel(({ value }) => (value[29] === 1 ? undefined : value[29] === 2 ? 2 : 93))
    const client = new Client(kernel, IPV6)
    const ask = () => [0, 1, 2].map((revision) => client.hasRevision(kind, 'x', revision))
    expect(ask()).toEqual([false, true, false])
    expect(ask()).toEqual([false, true, false])
    expect(kernel.calls.map(({ option }) => option)).toEqual(Array(3).fill(kind === 'match' ? 68 : 69))
  })

  test('an inconclusive answer is not a no', () => {
    const kernel = fails(1)
    const client = new Client(kernel, IPV4)
    expect(() => client.hasRevision('match', 'x', 0)).toThrow(PermissionError)
    expect(() => client.hasRevision('match', 'x', 0)).toThrow(PermissionError)
    expect(kernel.calls).toHaveLength(2)
  })
})

describe('sets', () => {
  /** Answers like a kernel with a set `known` of that family at index 3. */
  const withSet = (family: number) =>
    new ScriptedKernel(({ value }) => {
      const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
      const operation = bytes.readUInt32LE(0)
      if (operation === 0x100) bytes.writeUInt32LE(7, 4)
      else if (bytes.readUInt32LE(4) !== 7) return 22
      if (operation === 0x08) {
        const known = bytes.subarray(12, 18).toString() === 'known\0'
        bytes.writeUInt32LE(known ? family : 0, 8)
        bytes.writeUInt16LE(known ? 3 : 0xffff, 12)
      }
      if (operation === 0x07) bytes.fill(bytes.readUInt16LE(8) === 3 ? 'known\0' : '\0', 8)
      return undefined
    })

  test.each([
    [2, 'ipv4'],
    [10, 'ipv6'],
    [0, 'any'],
  ])('of family %p are %s', (number, family) => {
    const client = new Client(withSet(number), IPV6)
    expect(client.setByName('known')).toEqual({ index: 3, family })
    expect(client.setByName('unknown')).toBeUndefined()
    expect(client.setByIndex(3)).toBe('known')
    expect(client.setByIndex(4)).toBeUndefined()
  })

  test('are always requested over IPv4, and their protocol only once', () => {
    const kernel = withSet(2)
    const client = new Client(kernel, IPV6)
    client.setByName('known')
    client.setByIndex(3)
    expect(kernel.open).toEqual(['ipv4'])
    expect(kernel.calls.map(({ option, value }) => [option, value.length])).toEqual([
      [83, 8],
      [83, 44],
      [83, 40],
    ])
  })

  test('need ipset in the kernel, not ip_tables', () => {
    const kernel = fails(92)
    expect(() => new Client(kernel, IPV4).setByName('x')).toThrow(/no ipset.*modprobe ip_set/)
    expect(kernel.modules).toBe(0)
  })
})

describe('sockets', () => {
  test('are opened at first use, kept, and closed', () => {
    const kernel = new ScriptedKernel(() => undefined)
    const client = new Client(kernel, FAMILIES.ipv6)
    expect(kernel.open).toEqual([])
    client.info('filter')
    client.info('filter')
    client.setByIndex(0)
    expect(kernel.open).toEqual(['ipv6', 'ipv4'])
    client.close()
    expect(kernel.open).toEqual([])
    expect(() => client.info('filter')).toThrow(IptcError)
    expect(() => client.hasRevision('match', 'x', 0)).toThrow(/closed/)
    expect(kernel.open).toEqual([])
  })
})

describe('what to do if a module is missing', () => {
  const ENOENT = 2
  const ENOPROTOOPT = 92
  test.each([
    [IPV4, ENOPROTOOPT, 'modprobe ip_tables'],
    [IPV6, ENOPROTOOPT, 'modprobe ip6_tables'],
    [IPV4, ENOENT, 'modprobe iptable_nat'],
    [IPV6, ENOENT, 'modprobe ip6table_nat'],
  ])('%o, errno %i: %s', (family, errno, command) => {
    const ask = () => new Client(fails(errno), family).info('nat')
    expect(ask).toThrow(UnsupportedError)
    expect(ask).toThrow(new RegExp(`${command}\\b.*install the package with the modules`))
  })
})
