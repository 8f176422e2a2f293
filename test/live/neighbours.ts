/** Hosts in network namespaces, connected by cables, for testing which connections get through. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { NetworkNamespace } from '../../src/index'
import { slowness } from '../support/until'
import { attempt, newNamespace, run } from './legacy'

export interface Network {
  /** Has 203.0.113.1 on eth0 and 192.168.7.1 on eth1. */
  readonly machine: NetworkNamespace
  /** Has 203.0.113.9 and 203.0.113.10, and no route to the hosts inside. */
  readonly outside: NetworkNamespace
  /** Has 192.168.7.2, and the machine as its default gateway. */
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

/** Answers connections to a port with the client's address. */
export async function serve(host: NetworkNamespace, port: number): Promise<void> {
  const program = `require('node:net').createServer((one) => one.end(one.remoteAddress)).listen(${port}, '0.0.0.0', () => console.log('up'))`
  const server = host.run(() => spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] }))
  servers.push(server)
  await once(server.stdout as NonNullable<typeof server.stdout>, 'data')
}

/** A server's answer to a connection, or `dropped` if there is none within one and a half seconds. */
export function answer(host: NetworkNamespace, address: string, port: number, localAddress?: string): string {
  const options = JSON.stringify({ host: address, port, localAddress })
  const program = `
    const end = (text) => { process.stdout.write(text); process.exit() }
    setTimeout(end, ${1500 * slowness}, 'dropped')
    require('node:net').connect(${options}).once('data', (text) => end(String(text))).once('error', (error) => end(error.code))`
  const { stdout, stderr } = attempt(host, `${process.execPath} <<'END'\n${program}\nEND`)
  if (stdout === '') throw new Error(stderr)
  return stdout
}
