/**
 * A host with two cables, and a sender of frames on the other ends. It is not a host, so it sends nothing by itself.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { NetworkNamespace } from '../../src/index'
import { CABLES, HOST_MAC, LOCAL, REMOTE } from '../support/traced-packets'
import { run } from './legacy'

/** A frame to send on a cable. */
export interface Frame {
  readonly cable: string
  readonly bytes: Uint8Array
}

/** Settings: no packets are created or answered, and no routable packet is dropped. */
const QUIET = `
cd /proc/sys/net
for of in all default; do
  echo 0 >ipv4/conf/$of/rp_filter
  echo 0 >ipv4/conf/$of/send_redirects
  echo 0 >ipv6/conf/$of/accept_ra
  echo 0 >ipv6/conf/$of/accept_dad
done
echo 1 >ipv4/ip_forward
echo 1 >ipv6/conf/all/forwarding
nft 'table inet silence { chain output { type filter hook output priority -500; policy drop; }; }'
`

const NO_HOST = 'for of in all default; do echo 1 >/proc/sys/net/ipv6/conf/$of/disable_ipv6; done'

export class Wire {
  readonly #outside: NetworkNamespace
  readonly #sender: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: AsyncIterator<string>
  #hosts = 0

  private constructor() {
    this.#outside = NetworkNamespace.create()
    run(this.#outside, NO_HOST)
    this.#sender = this.#outside.run(() =>
      spawn('python3', [join(__dirname, 'frames.py')], { stdio: ['pipe', 'pipe', 'inherit'] }),
    )
    this.#answers = createInterface({ input: this.#sender.stdout })[Symbol.asyncIterator]()
  }

  static async open(): Promise<Wire> {
    const wire = new Wire()
    await wire.#sent()
    return wire
  }

  /** A new host without rules, to which the cables are connected from now on. */
  host(): NetworkNamespace {
    const host = NetworkNamespace.create()
    const number = ++this.#hosts
    const commands = CABLES.flatMap((cable, i) => [
      `link add ${cable} address ${HOST_MAC} type veth peer name ${cable}${number} netns ${this.#sender.pid}`,
      `link set ${cable} addrgenmode none up`,
      ...(LOCAL[i] ?? []).map((address) => `addr add ${address} dev ${cable} ${address.includes(':') ? 'nodad' : ''}`),
      ...(REMOTE[i] ?? []).map((address) => `neigh add ${address} lladdr 02:00:00:00:00:99 dev ${cable} nud permanent`),
    ])
    run(host, `${QUIET}\nip -batch - <<'END'\nlink set lo up\n${commands.join('\n')}\nEND`)
    run(this.#outside, CABLES.map((cable) => `ip link set ${cable}${number} up`).join('\n'))
    return host
  }

  /** Sends frames to the current host, in order. */
  async send(frames: readonly Frame[]): Promise<void> {
    for (const { cable, bytes } of frames)
      this.#sender.stdin.write(`${cable}${this.#hosts} ${Buffer.from(bytes).toString('hex')}\n`)
    await this.#sent()
  }

  async #sent(): Promise<void> {
    this.#sender.stdin.write('sent?\n')
    const { value } = await this.#answers.next()
    if (value !== 'sent') throw new Error('frames were not sent')
  }

  async close(): Promise<void> {
    this.#sender.stdin.end()
    await once(this.#sender, 'close')
    this.#outside.close()
  }
}
