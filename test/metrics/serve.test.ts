/** Metrics over HTTP. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { OPEN_METRICS_TYPE } from '../../src/index'
import { metricsServer } from '../../src/metrics/serve'
import { until } from '../support/until'

/** The number of requests to the server that was started last. */
let requests = 0

const opened: Disposable[] = []
afterEach(() => {
  for (const one of opened.splice(0)) one[Symbol.dispose]()
})

async function serve(read: () => Promise<string>, failed: (error: unknown) => void = () => {}): Promise<string> {
  const server = metricsServer(read, failed)
  requests = 0
  server.on('request', () => requests++)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  opened.push({ [Symbol.dispose]: () => void server.close().closeAllConnections() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('GET /metrics, and nothing else', async () => {
  const at = await serve(async () => 'all of it\n')
  const answer = await fetch(`${at}/metrics`)
  expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([
    200,
    OPEN_METRICS_TYPE,
    'all of it\n',
  ])
  expect((await fetch(`${at}/metrics?a=b`)).status).toBe(200)
  for (const path of ['/', '/metrics/', '/Metrics', '//metrics', '/%6detrics'])
    expect([path, (await fetch(`${at}${path}`)).status]).toEqual([path, 404])
  for (const method of ['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']) {
    const refused = await fetch(`${at}/metrics`, { method })
    expect([method, refused.status, refused.headers.get('allow')]).toEqual([method, 405, 'GET'])
  }
})

test('concurrent requests share one reading of the tables', async () => {
  let readings = 0
  let finish: (text: string) => void = () => {}
  const read = (): Promise<string> => {
    readings++
    return new Promise((resolve) => {
      finish = resolve
    })
  }
  const at = await serve(read)
  const answers = Array.from({ length: 20 }, () => fetch(`${at}/metrics`))
  await until('all requests have arrived', () => requests === 20)
  finish('one')
  expect(new Set(await Promise.all(answers.map(async (answer) => (await answer).text())))).toEqual(new Set(['one']))
  expect(readings).toBe(1)
  const next = fetch(`${at}/metrics`)
  await until('it reads again', () => readings === 2)
  finish('two')
  expect(await (await next).text()).toBe('two')
  expect(readings).toBe(2)
})

test('an error while reading is reported, and the next reading may succeed', async () => {
  const failures: unknown[] = []
  let isBroken = true
  const read = async (): Promise<string> => {
    if (isBroken) throw new Error('secret')
    return 'fine'
  }
  const at = await serve(read, (error) => failures.push(error))
  const answer = await fetch(`${at}/metrics`)
  expect([answer.status, await answer.text()]).toEqual([500, 'the tables could not be read\n'])
  expect(failures).toEqual([new Error('secret')])
  isBroken = false
  expect(await (await fetch(`${at}/metrics`)).text()).toBe('fine')
})
