import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Chain, ConflictError, LockTimeoutError, MemoryKernel, Rule, Table } from '../src'
import { ERRNO } from '../src/abi/errno'
import { failing, WatchedKernel } from './support/watched-kernel'

const NAMES = ['call', 'lock', 'unlock', 'read', 'replace', 'conflict', 'retry']
const EXACT = ['bytes', 'entries', 'attempt']

/** Events as they came, without their durations, which are checked to be ones. */
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

test('a conflict, and the new attempt', () => {
  kernel.before = failing('replace', ERRNO.EAGAIN, 1)
  add()
  const reason = 'table filter was changed by another program since it was read'
  expect(events.filter(([name]) => name === 'conflict' || name === 'retry')).toEqual([
    ['conflict', { ...about, reason }],
    ['retry', { ...about, operation: 'transaction', attempt: 1, reason }],
  ])
  expect(names().filter((name) => name === 'read')).toHaveLength(2)
})

test('a conflict of a deferred commit, behind which nothing is tried', () => {
  table.autocommit = false
  add()
  new Table('filter', { kernel }).setPolicy('INPUT', 'DROP')
  events = []
  expect(() => table.commit()).toThrow(ConflictError)
  expect(names().filter((name) => name !== 'call')).toEqual(['lock', 'read', 'conflict', 'unlock'])
})

test('a call that failed, and was made again', () => {
  kernel.before = failing('getInfo', ERRNO.EINTR, 1)
  table.refresh()
  expect(events.slice(0, 2)).toEqual([
    ['call', { ...about, operation: 'GET_INFO', bytes: 84, error: 'EINTR' }],
    ['retry', { ...about, operation: 'GET_INFO', attempt: 1, reason: 'EINTR' }],
  ])
})

test('a reading that began anew', () => {
  kernel.before = failing('getEntries', ERRNO.EAGAIN, 1)
  table.refresh()
  expect(names()).toEqual(['call', 'call', 'retry', 'call', 'call', 'call', 'read'])
})

test('a wait for the lock that was in vain', async () => {
  const held = kernel.withLockAsync({ timeoutMs: 0 }, () => new Promise((resolve) => void setTimeout(resolve, 50)))
  await expect(table.transactionAsync(add, { lockTimeoutMs: 20 })).rejects.toThrow(LockTimeoutError)
  await held
  const error = `LockTimeoutError: another holds ${LOCK}; waited 20 ms`
  expect(events).toEqual([
    ['lock', { lock: LOCK }],
    ['lock', { lock: LOCK, error }],
    ['unlock', { lock: LOCK }],
  ])
})
