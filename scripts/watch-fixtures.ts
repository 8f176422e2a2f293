/**
 * Records the kernel's messages about changes and a traced packet for a watched table and for `xtables monitor`, together
 * with their output. It creates its own network namespaces; needs root, Linux with nf_tables, iptables, nft and python3.
 *
 *   npm run fixtures:watch
 */
import { execFileSync } from 'node:child_process'
import { ERRNO } from '../src/abi/errno'
import { LinuxKernel, type NetlinkConnection, type NetlinkPort, NetworkNamespace, recordNetlink } from '../src/index'
import { NetlinkFailure } from '../src/kernel/kernel'
import { onThisKernel } from '../test/support/on-this-kernel'
import { monitoredAt, watchedAt, writeWatchFixture } from '../test/support/watch-fixture'

const shell = (command: string): string => execFileSync('bash', ['-ec', command], { encoding: 'utf8' })

const BEFORE = 'iptables-nft -N a; iptables-nft -A a -s 1.0.0.0/8 -j ACCEPT; iptables-nft -A a -s 2.0.0.0/8 -j DROP'
const CHANGES = [
  'iptables-nft -I a 2 -s 9.0.0.0/8 -m comment --comment "x y"; iptables-nft -R a 1 -s 8.0.0.0/8; iptables-nft -D a 3',
  'iptables-nft -N b; iptables-nft -A a -j b; iptables-nft -E b c; iptables-nft -P INPUT DROP; iptables-nft -Z',
  `nft add rule ip filter a tcp dport '{ 22, 80 }' drop; nft 'add chain ip filter own { type filter hook input priority 5; }'`,
  `nft 'add table ip filter { flags dormant; }'; nft 'add table ip filter'`,
  'ip6tables-nft -A INPUT -s fe80::1 -j DROP; nft add table inet filter; nft add chain inet filter a; iptables-nft -t nat -N a',
  `nft 'flush ruleset; add table ip filter; add chain ip filter q; add rule ip filter q ip saddr 1.1.1.1; delete table ip filter'`,
  'iptables-nft -A OUTPUT -d 3.0.0.0/8',
]

/** If `state.lose` is set, the next receive without waiting fails with ENOBUFS, as if messages were lost. */
const losing = (port: NetlinkPort, state: { lose: boolean }): NetlinkPort => ({
  description: port.description,
  netlink(protocol) {
    const connection = port.netlink(protocol)
    return {
      send: (bytes) => connection.send(bytes),
      sendAsync: (bytes) => connection.sendAsync(bytes),
      join: (group) => connection.join(group),
      close: () => connection.close(),
      receive(wait) {
        if (wait || !state.lose) return connection.receive(wait)
        state.lose = false
        throw new NetlinkFailure(ERRNO.ENOBUFS)
      },
    } satisfies NetlinkConnection
  },
})

const WATCHED = 28
const AFTER_LOSS = 2

async function recordWatch() {
  using namespace = NetworkNamespace.create()
  namespace.run(() => shell(BEFORE))
  const state = { lose: false }
  const { port, recording } = recordNetlink(losing(new LinuxKernel({ namespace }), state))
  const events = await watchedAt(port, WATCHED + AFTER_LOSS, (seen) => {
    if (seen === 0) namespace.run(() => shell(CHANGES.join('\n')))
    if (seen === WATCHED) state.lose = true
    if (seen === WATCHED + 1) namespace.run(() => shell('iptables-nft -I OUTPUT -d 4.0.0.0/8'))
  })
  return { recording, events }
}

/** The number of lines about the packet, and of all lines. */
const TRACED = 7
const MONITORED = 79

async function recordMonitor() {
  using namespace = NetworkNamespace.create()
  namespace.run(() => shell(`${BEFORE}; ip link set lo up; iptables-nft -t raw -A PREROUTING -p udp -j TRACE`))
  namespace.run(() =>
    shell('iptables-nft -A INPUT -p udp -j a; iptables-nft -A a -p udp -m comment --comment "by name"'),
  )
  const { port, recording } = recordNetlink(new LinuxKernel({ namespace }))
  const send =
    "python3 -c \"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))\""
  const lines = await monitoredAt(port, MONITORED, (seen) => {
    if (seen === 0) namespace.run(() => shell(send))
    if (seen === TRACED) namespace.run(() => shell(CHANGES.join('\n')))
  })
  return { recording, lines }
}

async function main(): Promise<void> {
  const writtenBy = onThisKernel(shell('iptables-nft -V; nft -v').trimEnd().replaceAll('\n', ', '))
  const [watched, monitored] = [await recordWatch(), await recordMonitor()]
  writeWatchFixture({ writtenBy, watched, monitored })
  console.log(`${watched.events.length} events, ${monitored.lines.length} lines`)
}

void main()
