/** Compares list, graph, top and metrics on Linux with the tools of both backends, and tests them on a terminal. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runList } from '../../src/cli/list'
import { openKernel } from '../../src/cli/open-kernel'
import {
  chainGraph,
  LinuxKernel,
  type NetworkNamespace,
  openMetrics,
  rates,
  snapshot,
  snapshotAsync,
} from '../../src/index'
import { bundledCommand } from '../support/bundle'
import { until } from '../support/until'
import { newNamespace, run } from './legacy'
import { ended, linesOf } from './machine'

jest.setTimeout(60_000)

const BACKENDS = ['legacy', 'nft'] as const
const FAMILIES = [
  { family: 'ipv4', program: 'iptables', address: '127.0.0.1' },
  { family: 'ipv6', program: 'ip6tables', address: '::1' },
] as const

const SIDES = BACKENDS.flatMap((backend) => FAMILIES.map((one) => ({ backend, ...one })))

const sending = (count: number, address = '127.0.0.1'): string =>
  `for i in $(seq ${count}); do echo x > /dev/udp/${address}/7777; done`

let namespace: NetworkNamespace
beforeEach(() => {
  namespace = newNamespace()
  run(namespace, 'ip link set lo up')
})

describe.each(SIDES)('$backend, $family', ({ backend, family, program, address }) => {
  const place = () => ({ namespace, backend, ipv6: family === 'ipv6' })
  const iptables = (...lines: readonly string[]): void =>
    void run(namespace, ...lines.map((line) => `${program}-${backend} ${line}`))

  function fill(): void {
    iptables(
      '-N web',
      '-N deep',
      '-A INPUT -p udp --dport 7777 -m comment --comment "the site" -j web',
      '-A INPUT -p udp -g deep',
      '-A web -p udp -j deep',
      '-A deep -p udp -m udp --dport 7777',
      '-P FORWARD DROP',
    )
  }

  const send = (count: number): void => void run(namespace, sending(count, address))

  test('a snapshot contains what the tool saves', async () => {
    fill()
    send(3)
    const said = (await snapshotAsync(place())).flatMap(({ table, chains }) => [
      `*${table}`,
      ...chains.map(({ name, policy = '-', counters = [0n, 0n] }) => `:${name} ${policy} [${counters.join(':')}]`),
      ...chains.flatMap(({ name, rules }) =>
        rules.map(({ counters, rule }) => `[${counters.join(':')}] -A ${name} ${rule}`),
      ),
    ])
    const saved = run(namespace, `${program}-${backend}-save -c`)
    expect(said).toEqual(saved.split('\n').filter((line) => /^[*:[]/.test(line)))
    expect(said).toContainEqual(expect.stringMatching(/^\[3:\d+\] -A INPUT .*the site" -j web$/))
  })

  test('rates are those of sent packets, even if rules are inserted before them', async () => {
    fill()
    send(2)
    const before = snapshot(place())
    iptables('-I INPUT -p tcp -j DROP', '-I INPUT -p tcp -j DROP', '-I deep -p tcp -j DROP')
    send(5)
    const counted = rates(before, snapshot(place())).filter(({ packets }) => packets > 0n)
    expect(counted.map(({ chain, position, packets }) => `${chain} ${position} ${packets}`).sort()).toEqual([
      'INPUT 3 5',
      'INPUT 4 5',
      'deep 2 10',
      'web 1 5',
    ])
  })

  test('rates continue after a chain was zeroed', () => {
    fill()
    send(4)
    const before = snapshot(place())
    iptables('-Z web')
    send(1)
    const [rate] = rates(before, snapshot(place())).filter(({ chain }) => chain === 'web')
    expect(rate).toMatchObject({ packets: 1n, isRestarted: true })
  })

  test('the tree, the graph and the metrics', () => {
    fill()
    send(2)
    const said: string[] = []
    const open = Object.assign(openKernel({ backend }), { kernel: new LinuxKernel({ namespace }) })
    runList(['--tree', family === 'ipv4' ? '-4' : '-6'], open, { stdout: (text) => said.push(text) })
    const tree = said
      .join('')
      .replaceAll(/\[(\d+):\d+\]/g, '[$1]')
      .split('\n')
    expect(tree.slice(1, 7)).toEqual([
      expect.stringMatching(/^INPUT policy ACCEPT \[\d+\]$/),
      '├─ 1 [2] -p udp -m udp --dport 7777 -m comment --comment "the site" -j web',
      '│  └─ 1 [2] -p udp -j deep',
      '│     └─ 1 [4] -p udp -m udp --dport 7777',
      '└─ 2 [2] -p udp -g deep (above)',
      'FORWARD policy DROP [0]',
    ])
    const { edges } = chainGraph(snapshot(place()))
    expect(edges.map(({ from, to, kind, packets }) => [from, to, kind, packets])).toEqual([
      [`${family} filter INPUT`, `${family} filter web`, 'jump', 2n],
      [`${family} filter INPUT`, `${family} filter deep`, 'goto', 2n],
      [`${family} filter web`, `${family} filter deep`, 'jump', 2n],
    ])
    expect(openMetrics(snapshot(place()), { prefix: 'dee' }).match(/^xtables_rule_packets_total.*/gm)).toEqual([
      `xtables_rule_packets_total{family="${family}",table="filter",chain="INPUT",comment="the site"} 2`,
      `xtables_rule_packets_total{family="${family}",table="filter",chain="deep",rule="-p udp -m udp --dport 7777"} 4`,
    ])
  })
})

test('a rule that cannot be expressed in iptables syntax is identified by its handle, whatever it counts', () => {
  const place = { namespace, backend: 'nft' } as const
  run(namespace, 'iptables-nft -A INPUT -p udp', "nft add rule ip filter INPUT udp dport '{ 80, 7777 }' counter")
  const labelsOf = (): string[] =>
    Array.from(
      openMetrics(snapshot(place), { chains: ['INPUT'] }).matchAll(
        /^xtables_rule_packets_total\{.*rule="(.*)"\} (\d+)$/gm,
      ),
      ([, label, packets]) => `${label}: ${packets}`,
    )
  const [table] = snapshot(place)
  const [first, second] = table?.chains[0]?.rules ?? []
  expect([first?.isIncompatible, second?.isIncompatible]).toEqual([undefined, true])
  expect(table?.incompatible).toEqual(['rule 2 of chain INPUT'])
  expect(labelsOf()).toEqual(['-p udp: 0', `nft handle ${second?.handle}: 0`])
  run(namespace, sending(3))
  expect(labelsOf()).toEqual(['-p udp: 3', `nft handle ${second?.handle}: 3`])
})

test('reading creates no table', () => {
  for (const backend of BACKENDS)
    for (const ipv6 of [false, true])
      expect(snapshot({ namespace, backend, ipv6, tables: ['nat', 'filter'] })).toEqual([])
  expect(run(namespace, 'cat /proc/net/ip_tables_names /proc/net/ip6_tables_names; nft list tables')).toBe('')
})

/** Prints status, content type and body. */
const FETCH =
  'const [method, url] = process.argv.slice(1); fetch(url, { method }).then(async (answer) => ' +
  'console.log(await answer.text() + answer.status + " " + answer.headers.get("content-type")))'

const started: ChildProcess[] = []
afterEach(() => {
  for (const child of started.splice(0)) child.kill()
})

function kept(child: ChildProcess): ChildProcess {
  started.push(child)
  return child
}

/** Starts the command in a separate process in the namespace. */
const start = (...words: string[]): ChildProcess =>
  kept(
    namespace.run(() => spawn(process.execPath, [bundledCommand(), ...words], { stdio: ['ignore', 'pipe', 'pipe'] })),
  )

describe.each(BACKENDS)('%s, the command', (backend) => {
  test.each(['SIGINT', 'SIGTERM'] as const)('metrics are served until %s', async (signal) => {
    run(namespace, `iptables-${backend} -A INPUT -p udp -m comment --comment sent`, sending(3))
    const child = start('metrics', '--listen', '0')
    let scraped = ''
    const { status, complaint } = await ended(child, async (printed) => {
      await until('it listens', () => printed().endsWith('\n'))
      const get = (method: string, url: string): string =>
        run(namespace, `${process.execPath} -e '${FETCH}' ${method} ${url}`)
      const url = printed().trim()
      scraped = get('GET', url)
      expect(get('GET', url.replace('/metrics', '/'))).toMatch(/404 text\/plain/)
      expect(get('POST', url)).toMatch(/405 text\/plain/)
      child.kill(signal)
    })
    expect([status, complaint]).toEqual([0, ''])
    expect(scraped).toMatch(
      /^xtables_rule_packets_total\{family="ipv4",table="filter",chain="INPUT",comment="sent"\} 3$/m,
    )
    expect(scraped).toMatch(/# EOF\n200 application\/openmetrics-text; version=1\.0\.0; charset=utf-8\n$/)
  })

  test('top prints the packets that are sent in the meantime', async () => {
    run(namespace, `iptables-${backend} -A INPUT -p udp`, `iptables-${backend} -A INPUT -p tcp`)
    const child = start('top', '-d', '0.3', '--json')
    const countedIn = (text: string): { rule: string; packets: number }[] =>
      linesOf(text).flatMap((line) => JSON.parse(line).rules)
    const sum = (text: string): number => countedIn(text).reduce((all, { packets }) => all + packets, 0)
    const { status, out, complaint } = await ended(child, async (printed) => {
      // Only whole lines: the last one may still be being written.
      const whole = (): string => printed().replace(/[^\n]*$/, '')
      await until('it has begun', () => whole() !== '')
      run(namespace, sending(5))
      await until('it has counted them', () => sum(whole()) >= 5)
      const { length } = linesOf(whole())
      await until('it prints another block', () => linesOf(whole()).length > length)
      child.kill('SIGINT')
    })
    expect([status, complaint]).toEqual([0, ''])
    expect(countedIn(out).every(({ rule }) => rule === '-p udp')).toBe(true)
    expect(sum(out)).toBe(5)
  })
})

describe('on a terminal', () => {
  const ESC = '\x1b'
  const settings = join(tmpdir(), `xtables-stty-${process.pid}`)
  afterEach(() => rmSync(settings, { force: true }))

  /** Runs a command in script(1), which creates a terminal. The output of stty before and after it goes to a file. */
  function onTerminal(command: string, environment: Readonly<Record<string, string>> = {}): ChildProcess {
    const node = `${process.execPath} ${bundledCommand()}`
    const line = `stty -g > ${settings}; ${node} ${command}; echo "status $?"; stty -g >> ${settings}`
    return kept(
      namespace.run(() =>
        spawn('script', ['-qec', line, '/dev/null'], {
          stdio: ['pipe', 'pipe', 'pipe'],
          env: { PATH: process.env['PATH'], TERM: 'xterm', ...environment },
        }),
      ),
    )
  }

  const isAsItWas = (): boolean => {
    const [before, after] = readFileSync(settings, 'utf8').trim().split('\n')
    return before !== '' && before === after
  }

  const childOf = (pid = 0): number => Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
  /** The process id of the command itself, below script and a shell. */
  const pidOf = ({ pid }: ChildProcess): number => childOf(childOf(pid))

  test.each([
    ['the key q', (child: ChildProcess) => child.stdin?.write('q')],
    ['SIGINT by key', (child: ChildProcess) => child.stdin?.write('\x03')],
    ['SIGTERM', (child: ChildProcess) => process.kill(pidOf(child), 'SIGTERM')],
    ['SIGHUP', (child: ChildProcess) => process.kill(pidOf(child), 'SIGHUP')],
  ])('top restores it: %s', async (_, stop) => {
    run(namespace, 'iptables-nft -A INPUT -p icmp')
    const child = onTerminal('top -d 0.2')
    const { out } = await ended(child, async (printed) => {
      await until('it draws', () => (printed().match(/rule counted/g)?.length ?? 0) >= 2)
      stop(child)
    })
    expect(out).toContain(`${ESC}[?1049h${ESC}[?25l`)
    expect(out).toContain('1 rule counted')
    expect(out.slice(out.indexOf(`${ESC}[?1049h`))).toMatch(/\[\?25h.\[\?1049l.*status 0\s*$/s)
    expect(isAsItWas()).toBe(true)
  })

  test.each<[Record<string, string>, boolean]>([
    [{}, true],
    [{ NO_COLOR: '1' }, false],
    [{ FORCE_COLOR: '0' }, false],
    [{ TERM: 'dumb' }, false],
  ])('list with %j has colours: %p', async (environment, wanted) => {
    run(namespace, 'iptables-nft -A INPUT -p icmp')
    const { out } = await ended(onTerminal('list --tree', environment), () => {})
    expect(out).toContain('policy')
    expect(out.includes(ESC)).toBe(wanted)
  })

  test('and in a pipe only if they are forced', async () => {
    run(namespace, 'iptables-nft -A INPUT -p icmp')
    const plain = await ended(start('list'), () => {})
    expect(plain.out).toContain('policy')
    expect(plain.out).not.toContain(ESC)
    const forced = kept(
      namespace.run(() =>
        spawn(process.execPath, [bundledCommand(), 'list'], {
          env: { PATH: process.env['PATH'], FORCE_COLOR: '1' },
        }),
      ),
    )
    expect((await ended(forced, () => {})).out).toContain(ESC)
  })
})
