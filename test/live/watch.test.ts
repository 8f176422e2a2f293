/**
 * Watches tables of nf_tables while iptables-nft, nft and the library change them. The events must describe the
 * resulting table.
 */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ERRNO } from '../../src/abi/errno'
import {
  type AnyRule,
  LinuxKernel,
  type NetlinkConnection,
  type NetworkNamespace,
  Rule,
  Rule6,
  Table,
  Table6,
  type TableChange,
  type TableEvent,
  UnsupportedError,
} from '../../src/index'
import { NetlinkFailure } from '../../src/kernel/kernel'
import { cpuTimeSince } from '../support/cpu-time'
import { slowness } from '../support/until'
import { mapsAllIds } from '../support/user-namespace'
import { keep, newNamespace, run, runAside } from './legacy'
import { openDescriptors, openedSince, RULES_AT_ONCE, recordBlocking, runScript } from './machine'

jest.setTimeout(240_000)

let namespace: NetworkNamespace
beforeEach(() => {
  namespace = newNamespace()
})

const open = (options = {}): Table => keep(new Table('filter', { namespace, backend: 'nft', ...options }))

type Watched = AsyncGenerator<TableEvent, void, void>

/** The events of `work`. The last one is about a chain that is created to mark the end. */
async function eventsOf(events: Watched, work: () => unknown): Promise<TableEvent[]> {
  await work()
  run(namespace, 'iptables-nft -N mark; iptables-nft -X mark')
  const seen: TableEvent[] = []
  for (;;) {
    const { value, done } = await events.next()
    if (done) throw new Error('the events have ended')
    const event = value as TableEvent
    if (event.kind === 'chain-deleted' && event.chain === 'mark') return seen.slice(0, -1)
    seen.push(event)
  }
}

/** An event without who, when, and the kernel's identifiers. */
const short = (event: TableEvent): string => {
  const { kind } = event
  if (kind === 'rule-added' || kind === 'rule-deleted') return `${kind} ${event.chain} ${event.position} ${event.rule}`
  if (kind === 'rule-replaced') return `${kind} ${event.chain} ${event.position} ${event.replaced} > ${event.rule}`
  if (kind === 'table-changed') return `${kind} ${event.isDormant}`
  if (kind === 'chain-renamed') return `${kind} ${event.from} ${event.chain}`
  if (kind === 'chain-added' || kind === 'chain-deleted' || kind === 'policy-changed')
    return `${kind} ${event.chain} ${event.hook} ${event.policy}`
  return kind
}

test.each<[string, string, string[]]>([
  ['a rule', 'iptables-nft -A a -s 9.0.0.0/8', ['rule-added a 2 -s 9.0.0.0/8']],
  ['one in the middle', 'iptables-nft -I a 2 -s 9.0.0.0/8', ['rule-added a 1 -s 9.0.0.0/8']],
  ['one at the beginning', 'iptables-nft -I a -s 9.0.0.0/8', ['rule-added a 0 -s 9.0.0.0/8']],
  ['one that goes', 'iptables-nft -D a 2', ['rule-deleted a 1 -s 2.0.0.0/8 -j DROP']],
  ['one for another', 'iptables-nft -R a 1 -s 9.0.0.0/8', ['rule-replaced a 0 -s 1.0.0.0/8 -j ACCEPT > -s 9.0.0.0/8']],
  ['all', 'iptables-nft -F a', ['rule-deleted a 0 -s 1.0.0.0/8 -j ACCEPT', 'rule-deleted a 1 -s 2.0.0.0/8 -j DROP']],
  ['a chain', 'iptables-nft -N b', ['chain-added b undefined undefined']],
  ['another name', 'iptables-nft -E a b', ['chain-renamed a b']],
  ['a chain that goes', 'iptables-nft -X c', ['chain-deleted c undefined undefined']],
  ['a policy', 'iptables-nft -P INPUT DROP', ['policy-changed INPUT INPUT DROP']],
  ['counters', 'iptables-nft -Z INPUT', []],
  ['another table', 'iptables-nft -t nat -A OUTPUT -j ACCEPT', []],
  ['another family', 'ip6tables-nft -A OUTPUT -j ACCEPT', []],
  [
    'a table that is switched off and on, of which all else is known still',
    `nft 'add table ip filter { flags dormant; }'; nft 'add table ip filter'; iptables-nft -I a 2 -s 9.0.0.0/8`,
    ['table-changed true', 'table-changed false', 'rule-added a 1 -s 9.0.0.0/8'],
  ],
  [
    'what has no words',
    `nft add rule ip filter a tcp dport '{ 22, 80 }' drop`,
    [expect.stringMatching(/^rule-added a 2 -j nft /)],
  ],
  [
    'what comes at once, in another order',
    `nft -f - <<'E'
add rule ip filter c ip saddr 1.1.1.1 drop
add rule ip filter c ip saddr 2.2.2.2 drop
insert rule ip filter c ip saddr 3.3.3.3 drop
insert rule ip filter c ip saddr 4.4.4.4 drop
E`,
    [
      'rule-added c 2 -s 1.1.1.1/32 -j DROP',
      'rule-added c 3 -s 2.2.2.2/32 -j DROP',
      'rule-added c 1 -s 3.3.3.3/32 -j DROP',
      'rule-added c 0 -s 4.4.4.4/32 -j DROP',
    ],
  ],
  [
    'a table that goes',
    'nft delete table ip filter',
    [
      'rule-deleted a 0 -s 1.0.0.0/8 -j ACCEPT',
      'rule-deleted a 1 -s 2.0.0.0/8 -j DROP',
      'chain-deleted INPUT INPUT ACCEPT',
      'chain-deleted a undefined undefined',
      'chain-deleted c undefined undefined',
      'table-deleted',
      // The mark.
      'table-added',
    ],
  ],
])('%s', async (_, command, expected) => {
  run(
    namespace,
    'iptables-nft -P INPUT ACCEPT; iptables-nft -N a; iptables-nft -N c; iptables-nft -A a -s 1.0.0.0/8 -j ACCEPT; iptables-nft -A a -s 2.0.0.0/8 -j DROP',
  )
  const events = open().watch()
  expect((await eventsOf(events, () => run(namespace, command))).map(short)).toEqual(expected)
  await events.return()
})

test('the process that made a change, and changes that belong together', async () => {
  const table = open()
  const events = table.watch()
  const seen = (await eventsOf(events, () => {
    run(namespace, 'iptables-nft -A INPUT -s 1.0.0.0/8')
    table.transaction(() => {
      table.chains[0]?.appendRule(Rule.parse('-s 2.0.0.0/8'))
      table.chains[0]?.appendRule(Rule.parse('-s 3.0.0.0/8'))
    })
  })) as (TableChange<AnyRule> & { handle?: number })[]
  expect(seen.map(({ kind, by }) => [kind, by.program, by.pid === process.pid])).toEqual([
    ['table-added', 'iptables-nft', false],
    ['chain-added', 'iptables-nft', false],
    ['rule-added', 'iptables-nft', false],
    ['rule-added', expect.anything(), true],
    ['rule-added', expect.anything(), true],
  ])
  const [theirs, ours] = [seen[0]?.generation ?? 0, seen[3]?.generation]
  expect(ours).toBe(theirs + 1)
  expect(seen[4]?.generation).toBe(ours)
  const handles = run(namespace, 'nft -a list chain ip filter INPUT').matchAll(/ip saddr .*# handle (\d+)/g)
  expect(seen.slice(2).map(({ handle }) => String(handle))).toEqual([...handles].map(([, handle]) => handle))
  await events.return()
})

test('one rule of ours that replaces another is reported as replaced; several are not', async () => {
  run(namespace, 'for i in 1 2 3; do iptables-nft -A INPUT -s $i.0.0.0/8; done')
  const table = open()
  const events = table.watch()
  const input = table.chains[0]
  const seen = await eventsOf(events, () => {
    input?.replaceRule(Rule.parse('-s 9.0.0.0/8'), 1)
    table.transaction(() => {
      input?.replaceRule(Rule.parse('-s 10.0.0.0/8'), 0)
      input?.replaceRule(Rule.parse('-s 11.0.0.0/8'), 1)
    })
  })
  expect(seen.map(short)).toEqual([
    'rule-replaced INPUT 1 -s 2.0.0.0/8 > -s 9.0.0.0/8',
    'rule-deleted INPUT 0 -s 1.0.0.0/8',
    'rule-deleted INPUT 1 -s 9.0.0.0/8',
    'rule-added INPUT 0 -s 10.0.0.0/8',
    'rule-added INPUT 1 -s 11.0.0.0/8',
  ])
  await events.return()
})

test('IPv6 rules are Rule6 objects', async () => {
  const events = keep(new Table6('filter', { namespace, backend: 'nft' })).watch()
  run(namespace, 'ip6tables-nft -A INPUT -s fe80::1')
  const seen: (Rule6 | undefined)[] = []
  for await (const event of events) {
    if (event.kind !== 'rule-added') continue
    seen.push(event.rule)
    break
  }
  expect(seen.map((rule) => [rule instanceof Rule6, `${rule}`])).toEqual([[true, '-s fe80::1/128']])
})

test('a reported rule can be added to a table', async () => {
  const table = open()
  const events = table.watch()
  const [, , event] = await eventsOf(events, () => run(namespace, 'iptables-nft -A INPUT -s 1.0.0.0/8 -j DROP'))
  if (event?.kind !== 'rule-added') throw new Error('no rule came')
  table.chains[2]?.appendRule(event.rule as Rule)
  expect(run(namespace, 'iptables-nft -S OUTPUT')).toContain('-A OUTPUT -s 1.0.0.0/8 -j DROP')
  await events.return()
})

/** Reconstructs the table from events alone. Those of one generation are applied together. */
class Model {
  readonly chains = new Map<string, { handle: number; text: string }[]>()

  take(events: readonly TableEvent[]): void {
    for (const event of events) {
      if (event.kind === 'chain-added') this.chains.set(event.chain, [])
      if (event.kind === 'chain-deleted') this.chains.delete(event.chain)
      if (event.kind === 'chain-renamed') {
        this.chains.set(event.chain, this.chains.get(event.from) ?? [])
        this.chains.delete(event.from)
      }
      if (event.kind === 'rule-deleted') {
        const rules = this.chains.get(event.chain) ?? []
        expect(rules.map(({ handle }) => handle)).toContain(event.handle)
        rules.splice(
          rules.findIndex(({ handle }) => handle === event.handle),
          1,
        )
      }
      if (event.kind === 'rule-replaced') {
        const rules = this.chains.get(event.chain) ?? []
        const place = rules.findIndex(({ text }) => text === `${event.replaced}`)
        expect(place).toBeGreaterThanOrEqual(0)
        rules[place] = { handle: event.handle, text: `${event.rule}` }
      }
    }
    const added = events.filter((event) => event.kind === 'rule-added')
    for (const event of added.sort((a, b) => Number(a.position) - Number(b.position)))
      this.chains.get(event.chain)?.splice(Number(event.position), 0, { handle: event.handle, text: `${event.rule}` })
  }
}

/** Pseudo-random numbers below `count`, the same in every run. */
function random(seed: number): (count: number) => number {
  let state = seed
  return (count) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (state >> 8) % count
  }
}

test('the table can be reconstructed from events', async () => {
  run(namespace, 'iptables-nft -N a; iptables-nft -N b; iptables-nft -P INPUT ACCEPT')
  const [table, below] = [open(), random(Number(process.env['XTABLES_TEST_SEED'] ?? 1))]
  const events = table.watch()
  const model = new Model()
  for (const chain of ['INPUT', 'a', 'b']) model.chains.set(chain, [])
  let number = 0
  const rule = (): string => `${++number >> 8}.${number & 0xff}.0.0/16`
  for (let round = 0; round < 60; round++) {
    const chain = ['INPUT', 'a', 'b'][below(3)] as string
    const length = model.chains.get(chain)?.length ?? 0
    const at = 1 + below(Math.max(length, 1))
    const theirs = [
      `iptables-nft -I ${chain} ${at} -s ${rule()}`,
      `iptables-nft -A ${chain} -s ${rule()}`,
      ...(length > 0 ? [`iptables-nft -R ${chain} ${at} -s ${rule()}`, `iptables-nft -D ${chain} ${at}`] : []),
      `nft "insert rule ip filter ${chain} ip saddr ${rule()}; add rule ip filter ${chain} ip saddr ${rule()}; insert rule ip filter ${chain} ip saddr ${rule()}"`,
    ]
    const seen = await eventsOf(events, () => {
      if (below(3) > 0) return run(namespace, theirs[below(theirs.length)] as string)
      return table.transaction(() => {
        const ours = table.chains.find(({ name }) => name === chain)
        for (let i = 0; i < 4; i++) {
          const { length } = ours?.rules ?? []
          const made = Rule.parse(`-s ${rule()}`)
          const what = length === 0 ? 0 : below(4)
          if (what < 2) ours?.insertRule(made, below(length + 1))
          else if (what === 2) ours?.replaceRule(made, below(length))
          else ours?.deleteRule(ours.rules[below(length)] as Rule)
        }
      })
    })
    for (const generation of new Set(seen.map(({ generation }) => generation)))
      model.take(seen.filter((event) => event.generation === generation))
  }
  const listed = run(namespace, 'nft -a list table ip filter')
  for (const [chain, rules] of model.chains) {
    const [, body = ''] = new RegExp(`chain ${chain} \\{[^\n]*\n(.*?)\n\t\\}`, 's').exec(listed) ?? []
    const handles = [...body.matchAll(/ip saddr .*# handle (\d+)/g)].map(([, handle]) => Number(handle))
    expect([chain, rules.map(({ handle }) => handle)]).toEqual([chain, handles])
    expect(run(namespace, `iptables-nft -S ${chain}`).match(/^-A.*/gm) ?? []).toEqual(
      rules.map(({ text }) => `-A ${chain} ${text}`),
    )
  }
  await events.return()
})

/** The handles of the rules of a chain, as listed by nft. */
const handlesOf = (chain: string): number[] =>
  [...run(namespace, `nft -a list chain ip filter ${chain}`).matchAll(/ip saddr .* # handle (\d+)/g)].map(([, one]) =>
    Number(one),
  )

test('changes of one transaction are reported with their positions, even next to deleted rules', async () => {
  run(namespace, 'iptables-nft -N a')
  const below = random(Number(process.env['XTABLES_TEST_SEED'] ?? 1))
  const events = open().watch()
  const model = new Model()
  model.chains.set('a', [])
  let [took, number] = [0, 0]
  for (let round = 0; round < 150; round++) {
    const there = handlesOf('a')
    const deleted = new Set<number>()
    const edits = Array.from({ length: 1 + below(4) }, () => {
      const handle = there[below(there.length)]
      const what = below(there.length > 5 ? 7 : 4)
      const position = handle === undefined || what === 0 ? '' : `position ${handle}`
      const rule = `ip saddr 10.${++number >> 8}.${number & 0xff}.0/24`
      if (handle === undefined || what < 4) return `${['add', 'insert'][below(2)]} rule ip filter a ${position} ${rule}`
      if (deleted.has(handle)) return ''
      deleted.add(handle)
      return `delete rule ip filter a handle ${handle}`
    })
    const seen = await eventsOf(events, () => {
      took += Number(run(namespace, `nft '${edits.join('; ')}' && echo 1 || true`).trim())
    })
    model.take(seen)
    expect([edits, model.chains.get('a')?.map(({ handle }) => handle)]).toEqual([edits, handlesOf('a')])
  }
  expect(took).toBeGreaterThan(100)
  await events.return()
})

test('it ends with the signal, and when the iteration ends, and closes its sockets', async () => {
  const table = open()
  table.refresh()
  const before = openDescriptors()
  const abort = new AbortController()
  const events = table.watch({ signal: abort.signal })
  setTimeout(() => abort.abort(), 50)
  expect(await events.next()).toEqual({ done: true, value: undefined })
  expect(openedSince(before)).toEqual([])
  await table.watch().return()
  const other = table.watch()
  run(namespace, 'iptables-nft -N a')
  for await (const _ of other) break
  expect(openedSince(before)).toEqual([])
})

test('return ends a pending next', async () => {
  const table = open()
  table.refresh()
  const before = openDescriptors()
  const events = table.watch()
  const next = events.next()
  await sleep(50)
  expect(await events.return()).toEqual({ done: true, value: undefined })
  expect(await next).toEqual({ done: true, value: undefined })
  expect(openedSince(before)).toEqual([])
})

test('the signal ends it within a batch, too', async () => {
  const abort = new AbortController()
  const events = open().watch({ signal: abort.signal })
  run(namespace, 'iptables-nft -A INPUT -s 1.0.0.0/8')
  const seen: string[] = []
  for await (const event of events) {
    seen.push(event.kind)
    abort.abort()
  }
  expect(seen).toEqual(['table-added'])
})

/** A command that adds the rules to the chain `a`, with as few transactions as possible. */
function restoring(rules: readonly string[]): string {
  const file = join(mkdtempSync(join(tmpdir(), 'xtables-watch-')), 'rules')
  const parts = Array.from({ length: Math.ceil(rules.length / RULES_AT_ONCE) }, (_, i) =>
    rules.slice(i * RULES_AT_ONCE, (i + 1) * RULES_AT_ONCE),
  )
  const tables = parts.map((part, i) =>
    ['*filter', ...(i === 0 ? [':a - [0:0]'] : []), ...part, 'COMMIT', ''].join('\n'),
  )
  writeFileSync(file, tables.join(''))
  return `iptables-nft-restore -n ${file}`
}

/** A kernel with a long table whose dump `onPart` can slow down. */
function slowKernel(onPart: (part: number) => void): LinuxKernel {
  run(namespace, restoring(Array.from({ length: 8000 }, (_, i) => `-A a -s 10.${i >> 8}.${i & 0xff}.1/32`)))
  const kernel = new LinuxKernel({ namespace })
  let parts = 0
  return Object.assign(Object.create(kernel) as LinuxKernel, {
    netlink(protocol: number): NetlinkConnection {
      const connection = kernel.netlink(protocol)
      return Object.assign(Object.create(connection) as NetlinkConnection, {
        send: (bytes: Uint8Array) => connection.send(bytes),
        sendAsync: (bytes: Uint8Array) => connection.sendAsync(bytes),
        close: () => connection.close(),
        join: (group: number) => connection.join(group),
        receive(wait: boolean) {
          if (wait) onPart(++parts)
          return connection.receive(wait)
        },
      })
    },
  })
}

test('changes during the reading of a long table are reported at once without positions; then it is read again', async () => {
  let changes = 0
  const kernel = slowKernel((part) => {
    // More often than the table can be read without a change in between.
    if (part % 45 === 44 && changes < 5) run(namespace, `iptables-nft -t raw -A OUTPUT -s 1.0.0.${++changes}`)
  })
  const table = keep(new Table('filter', { kernel, backend: 'nft' }))
  const events = table.watch()
  run(namespace, 'iptables-nft -I a 5 -s 9.0.0.1')
  const told = async () => short((await events.next()).value as TableEvent)
  expect(await told()).toBe('rule-added a undefined -s 9.0.0.1/32')
  expect(changes).toBeLessThan(5)
  let last = ''
  for (let i = 2; i < 60 && !last.includes(' 4 '); i++) {
    // Each change makes it read again; on a slow machine, that takes longer than the first pauses.
    await sleep(250 * Math.min(i, 8) * slowness)
    await runAside(namespace, `iptables-nft -I a 5 -s 9.0.0.${i}`)
    last = await told()
  }
  expect(last).toMatch(/^rule-added a 4 -s 9\.0\.0\.\d+\/32$/)
  expect(changes).toBe(5)
  await events.return()
})

test('lost messages are reported, and it continues', async () => {
  let lose = false
  const kernel = new LinuxKernel({ namespace })
  const losing = Object.assign(Object.create(kernel) as LinuxKernel, {
    netlink(protocol: number): NetlinkConnection {
      const connection = kernel.netlink(protocol)
      let joined = false
      return {
        send: (bytes) => connection.send(bytes),
        sendAsync: (bytes) => connection.sendAsync(bytes),
        close: () => connection.close(),
        join(group) {
          joined = true
          connection.join(group)
        },
        receive(wait) {
          if (!joined || !lose) return connection.receive(wait)
          lose = false
          throw new NetlinkFailure(ERRNO.ENOBUFS)
        },
      }
    },
  })
  run(namespace, 'iptables-nft -A OUTPUT -j ACCEPT')
  const before = openDescriptors()
  const table = keep(new Table('filter', { kernel: losing, backend: 'nft' }))
  const events = table.watch()
  expect(await eventsOf(events, () => run(namespace, 'iptables-nft -A INPUT -s 1.0.0.0/8'))).toHaveLength(2)
  const { length } = openedSince(before)
  lose = true
  run(namespace, 'iptables-nft -A INPUT -s 2.0.0.0/8')
  const { value } = await events.next()
  expect(value).toEqual({ kind: 'resync', generation: expect.any(Number) })
  expect((await eventsOf(events, () => run(namespace, 'iptables-nft -D INPUT 2'))).map(short)).toEqual([
    'rule-deleted INPUT 1 -s 2.0.0.0/8',
  ])
  expect(openedSince(before)).toHaveLength(length)
  await events.return()
})

const ROOM_OF_SOCKETS = `
const { readdirSync, readlinkSync } = require('node:fs')
const { LinuxKernel } = require('./src/index')
const libc = require('./src/kernel/linux/libc')
new LinuxKernel().netlink(12).join(7)
const sockets = readdirSync('/proc/self/fd').filter((fd) => {
  try { return readlinkSync('/proc/self/fd/' + fd).startsWith('socket') } catch { return false }
})
console.log(Math.max(...sockets.map((fd) => {
  const value = new Int32Array(1)
  libc.getsockopt(Number(fd), libc.SOL_SOCKET, libc.SO_RCVBUF, new Uint8Array(value.buffer))
  return value[0]
})))
`

test('the socket has as much buffer space as the process may request', () => {
  const roomIn = (...front: string[]): number => Number(runScript(ROOM_OF_SOCKETS, front).stdout)
  const most = Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'))
  const wanted = 64 * 2 ** 20
  // The kernel doubles the size, for its bookkeeping.
  expect(roomIn('unshare', '-n')).toBe(2 * (mapsAllIds ? wanted : Math.min(wanted, most)))
  expect(roomIn('unshare', '-rn')).toBe(2 * Math.min(wanted, most))
})

test('20,000 rules at once do not block the event loop, and none is lost', async () => {
  const rules = Array.from({ length: 20_000 }, (_, i) => `-A a -s 10.${i >> 8}.${i & 0xff}.1/32 -j ACCEPT`)
  const table = open()
  const abort = new AbortController()
  const events = table.watch({ signal: abort.signal })
  // The longest time between two turns that we use or ask to block, in milliseconds: that of other programs does not count.
  let [seen, longest, last] = [0, 0, process.cpuUsage()]
  const blocked = recordBlocking()
  const timer = setInterval(() => {
    longest = Math.max(longest, cpuTimeSince(last) + blocked.splice(0).reduce((sum, ms) => sum + ms, 0))
    last = process.cpuUsage()
  }, 5)
  const watching = (async () => {
    for await (const event of events) {
      expect(event.kind).not.toBe('resync')
      if (event.kind === 'rule-added' && ++seen === rules.length) abort.abort()
    }
  })()
  await runAside(namespace, restoring(rules))
  await watching.finally(() => clearInterval(timer))
  jest.restoreAllMocks()
  expect(seen).toBe(rules.length)
  expect(longest).toBeLessThan(1000 * slowness)
})

test('the error for a table of ip_tables says why it cannot be watched', async () => {
  const table = keep(new Table('filter', { namespace, backend: 'legacy' }))
  expect(() => table.watch()).toThrow(UnsupportedError)
  expect(() => table.watch()).toThrow('is an ip_tables table, and the kernel sends no notifications for these')
  expect(() => open().watch({ sinal: 1 } as never)).toThrow('there is no option sinal')
  await sleep(0)
})
