/** Serves metrics over HTTP. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import { OPEN_METRICS_TYPE } from './open-metrics'
import { sharing } from './shared-reading'

const PATH = '/metrics'
const TEXT = 'text/plain; charset=utf-8'

/**
 * Answers `GET /metrics`. Requests that arrive during a reading share its result.
 * @param read makes the text
 * @param failed is told why a reading failed
 */
export function metricsServer(read: () => Promise<string>, failed: (error: unknown) => void): Server {
  const text = sharing(read)
  return createServer((request, response) => {
    const [path] = (request.url ?? '').split('?')
    if (path !== PATH) end(response, 404, TEXT, `metrics are at ${PATH}\n`)
    else if (request.method !== 'GET') end(response.setHeader('allow', 'GET'), 405, TEXT, 'GET is what there is\n')
    else
      text().then(
        (body) => end(response, 200, OPEN_METRICS_TYPE, body),
        (error: unknown) => {
          failed(error)
          end(response, 500, TEXT, 'the tables could not be read\n')
        },
      )
  })
}

function end(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type }).end(body)
}
