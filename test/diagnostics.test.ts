import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { ERRNO } from '../src/abi/errno'
import { Chain, ConflictError, easy, LockTimeoutError, MemoryKernel, Rule, restore, Table } from '../src/index'
import { failing, WatchedKernel } from './support/watched-kernel'

const NAMES = ['call', 'lock', 'unlock', 'read', 'replace', 'conflict', 'retry']
const EXACT = ['bytes', 'entries', 'attempt']

/** Events in order, without their durations, which are only checked to be numbers. */
let events: [string, object][]
const listeners = NAMES.map((name) => {
  const listener = (event: unknown): void => {
    const fields = Object.entries(event as object).filter(([key, value]) => {
      if (typeof value !== 'number' || EXACT.includes(key)) return value !== undefined
      expect(key).toMatch(/Ms$/)
      expect(value).toBeGreaterThanOrEqual(0)
      expect(value).toBeLessThan(60_000)
      return false
    })
    events.push([name, Object.fromEntries(fields)])
  }
  return [`xtables:${name}`, listener] as const
})

beforeEach(() => {
  events = []
  for (const [name, listener] of listeners) subscribe(name, listener)
})
afterEach(() => {
  for (const [name, listener] of listeners) unsubscribe(name, listener)
})

const LOCK = 'the lock of the in-process kernel'
const about = { family: 'ipv4', table: 'filter' }
const names = (): string[] => events.map(([name]) => name)

let kernel: WatchedKernel
let table: Table
beforeEach(() => {
  kernel = new WatchedKernel(new MemoryKernel())
  table = new Table('filter', { kernel })
})
const add = (): void => new Chain(table, 'INPUT').appendRule(Rule.parse('-s 10.0.0.1 -j DROP'))

test.each<[string, () => void | Promise<void>]>([
  ['', add],
  [' off the main thread', () => table.transactionAsync(add)],
])('an edit%s: the lock, the reading, the exchange, each call', async (_, edit) => {
  await edit()
  expect(events).toEqual([
    ['lock', { lock: LOCK }],
    ['call', { ...about, operation: 'GET_INFO', bytes: 84 }],
    ['call', { ...about, operation: 'GET_ENTRIES', bytes: 40 + 632 }],
    ['call', { ...about, operation: 'GET_INFO', bytes: 84 }],
    ['read', { ...about, entries: 4, bytes: 632 }],
    ['call', { ...about, operation: 'SET_REPLACE', bytes: 96 + 632 + 152 }],
    ['replace', { ...about, entries: 5, bytes: 632 + 152 }],
    ['unlock', { lock: LOCK }],
  ])
})

test('a conflict, and the repeated attempt', () => {
  kernel.before = failing('replace', ERRNO.EAGAIN, 1)
  add()
  const reason = 'table filter was changed by another program since it was read'
  expect(events.filter(([name]) => name === 'conflict' || name === 'retry')).toEqual([
    ['conflict', { ...about, reason }],
    ['retry', { ...about, operation: 'transaction', attempt: 1, reason }],
  ])
  expect(names().filter((name) => name === 'read')).toHaveLength(2)
})

test('a conflict of a deferred commit, which is not repeated', () => {
  table.autocommit = false
  add()
  new Table('filter', { kernel }).setPolicy('INPUT', 'DROP')
  events = []
  expect(() => table.commit()).toThrow(ConflictError)
  expect(names().filter((name) => name !== 'call')).toEqual(['lock', 'read', 'conflict', 'unlock'])
})

test('a failed call that is repeated', () => {
  kernel.before = failing('getInfo', ERRNO.EINTR, 1)
  table.refresh()
  expect(events.slice(0, 2)).toEqual([
    ['call', { ...about, operation: 'GET_INFO', bytes: 84, error: 'EINTR' }],
    ['retry', { ...about, operation: 'GET_INFO', attempt: 1, reason: 'EINTR' }],
  ])
})

test('a reading that starts again', () => {
  kernel.before = failing('getEntries', ERRNO.EAGAIN, 1)
  table.refresh()
  expect(names()).toEqual(['call', 'call', 'retry', 'call', 'call', 'call', 'read'])
})

test('a wait for the lock that times out', async () => {
  const held = kernel.withLockAsync({ timeoutMs: 0 }, () => new Promise((resolve) => void setTimeout(resolve, 50)))
  await expect(table.transactionAsync(add, { lockTimeoutMs: 20 })).rejects.toThrow(LockTimeoutError)
  await held
  const error = `LockTimeoutError [XT_LOCK_TIMEOUT]: could not take ${LOCK} within 20 ms: another call of this process holds it; await that call first`
  expect(events).toEqual([
    ['lock', { lock: LOCK }],
    ['lock', { lock: LOCK, error }],
    ['unlock', { lock: LOCK }],
  ])
})

describe('each way of writing', () => {
  const commit = (): Table => {
    const deferred = new Table('filter', { kernel, autocommit: false })
    new Chain(deferred, 'INPUT').appendRule(Rule.parse('-s 10.0.0.1 -j DROP'))
    // Events of the first read are not part of the commit.
    events = []
    return deferred
  }

  /** The same edit in all ways, and whether it is repeated after a conflict. */
  const WAYS: readonly (readonly [string, () => unknown, boolean])[] = [
    ['an edit', add, true],
    ['a transaction', () => table.transaction(add), true],
    ['a transaction off the main thread', () => table.transactionAsync(add), true],
    ['a commit', () => commit().commit(), false],
    ['a commit off the main thread', () => commit().commitAsync(), false],
    ['a dictionary', () => easy.addRule('filter', 'INPUT', { src: '10.0.0.1', target: 'DROP' }, 0, { kernel }), true],
    ['text', () => restore('*filter\n-A INPUT -s 10.0.0.1 -j DROP\nCOMMIT\n', { kernel, noflush: true }), true],
  ]

  const withoutCalls = (): string[] => names().filter((name) => name !== 'call')
  const failedCalls = (): object[] => events.filter(([name, event]) => name === 'call' && 'error' in event)

  const outcomeOf = async (way: () => unknown): Promise<unknown> => {
    try {
      await way()
      return undefined
    } catch (error) {
      return error
    }
  }

  describe.each(WAYS)('%s', (_, way, isRepeated) => {
    test('without other changes', async () => {
      expect(await outcomeOf(way)).toBeUndefined()
      expect(withoutCalls()).toEqual(['lock', 'read', 'replace', 'unlock'])
      expect(failedCalls()).toEqual([])
    })

    test('with a conflict', async () => {
      kernel.before = failing('replace', ERRNO.EAGAIN, 1)
      const error = await outcomeOf(way)
      if (!isRepeated) expect(error).toBeInstanceOf(ConflictError)
      const again = isRepeated ? ['retry', 'read', 'replace'] : []
      expect(withoutCalls()).toEqual(['lock', 'read', 'conflict', ...again, 'unlock'])
    })

    test('with a conflict each time', async () => {
      kernel.before = failing('replace', ERRNO.EAGAIN)
      expect(await outcomeOf(way)).toBeInstanceOf(Error)
      const attempts = isRepeated ? 8 : 1
      const rounds = Array.from({ length: attempts }, (_, i) => [
        'read',
        'conflict',
        ...(i < attempts - 1 ? ['retry'] : []),
      ])
      expect(withoutCalls()).toEqual(['lock', ...rounds.flat(), 'unlock'])
    })

    test('with a table that changes each time it is read', async () => {
      let isArmed = isRepeated
      kernel.before = (call) => {
        if (isArmed) failing('getEntries', ERRNO.EAGAIN)(call)
        // The first read is the one with which the edits began.
        if (call.operation === 'getInfo' && kernel.count('getInfo') === 2) isArmed = true
      }
      expect(await outcomeOf(way)).toBeInstanceOf(Error)
      expect(withoutCalls()).toEqual(['lock', ...Array(16).fill('retry'), 'conflict', 'unlock'])
    })

    test('with a failure', async () => {
      kernel.before = failing('replace', ERRNO.ENOMEM)
      expect(await outcomeOf(way)).toBeInstanceOf(Error)
      expect(withoutCalls()).toEqual(['lock', 'read', 'unlock'])
      expect(failedCalls()).toMatchObject([['call', { ...about, operation: 'SET_REPLACE', error: 'ENOMEM' }]])
    })

    test('with counters that are only added at the second attempt', async () => {
      new Table('filter', { kernel }).setPolicy('OUTPUT', 'ACCEPT', [7, 700])
      events = []
      kernel.before = failing('addCounters', ERRNO.ENOMEM, 1)
      expect(await outcomeOf(way)).toBeUndefined()
      expect(withoutCalls()).toEqual(['lock', 'read', 'replace', 'retry', 'unlock'])
      expect(failedCalls()).toMatchObject([['call', { ...about, operation: 'SET_ADD_COUNTERS', error: 'ENOMEM' }]])
    })

    test('is printed with XTABLES_DEBUG=1, event by event', async () => {
      const lines: string[] = []
      const write = jest.spyOn(process.stderr, 'write').mockImplementation((text) => lines.push(String(text)) > 0)
      process.env['XTABLES_DEBUG'] = '1'
      kernel.before = failing('replace', ERRNO.EAGAIN, 1)
      try {
        commit()
        lines.splice(0)
        await outcomeOf(way)
      } finally {
        Reflect.deleteProperty(process.env, 'XTABLES_DEBUG')
        write.mockRestore()
      }
      const printed = lines.map((line) => /^xtables: (\w+) (?:[a-zA-Z]+=\S.*)\n$/.exec(line)?.[1])
      expect(printed.slice(-events.length)).toEqual(names())
      expect(lines.join('')).toMatch(/^xtables: lock .*waitedMs=\d/m)
      expect(lines.join('')).toMatch(/^xtables: read .*bytes=632 durationMs=\d/m)
      expect(lines.join('')).toMatch(/^xtables: unlock .*heldMs=\d/m)
    })
  })
})

test('a lock held by an asynchronous call of this process while a synchronous one needs it', async () => {
  const held = table.transactionAsync(() => new Promise<void>((resolve) => void setTimeout(resolve, 20)))
  await new Promise((resolve) => void setTimeout(resolve, 5))
  events = []
  expect(add).toThrow(LockTimeoutError)
  expect(events).toEqual([
    ['lock', { lock: LOCK, error: expect.stringMatching(/^LockTimeoutError \[XT_LOCK_DEADLOCK\]: an asynchronous/) }],
  ])
  await held
})
