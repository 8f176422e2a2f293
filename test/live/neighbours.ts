/** Hosts in namespaces of their own, joined by cables: who gets through to whom. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { NetworkNamespace } from '../../src/index'
import { attempt, newNamespace, run } from './legacy'

export interface Network {
  /** With 203.0.113.1 on eth0 and 192.168.7.1 on eth1. */
  readonly machine: NetworkNamespace
  /** 203.0.113.9 and 203.0.113.10, without a way to the hosts inside. */
  readonly outside: NetworkNamespace
  /** 192.168.7.2, with the machine as its way to all others. */
  readonly inside: NetworkNamespace
}

export function newNetwork(): Network {
  const [machine, outside, inside] = [newNamespace(), newNamespace(), newNamespace()]
  run(
    machine,
    `ip link add eth0 type veth peer name eth0 netns ${outside.path}`,
    `ip link add eth1 type veth peer name eth0 netns ${inside.path}`,
    'ip addr add 203.0.113.1/24 dev eth0; ip addr add 192.168.7.1/24 dev eth1; ip link set eth0 up; ip link set eth1 up',
  )
  run(outside, 'ip addr add 203.0.113.9/24 dev eth0; ip addr add 203.0.113.10/24 dev eth0; ip link set eth0 up')
  run(inside, 'ip addr add 192.168.7.2/24 dev eth0; ip link set eth0 up; ip route add default via 192.168.7.1')
  return { machine, outside, inside }
}

const servers: ChildProcess[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.kill()
})

/** Answers connections to a port with the address that they come from. */
export async function serve(host: NetworkNamespace, port: number): Promise<void> {
  const program = `require('node:net').createServer((one) => one.end(one.remoteAddress)).listen(${port}, '0.0.0.0', () => console.log('up'))`
  const server = host.run(() => spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] }))
  servers.push(server)
  await once(server.stdout as NonNullable<typeof server.stdout>, 'data')
}

/** What a server answers to a connection, or `dropped` where nothing does within two seconds. */
export function answer(host: NetworkNamespace, address: string, port: number, localAddress?: string): string {
  const options = JSON.stringify({ host: address, port, localAddress })
  const program = `
    const end = (text) => { process.stdout.write(text); process.exit() }
    setTimeout(end, 2000, 'dropped')
    require('node:net').connect(${options}).once('data', (text) => end(String(text))).once('error', (error) => end(error.code))`
  const { stdout, stderr } = attempt(host, `${process.execPath} <<'END'\n${program}\nEND`)
  if (stdout === '') throw new Error(stderr)
  return stdout
}
