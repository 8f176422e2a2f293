/** Tables and chains on the live kernel, with the legacy commands as another writer. */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { IPV4 } from '../../src/abi/family'
import { readRuleset } from '../../src/blob/read'
import {
  Chain,
  ConflictError,
  IptcError,
  LinuxKernel,
  LockTimeoutError,
  type NetworkNamespace,
  NotFoundError,
  Policy,
  Rule,
  Rule6,
  RuleError,
  Table,
  Table6,
  type TableOptions,
} from '../../src/index'
import { Client } from '../../src/kernel/client'
import { caught } from '../support/caught'
import { WatchedKernel } from '../support/watched-kernel'
import { attempt, everything, keep, listed, newNamespace, run, runAside } from './legacy'
import { openDescriptors, openedSince, runScript } from './machine'

let namespace: NetworkNamespace
beforeEach(() => {
  namespace = newNamespace()
})

const tableOf = (name = 'filter', options: TableOptions = {}): Table =>
  keep(new Table(name, options.kernel === undefined ? { namespace, ...options } : options))
const filter = (options: TableOptions = {}): Table => tableOf('filter', options)
const input = (table: Table): Chain => new Chain(table, 'INPUT')
const rule = (line: string): Rule => Rule.parse(line)
/** The rules of the table, without policies and chains. */
const rulesIn = (table = 'filter'): string[] => listed(namespace, table).filter((line) => line.startsWith('-A'))
const legacy = (...commands: readonly string[]): string =>
  run(namespace, ...commands.map((one) => `iptables-legacy ${one}`))
/** The table with all counters in restore format. This is the only command that does not take the lock. */
const saved = (): string[] =>
  run(namespace, 'iptables-legacy-save -c -t filter')
    .split('\n')
    .filter((line) => /^[:[]/.test(line))

/** The live kernel, with hooks. */
const watched = (): WatchedKernel => new WatchedKernel(new LinuxKernel({ namespace }))
/** The number of times that a table was replaced. */
const exchanges = (kernel: WatchedKernel): number => kernel.count('replace')
/** Calls `hook` before each replacement, when the table has been read and the lock is held. */
function beforeExchange(kernel: WatchedKernel, hook: () => void): void {
  kernel.before = ({ operation }) => {
    if (operation === 'replace') hook()
  }
}

describe('another writer', () => {
  test('what it does between two of our edits is kept', () => {
    const table = filter()
    input(table).appendRule(rule('-s 10.0.0.1'))
    legacy('-I INPUT -s 10.0.0.2', '-N theirs', '-P FORWARD DROP')
    input(table).appendRule(rule('-s 10.0.0.3'))
    legacy('-D INPUT 1')
    table.createChain('ours')
    expect(listed(namespace)).toEqual([
      '-P INPUT ACCEPT',
      '-P FORWARD DROP',
      '-P OUTPUT ACCEPT',
      '-N ours',
      '-N theirs',
      '-A INPUT -s 10.0.0.1/32',
      '-A INPUT -s 10.0.0.3/32',
    ])
  })

  test('an edit made on an old reading is applied to the present table', () => {
    const table = filter()
    expect(table.isChain('theirs')).toBe(false)
    legacy('-N theirs', '-A theirs -s 10.0.0.1', '-A INPUT -s 10.0.0.2')
    expect(table.isChain('theirs')).toBe(false)
    expect(() => table.deleteChain('theirs')).toThrow('not empty')
    input(table).deleteRule(rule('-s 10.0.0.2'))
    expect(rulesIn()).toEqual(['-A theirs -s 10.0.0.1/32'])
  })

  /** What another program may do between our read and our commit. */
  const changes: readonly [string, readonly string[]][] = [
    ['a rule more', ['-A INPUT -s 10.9.9.9']],
    ['a rule less', ['-D INPUT 1']],
    ['a rule in place of another, as many as before', ['-R INPUT 1 -s 10.9.9.9']],
    ['another order of rules', ['-D INPUT -s 10.0.0.1', '-A INPUT -s 10.0.0.1']],
    ['another policy', ['-P OUTPUT DROP']],
    ['another chain in place of one', ['-X own', '-N own2']],
    ['a jump to another chain', ['-N own2', '-X own', '-N own', '-X own2', '-R INPUT 3 -j own -s 10.0.0.3']],
  ]

  test.each(changes)('a deferred commit fails: %s', (_, commands) => {
    legacy('-N own', '-A INPUT -s 10.0.0.1', '-A INPUT -s 10.0.0.2', '-A INPUT -s 10.0.0.3')
    const table = filter({ autocommit: false })
    input(table).appendRule(rule('-s 10.0.0.4'))
    legacy(...commands)
    const theirs = everything(namespace)
    expect(() => table.commit()).toThrow(ConflictError)
    expect(() => {
      table.autocommit = true
    }).toThrow(ConflictError)
    expect(table.autocommit).toBe(false)
    expect(everything(namespace)).toBe(theirs)
    table.refresh()
    input(table).appendRule(rule('-s 10.0.0.4'))
    table.commit()
    expect(rulesIn()).toContain('-A INPUT -s 10.0.0.4/32')
  })

  test('the asynchronous commit fails, too', async () => {
    legacy('-A INPUT -s 10.0.0.1')
    const table = filter({ autocommit: false })
    input(table).appendRule(rule('-s 10.0.0.4'))
    legacy('-R INPUT 1 -s 10.9.9.9')
    await expect(table.commitAsync()).rejects.toThrow(ConflictError)
    expect(rulesIn()).toEqual(['-A INPUT -s 10.9.9.9/32'])
    await table.refreshAsync()
    input(table).appendRule(rule('-s 10.0.0.4'))
    await table.commitAsync()
    expect(rulesIn()).toEqual(['-A INPUT -s 10.9.9.9/32', '-A INPUT -s 10.0.0.4/32'])
  })

  test('counters alone are no conflict, and keep their latest values', () => {
    legacy('-A INPUT -s 10.0.0.1 -c 5 300')
    const table = filter({ autocommit: false })
    input(table).appendRule(rule('-s 10.0.0.4'))
    legacy('-R INPUT 1 -s 10.0.0.1 -c 6 400')
    table.commit()
    expect(saved()).toContain('[6:400] -A INPUT -s 10.0.0.1/32')
  })

  test('a writer without the lock makes an edit run again', () => {
    const kernel = watched()
    beforeExchange(kernel, () => {
      kernel.before = () => {}
      // We hold the lock now, so the command must use another one.
      attempt(namespace, 'XTABLES_LOCKFILE=$(mktemp) iptables-legacy -A INPUT -s 10.9.9.9')
    })
    input(filter({ kernel })).appendRule(rule('-s 10.0.0.1'))
    expect(exchanges(kernel)).toBe(2)
    expect(rulesIn()).toEqual(['-A INPUT -s 10.9.9.9/32', '-A INPUT -s 10.0.0.1/32'])
  })

  test('the commands wait for our transaction', async () => {
    const table = filter()
    const waiting = table.transactionAsync(async () => {
      input(table).appendRule(rule('-s 10.0.0.1'))
      const aside = runAside(namespace, 'iptables-legacy -w -A INPUT -s 10.0.0.2')
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(run(namespace, 'iptables-legacy-save -t filter')).not.toContain('10.0.0.2')
      return [aside]
    })
    await (await waiting)[0]
    expect(rulesIn()).toEqual(['-A INPUT -s 10.0.0.1/32', '-A INPUT -s 10.0.0.2/32'])
  })

  test('200 edits at the same time by us and by commands lose nothing', async () => {
    const addresses = (who: number, count: number) => Array.from({ length: count }, (_, n) => `10.${who}.0.${n}`)
    const commands = [1, 2].map((who) =>
      addresses(who, 50)
        .map((address) => `iptables-legacy -w -A INPUT -s ${address}`)
        .join('\n'),
    )
    const others = commands.map((command) => runAside(namespace, command))
    const [table, second] = [filter(), filter()]
    for (const address of addresses(3, 50)) {
      input(table).appendRule(rule(`-s ${address}`))
      await turn()
    }
    for (const address of addresses(4, 50))
      await second.transactionAsync(async () => input(second).insertRule(rule(`-s ${address}`)))
    await Promise.all(others)
    const written = rulesIn()
    const expected = [1, 2, 3, 4].flatMap((who) => addresses(who, 50)).map((one) => `-A INPUT -s ${one}/32`)
    expect(written.toSorted()).toEqual(expected.toSorted())
    // Otherwise, they did not run at the same time.
    const isOurs = (line: string | undefined): boolean => /10\.[34]\./.test(line ?? '')
    expect(written.filter((line, n) => isOurs(line) !== isOurs(written[n + 1])).length).toBeGreaterThan(10)
  }, 60_000)
})

describe('a large table', () => {
  const line = (i: number): string =>
    `-s 10.0.${i >> 8}.${i & 255}/32 -p tcp -m tcp --dport ${i + 1} -m comment --comment "rule ${i}" -j ${i % 3 === 0 ? 'aside' : 'DROP'}`

  // The table is read into memory that was used before, and is written from the same memory.
  test('is edited correctly, one edit after the other', () => {
    const table = filter()
    table.createChain('aside')
    const expected = Array.from({ length: 400 }, (_, i) => line(i))
    table.transaction(() => {
      for (const one of expected) input(table).appendRule(rule(one))
    })
    const edit = (position: number, count: number, ...added: string[]): void =>
      void expected.splice(position, count, ...added)
    for (let i = 0; i < 12; i++) {
      const at = (i * 97) % expected.length
      input(table).deleteRule(rule(expected[at] as string))
      edit(at, 1)
      input(table).insertRule(rule(line(1000 + i)), (i * 53) % expected.length)
      edit((i * 53) % expected.length, 0, line(1000 + i))
      input(table).replaceRule(rule('-p udp -j aside'), (i * 31) % expected.length)
      edit((i * 31) % expected.length, 1, '-p udp -j aside')
      input(table).appendRule(rule(line(2000 + i)))
      edit(expected.length, 0, line(2000 + i))
    }
    expect(rulesIn()).toEqual(expected.map((one) => `-A INPUT ${one}`))
    table.renameChain('aside', 'elsewhere')
    table.createChain('a')
    expect(rulesIn()).toEqual(expected.map((one) => `-A INPUT ${one.replace('-j aside', '-j elsewhere')}`))
  })
})

describe('transactions', () => {
  test('are one exchange with all edits', () => {
    const kernel = watched()
    const table = filter({ kernel })
    const returned = table.transaction((same) => {
      expect(same).toBe(table)
      const own = table.createChain('own')
      for (let n = 1; n <= 20; n++) own.appendRule(rule(`-s 10.0.0.${n}`))
      input(table).appendRule(rule('-j own'))
      table.setPolicy('FORWARD', 'DROP')
      expect(own.rules).toHaveLength(20)
      expect(saved().filter((line) => line.startsWith('['))).toEqual([])
      return 'done'
    })
    expect([returned, exchanges(kernel)]).toEqual(['done', 1])
    expect(rulesIn()).toHaveLength(21)
    expect(listed(namespace)).toContain('-P FORWARD DROP')
  })

  test('write nothing where there is nothing to write', () => {
    const kernel = watched()
    const table = filter({ kernel })
    table.transaction(() => table.chains)
    table.setPolicy('INPUT', 'ACCEPT')
    expect(exchanges(kernel)).toBe(0)
  })

  test('are discarded completely if they throw', async () => {
    const table = filter()
    const [before, failure] = [everything(namespace), new Error('changed my mind')]
    const body = () => {
      table.createChain('own')
      input(table).appendRule(rule('-j own'))
      throw failure
    }
    expect(() => table.transaction(body)).toThrow(failure)
    await expect(table.transactionAsync(async () => body())).rejects.toBe(failure)
    expect(everything(namespace)).toBe(before)
    expect(table.isChain('own')).toBe(false)
    table.createChain('own')
  })

  test('are discarded if the kernel would refuse one of the edits', () => {
    const table = filter()
    const before = everything(namespace)
    const body = () => {
      input(table).appendRule(rule('-s 10.0.0.1'))
      input(table).appendRule(rule('-j MASQUERADE'))
    }
    expect(() => table.transaction(body)).toThrow(RuleError)
    expect(everything(namespace)).toBe(before)
  })

  test('join an outer one', () => {
    const kernel = watched()
    const table = filter({ kernel })
    table.transaction(() => {
      input(table).appendRule(rule('-s 10.0.0.1'))
      table.transaction(() => input(table).appendRule(rule('-s 10.0.0.2')))
      expect(exchanges(kernel)).toBe(0)
    })
    expect(exchanges(kernel)).toBe(1)
    expect(rulesIn()).toHaveLength(2)
  })

  test('can be made on two tables at a time', () => {
    const nat = tableOf('nat')
    const table = filter()
    table.transaction(() =>
      nat.transaction(() => {
        input(table).appendRule(rule('-s 10.0.0.1'))
        new Chain(nat, 'POSTROUTING').appendRule(rule('-j MASQUERADE'))
      }),
    )
    expect([rulesIn(), rulesIn('nat')]).toEqual([['-A INPUT -s 10.0.0.1/32'], ['-A POSTROUTING -j MASQUERADE']])
  })

  test('refuse operations that are not possible within them', async () => {
    const table = filter()
    expect(() => table.transaction(async () => {})).toThrow(IptcError)
    for (const act of [() => table.commit(), () => table.refresh()])
      expect(() => table.transaction(act)).toThrow('within a transaction')
    const deferred = filter({ autocommit: false })
    deferred.createChain('own')
    expect(() => deferred.transaction(() => {})).toThrow('uncommitted')
    await expect(deferred.transactionAsync(async () => {})).rejects.toThrow('uncommitted')
  })

  test('that are asynchronous do not block the event loop while the kernel works', async () => {
    const lines = Array.from({ length: 40_000 }, (_, n) => `-A INPUT -s 10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`)
    writeFileSync(`/tmp/xtables-big-${process.pid}`, ['*filter', ...lines, 'COMMIT', ''].join('\n'))
    run(namespace, `iptables-legacy-restore < /tmp/xtables-big-${process.pid}; rm /tmp/xtables-big-${process.pid}`)
    const kernel = watched()
    const table = filter({ kernel })
    let whenAsked = 0
    let turns = 0
    beforeExchange(kernel, () => {
      whenAsked = turns
    })
    const timer = setInterval(() => turns++, 1)
    await table.transactionAsync(async () => {
      input(table).insertRule(rule('-j DROP'))
    })
    clearInterval(timer)
    expect(exchanges(kernel)).toBe(1)
    // Even with a fast kernel, there would be no turn if the loop was blocked.
    expect(turns - whenAsked).toBeGreaterThan(0)
    table.refresh()
    expect(input(table).rules).toHaveLength(40_001)
  }, 60_000)

  test('that are asynchronous exclude synchronous edits, and lose nothing', async () => {
    const [table, other] = [filter(), filter({ lockTimeoutMs: 100 })]
    let proceed = (): void => {}
    const gate = new Promise<void>((resolve) => {
      proceed = resolve
    })
    let running = Promise.resolve()
    await new Promise<void>((edited) => {
      running = table.transactionAsync(async () => {
        input(table).appendRule(rule('-s 10.0.0.1'))
        edited()
        await gate
        input(table).appendRule(rule('-s 10.0.0.2'))
      })
    })
    const patient = table.transactionAsync(async () => input(table).appendRule(rule('-s 10.0.0.5')))
    try {
      for (const one of [table, other])
        expect(() => input(one).appendRule(rule('-s 10.0.0.3'))).toThrow(LockTimeoutError)
      const hasty = other.transactionAsync(async () => input(other).appendRule(rule('-s 10.0.0.4')))
      await expect(hasty).rejects.toThrow(LockTimeoutError)
    } finally {
      // Otherwise, every later command would wait for it for ever.
      proceed()
      await Promise.all([running, patient])
    }
    input(table).appendRule(rule('-s 10.0.0.3'))
    expect(rulesIn()).toEqual([1, 2, 5, 3].map((n) => `-A INPUT -s 10.0.0.${n}/32`))
  })

  test('that are asynchronous do not show their edits to others', async () => {
    const table = filter()
    await table.transactionAsync(async () => {
      table.createChain('own')
      expect(table.isChain('own')).toBe(true)
      expect(filter().isChain('own')).toBe(false)
    })
    expect(table.isChain('own')).toBe(true)
  })

  test('that time out while a command holds the lock say so', async () => {
    const holder = spawn('flock', [process.env['XTABLES_LOCKFILE'] as string, 'sh', '-c', 'echo held; read line'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    await new Promise((resolve) => holder.stdout.once('data', resolve))
    const table = filter({ lockTimeoutMs: 50 })
    try {
      expect(() => table.createChain('own')).toThrow(LockTimeoutError)
      await expect(table.transactionAsync(async () => table.createChain('own'))).rejects.toThrow(LockTimeoutError)
    } finally {
      // Otherwise, every later command would wait for it for ever.
      holder.stdin.end()
      await ended(holder)
    }
    table.createChain('own')
  })
})

const ended = (child: ChildProcess): Promise<unknown> =>
  child.exitCode === null ? new Promise((resolve) => child.once('exit', resolve)) : Promise.resolve()

describe('counters', () => {
  const before = [
    ':INPUT ACCEPT [11:1100]',
    ':FORWARD DROP [12:1200]',
    ':OUTPUT ACCEPT [18446744073709551615:13]',
    ':other - [0:0]',
    ':own - [0:0]',
    '[5:300] -A INPUT -s 10.0.0.1/32 -j own',
    '[6:400] -A INPUT -s 10.0.0.2/32 -p tcp -m tcp --dport 22 -j ACCEPT',
    '[7:500] -A INPUT -s 10.0.0.3/32 -m recent --set --name x --mask 255.255.255.255 --rsource',
    '[8:600] -A own -s 10.0.0.4/32 -j RETURN',
  ]
  beforeEach(() => run(namespace, `iptables-legacy-restore -c <<'.'\n*filter\n${before.join('\n')}\nCOMMIT\n.`))

  const swap = (...pairs: readonly [string, string][]) =>
    before.map((line) => pairs.reduce((text, [from, to]) => text.replace(from, to), line))
  const without = (text: string) => before.filter((line) => !line.includes(text))
  const behind = (text: string, line: string) => before.flatMap((one) => (one.includes(text) ? [one, line] : [one]))

  const edits: readonly [string, (table: Table) => void, readonly string[]][] = [
    ['appending', (table) => input(table).appendRule(rule('-j LOG')), behind('.3/32', '[0:0] -A INPUT -j LOG')],
    ['inserting', (table) => input(table).insertRule(rule('-j LOG'), 1), behind('.1/32', '[0:0] -A INPUT -j LOG')],
    [
      'inserting a rule with counters',
      (table) => input(table).insertRule(rule('-j LOG -c 9 900'), 1),
      behind('.1/32', '[9:900] -A INPUT -j LOG'),
    ],
    ['deleting another', (table) => input(table).deleteRule(0), without('.1/32')],
    ['deleting the one in the middle', (table) => input(table).deleteRule(1), without('.2/32')],
    [
      'replacing another',
      (table) => input(table).replaceRule(rule('-j LOG'), 0),
      swap(['[5:300] -A INPUT -s 10.0.0.1/32 -j own', '[0:0] -A INPUT -j LOG']),
    ],
    [
      'putting a stored rule in its own place',
      (table) => input(table).replaceRule(input(table).rules[1] as Rule, 1),
      before,
    ],
    [
      'renaming a chain that rules go to',
      (table) => table.renameChain('own', 'p'),
      swap([':own', ':p'], ['-j own', '-j p'], ['-A own', '-A p']),
    ],
    ['changing a policy', (table) => table.setPolicy('FORWARD', 'ACCEPT'), swap(['FORWARD DROP', 'FORWARD ACCEPT'])],
    [
      'changing a policy with counters',
      (table) => table.setPolicy('FORWARD', Policy.ACCEPT, [1, 2]),
      swap(['FORWARD DROP [12:1200]', 'FORWARD ACCEPT [1:2]']),
    ],
    [
      'the same policy with counters',
      (table) => table.setPolicy('INPUT', 'ACCEPT', [1, 2]),
      swap(['[11:1100]', '[1:2]']),
    ],
    ['creating a chain', (table) => void table.createChain('aaa'), behind('OUTPUT', ':aaa - [0:0]')],
    ['deleting a chain', (table) => table.deleteChain('other'), without(':other')],
    ['flushing another chain', (table) => table.flushEntries('own'), without('-A own')],
    [
      'zeroing a chain',
      (table) => table.zeroEntries('INPUT'),
      swap(['[11:1100]', '[0:0]'], ['[5:300]', '[0:0]'], ['[6:400]', '[0:0]'], ['[7:500]', '[0:0]']),
    ],
    ['zeroing another chain', (table) => table.zeroEntries('own'), swap(['[8:600]', '[0:0]'])],
    ['zeroing all', (table) => table.zeroEntries(), before.map((line) => line.replace(/\[\d+:\d+\]/, '[0:0]'))],
  ]

  test.each(edits)('survive %s', (_, edit, after) => {
    expect(saved()).toEqual(before)
    edit(filter())
    expect(saved()).toEqual(after)
  })

  test.each(edits)('survive %s in a deferred commit', (_, edit, after) => {
    const table = filter({ autocommit: false })
    edit(table)
    table.commit()
    expect(saved()).toEqual(after)
  })

  test.each(edits)('survive %s in an asynchronous transaction', async (_, edit, after) => {
    const table = filter()
    await table.transactionAsync(async () => edit(table))
    expect(saved()).toEqual(after)
  })

  test('survive many edits in sequence', () => {
    const table = filter()
    for (let n = 0; n < 20; n++) {
      input(table).insertRule(rule('-j LOG'), n % 3)
      table.setPolicy('FORWARD', n % 2 === 0 ? 'ACCEPT' : 'DROP')
    }
    for (let n = 0; n < 20; n++) input(table).deleteRule(rule('-j LOG'))
    expect(saved()).toEqual(before)
  })

  test('are returned as of the last reading', () => {
    const table = filter()
    expect(input(table).rules.map(({ counters }) => counters)).toEqual([
      [5n, 300n],
      [6n, 400n],
      [7n, 500n],
    ])
    expect(input(table).getCounters()).toEqual([11n, 1100n])
    expect(new Chain(table, 'OUTPUT').getCounters()).toEqual([2n ** 64n - 1n, 13n])
    expect(() => new Chain(table, 'own').getCounters()).toThrow(RuleError)
    legacy('-Z INPUT')
    expect(input(table).rules[0]?.counters).toEqual([5n, 300n])
    table.refresh()
    expect(input(table).rules[0]?.counters).toEqual([0n, 0n])
  })

  test('of packets between reading and writing are not lost', () => {
    legacy('-A OUTPUT -p udp -j DROP')
    const send = (): void =>
      void attempt(namespace, 'ip link set lo up; (echo hello > /dev/udp/127.0.0.1/9) 2>&-; true')
    const kernel = watched()
    beforeExchange(kernel, send)
    const table = filter({ kernel })
    send()
    table.createChain('aaa')
    expect(saved()).toContain('[2:68] -A OUTPUT -p udp -j DROP')
    table.zeroEntries()
    expect(saved()).toContain('[1:34] -A OUTPUT -p udp -j DROP')
  })
})

describe('chains', () => {
  test('renaming affects the rules that jump to it, and its own', () => {
    legacy('-N a', '-N b', '-A INPUT -s 10.0.0.1 -j b', '-A INPUT -s 10.0.0.2 -g b', '-A a -j b', '-A b -s 10.0.0.3')
    const chain = new Chain(filter(), 'b')
    chain.rename('0')
    expect([chain.name, chain.rules.length]).toEqual(['0', 1])
    expect(listed(namespace).slice(3)).toEqual([
      '-N 0',
      '-N a',
      '-A INPUT -s 10.0.0.1/32 -j 0',
      '-A INPUT -s 10.0.0.2/32 -g 0',
      '-A 0 -s 10.0.0.3/32',
      '-A a -j 0',
    ])
  })

  test('a loop may be created as long as no packet can reach it', () => {
    legacy('-N a', '-N b', '-A b -j a')
    new Chain(filter(), 'a').appendRule(rule('-j b'))
    expect(rulesIn()).toEqual(['-A a -j b', '-A b -j a'])
    expect(() => input(filter()).appendRule(rule('-j a'))).toThrow(RuleError)
  })

  test('flushing one, the entries of all, and everything', () => {
    legacy('-N own', '-A own -s 10.0.0.1', '-A INPUT -s 10.0.0.2', '-A OUTPUT -j own', '-P FORWARD DROP')
    const table = filter()
    input(table).flush()
    expect(rulesIn()).toEqual(['-A OUTPUT -j own', '-A own -s 10.0.0.1/32'])
    table.flushEntries()
    expect([rulesIn(), table.isChain('own')]).toEqual([[], true])
    table.flush()
    expect(listed(namespace)).toEqual(['-P INPUT ACCEPT', '-P FORWARD DROP', '-P OUTPUT ACCEPT'])
  })

  const refusals: readonly [string, (table: Table) => unknown, string, string | undefined][] = [
    ['deleting a built-in one', (table) => table.deleteChain('INPUT'), 'built in', '-X INPUT'],
    ['deleting one with rules', (table) => table.deleteChain('full'), 'not empty', '-X full'],
    ['deleting one that rules go to', (table) => table.deleteChain('used'), 'rule 1 of chain INPUT', '-X used'],
    [
      'deleting one that rules go to for good',
      (table) => table.deleteChain('gone'),
      'rule 2 of chain INPUT',
      '-X gone',
    ],
    ['renaming a built-in one', (table) => table.renameChain('INPUT', 'x'), 'built in', '-E INPUT x'],
    ['renaming to a name that is taken', (table) => table.renameChain('used', 'full'), 'exists', '-E used full'],
    ['renaming to a built-in name', (table) => table.renameChain('used', 'INPUT'), 'exists', '-E used INPUT'],
    ['creating one twice', (table) => table.createChain('used'), 'exists', '-N used'],
    ['creating a built-in one', (table) => table.createChain('FORWARD'), 'exists', '-N FORWARD'],
    ['a policy on one of users', (table) => table.setPolicy('used', 'DROP'), 'no policy', '-P used DROP'],
    ['asking for a policy of one of users', (table) => table.getPolicy('used'), 'no policy', undefined],
  ]

  test.each(refusals)('refused with a reason: %s', (_, act, reason, command) => {
    legacy('-N full', '-N used', '-N gone', '-A full -s 10.0.0.1', '-A INPUT -j used', '-A INPUT -g gone')
    const before = everything(namespace)
    const refused = caught(() => act(filter()))
    expect(refused).toBeInstanceOf(RuleError)
    expect(refused).toMatchObject({ table: 'filter', reason: expect.stringContaining(reason) })
    if (command !== undefined) expect(attempt(namespace, `iptables-legacy ${command}`).status).not.toBe(0)
    expect(everything(namespace)).toBe(before)
  })

  const absent: readonly [string, (table: Table) => unknown][] = [
    ['deleting', (table) => table.deleteChain('nowhere')],
    ['renaming', (table) => table.renameChain('nowhere', 'x')],
    ['flushing', (table) => table.flushEntries('nowhere')],
    ['zeroing', (table) => table.zeroEntries('nowhere')],
    ['a policy', (table) => table.setPolicy('nowhere', 'DROP')],
    ['appending', (table) => new Chain(table, 'nowhere').appendRule(rule('-j DROP'))],
    ['listing', (table) => new Chain(table, 'nowhere').rules],
  ]
  test.each(absent)('missing: %s', (_, act) => {
    expect(() => act(filter())).toThrow(NotFoundError)
  })
})

describe('a rule that the kernel refuses is refused by us, with its position and a reason', () => {
  /** Table, chain, rule, and a pattern of the reason. The command refuses each of them, too. */
  const refusals: readonly [string, string, string, RegExp][] = [
    ['filter', 'INPUT', '-m tcp --dport 80', /tcp/],
    ['filter', 'INPUT', '! -p tcp -m tcp --dport 80', /tcp/],
    ['filter', 'INPUT', '-p udp -m tcp --dport 80', /tcp/],
    ['filter', 'INPUT', '-j MASQUERADE', /nat/],
    ['filter', 'INPUT', '-j REJECT --reject-with tcp-reset', /tcp/],
    ['filter', 'INPUT', '-j NOTRACK', /raw/],
    ['filter', 'OUTPUT', '-m mac --mac-source 00:11:22:33:44:55', /OUTPUT/],
    ['filter', 'OUTPUT', '-j with-mac', /OUTPUT/],
    ['filter', 'OUTPUT', '-i eth0', /come in by/],
    ['filter', 'INPUT', '-o eth0', /go out by/],
    ['filter', 'INPUT', '-j nowhere', /nowhere/],
    ['filter', 'INPUT', '-j OUTPUT', /built-in/],
    ['filter', 'INPUT', '-j circle', /circle|loop/],
    ['nat', 'PREROUTING', '-j MASQUERADE', /PREROUTING/],
    ['nat', 'POSTROUTING', '-j MASQUERADE --to-ports 1024', /-p/],
    ['nat', 'POSTROUTING', '-j DROP', /filtering/],
    ['mangle', 'INPUT', '-j REJECT', /filter/],
    ['raw', 'PREROUTING', '-j CT --helper ftp', /-p/],
  ]

  test.each(refusals)('%s %s %s', (tableName, chainName, line, reason) => {
    legacy('-N with-mac', '-A with-mac -m mac --mac-source 00:11:22:33:44:55', '-N circle', '-A circle -g circle')
    legacy(`-t ${tableName} -A ${chainName} -s 10.0.0.1`)
    const before = everything(namespace)
    const kernel = watched()
    const refused = caught(() => new Chain(tableOf(tableName, { kernel }), chainName).appendRule(rule(line)))
    expect(refused).toBeInstanceOf(RuleError)
    expect(refused).toMatchObject({ table: tableName, reason: expect.stringMatching(reason) })
    expect(exchanges(kernel)).toBe(0)
    expect(attempt(namespace, `iptables-legacy -t ${tableName} -A ${chainName} ${line}`).status).not.toBe(0)
    expect(everything(namespace)).toBe(before)
  })

  test('chain and position are those of the rule', () => {
    legacy('-A INPUT -s 10.0.0.1', '-A FORWARD -s 10.0.0.1')
    const refused = caught(() => new Chain(filter(), 'FORWARD').appendRule(rule('-p udp -m tcp --dport 80')))
    expect(refused).toMatchObject({ table: 'filter', chain: 'FORWARD', position: 1 })
    expect((refused as Error).message).toMatch(/^table filter chain FORWARD rule 2: /)
  })

  test('if an edit makes a rule elsewhere impossible, that rule is named', () => {
    legacy('-N own', '-A own -s 10.0.0.1', '-A own -m mac --mac-source 00:11:22:33:44:55')
    const refused = caught(() => new Chain(filter(), 'OUTPUT').appendRule(rule('-j own')))
    expect(refused).toMatchObject({ table: 'filter', chain: 'own', position: 1 })
  })
})

describe('handles', () => {
  test('closing a table closes its sockets', () => {
    const before = openDescriptors()
    const tables = Array.from({ length: 50 }, () => new Table('filter', { namespace }))
    for (const table of tables) expect(table.chains).toHaveLength(3)
    expect(openedSince(before).length).toBeGreaterThanOrEqual(50)
    for (const table of tables) table.close()
    expect(openedSince(before)).toEqual([])
    expect(() => tables[0]?.refresh()).toThrow('closed')
    tables[0]?.close()
  })

  test('thousands of edits leak nothing', () => {
    const before = openDescriptors()
    const table = new Table('filter', { namespace })
    for (let n = 0; n < 500; n++) {
      input(table).appendRule(rule('-j LOG'))
      input(table).deleteRule(0)
      expect(() => input(table).appendRule(rule('-j MASQUERADE'))).toThrow(RuleError)
    }
    expect(openedSince(before).length).toBeLessThanOrEqual(2)
    table.close()
    expect(openedSince(before)).toEqual([])
  })

  test('two handles on one table see each other’s edits after a refresh', () => {
    const [one, other] = [filter(), filter()]
    expect([one.isChain('own'), other.isChain('own')]).toEqual([false, false])
    one.createChain('own')
    expect([one.isChain('own'), other.isChain('own')]).toEqual([true, false])
    other.refresh()
    expect(other.isChain('own')).toBe(true)
  })

  test('namespaces by path, process and handle are independent of each other', () => {
    const spaces = [newNamespace(), newNamespace(), newNamespace()] as const
    const sleeper = spaces[1].run(() => spawn('sleep', ['60']))
    try {
      const refs = [spaces[0].path, sleeper.pid as number, spaces[2]]
      for (const [n, ref] of refs.entries()) input(filter({ namespace: ref })).appendRule(rule(`-s 10.0.0.${n}`))
      for (const [n, space] of spaces.entries())
        expect(listed(space)).toEqual([...policies, `-A INPUT -s 10.0.0.${n}/32`])
      expect(listed(namespace)).toEqual(policies)
    } finally {
      sleeper.kill()
    }
  })

  test('a namespace can be opened by name', () => {
    // Names of namespaces are files of the machine, so the script gets its own directory for them.
    const mounts = 'mount -t tmpfs none /run && mkdir /run/netns && touch /run/netns/blue'
    const { stdout, stderr } = runScript(
      `const { Chain, NetworkNamespace, Rule, Table } = require('./src')
      const { execFileSync } = require('node:child_process')
      const blue = NetworkNamespace.create()
      blue.run(() => execFileSync('mount', ['--bind', '/proc/self/ns/net', '/run/netns/blue']))
      const table = new Table('filter', { namespace: 'blue' })
      new Chain(table, 'INPUT').appendRule(Rule.parse('-s 10.0.0.1'))
      const list = () => execFileSync('iptables-legacy', ['-S', 'INPUT'], { encoding: 'utf8' })
      console.log(list() + blue.run(list))`,
      ['unshare', '-m', 'sh', '-c', `${mounts} && exec "$0" "$@"`],
    )
    expect([stdout.trim(), stderr]).toEqual(['-P INPUT ACCEPT\n-P INPUT ACCEPT\n-A INPUT -s 10.0.0.1/32', ''])
  })

  test('IPv4 and IPv6 do not affect each other', () => {
    const [four, six] = [filter(), keep(new Table6('filter', { namespace }))]
    four.createChain('own').appendRule(rule('-s 10.0.0.1'))
    new Chain(six, 'INPUT').appendRule(Rule6.parse('-s 2001:db8::1 -j DROP'))
    six.setPolicy('OUTPUT', 'DROP')
    four.setPolicy('INPUT', 'DROP')
    six.createChain('own6')
    expect(listed(namespace)).toEqual([
      '-P INPUT DROP',
      '-P FORWARD ACCEPT',
      '-P OUTPUT ACCEPT',
      '-N own',
      '-A own -s 10.0.0.1/32',
    ])
    expect(listed(namespace, 'filter', 'ip6tables-legacy')).toEqual([
      '-P INPUT ACCEPT',
      '-P FORWARD ACCEPT',
      '-P OUTPUT DROP',
      '-N own6',
      '-A INPUT -s 2001:db8::1/128 -j DROP',
    ])
  })
})

const policies = ['-P INPUT ACCEPT', '-P FORWARD ACCEPT', '-P OUTPUT ACCEPT']

describe('ipsets', () => {
  test('one rule is added in two namespaces in which its set has different indexes', () => {
    const other = newNamespace()
    run(namespace, 'ipset create blacklist hash:ip', 'ipset create second hash:ip')
    run(other, 'ipset create first hash:ip', 'ipset create second hash:ip', 'ipset create blacklist hash:ip')
    const made = new Rule()
    made.createMatch('set').matchSet = ['blacklist', 'src']
    const [here, there] = [filter(), filter({ namespace: other })]
    for (const table of [here, there]) input(table).appendRule(made)
    // A rule that was read in one namespace refers to the set of the same name in the other.
    input(there).appendRule(input(here).rules[0] as Rule)
    const expected = '-A INPUT -m set --match-set blacklist src'
    expect(listed(namespace)).toEqual([...policies, expected])
    expect(listed(other)).toEqual([...policies, expected, expected])
    expect([input(here).indexOf(made), input(there).indexOf(input(here).rules[0] as Rule)]).toEqual([0, 0])
    input(there).deleteRule(input(here).rules[0] as Rule)
    expect(listed(other)).toEqual([...policies, expected])
  })

  test('a set that is missing in one namespace is named', () => {
    run(namespace, 'ipset create blacklist hash:ip')
    const other = newNamespace()
    const table = filter()
    input(table).appendRule(rule('-m set --match-set blacklist src'))
    const stored = input(table).rules[0] as Rule
    const before = everything(other)
    expect(() => input(filter({ namespace: other })).appendRule(stored)).toThrow(/blacklist/)
    expect(everything(other)).toBe(before)
  })
})

describe('foreign extensions', () => {
  const lines = [
    '-A INPUT -m recent --update --seconds 60 --hitcount 4 --name x --mask 255.255.255.255 --rsource -j DROP',
    '-A INPUT -m hashlimit --hashlimit-above 5/sec --hashlimit-burst 7 --hashlimit-mode srcip --hashlimit-name h -j DROP',
    '-A INPUT -m limit --limit 3/min --limit-burst 9 -m quota --quota 12345',
    '-A INPUT -m statistic --mode nth --every 3 --packet 1',
    '-A INPUT -m string --string "a b" --algo bm',
    '-A INPUT -m u32 --u32 "0x0>>0x16&0x3c=0x5"',
    '-A OUTPUT -m owner --uid-owner 0 -j NFLOG --nflog-prefix "p " --nflog-group 3',
  ]
  const ttl = '-A PREROUTING -j TTL --ttl-set 5'

  /**
   * The bytes after the head of every rule of a table, without the destinations of jumps, which are offsets that differ
   * between blobs.
   */
  function payloads(tableName: string): string[] {
    const client = new Client(new LinuxKernel({ namespace }), IPV4)
    const { info, entries } = client.entries(tableName)
    client.close()
    const { chains } = readRuleset(IPV4, tableName, info, entries)
    return [...chains.values()].flatMap(({ rules }) =>
      rules.map(({ bytes, jump }) =>
        Buffer.from(bytes.subarray(IPV4.entrySize, jump === undefined ? undefined : -8)).toString('hex'),
      ),
    )
  }

  beforeEach(() => legacy(...lines, `-t mangle ${ttl}`))

  test('survive edits of other rules byte for byte', () => {
    const [before, beforeTtl] = [payloads('filter'), payloads('mangle')]
    const [table, mangle] = [filter(), tableOf('mangle')]
    input(table).insertRule(rule('-j LOG'))
    table.createChain('own')
    new Chain(mangle, 'PREROUTING').insertRule(rule('-j MARK --set-mark 1'))
    new Chain(mangle, 'PREROUTING').deleteRule(0)
    expect(payloads('filter').slice(1)).toEqual(before)
    input(table).deleteRule(0)
    table.deleteChain('own')
    expect([payloads('filter'), payloads('mangle')]).toEqual([before, beforeTtl])
    expect(rulesIn()).toEqual(lines)
    expect(rulesIn('mangle')).toEqual([ttl])
  })

  test('can be dumped, and restored from the dump', () => {
    const before = payloads('filter')
    const table = filter()
    const dumped = table.chains.flatMap((chain) => chain.rules.map((one) => [chain.name, String(one)] as const))
    expect(dumped).toHaveLength(lines.length)
    for (const chain of table.chains)
      for (const stored of chain.rules) {
        expect([...stored.matches.map(({ name }) => name), stored.target?.name].length).toBeGreaterThan(1)
        expect(stored.equals(rule(String(stored)))).toBe(true)
      }
    table.transaction(() => {
      table.flush()
      for (const [chain, line] of dumped) new Chain(table, chain).appendRule(rule(line))
    })
    expect(payloads('filter')).toEqual(before)
    expect(rulesIn()).toEqual(lines)
  })

  test('can be found, moved and deleted', () => {
    const table = filter()
    const stored = input(table).rules
    expect(stored.map((one) => input(table).indexOf(one))).toEqual([0, 1, 2, 3, 4, 5])
    for (const one of stored) input(table).deleteRule(one)
    for (const one of stored.toReversed()) input(table).insertRule(one)
    expect(rulesIn()).toEqual(lines)
  })
})
