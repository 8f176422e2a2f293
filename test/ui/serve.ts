/** Serves the page of `xtables ui` for a test. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { bundlePage } from '../../scripts/bundle-page'
import { type MemoryKernel, snapshotAsync, type TableSnapshot } from '../../src/index'
import { type UiOptions, uiServer } from '../../src/ui/server'

export const TOKEN = 'a-token-of-the-tests'

export interface Served extends AsyncDisposable {
  readonly port: number
  readonly origin: string
  /** The URL of the page. */
  readonly url: string
  /** Unexpected errors that the server has reported. */
  readonly failures: readonly unknown[]
  /** The number of times that the tables were read for listeners. */
  readonly readings: () => number
}

let files: string | undefined

/** Builds the page, once per process. */
export function pageFiles(): string {
  if (files === undefined) {
    files = join(__dirname, '../../.scratch/page', String(process.pid))
    bundlePage(files)
  }
  return files
}

export async function serve(kernel: MemoryKernel, options: Partial<UiOptions> = {}): Promise<Served> {
  const failures: unknown[] = []
  let readings = 0
  const placeOf: UiOptions['placeOf'] = (family) => ({ ipv6: family === 'ipv6', kernel, backend: 'legacy' })
  const read = async (): Promise<TableSnapshot[]> => {
    readings++
    return [...(await snapshotAsync(placeOf('ipv4'))), ...(await snapshotAsync(placeOf('ipv6')))]
  }
  const server = uiServer({
    ...{ token: TOKEN, files: pageFiles(), placeOf, read, delayMs: 100, session: undefined, mayApply: false },
    applied: () => {},
    failed: (error) => failures.push(error),
    ...options,
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const origin = `http://127.0.0.1:${port}`
  return {
    ...{ port, origin, url: `${origin}/?token=${TOKEN}`, failures, readings: () => readings },
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      if (server.listening) await once(server, 'close')
    },
  }
}
