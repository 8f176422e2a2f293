/** Moves tables from ip_tables to nf_tables and back, and checks the result with the tools of both. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runMigrate } from '../../src/cli/migrate'
import { openKernel } from '../../src/cli/open-kernel'
import {
  LinuxKernel,
  type MigrateOptions,
  MigrationError,
  migrate,
  type NetlinkConnection,
  type NetworkNamespace,
} from '../../src/index'
import { bundledCommand } from '../support/bundle'
import { isWholeBatch } from '../support/nft-batch'
import { slowness } from '../support/until'
import { newNamespace, run } from './legacy'

jest.setTimeout(60_000)

let namespace: NetworkNamespace
beforeEach(() => {
  namespace = newNamespace()
})

/** A saved table without the built-in chains that are as at the beginning. */
const withoutUnusedChains = (text: string): string => text.replace(/^:\w+ ACCEPT \[0:0\]\n/gm, '')

/** The non-empty tables of both families, with their chains and rules, as the tool prints them. */
function saved(backend: 'legacy' | 'nft'): Record<string, string> {
  const tables = Object.entries({ ipv4: 'iptables', ipv6: 'ip6tables' }).flatMap(([family, program]) => {
    const text = run(namespace, `${program}-${backend}-save -c`)
    return [...text.matchAll(/^\*(\w+)\n(.*?)^COMMIT/gms)].map(([, name, body = '']): [string, string] => [
      `${family} ${name}`,
      withoutUnusedChains(body),
    ])
  })
  return Object.fromEntries(tables.filter(([, body]) => body !== ''))
}

/** A saved table of which nothing has been counted. */
const uncounted = (text: string): string => withoutUnusedChains(text.replace(/\[\d+:\d+\]/g, '[0:0]'))

const TABLES = `*filter
:INPUT DROP [7:700]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [3:4]
:a - [0:0]
[5:600] -A INPUT -i lo -j ACCEPT
[1:2] -A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m comment --comment "x y" -j a
[0:9] -A a -m limit --limit 5/min -j LOG --log-prefix "seen "
[18446744073709551615:1] -A a -p udp -m multiport --dports 53,123 -j REJECT --reject-with icmp-port-unreachable
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
[2:3] -A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`
const TABLES6 = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [1:2]
:OUTPUT ACCEPT [0:0]
:only6 - [0:0]
[4:5] -A only6 -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT
COMMIT
`

const fill = (backend: 'legacy' | 'nft'): void => {
  run(
    namespace,
    `iptables-${backend}-restore -c <<'E'\n${TABLES}E`,
    `ip6tables-${backend}-restore -c <<'E'\n${TABLES6}E`,
  )
}

const move = (options: MigrateOptions) => migrate({ namespace, ...options })
const caughtBy = (options: MigrateOptions): MigrationError => {
  try {
    move(options)
  } catch (error) {
    if (error instanceof MigrationError) return error
    throw error
  }
  throw new Error('it was not refused')
}

describe.each([
  ['legacy', 'nft'],
  ['nft', 'legacy'],
] as const)('from %s to %s', (from, to) => {
  test('everything is moved with its counters; the source stays', () => {
    fill(from)
    const before = saved(from)
    const plan = move({ from, to })
    expect(
      plan.tables
        .map(({ family, table, rules, chains, isWritten, isCleared }) => [
          family,
          table,
          rules,
          chains,
          isWritten,
          isCleared,
        ])
        .sort(),
    ).toEqual([
      ['ipv4', 'filter', 4, 1, true, false],
      ['ipv4', 'nat', 1, 0, true, false],
      ['ipv6', 'filter', 1, 1, true, false],
    ])
    expect(saved(to)).toEqual(before)
    expect(saved(from)).toEqual(before)
  })

  test('the source is cleared on request', () => {
    fill(from)
    const before = saved(from)
    const plan = move({ from, to, clear: true })
    expect(plan.tables.every(({ isCleared }) => isCleared)).toBe(true)
    expect(saved(to)).toEqual(before)
    expect(saved(from)).toEqual({})
  })

  test('a plan writes nothing', () => {
    fill(from)
    const before = saved(from)
    const plan = move({ from, to, dryRun: true })
    expect(plan.tables.map(({ isWritten, obstacles }) => [isWritten, obstacles])).toEqual(Array(3).fill([false, []]))
    expect(saved(from)).toEqual(before)
    expect(saved(to)).toEqual({})
  })

  test('the destination keeps its rules, unless they are to be replaced', () => {
    fill(from)
    run(namespace, `ip6tables-${to} -A OUTPUT -d fd00::1 -j DROP`)
    const there = saved(to)
    const { plan, message } = caughtBy({ from, to, clear: true })
    expect(message).toBe(
      `ipv6 table filter: the table of ${to} is not empty (rules: 1, chains: 0); the option replace overwrites it`,
    )
    expect(plan.tables.some(({ isWritten, isCleared }) => isWritten || isCleared)).toBe(false)
    expect(saved(to)).toEqual(there)
    move({ from, to, clear: true, replace: true })
    expect(saved(to)['ipv6 filter']).toContain('only6')
    expect(saved(to)['ipv6 filter']).not.toContain('fd00::1')
  })

  test('one family, and some tables', () => {
    fill(from)
    expect(
      move({ from, to, family: 'ipv4', tables: ['nat'] }).tables.map(({ family, table }) => `${family} ${table}`),
    ).toEqual(['ipv4 nat'])
    expect(Object.keys(saved(to))).toEqual(['ipv4 nat'])
    expect(() => move({ from, to, tables: ['nat', 'broute'] })).toThrow('iptables has no table broute; accepted: ')
  })
})

test.each([
  ['a rule that has no words', `nft add rule ip filter INPUT tcp dport '{ 22, 80 }' drop`, /rule 2 of chain INPUT/],
  [
    'a chain of another kind',
    'nft "add chain ip filter x { type filter hook input priority 7; }"',
    /chain x of type filter/,
  ],
])('%s is not moved, and nothing else either', (_, command, message) => {
  run(namespace, 'iptables-nft -A INPUT -j ACCEPT; iptables-nft -t raw -A OUTPUT; ip6tables-nft -A INPUT', command)
  const before = run(namespace, 'nft list ruleset')
  const { plan, message: said } = caughtBy({ from: 'nft', to: 'legacy', clear: true })
  expect(said).toMatch(message)
  expect(plan.tables.filter(({ isWritten, isCleared }) => isWritten || isCleared)).toEqual([])
  expect(run(namespace, 'nft list ruleset')).toBe(before)
  expect(saved('legacy')).toEqual({})
})

test('an empty table is not moved, and does not replace that of the destination', () => {
  run(namespace, 'iptables-legacy -S; iptables-legacy -t nat -S; ip6tables-legacy -N a')
  run(namespace, 'iptables-nft -A INPUT -j DROP; iptables-nft -t nat -A OUTPUT -j ACCEPT')
  const before = run(namespace, 'nft list table ip filter; nft list table ip nat')
  const plan = move({ from: 'legacy', to: 'nft', replace: true, clear: true })
  expect(plan.tables.map(({ family, table }) => `${family} ${table}`)).toEqual(['ipv6 filter'])
  expect(run(namespace, 'nft list table ip filter; nft list table ip nat')).toBe(before)
  expect(move({ from: 'legacy', to: 'nft' }).tables).toEqual([])
})

test.each([
  ['legacy', 'nft'],
  ['nft', 'legacy'],
] as const)(
  'if it is killed on the way from %s to %s, nothing is lost, and nothing was cleared before everything was written',
  async (from, to) => {
    for (let i = 0; i < 10; i++) {
      namespace = newNamespace()
      fill(from)
      const whole = saved(from)
      const child = namespace.run(() =>
        spawn(process.execPath, [bundledCommand(), 'migrate', from, to, '--clear'], { stdio: 'ignore' }),
      )
      const closed = once(child, 'close')
      // Some of them have ended by then.
      await Promise.race([sleep((100 + 40 * i) * slowness), closed])
      child.kill('SIGKILL')
      await closed
      const [left, there] = [saved(from), saved(to)]
      for (const [name, text] of Object.entries(whole)) expect([text, undefined]).toContain(left[name])
      const different = Object.entries(whole).filter(([name, text]) => ![text, undefined].includes(there[name]))
      // Tables of ip_tables are exchanged first, and get their counters afterwards, in a second call.
      expect(different.length).toBeLessThanOrEqual(to === 'legacy' ? 1 : 0)
      for (const [name, text] of different) expect(there[name]).toBe(uncounted(text))
      const isCleared = Object.keys(left).length < Object.keys(whole).length
      if (isCleared) expect(there).toEqual(whole)
    }
  },
)

/** A kernel that runs `work` after the first change of nf_tables has been sent. */
function besides(work: () => void): LinuxKernel {
  const kernel = new LinuxKernel({ namespace })
  const open = kernel.netlink.bind(kernel)
  let isDone = false
  return Object.assign(kernel, {
    netlink(protocol: number): NetlinkConnection {
      const connection = open(protocol)
      return {
        send(bytes) {
          connection.send(bytes)
          if (isDone || !isWholeBatch(bytes)) return
          isDone = true
          work()
        },
        sendAsync: (bytes) => connection.sendAsync(bytes),
        receive: (wait) => connection.receive(wait),
        join: (group) => connection.join(group),
        close: () => connection.close(),
      }
    },
  })
}

test('a table that somebody changes after it was written is not cleared', () => {
  fill('legacy')
  const kernel = besides(() => run(namespace, 'iptables-legacy -A INPUT -s 9.9.9.9 -j DROP'))
  const { plan, message } = caughtBy({
    ...{ from: 'legacy', to: 'nft', clear: true, family: 'ipv4', tables: ['filter'] },
    ...{ namespace: undefined, kernel },
  })
  expect(message).toMatch(
    /^ipv4 table filter: another program has changed the table of .* since it was moved; it has not been cleared$/,
  )
  expect(saved('legacy')['ipv4 filter']).toContain('-A INPUT -s 9.9.9.9/32 -j DROP')
  expect(plan.tables.map(({ isWritten, isCleared }) => [isWritten, isCleared])).toEqual([[true, false]])
})

test('objects of others in the table to be replaced stay', () => {
  run(
    namespace,
    'iptables-legacy -A INPUT -j ACCEPT; iptables-nft -N a',
    `nft add rule ip filter a tcp dport '{ 22, 80 }' drop`,
  )
  const before = run(namespace, 'nft list ruleset')
  expect(caughtBy({ from: 'legacy', to: 'nft', replace: true }).message).toMatch(
    /the table of nft has rule 1 of chain a/,
  )
  expect(run(namespace, 'nft list ruleset')).toBe(before)
})

test('a rule that the kernel does not return in full is not moved', () => {
  const timeouts = join(__dirname, 'ct-timeouts.py')
  run(namespace, `python3 ${timeouts} new long; iptables-legacy -t raw -A OUTPUT -p tcp -j CT --timeout long`)
  expect(caughtBy({ from: 'legacy', to: 'nft' }).message).toMatch(/target CT: --timeout cannot be written back/)
  expect(saved('nft')).toEqual({})
})

test('the command prints what it is going to do, and what it has done', () => {
  fill('legacy')
  const open = Object.assign(openKernel({}), { kernel: new LinuxKernel({ namespace }) })
  const out: string[] = []
  const say = (text: string): void => void out.push(text)
  const xtables = (...words: string[]): [number, string] => {
    out.length = 0
    return [runMigrate(words, open, { stdout: say, stderr: say }), out.join('')]
  }
  expect(xtables('legacy', 'nft', '--dry-run', '-4', '-t', 'filter')).toEqual([
    0,
    'legacy to nft\nipv4 filter: 4 rules, 1 chain: can be moved\n',
  ])
  expect(xtables('legacy', 'nft', '-4', '--table=filter')).toEqual([
    0,
    'legacy to nft\nipv4 filter: 4 rules, 1 chain: written\n',
  ])
  expect(xtables('legacy', 'nft', '-4', '--table=filter')).toEqual([
    1,
    'legacy to nft\nipv4 filter: 4 rules, 1 chain, in place of 4 rules, 1 chain: not written\n' +
      'xtables: ipv4 table filter: the table of nft is not empty (rules: 4, chains: 1); the option replace overwrites it\n',
  ])
  expect(xtables('legacy', 'nft', '--replace', '--clear', '-4', '-t', 'filter')[1]).toMatch(
    /in place of 4 rules, 1 chain: moved, and cleared\n$/,
  )
  run(namespace, `nft add rule ip filter INPUT tcp dport '{ 22, 80 }' drop`)
  expect(xtables('nft', 'legacy', '--dry-run')).toEqual([
    1,
    'nft to legacy\nipv4 filter: 5 rules, 1 chain: cannot be moved\n  the table of nft has rule 3 of chain INPUT, which iptables cannot express\n',
  ])
  expect(() => xtables('legacy')).toThrow('migrate: expected FROM TO')
  expect(() => xtables('legacy', 'nft', 'x')).toThrow('migrate: unexpected operand "x"; expected only FROM TO')
  expect(() => xtables('nft', 'nft')).toThrow('migrate: nft to nft: the two backends must differ')
  expect(() => xtables('nft', 'ebtables')).toThrow('migrate: TO must be legacy or nft, not "ebtables"')
})
