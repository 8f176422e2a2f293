/** `GET /metrics` for Prometheus, `GET /healthz` for a supervisor. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { OPEN_METRICS_TYPE, openMetrics, snapshotAsync } from 'xtables'
import type { Keeper, KeeperOptions } from './keeper.js'

export type Address = Readonly<{ host: string; port: number }>
type Answer = readonly [status: number, body: string, type?: string]

/** @throws Error if the address is in use, or not one of this machine */
export async function serve(address: Address, keeper: Keeper, options: KeeperOptions): Promise<Server> {
  const server = createServer(async ({ method, url = '' }, response) => {
    const request = `${method} ${url.replace(/\?.*/, '')}`
    const failed = ({ message }: Error): Answer => [500, `${message}\n`]
    const [status, body, type = 'text/plain; charset=utf-8'] = await answer(request, keeper, options).catch(failed)
    response.writeHead(status, { 'content-type': type }).end(body)
  })
  await once(server.listen(address), 'listening')
  return server
}

async function answer(request: string, keeper: Keeper, options: KeeperOptions): Promise<Answer> {
  if (request === 'GET /metrics') return [200, await metrics(keeper, options), OPEN_METRICS_TYPE]
  if (request !== 'GET /healthz') return [404, 'accepted: GET /metrics, GET /healthz\n']
  return keeper.fault === undefined ? [200, 'ok\n'] : [503, `${keeper.fault}\n`]
}

/** The counters of the agent's rules, and its own state. */
async function metrics({ counts, fault }: Keeper, { prefix, backend }: KeeperOptions): Promise<string> {
  const tables = [...(await snapshotAsync({ backend })), ...(await snapshotAsync({ backend, ipv6: true }))]
  const own = `# TYPE xtables_agent_changed_chains counter
xtables_agent_changed_chains_total ${counts.changes}
# TYPE xtables_agent_failures counter
xtables_agent_failures_total ${counts.failures}
# TYPE xtables_agent_healthy gauge
xtables_agent_healthy ${fault === undefined ? 1 : 0}
`
  return openMetrics(tables, { prefix }).replace(/# EOF\n$/, `${own}$&`)
}
