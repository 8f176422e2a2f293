/** Concurrent edits in one thread, on the live kernel. The requirements are those of test/iptc/concurrency.test.ts. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  Chain,
  ConflictError,
  easy,
  LockTimeoutError,
  type NetworkNamespace,
  Rule,
  restore,
  Table,
} from '../../src/index'
import { keep, newNamespace, run } from './legacy'
import { openDescriptors, openedSince } from './machine'

// Each test runs a command dozens of times to look at the table.
jest.setTimeout(60_000)

let namespace: NetworkNamespace
beforeEach(() => {
  namespace = newNamespace()
})

const open = (name: string, options = {}): Table => keep(new Table(name, { namespace, ...options }))

/** The chains with policy DROP, according to iptables-legacy. */
const dropping = (): string[] =>
  [...run(namespace, 'iptables-legacy -S').matchAll(/^-P (\S+) DROP/gm)].map(([, chain]) => chain as string)

const acceptAll = (table: Table): void => {
  for (const chain of ['INPUT', 'FORWARD', 'OUTPUT']) table.setPolicy(chain, 'ACCEPT')
}

/** @returns whether the edit was made; otherwise it must throw one of these errors */
const made = async (edit: () => unknown): Promise<boolean> => {
  try {
    await edit()
    return true
  } catch (error) {
    expect([LockTimeoutError, ConflictError]).toContain((error as Error).constructor)
    return false
  }
}

const asynchronous = (chain: string) => () => {
  const table = open('filter')
  return table.transactionAsync(async () => {
    await sleep(2)
    table.setPolicy(chain, 'DROP')
  })
}
const deferred = (chain: string) => () => {
  const table = open('filter', { autocommit: false })
  table.setPolicy(chain, 'DROP')
  return table.commitAsync()
}
const later = (edit: () => void) => async () => {
  await sleep(1)
  edit()
}

test.each<[string, (chain: string) => () => unknown]>([
  ['a transaction', asynchronous],
  ['a commit', deferred],
  ['an edit of another handle', (chain) => later(() => open('filter').setPolicy(chain, 'DROP'))],
  ['the dictionary API', (chain) => later(() => easy.setPolicy('filter', chain, 'DROP', { namespace }))],
  ['restore', (chain) => later(() => restore(`*filter\n:${chain} DROP\nCOMMIT\n`, { namespace, noflush: true }))],
])(
  'siblings within a transaction of another table: %s at the same time as a transaction and a commit',
  async (name, way) => {
    const [nat, filter] = [open('nat'), open('filter')]
    for (let n = 0; n < 20; n++) {
      acceptAll(filter)
      const edits = [asynchronous('INPUT'), way('FORWARD'), deferred('OUTPUT')]
      const all = await nat.transactionAsync(() => Promise.all(edits.map(made)))
      expect(dropping()).toEqual(['INPUT', 'FORWARD', 'OUTPUT'].filter((_, i) => all[i]))
      expect(all[0]).toBe(true)
      if (name === 'a transaction') expect(all[1]).toBe(true)
    }
  },
)

test('edits that a transaction does not await are not lost', async () => {
  const filter = open('filter')
  const outcomes = new Set<boolean>()
  for (let n = 0; n < 24; n++) {
    acceptAll(filter)
    let left: Promise<boolean> | undefined
    await filter.transactionAsync(async () => {
      filter.setPolicy('INPUT', 'DROP')
      left = made(async () => {
        if (n % 3 === 0) await sleep(1)
        else for (let turn = 0; turn < n % 3; turn++) await new Promise((resolve) => void setImmediate(resolve))
        if (n % 2 === 0) filter.setPolicy('FORWARD', 'DROP')
        else await asynchronous('FORWARD')()
      })
    })
    outcomes.add((await left) === true)
    expect([n, dropping()]).toEqual([n, (await left) ? ['INPUT', 'FORWARD'] : ['INPUT']])
  }
  expect(outcomes).toContain(true)
})

test.each(['GET_INFO', 'GET_ENTRIES', 'SET_REPLACE'])(
  'closing a handle after %s: everything or nothing is done',
  async (operation) => {
    const counted = Array.from({ length: 500 }, (_, n) => `[5:50] -A INPUT -s 10.0.${n >> 8}.${n & 255} -j ACCEPT\n`)
    restore(`*filter\n${counted.join('')}COMMIT\n`, { namespace, counters: true })
    const descriptors = openDescriptors()
    const table = new Table('filter', { namespace })
    const close = (event: unknown): void => {
      if ((event as { operation: string }).operation === operation) table.close()
    }
    subscribe('xtables:call', close)
    const writing = await Promise.allSettled([
      table.transactionAsync(() => new Chain(table, 'INPUT').appendRule(Rule.parse('-s 10.9.9.9 -j DROP'))),
    ])
    unsubscribe('xtables:call', close)
    const isWritten = operation === 'SET_REPLACE'
    expect(writing[0]).toMatchObject(
      isWritten
        ? { status: 'fulfilled' }
        : { reason: { message: expect.stringContaining('is closed; open it again') } },
    )
    expect(openedSince(descriptors)).toEqual([])
    const rules = run(namespace, 'iptables-legacy-save -c')
      .split('\n')
      .filter((line) => line.startsWith('['))
    expect(rules).toHaveLength(isWritten ? 501 : 500)
    expect(rules.filter((line) => line.startsWith('[5:50]'))).toHaveLength(500)
  },
)
