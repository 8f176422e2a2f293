/** Compares `xtables monitor` with xtables-monitor. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { NETLINK_NETFILTER } from '../../src/abi/netlink'
import { NFNLGRP } from '../../src/abi/nfnetlink'
import { main } from '../../src/cli/main'
import { monitor } from '../../src/cli/monitor'
import { openKernel } from '../../src/cli/open-kernel'
import { LinuxKernel, type NetworkNamespace } from '../../src/index'
import { bundledCommand } from '../support/bundle'
import { until } from '../support/until'
import { newNamespace, run, runAside } from './legacy'
import { ended as endedBy, linesOf } from './machine'

jest.setTimeout(60_000)

let namespace: NetworkNamespace
beforeEach(() => {
  namespace = newNamespace()
})

/** The number of sockets in the namespace that listen to nf_tables or to traced packets. */
function listening(isTrace: boolean): number {
  const group = 1 << ((isTrace ? NFNLGRP.NFTRACE : NFNLGRP.NFTABLES) - 1)
  return linesOf(run(namespace, 'cat /proc/thread-self/net/netlink'))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, protocol, , groups = '']) => protocol === String(NETLINK_NETFILTER) && Number(`0x${groups}`) & group)
    .length
}

/** The output of both while `work` runs, which may wait until both have seen everything so far. */
async function both(
  words: string[],
  work: (seen: () => Promise<void>) => unknown,
): Promise<{ ours: string[]; theirs: string[] }> {
  const isTrace = words.includes('-t')
  const child = namespace.run(() =>
    spawn('stdbuf', ['-oL', 'xtables-monitor', ...words], { stdio: ['ignore', 'pipe', 'inherit'] }),
  )
  let [ours, theirs] = ['', '']
  child.stdout.on('data', (text) => {
    theirs += text
  })
  const end = new AbortController()
  const open = Object.assign(openKernel({}), { kernel: new LinuxKernel({ namespace }) })
  const stdout = (text: string): void => {
    ours += text
  }
  const watching = monitor(words, open, { stdout }, end.signal)
  let port = 4440
  let mark = ''
  const seen = async (): Promise<void> => {
    port++
    mark = isTrace ? ` DPORT=${port} ` : `: table mark${port} `
    run(namespace, isTrace ? `echo > /dev/udp/127.0.0.1/${port}` : `nft add table ip6 mark${port}`)
    await until(`both have seen ${mark}`, () => [ours, theirs].every((text) => text.includes(mark)))
  }
  try {
    await until('both listen', () => listening(isTrace) === 2)
    await work(seen)
    await seen()
  } finally {
    end.abort()
    await watching
    child.kill()
    await once(child, 'close')
  }
  const upToMark = (text: string): string[] => {
    const lines = linesOf(text)
    return lines.slice(
      0,
      lines.findIndex((line) => line.includes(mark)),
    )
  }
  return { ours: upToMark(ours), theirs: upToMark(theirs) }
}

const EVENTS = [
  `iptables-nft -A INPUT -p tcp --dport 22 -s 10.0.0.0/8 -m comment --comment 'x y' -j ACCEPT`,
  'iptables-nft -I INPUT 1 -i lo -j ACCEPT',
  `iptables-nft -N ab; iptables-nft -A ab -j DROP; iptables-nft -A INPUT -j ab`,
  `iptables-nft -E ab c; iptables-nft -P INPUT DROP; iptables-nft -R INPUT 1 -i lo -j DROP`,
  'iptables-nft -D INPUT 1; iptables-nft -Z INPUT; iptables-nft -F; iptables-nft -X c; iptables-nft -P INPUT ACCEPT',
  'ip6tables-nft -A FORWARD -s fe80::1 -j DROP; ip6tables-nft -A FORWARD',
  'iptables-nft -t nat -A POSTROUTING -o eth0 -j MASQUERADE; iptables-nft -t mangle -A OUTPUT -j MARK --set-mark 5',
  'nft add table inet foo; nft "add chain inet foo in { type filter hook input priority 5; policy drop; }"',
  'nft "add chain arp foo in { type filter hook input priority 5; }" 2>/dev/null || true',
  'nft add table arp foo; nft "add chain arp foo in { type filter hook input priority 5; }"',
  'nft delete chain inet foo in; nft delete table inet foo',
]

test('prints changes like the tool', async () => {
  const { ours, theirs } = await both(['-e'], () => run(namespace, ...EVENTS))
  expect(theirs.length).toBeGreaterThan(40)
  expect(ours).toEqual(theirs)
})

/** Runs two monitors at the same time, one of them with --json. */
async function inBothForms(words: readonly string[], act: () => unknown): Promise<[text: string[], json: string[]]> {
  const end = new AbortController()
  const said: [string[], string[]] = [[], []]
  const watching = said.map((lines, i) => {
    const open = Object.assign(openKernel({}), { kernel: new LinuxKernel({ namespace }) })
    return monitor([...words, ...(i === 0 ? [] : ['--json'])], open, { stdout: (line) => lines.push(line) }, end.signal)
  })
  const isTrace = words.includes('-t')
  await until('both listen', () => listening(isTrace) === 2)
  await act()
  const mark = isTrace ? 'DPORT=4440' : 'table marked '
  run(namespace, isTrace ? 'echo > /dev/udp/127.0.0.1/4440' : 'nft add table ip6 marked')
  const atMark = (lines: readonly string[]): number => lines.findIndex((line) => line.includes(mark))
  await until('both have seen the mark', () => said.every((lines) => atMark(lines) >= 0))
  end.abort()
  await Promise.all(watching)
  const [text, json] = said
  return [text.slice(0, atMark(text)), json.slice(0, atMark(json))]
}

test('prints a line of JSON for each change', async () => {
  const [text, json] = await inBothForms(['-e'], () => run(namespace, ...EVENTS))
  const all = json.map((line) => JSON.parse(line))
  expect(json.filter((line) => !/^\{.*\}\n$/.test(line))).toEqual([])
  const again = all.map((one) =>
    one.kind === 'generation'
      ? `NEWGEN: GENID=${one.generation} PID=${one.pid} NAME=${one.program}\n`
      : ` EVENT: ${one.text}\n`,
  )
  expect(again).toEqual(text)
  expect(all.find(({ kind }) => kind === 'rule-added')).toEqual({
    ...{ kind: 'rule-added', family: 'ipv4', table: 'filter', chain: 'INPUT', handle: expect.any(Number) },
    text: '-4 -t filter -A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -m comment --comment "x y" -j ACCEPT',
  })
  const kinds = ['table', 'chain', 'rule'].flatMap((what) => [`${what}-added`, `${what}-deleted`])
  expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set([...kinds, 'generation']))
  expect(new Set(all.map(({ family }) => family))).toEqual(new Set(['ipv4', 'ipv6', 'inet', 'arp', undefined]))
})

test('prints a line of JSON for each step of a packet', async () => {
  run(namespace, 'ip link set lo up; iptables-nft -t raw -A OUTPUT -p udp -j TRACE; iptables-nft -N a')
  run(namespace, 'iptables-nft -A OUTPUT -p udp -j a; iptables-nft -A a -p tcp -j DROP')
  const [text, json] = await inBothForms(['-t'], () => run(namespace, 'echo > /dev/udp/127.0.0.1/4444'))
  const all = json.map((line) => JSON.parse(line))
  expect(all.map(({ kind }) => kind)).toEqual(
    text.map((line) =>
      line.startsWith('PACKET')
        ? 'packet'
        : line.includes(':rule:')
          ? 'traced-rule'
          : line.includes(':return:')
            ? 'traced-return'
            : 'traced-policy',
    ),
  )
  expect(all[0]).toMatchObject({ kind: 'packet', family: 'ipv4', packet: expect.stringContaining('DPORT=4444') })
  expect(text[0]).toContain(`${all[0].id} ${all[0].packet} \n`)
  expect(all.find(({ verdict }) => verdict === 'JUMP')).toEqual({
    ...{ kind: 'traced-rule', family: 'ipv4', id: all[0].id, table: 'filter', chain: 'OUTPUT' },
    ...{ handle: expect.any(Number), verdict: 'JUMP', to: 'a', rule: '-4 -t filter -A OUTPUT -p udp -j a' },
  })
  expect(all.find(({ kind }) => kind === 'traced-policy')).toMatchObject({
    table: 'raw',
    chain: 'OUTPUT',
    verdict: 'ACCEPT',
  })
})

test('prints what the tool prints wrongly or omits', async () => {
  run(namespace, 'nft add table inet foo; nft add chain inet foo in; iptables-nft -P INPUT ACCEPT')
  const { ours, theirs } = await both(['-e'], () =>
    run(
      namespace,
      `nft add rule ip filter INPUT tcp dport '{ 22, 80 }' drop`,
      'nft add rule inet foo in tcp dport 22 accept',
      'nft flush chain inet foo in',
    ),
  )
  const events = (lines: string[]): string[] => lines.filter((line) => line.startsWith(' EVENT'))
  // The first one drops all TCP packets.
  expect(events(theirs)).toEqual([' EVENT: -4 -t filter -A INPUT -p tcp -j DROP', ' EVENT: ', ' EVENT: '])
  expect(events(ours)).toEqual([
    ' EVENT: # nft: ip filter INPUT rule with handle 3: meta cmp payload lookup immediate',
    ' EVENT: # nft: inet foo in rule with handle 2: meta cmp payload cmp immediate',
    ' EVENT: # nft: inet foo in rule with handle 2: meta cmp payload cmp immediate (deleted)',
  ])
})

test('one family, and one table', async () => {
  const commands = 'iptables-nft -A INPUT; ip6tables-nft -A INPUT; ip6tables-nft -t raw -A OUTPUT'
  const { ours, theirs } = await both(['-6', '-e'], () => run(namespace, commands))
  expect(ours).toEqual(theirs)
  const lines: string[] = []
  const open = Object.assign(openKernel({}), { kernel: new LinuxKernel({ namespace }) })
  const end = new AbortController()
  const watching = monitor(['--count', '2', 'raw'], open, { stdout: (text) => void lines.push(text) }, end.signal)
  run(
    namespace,
    'iptables-nft -A INPUT; iptables-nft -t nat -A OUTPUT; ip6tables-nft -t raw -D OUTPUT 1; iptables-nft -F',
  )
  await watching
  expect(lines).toEqual([
    ' EVENT: -6 -t raw -D OUTPUT\n',
    expect.stringMatching(/^NEWGEN: GENID=\d+ PID=\d+ NAME=ip6tables-nft\n$/),
  ])
})

/** Converts lines that differ intentionally to those of the tool. */
const asTheirs = (line: string): string =>
  line
    .replace(/:RETURN /, ':0xfffffffb ')
    // The tool sign-extends a byte of the options, and prints it as four.
    .replace(/OPT \(94040000\)/, 'OPT (FFFFFF94040000)')
    // It prints data of a later fragment as ports.
    .replace(/FRAG:2 $/, 'FRAG:2 SPORT=24930 DPORT=25444 ')
    // It adds the length of an IPv4 header to the payload length of IPv6.
    .replace(/ LEN=(\d+) TC=/, (_, length) => ` LEN=${Number(length) - 20} TC=`)
    // It prints a different rule for one that cannot be expressed in iptables syntax.
    .replace(/# nft: ip raw PREROUTING rule with handle \d+: .*/, '-4 -t raw -A PREROUTING -p tcp')

test('prints packets like the tool', async () => {
  run(
    namespace,
    'ip link set lo up; ip link add v0 type veth peer name v1; ip addr add 10.9.0.1/24 dev v0; ip link set v0 up; ip link set v1 up',
    'iptables-nft -t raw -A PREROUTING -j TRACE; iptables-nft -t raw -N r; iptables-nft -t raw -A PREROUTING -j r',
    `ip6tables-nft -t raw -A PREROUTING -m comment --comment 'a b' -j TRACE; iptables-nft -t raw -A OUTPUT -p icmp -j TRACE`,
    'iptables-nft -t raw -A r -p udp -j RETURN; iptables-nft -t raw -A PREROUTING -p udp --dport 99 -j RETURN',
    'iptables-nft -t raw -A PREROUTING -p udp -j NFQUEUE --queue-num 3',
    `nft add rule ip raw PREROUTING tcp dport '{ 22, 80 }' counter`,
    'iptables-nft -N c; iptables-nft -A c -j MARK --set-mark 5; iptables-nft -A INPUT -g c',
  )
  // The rules may only change after both have seen the packets: the text of a rule is read when the first packet
  // traverses it.
  const { ours, theirs } = await both(['-t'], async (seen) => {
    await runAside(namespace, `python3 ${join(__dirname, 'traced-packets.py')}`)
    await seen()
    await runAside(
      namespace,
      'iptables-nft -t raw -D OUTPUT 1; iptables-nft -t raw -A OUTPUT -p icmp -m comment --comment new -j TRACE',
    )
    await runAside(
      namespace,
      `python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).sendto(bytes.fromhex('0800f7ff00000000'), ('127.0.0.1', 0))" || true`,
    )
  })
  // The kernel may send packets of its own before one of the two has started to listen.
  const isOurs = (line: string): boolean => !/ (fe80|::|ff02)/.test(line)
  const idOf = (line: string): string => line.trim().split(' ')[2] ?? ''
  const seenByBoth = new Set(theirs.map(idOf).filter((id) => ours.some((line) => idOf(line) === id)))
  const common = (lines: string[]): string[] => lines.filter((line) => isOurs(line) && seenByBoth.has(idOf(line)))
  expect(theirs.length).toBeGreaterThan(80)
  expect(common(ours).map(asTheirs)).toEqual(common(theirs))
  expect(ours.some((line) => line.includes('--comment new -j TRACE'))).toBe(true)
  for (const word of [
    ':RETURN ',
    'OPT (94040000)',
    'FRAG:2 ',
    '# nft: ip raw',
    'MACSRC=2:3:4:5:6:7',
    'GOTO:c',
    'LOOPBACK',
  ])
    expect([word, ours.some((line) => line.includes(word))]).toEqual([word, true])
})

describe('the command', () => {
  const start = (...words: string[]): ChildProcess =>
    namespace.run(() =>
      spawn(process.execPath, [bundledCommand(), 'monitor', ...words], { stdio: ['ignore', 'pipe', 'pipe'] }),
    )

  /** The outcome of a monitor. `act` is called once it listens. */
  async function ended(
    child: ChildProcess,
    act?: (printed: () => string) => unknown,
  ): Promise<[unknown, string, string]> {
    const { status, out, complaint } = await endedBy(child, async (printed) => {
      if (act === undefined) return
      await until('it listens', () => listening(false) === 1)
      await act(printed)
    })
    return [status, out, complaint]
  }

  test('ends with SIGINT after printing everything', async () => {
    const child = start()
    const [status, out, complaint] = await ended(child, async (printed) => {
      run(namespace, 'iptables-nft -N a')
      await until('all is printed', () => printed().includes('NEWGEN'))
      child.kill('SIGINT')
    })
    expect([status, complaint]).toEqual([0, ''])
    expect(out).toMatch(/^ EVENT: nft: NEW table: .*\n EVENT: -4 -t filter -N a\nNEWGEN: .* NAME=iptables-nft\n$/)
  })

  test('ends after the given number of lines', async () => {
    const child = start('--count=1')
    const [status, out] = await ended(child, () => run(namespace, 'iptables-nft -N a'))
    expect([status, out]).toEqual([0, ' EVENT: nft: NEW table: table filter ip flags 0 use 1 handle 1\n'])
  })

  test.each([
    ['--family=ipx', /--family must be ipv4 or ipv6, not "ipx"/],
    ['--count=0', /--count must be a number of lines from 1, not 0/],
    ['--colour', /there is no option --colour/],
  ])('refuses %s', async (word, message) => {
    const [status, out, complaint] = await ended(start(word))
    expect([status, out]).toEqual([2, ''])
    expect(complaint).toMatch(message)
  })

  test('cannot be a line of a batch', () => {
    const out: string[] = []
    const say = (text: string): void => void out.push(text)
    const streams = { stdout: say, stderr: say }
    main('xtables', ['batch'], { ...streams, stdin: () => '', lines: () => ['monitor'], goOn: () => {} })
    expect(out.join('')).toMatch(/monitor runs until it is stopped: it cannot be a line of a batch\n2\n/)
  })
})
