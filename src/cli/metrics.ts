/** `xtables metrics`: counters of labelled rules, printed once or served over HTTP. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { IptcError } from '../errors'
import { type MetricsOptions, openMetrics } from '../metrics/open-metrics'
import { metricsServer } from '../metrics/serve'
import { METRICS } from './applets/own-applets'
import { CommandLineError, readWords } from './command-line'
import type { Io, OpenKernel } from './open-kernel'
import { readTables, readTablesAsync } from './view'

const parse = (args: string[]) => readWords(METRICS, args).values
const labelled = ({ chain: chains, prefix }: ReturnType<typeof parse>): MetricsOptions => ({ chains, prefix })

/** Prints the metrics once. */
export function runMetrics(args: string[], open: OpenKernel, { stdout }: Pick<Io, 'stdout'>): void {
  const values = parse(args)
  stdout(openMetrics(readTables(values, open), labelled(values)))
}

/** Whether `--listen` is given. */
export const isServed = (args: readonly string[]): boolean => args.some((word) => /^--listen(=|$)/.test(word))

/** With `--listen`: serves the metrics until the signal. */
export async function serveMetrics(
  args: string[],
  open: OpenKernel,
  { stdout, stderr }: Pick<Io, 'stdout' | 'stderr'>,
  signal: AbortSignal,
): Promise<void> {
  const values = parse(args)
  const place = readAddress(values.listen ?? '')
  const read = async (): Promise<string> => openMetrics(await readTablesAsync(values, open), labelled(values))
  // Read once now, so that bad options and missing privileges are reported immediately.
  await read()
  const server = metricsServer(read, (error) => stderr(`xtables: ${(error as Error).message}\n`))
  const ended = signal.aborted ? Promise.resolve() : once(signal, 'abort')
  try {
    await once(server.listen(place), 'listening')
  } catch (cause) {
    throw new IptcError('XT_FILE', `cannot listen on ${values.listen} (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    })
  }
  const { address, port, family } = server.address() as AddressInfo
  stdout(`http://${family === 'IPv6' ? `[${address}]` : address}:${port}/metrics\n`)
  await ended
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

/** The default address. Other machines can only connect if another one is given. */
const LOOPBACK = '127.0.0.1'

/** @throws IptcError */
function readAddress(word: string): { readonly host: string; readonly port: number } {
  const [, bracketed, host = bracketed ?? LOOPBACK, port = ''] =
    /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(word) ?? []
  if (port !== '' && Number(port) <= 0xffff) return { host, port: Number(port) }
  throw new CommandLineError(`--listen takes PORT, HOST:PORT or [ADDRESS]:PORT, not ${JSON.stringify(word)}`)
}
