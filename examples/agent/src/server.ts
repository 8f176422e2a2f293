/** `GET /metrics` for Prometheus, `GET /healthz` for whoever looks after us. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { OPEN_METRICS_TYPE, openMetrics, snapshotAsync } from 'xtables'
import type { Keeper, KeeperOptions } from './keeper.js'

export type Address = Readonly<{ host: string; port: number }>
type Answer = readonly [status: number, body: string, type?: string]

/** @throws Error where the address is taken, or is none of this machine */
export async function serve(address: Address, keeper: Keeper, options: KeeperOptions): Promise<Server> {
  const server = createServer(async ({ method, url = '' }, response) => {
    const asked = `${method} ${url.replace(/\?.*/, '')}`
    const failed = ({ message }: Error): Answer => [500, `${message}\n`]
    const [status, body, type = 'text/plain; charset=utf-8'] = await answer(asked, keeper, options).catch(failed)
    response.writeHead(status, { 'content-type': type }).end(body)
  })
  await once(server.listen(address), 'listening')
  return server
}

async function answer(asked: string, keeper: Keeper, options: KeeperOptions): Promise<Answer> {
  if (asked === 'GET /metrics') return [200, await metrics(keeper, options), OPEN_METRICS_TYPE]
  if (asked !== 'GET /healthz') return [404, 'GET /metrics, GET /healthz\n']
  return keeper.fault === undefined ? [200, 'ok\n'] : [503, `${keeper.fault}\n`]
}

/** What our rules have counted, and how the agent fares. */
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
