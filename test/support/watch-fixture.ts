/** A recorded run of watching and `xtables monitor`, with the kernel's messages: fixtures/watch.json. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitor } from '../../src/cli/monitor'
import { MemoryKernel, type NetlinkPort, type NetlinkRecording, Table, type TableEvent } from '../../src/index'

export interface WatchFixture {
  /** `iptables-nft -V`, `nft -v` and the kernel's release. */
  readonly writtenBy: string
  readonly watched: { readonly recording: NetlinkRecording; readonly events: readonly unknown[] }
  readonly monitored: { readonly recording: NetlinkRecording; readonly lines: readonly string[] }
}

const PATH = join(__dirname, '../../fixtures/watch.json')

export const readWatchFixture = (): WatchFixture => JSON.parse(readFileSync(PATH, 'utf8'))
export const writeWatchFixture = (fixture: WatchFixture): void =>
  writeFileSync(PATH, `${JSON.stringify(fixture, undefined, 1)}\n`)

/** A kernel whose nf_tables are behind a port. */
class KernelAt extends MemoryKernel {
  readonly #port: NetlinkPort

  constructor(port: NetlinkPort) {
    super()
    this.#port = port
  }

  override netlink(protocol: number): ReturnType<NetlinkPort['netlink']> {
    return this.#port.netlink(protocol) as ReturnType<NetlinkPort['netlink']>
  }
}

/** An event with its rules as text. */
function plainEvent(event: TableEvent): unknown {
  const texts = Object.entries(event).map(([key, value]) => [
    key,
    key === 'rule' || key === 'replaced' ? `${value}` : value,
  ])
  return JSON.parse(JSON.stringify(Object.fromEntries(texts)))
}

/**
 * Collects events of the table filter. @param act is called when watching has started and after each event, with the
 * number of events so far
 */
export async function watchedAt(
  port: NetlinkPort,
  count: number,
  act: (seen: number) => void = () => {},
): Promise<unknown[]> {
  using table = new Table('filter', { kernel: new KernelAt(port), backend: 'nft' })
  const events = table.watch()
  const seen: unknown[] = []
  act(0)
  for await (const event of events) {
    seen.push(plainEvent(event))
    act(seen.length)
    if (seen.length === count) break
  }
  return seen
}

/** Collects lines of `xtables monitor -e -t`. @param act as for {@link watchedAt} */
export async function monitoredAt(
  port: NetlinkPort,
  count: number,
  act: (seen: number) => void = () => {},
): Promise<string[]> {
  const lines: string[] = []
  const stdout = (text: string): void => {
    lines.push(text)
    act(lines.length)
  }
  const open = { kernel: new KernelAt(port), writing: {}, save: () => {}, [Symbol.dispose]: () => {} }
  const work = monitor(['-e', '-t', `--count=${count}`], open, { stdout }, new AbortController().signal)
  act(0)
  await work
  return lines
}
