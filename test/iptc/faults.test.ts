/** Failing system calls: each causes its error or is repeated, and leaves the table and the lock unchanged. */

import { ERRNO, type ErrnoName } from '../../src/abi/errno'
import {
  Chain,
  ConflictError,
  CountersError,
  IptcError,
  KernelError,
  MemoryKernel,
  NotFoundError,
  PermissionError,
  Rule,
  Table,
  Table6,
  UnsupportedError,
} from '../../src/index'
import { failing, type SystemCall, WatchedKernel } from '../support/watched-kernel'
import { WAYS } from '../support/ways'

type Operation = SystemCall['operation']

const RULE = '-s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j ACCEPT'

let inner: MemoryKernel
let kernel: WatchedKernel
let table: Table

beforeEach(() => {
  inner = new MemoryKernel()
  new Table('filter', { kernel: inner }).createChain('old')
  kernel = new WatchedKernel(inner)
  table = new Table('filter', { kernel })
})

/** The rules in the kernel, read without the faults. */
function rules(): string[] {
  using other = new Table('filter', { kernel: inner })
  return other.chains.flatMap(({ name, rules }) => [name, ...rules.map(String)])
}

const add = (): void => new Chain(table, 'old').appendRule(Rule.parse(RULE))

const BEFORE = ['INPUT', 'FORWARD', 'OUTPUT', 'old']
const AFTER = [...BEFORE, RULE]

/** The lock is free, and closing the table closes all sockets. */
function expectNothingLeaked(): void {
  inner.lock(0).release()
  table.close()
  expect(kernel.connections).toBe(0)
}

async function errorOf(way: () => void | Promise<void>): Promise<unknown> {
  try {
    await way()
  } catch (error) {
    return error
  }
  return undefined
}

type ErrorClass = abstract new (...args: never[]) => IptcError

const ENDS: readonly (readonly [Operation, ErrnoName, ErrorClass, RegExp])[] = [
  ['getInfo', 'EINTR', KernelError, /EINTR.*a signal came in between 16 times/],
  ['getInfo', 'EPERM', PermissionError, /GET_INFO filter.*CAP_NET_ADMIN/],
  ['getInfo', 'ENOMEM', KernelError, /GET_INFO filter: ENOMEM.*memory/],
  ['getInfo', 'ENOPROTOOPT', UnsupportedError, /no legacy ip_tables.*modprobe/],
  ['getInfo', 'ENOENT', UnsupportedError, /no ipv4 table filter.*modprobe iptable_filter/],
  ['getEntries', 'EINTR', KernelError, /GET_ENTRIES filter: EINTR/],
  ['getEntries', 'EAGAIN', ConflictError, /during each of 16 attempts to read it/],
  ['getEntries', 'EPERM', PermissionError, /GET_ENTRIES filter/],
  ['getEntries', 'ENOMEM', KernelError, /GET_ENTRIES filter: ENOMEM.*memory/],
  ['getRevisionMatch', 'EINTR', KernelError, /GET_REVISION_MATCH: EINTR/],
  ['getRevisionMatch', 'EPERM', PermissionError, /GET_REVISION_MATCH/],
  ['getRevisionMatch', 'ENOENT', UnsupportedError, /no match tcp revision 0/],
  ['getRevisionMatch', 'EPROTONOSUPPORT', UnsupportedError, /no match tcp revision 0/],
  ['replace', 'EINTR', KernelError, /SET_REPLACE filter: EINTR/],
  ['replace', 'EAGAIN', ConflictError, /changed by another program/],
  ['replace', 'EPERM', PermissionError, /SET_REPLACE filter/],
  ['replace', 'ENOMEM', KernelError, /SET_REPLACE filter: ENOMEM.*memory/],
  ['replace', 'E2BIG', KernelError, /SET_REPLACE filter: E2BIG.*larger than this kernel takes/],
  ['replace', 'ENOPROTOOPT', UnsupportedError, /no legacy ip_tables/],
  ['replace', 'EINVAL', IptcError, /SET_REPLACE filter: EINVAL/],
]

describe.each(Object.keys(WAYS))('%s', (name) => {
  const way = () => WAYS[name]?.(table, add)

  test.each(ENDS)('%s that always fails with %s changes nothing', async (operation, errno, type, message) => {
    kernel.before = failing(operation, ERRNO[errno])
    const error = await errorOf(way)
    expect(error).toBeInstanceOf(type)
    expect((error as IptcError).message).toMatch(message)
    expect(rules()).toEqual(BEFORE)
    expect(kernel.calls.length).toBeLessThan(60)
    expectNothingLeaked()
  })

  test.each<[Operation, ErrnoName]>([
    ['getInfo', 'EINTR'],
    ['getEntries', 'EINTR'],
    ['getEntries', 'EAGAIN'],
    ['getRevisionMatch', 'EINTR'],
    ['replace', 'EINTR'],
  ])('%s that fails with %s three times is repeated', async (operation, errno) => {
    kernel.before = failing(operation, ERRNO[errno], 3)
    expect(await errorOf(way)).toBeUndefined()
    expect(rules()).toEqual(AFTER)
    expectNothingLeaked()
  })

  test('edits that could not be written can be committed later', async () => {
    kernel.before = failing('replace', ERRNO.ENOMEM, 1)
    expect(await errorOf(way)).toBeInstanceOf(IptcError)
    if (table.autocommit) await way()
    else table.commit()
    expect(rules()).toEqual(AFTER)
  })
})

describe('a table that others change', () => {
  test('between GET_INFO and GET_ENTRIES is read again, even if its size is the same', () => {
    using other = new Table('filter', { kernel: inner })
    new Chain(other, 'INPUT').appendRule(Rule.parse(RULE))
    let moves = 2
    kernel.before = ({ operation }) => {
      if (operation !== 'getEntries' || moves-- === 0) return
      // The same number of bytes and entries, but other offsets of all chains.
      other.transaction(() => {
        const [from, to] = moves === 1 ? ['INPUT', 'OUTPUT'] : ['OUTPUT', 'INPUT']
        new Chain(other, from as string).deleteRule(Rule.parse(RULE))
        new Chain(other, to as string).appendRule(Rule.parse(RULE))
        if (moves === 0) other.setPolicy('FORWARD', 'DROP')
      })
    }
    expect(table.chains.map(({ name, rules }) => [name, rules.length])).toEqual([
      ['INPUT', 1],
      ['FORWARD', 0],
      ['OUTPUT', 0],
      ['old', 0],
    ])
    expect(table.getPolicy('FORWARD').name).toBe('DROP')
  })

  test('at each exchange: edits are repeated eight times, and a deferred commit never', async () => {
    kernel.before = failing('replace', ERRNO.EAGAIN)
    expect(add).toThrow(ConflictError)
    expect(kernel.count('replace')).toBe(8)
    await expect(table.transactionAsync(add)).rejects.toThrow(ConflictError)
    expect(kernel.count('replace')).toBe(16)
    table.autocommit = false
    add()
    expect(() => table.commit()).toThrow(ConflictError)
    expect(kernel.count('replace')).toBe(17)
  })

  test('once: the edit is applied to the changed table', () => {
    kernel.before = failing('replace', ERRNO.EAGAIN, 1)
    add()
    expect(rules()).toEqual(AFTER)
    expect(kernel.count('getEntries')).toBe(2)
  })
})

describe('counters that cannot be carried over', () => {
  beforeEach(() => {
    using other = new Table('filter', { kernel: inner })
    other.setPolicy('INPUT', 'ACCEPT', [7, 700])
  })

  test.each(Object.keys(WAYS))('%s says that the edit was made, and is not repeated', async (name) => {
    kernel.before = failing('addCounters', ERRNO.ENOMEM)
    const error = await errorOf(() => WAYS[name]?.(table, add))
    expect(error).toBeInstanceOf(CountersError)
    expect((error as CountersError).cause).toBeInstanceOf(KernelError)
    expect(rules()).toEqual(AFTER)
    table.commit()
    expect(rules()).toEqual(AFTER)
    expect(new Chain(table, 'old').rules).toHaveLength(1)
    expectNothingLeaked()
  })

  test.each<[ErrnoName, ErrorClass]>([
    ['EPERM', PermissionError],
    ['EINVAL', KernelError],
  ])('are not retried after %s', async (errno, cause) => {
    kernel.before = failing('addCounters', ERRNO[errno])
    const error = await errorOf(add)
    expect(error).toBeInstanceOf(CountersError)
    expect((error as CountersError).cause).toBeInstanceOf(cause)
    expect(kernel.count('addCounters')).toBe(1)
    expect(rules()).toEqual(AFTER)
  })

  test.each<ErrnoName>(['EINTR', 'EAGAIN', 'ENOMEM'])('are retried after %s', (errno) => {
    kernel.before = failing('addCounters', ERRNO[errno], 15)
    add()
    expect(new Chain(table, 'INPUT').getCounters()).toEqual([7n, 700n])
  })
})

describe('features that the kernel lacks', () => {
  test('a table that the kernel does not have', () => {
    using absent = new Table('nonsense', { kernel })
    expect(() => absent.chains).toThrow(NotFoundError)
  })

  test('one family; the other still works', () => {
    kernel.before = (call) => {
      if (call.family === 'ipv4') failing('getInfo', ERRNO.ENOPROTOOPT)(call)
    }
    using table6 = new Table6('filter', { kernel })
    expect(() => table.chains).toThrow(UnsupportedError)
    expect(table6.chains).toHaveLength(3)
  })
})
