/** The server of `xtables ui`: access control, requests and responses. */
import { once } from 'node:events'
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { easy, MemoryKernel, restore, save } from '../../src/index'
import type { Answers, CallName, LiveEvent, Request } from '../../src/ui/api'
import type { UiOptions } from '../../src/ui/server'
import { hostileTables, NAMES } from '../graph/hostile'
import { until } from '../support/until'
import { filterOf, kernelWith, TEXT } from '../view/tables'
import { type Served, serve, TOKEN } from './serve'

const opened: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of opened.splice(0)) await one[Symbol.asyncDispose]()
})

async function served(kernel = kernelWith(), options: Partial<UiOptions> = {}): Promise<Served> {
  const one = await serve(kernel, options)
  opened.push(one)
  return one
}

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

interface Asked {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Uint8Array
}

/** Sends a request like any program. `fetch` does not allow all headers. */
async function ask(
  { port }: Served,
  path: string,
  { method = 'GET', headers = {}, body }: Asked = {},
): Promise<Answer> {
  // If a stream is wrongly opened, it would not end.
  const asking = request({ host: '127.0.0.1', port, path, method, headers, signal: AbortSignal.timeout(30_000) })
  asking.end(body)
  const [response] = await once(asking, 'response')
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { status: response.statusCode, headers: response.headers, body: text }
}

const BEARER = { authorization: `Bearer ${TOKEN}` }
const JSON_TYPE = { 'content-type': 'application/json' }

const post = (server: Served, name: string, body: string | Uint8Array, headers: OutgoingHttpHeaders = {}) =>
  ask(server, `/api/${name}`, { method: 'POST', headers: { ...BEARER, ...JSON_TYPE, ...headers }, body })

/** @throws Error with the status and the message */
async function call<Name extends CallName>(server: Served, name: Name, form: Request<Name>): Promise<Answers[Name]> {
  const { status, body } = await post(server, name, JSON.stringify(form))
  const answer = JSON.parse(body)
  if (status !== 200) throw new Error(`${status} ${answer.error}`)
  return answer
}

const FILES = ['/', '/page.css', '/page.js']
const HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
}

describe('the page', () => {
  test('has headers that forbid foreign scripts, in every response', async () => {
    const server = await served()
    const answers = [
      ...(await Promise.all(FILES.map((path) => ask(server, `${path}?token=${TOKEN}`)))),
      await post(server, 'about', '{}'),
    ]
    const refusals = [await ask(server, '/'), await ask(server, '/api/about'), await ask(server, `/no?token=${TOKEN}`)]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(refusals.map(({ status }) => status)).toEqual([403, 403, 404])
    for (const { headers } of [...answers, ...refusals]) {
      expect(headers).toMatchObject(HEADERS)
      const policy = String(headers['content-security-policy'])
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';")
      expect(policy).toContain("frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
      expect(policy).not.toContain('unsafe')
      expect(headers['set-cookie']).toBeUndefined()
      expect(headers['access-control-allow-origin']).toBeUndefined()
    }
    expect(answers.map(({ headers }) => headers['content-type'])).toEqual([
      'text/html; charset=utf-8',
      'text/css; charset=utf-8',
      'text/javascript; charset=utf-8',
      'application/json; charset=utf-8',
    ])
  })

  test('loads nothing from elsewhere, and does not parse text as HTML', async () => {
    const server = await served()
    const [html = '', css = '', js = ''] = await Promise.all(
      FILES.map(async (path) => (await ask(server, `${path}?token=${TOKEN}`)).body),
    )
    expect(html).toContain(`src="page.js?token=${TOKEN}"`)
    expect(html).not.toMatch(/\{\{|<script>|<style|\son\w+=/)
    const hosts = `${html}${css}${js}`.match(/https?:\/\/[\w.]+|url\((?!#)|@import/g)
    expect(new Set(hosts)).toEqual(new Set(['http://www.w3.org']))
    expect(css).not.toMatch(/url\(/)
    expect(js).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function/)
  })
})

describe('access', () => {
  const CALLS: [string, string][] = [
    ['GET', '/api/live'],
    ...['about', 'findings', 'graph', 'trace', 'plan', 'apply', 'nope'].map((name): [string, string] => [
      'POST',
      `/api/${name}`,
    ]),
  ]
  const PATHS: [string, string][] = [
    ...CALLS,
    ...FILES.map((path): [string, string] => ['GET', path]),
    ['GET', '/nope'],
    ['OPTIONS', '/api/apply'],
  ]

  test.each(PATHS)('%s %s requires the token at the right place', async (method, path) => {
    const server = await served()
    const isCall = path.startsWith('/api/')
    const wrongs: [string, OutgoingHttpHeaders][] = [
      [path, {}],
      [`${path}?token=`, {}],
      [`${path}?token=${TOKEN.slice(0, -1)}`, {}],
      [`${path}?token=${TOKEN}x`, {}],
      [path, { authorization: TOKEN }],
      [path, { authorization: `Basic ${TOKEN}` }],
      [path, { authorization: `Bearer ${TOKEN.toUpperCase()}` }],
      [path, { authorization: 'Bearer ' }],
      [path, { cookie: `token=${TOKEN}` }],
      // A token in the URL of a call is not accepted: another site could make the browser send it.
      isCall ? [`${path}?token=${TOKEN}`, {}] : [path, BEARER],
    ]
    for (const [at, headers] of wrongs) {
      const { status, body } = await ask(server, at, { method, headers: { ...headers, ...JSON_TYPE } })
      expect([at, headers, status]).toEqual([at, headers, 403])
      expect(body).toBe('{"error":"the token is missing or wrong: open the address that xtables ui has printed"}')
    }
    expect(server.readings()).toBe(0)
  })

  test.each([
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example:80',
    'evil.example:80',
    '127.0.0.2',
    '10.0.0.1',
    'localhost:1@evil.example',
    '[::1].evil.example',
    '2130706433',
  ])('the host name %j is refused', async (host) => {
    const server = await served()
    const refused = await ask(server, `/?token=${TOKEN}`, { headers: { host } })
    expect([refused.status, JSON.parse(refused.body)]).toEqual([
      403,
      { error: `the page is at 127.0.0.1, not at ${host}` },
    ])
    expect((await post(server, 'about', '{}', { host })).status).toBe(403)
  })

  test('host names of this machine are accepted, also with the port of a tunnel', async () => {
    const server = await served()
    for (const host of [
      `127.0.0.1:${server.port}`,
      `localhost:${server.port}`,
      `[::1]:${server.port}`,
      'localhost:9000',
    ]) {
      expect([host, (await ask(server, `/?token=${TOKEN}`, { headers: { host } })).status]).toEqual([host, 200])
      expect((await post(server, 'about', '{}', { host, origin: `http://${host}` })).status).toBe(200)
    }
  })

  test.each([
    'http://evil.example',
    'null',
    'http://127.0.0.1',
    'http://127.0.0.1:1',
    'https://127.0.0.1:PORT',
    'http://localhost:PORT',
    'http://127.0.0.1:PORT.evil.example',
    '',
  ])('a page of %j is refused, even with the token', async (said) => {
    const server = await served()
    const origin = said.replace('PORT', String(server.port))
    for (const answer of [
      await post(server, 'about', '{}', { origin }),
      await ask(server, `/page.js?token=${TOKEN}`, { headers: { origin } }),
    ])
      expect([answer.status, JSON.parse(answer.body)]).toEqual([
        403,
        { error: `the page of ${origin} may not ask here` },
      ])
    expect((await post(server, 'about', '{}', { origin: server.origin })).status).toBe(200)
  })

  test('other sites may link to the page, but nothing else', async () => {
    const server = await served()
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site }
      expect((await post(server, 'about', '{}', headers)).status).toBe(403)
      expect(
        (await ask(server, `/page.js?token=${TOKEN}`, { headers: { ...headers, 'sec-fetch-dest': 'script' } })).status,
      ).toBe(403)
      expect(
        (
          await ask(server, `/?token=${TOKEN}`, {
            headers: { ...headers, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
          })
        ).status,
      ).toBe(403)
      expect(
        (
          await ask(server, `/?token=${TOKEN}`, {
            headers: { ...headers, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
          })
        ).status,
      ).toBe(200)
    }
    for (const site of ['same-origin', 'none'])
      expect((await post(server, 'about', '{}', { 'sec-fetch-site': site })).status).toBe(200)
  })
})

describe('requests', () => {
  test.each<[string, string, number, string | RegExp]>([
    ['about', '', 400, /^the request is not valid JSON/],
    ['about', '[]', 400, /^the request is not understood/],
    ['about', '{"a":1}', 400, /Unrecognized key/],
    ['findings', '{}', 400, /^the request evenOfMany is not understood/],
    ['graph', '{"family":"ipv5"}', 400, /^the request family is not understood/],
    ['graph', '{"family":"ipv4","family":"ipv6"}', 400, 'the request: the key "family" appears twice'],
    ['trace', '{"family":"ipv4","packet":[]}', 400, 'the request packet is not understood: a packet must be an object'],
    ['trace', '{"family":"ipv4","packet":{"nope":1}}', 400, /^there is no option nope; accepted: protocol/],
    ['trace', '{"family":"ipv4","packet":{"__proto__":{"source":"1.2.3.4"}}}', 400, /^there is no option __proto__/],
    ['trace', '{"family":"ipv4","packet":{"source":"::1"}}', 400, /::1/],
    [
      'trace',
      '{"family":"ipv4","packet":{"bytes":"4"}}',
      400,
      'the bytes of a packet are hexadecimal digits, two per byte',
    ],
    [
      'trace',
      '{"family":"ipv4","packet":{"destinationPort":"22"}}',
      400,
      /^the option destinationPort takes a whole number/,
    ],
    ['plan', '{"family":"ipv4","desired":"","owns":"tables","jumps":[]}', 400, /^the desired state has no table/],
    [
      'plan',
      '{"family":"ipv4","desired":"*filter\\n-A INPUT -j NOPE\\nCOMMIT\\n","owns":"tables","jumps":[]}',
      400,
      /NOPE/,
    ],
    [
      'plan',
      '{"family":"ipv4","desired":"{\\"filter\\":{},\\"filter\\":{}}","owns":"tables","jumps":[]}',
      400,
      /twice/,
    ],
    [
      'plan',
      '{"family":"ipv4","desired":"*filter\\nCOMMIT\\n","owns":{"prefix":""},"jumps":[]}',
      400,
      /^the option owns takes 'tables'/,
    ],
    [
      'plan',
      '{"family":"ipv4","desired":"{}","owns":"tables","jumps":[{"chain":"a","place":"first"},{"chain":"a","place":"last"}]}',
      400,
      'the place of jumps in a is given twice',
    ],
    ['apply', '{"plan":"x"}', 400, /isConfirmed/],
    ['apply', '{"plan":"x","isConfirmed":false}', 400, /isConfirmed/],
    ['toString', '{}', 404, 'there is no such call'],
    ['__proto__', '{}', 404, 'there is no such call'],
  ])('%s %s', async (name, body, status, message) => {
    const answer = await post(await served(), name, body)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toEqual({
      error: typeof message === 'string' ? message : expect.stringMatching(message),
    })
  })

  test('are JSON in UTF-8, with the right method', async () => {
    const server = await served()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''])
      expect([type, (await post(server, 'about', '{}', { 'content-type': type })).status]).toEqual([type, 415])
    expect((await post(server, 'about', new Uint8Array([0x22, 0xff, 0x22]))).body).toBe(
      '{"error":"the request is no UTF-8"}',
    )
    const methods: [string, string, string][] = [
      ['GET', '/api/about', 'POST'],
      ['PUT', '/api/apply', 'POST'],
      ['POST', '/api/live', 'GET'],
    ]
    for (const [method, path, allowed] of methods) {
      const { status, headers } = await ask(server, path, { method, headers: BEARER })
      expect([method, path, status, headers.allow]).toEqual([method, path, 405, allowed])
    }
    expect((await ask(server, `/?token=${TOKEN}`, { method: 'POST' })).status).toBe(405)
    for (const path of [
      '//evil.example/',
      'http://evil.example/',
      '*',
      '/%00',
      '/../package.json',
      '/%2e%2e/package.json',
      '/page.js/',
    ])
      expect([path, [400, 404]]).toEqual([
        path,
        expect.arrayContaining([(await ask(server, path.includes('?') ? path : `${path}?token=${TOKEN}`)).status]),
      ])
  })

  test('have a maximum size', async () => {
    const server = await served()
    const MOST = 8 << 20
    const large = `{"a":"${'x'.repeat(MOST)}"}`
    const error = { error: `a request has at most ${MOST} bytes` }
    const said = await ask(server, '/api/about', {
      method: 'POST',
      headers: { ...BEARER, ...JSON_TYPE, 'content-length': 1e12 },
    }).catch((reason: unknown) => reason)
    expect(said).toMatchObject({ status: 413, body: JSON.stringify(error) })
    // Without a length, the bytes are counted.
    const streamed = await post(server, 'about', large, { 'transfer-encoding': 'chunked' })
    expect([streamed.status, JSON.parse(streamed.body)]).toEqual([413, error])
    expect((await post(server, 'about', `{"a":"${'x'.repeat(1 << 20)}"}`)).status).toBe(400)
    expect((await post(server, 'about', '{}')).status).toBe(200)
  })

  test('unexpected errors are only reported to the user who started the server', async () => {
    const server = await served(kernelWith(), {
      placeOf() {
        throw new TypeError('secret')
      },
    })
    const { status, body } = await post(server, 'graph', '{"family":"ipv4"}')
    expect([status, body]).toEqual([
      500,
      '{"error":"something failed that nobody expected: xtables ui has printed what"}',
    ])
    expect(server.failures).toEqual([new TypeError('secret')])
  })
})

describe('calls', () => {
  test('lint, of both families', async () => {
    const server = await served()
    const { rules, findings } = await call(server, 'findings', { evenOfMany: false })
    expect(rules).toBe(8)
    expect(findings?.map(({ kind, family, chain }) => `${kind} ${family} ${chain}`)).toEqual(
      expect.arrayContaining(['shadowed ipv4 INPUT', 'unused-chain ipv4 alone', 'families-differ ipv4 INPUT']),
    )
  })

  test('lint of many rules only runs on request', async () => {
    const rules = Array.from({ length: 1001 }, (_, i) => `-A INPUT -s 10.0.${i >> 8}.${i & 255} -j ACCEPT`)
    const server = await served(kernelWith(filterOf(...rules)))
    expect(await call(server, 'findings', { evenOfMany: false })).toEqual({ rules: 1001 })
    expect(await call(server, 'findings', { evenOfMany: true })).toMatchObject({ rules: 1001, findings: [] })
  })

  test('the graph of hostile names is returned as data', async () => {
    const kernel = new MemoryKernel()
    const tables = hostileTables(kernel)
    const [drawn] = await call(await served(kernel), 'graph', { family: 'ipv4' })
    expect(drawn?.boxes.map(({ chain }) => chain)).toEqual(tables[0]?.chains.map(({ name }) => name))
    expect(drawn?.boxes.map(({ chain }) => chain)).toEqual(expect.arrayContaining([...NAMES]))
    const idOf = (name: string): string | undefined => drawn?.boxes.find(({ chain }) => chain === name)?.id
    const [first, second] = NAMES.map(idOf)
    const arrows = drawn?.arrows.map(({ from, to, positions }) => [from, to, positions])
    expect(arrows).toEqual(
      expect.arrayContaining([
        [idOf('INPUT'), first, [1]],
        [first, second, [1]],
      ]),
    )
    for (const { path } of drawn?.arrows ?? []) expect(path).toMatch(/^M[-\d., LQM]+$/)
  })

  test('of too many chains, only those of the packet are drawn', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `c${i}`)
    const server = await served(
      kernelWith(filterOf(...names.map((name) => `:${name} - [0:0]`), '-A INPUT -j c299', '-A c299 -j DROP')),
    )
    const [drawn] = await call(server, 'graph', { family: 'ipv4' })
    expect([drawn?.boxes.length, drawn?.left]).toEqual([150, 153])
    const { drawings } = await call(server, 'trace', { family: 'ipv4', packet: { way: 'input' } })
    expect(drawings[0]?.boxes.map(({ chain }) => chain)).toEqual(expect.arrayContaining(['INPUT', 'c299']))
    expect(drawings[0]?.arrows.map(({ positions }) => positions)).toEqual([[1]])
  })

  test('trace, with the branches of unknown properties', async () => {
    const server = await served(
      kernelWith(filterOf(':user - [0:0]', '-A INPUT -p tcp --dport 22 -j user', '-A user -s 10.0.0.1 -j DROP')),
    )
    const packet = { protocol: 'tcp', destinationPort: 22, way: 'input' } as const
    const { way } = await call(server, 'trace', { family: 'ipv4', packet })
    const rule = { chain: 'user', position: 0 }
    expect(way).toEqual({
      steps: [expect.objectContaining({ chain: 'INPUT', position: 0, matches: true })],
      left: 0,
      fork: {
        decides: '-s 10.0.0.1/32',
        rule: expect.objectContaining(rule),
        yes: { steps: [expect.objectContaining({ ...rule, matches: true })], left: 0, verdict: 'DROP' },
        no: {
          steps: [expect.objectContaining({ ...rule, matches: false }), expect.objectContaining({ verdict: 'ACCEPT' })],
          ...{ left: 0, verdict: 'ACCEPT' },
        },
      },
    })
    const bytes = '450000280001000040060000c0000201c6336401' + '9c40001600000000000000005002000000000000'
    const told = await call(server, 'trace', { family: 'ipv4', packet: { bytes, way: 'input' } })
    expect(told.way.steps[0]).toMatchObject({ chain: 'INPUT', position: 0, matches: true })
  })

  test('the number of reported rules that do not match is limited', async () => {
    const rules = Array.from({ length: 2000 }, (_, i) => `-A INPUT -p udp --dport ${i + 1} -j ACCEPT`)
    const server = await served(kernelWith(filterOf(...rules, '-A INPUT -p tcp -j DROP')))
    const { way } = await call(server, 'trace', { family: 'ipv4', packet: { protocol: 'tcp', way: 'input' } })
    expect([way.steps.length, way.left, way.verdict]).toEqual([501, 1500, 'DROP'])
    expect(way.steps.at(-1)).toMatchObject({ position: 2000, matches: true })
  })
})

describe('plans', () => {
  const DESIRED =
    '*filter\n:INPUT - [0:0]\n:user - [0:0]\n:user2 - [0:0]\n-A INPUT -j user\n-A user -s 10.0.0.2/32 -j ACCEPT\n-A user -j user2\nCOMMIT\n'
  const ASKED: Request<'plan'> = {
    family: 'ipv4',
    desired: DESIRED,
    owns: { chains: ['user', 'user2'] },
    jumps: [{ chain: 'INPUT', place: 'last' }],
  }
  // Without the comments, which contain the date.
  const text = (kernel: MemoryKernel): string =>
    save({ kernel, backend: 'legacy', counters: true }).replace(/^#.*/gm, '')

  test('are shown, applied if allowed and confirmed, and rolled back', async () => {
    let applied = 0
    const kernel = kernelWith()
    const server = await served(kernel, { mayApply: true, applied: () => void applied++ })
    const before = text(kernel)
    const plan = await call(server, 'plan', ASKED)
    expect(plan.lines.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      'stays *filter',
      'stays  :INPUT',
      'goes -  1: -p tcp -m tcp --dport 22 -m comment --comment "the shell" -j user',
      'comes +  3: -j user',
      'stays  :user',
      'goes -  1: -s 10.0.0.1/32 -j ACCEPT',
      'comes +  1: -s 10.0.0.2/32 -j ACCEPT',
      'goes -  2: -j deep',
      'comes +  2: -j user2',
      'comes +:user2',
    ])
    expect([text(kernel), applied]).toEqual([before, 0])
    const { undo } = await call(server, 'apply', { plan: plan.id, isConfirmed: true })
    expect(text(kernel)).toContain('-A user -j user2')
    expect(applied).toBe(1)
    expect((await call(server, 'plan', ASKED)).lines).toEqual([])
    await expect(call(server, 'apply', { plan: plan.id, isConfirmed: true })).rejects.toThrow(
      '409 this plan is no longer stored',
    )
    await call(server, 'apply', { plan: undo.id, isConfirmed: true })
    expect(text(kernel)).toBe(before)
  })

  test('are not applied unless the command allows it', async () => {
    const kernel = kernelWith()
    const server = await served(kernel)
    const before = text(kernel)
    expect((await call(server, 'about', {})).mayApply).toBe(false)
    const { id } = await call(server, 'plan', ASKED)
    await expect(call(server, 'apply', { plan: id, isConfirmed: true })).rejects.toThrow(
      '403 plans are carried out only where xtables ui was started with --allow-apply',
    )
    expect(text(kernel)).toBe(before)
  })

  test('are not applied to tables that have changed since', async () => {
    const kernel = kernelWith()
    const server = await served(kernel, { mayApply: true })
    const { id } = await call(server, 'plan', ASKED)
    easy.addRule('filter', 'user', { target: 'DROP' }, 0, { kernel, backend: 'legacy' })
    const before = text(kernel)
    await expect(call(server, 'apply', { plan: id, isConfirmed: true })).rejects.toThrow(
      '409 chain user of table filter has changed since the plan was made; make a new plan',
    )
    expect(text(kernel)).toBe(before)
  })

  test('are stored for some time, not for ever', async () => {
    const server = await served(kernelWith(), { mayApply: true })
    const { id } = await call(server, 'plan', ASKED)
    for (let i = 0; i < 32; i++) await call(server, 'plan', ASKED)
    await expect(call(server, 'apply', { plan: id, isConfirmed: true })).rejects.toThrow(
      '409 this plan is no longer stored',
    )
  })
})

/** Events of a stream, in order. */
class Stream implements AsyncDisposable {
  readonly events: LiveEvent[] = []
  readonly #end = new AbortController()
  readonly #done: Promise<void>

  constructor(server: Served) {
    this.#done = this.#read(server).catch(() => {})
    opened.push(this)
  }

  async #read({ origin }: Served): Promise<void> {
    const response = await fetch(`${origin}/api/live`, { headers: BEARER, signal: this.#end.signal })
    let rest = ''
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const events = (rest + chunk).split('\n\n')
      rest = events.pop() ?? ''
      this.events.push(...events.map((event) => JSON.parse(event.replace(/^data: /, ''))))
    }
  }

  async until(isThere: (events: readonly LiveEvent[]) => boolean): Promise<void> {
    await until('the events have arrived', () => isThere(this.events))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    await this.#done
  }
}

const kinds = (events: readonly LiveEvent[]): string[] => events.map(({ kind }) => kind)
const recount = (kernel: MemoryKernel, text: string): void =>
  void restore(text, { kernel, backend: 'legacy', counters: true })

describe('live', () => {
  test('first the tables, then counters, then changes', async () => {
    const kernel = kernelWith()
    const stream = new Stream(await served(kernel))
    await stream.until((events) => events.length >= 2)
    const [first, second] = stream.events
    expect(first).toMatchObject({ kind: 'tables', tables: [{ family: 'ipv4', table: 'filter', backend: 'legacy' }] })
    const [table] = first?.kind === 'tables' ? first.tables : []
    expect(table?.chains.find(({ name }) => name === 'deep')?.rules[0]?.counters).toEqual(['18446744073709551615', 7])
    expect(second).toMatchObject({ kind: 'counters', rules: [] })
    recount(kernel, TEXT.replace('[5:6]', '[105:2006]').replace('DROP [3:4]', 'DROP [30:40]'))
    const counting = (events: readonly LiveEvent[]) =>
      events.flatMap((one) => (one.kind === 'counters' && one.rules.length > 0 ? [one] : []))
    await stream.until((events) => counting(events).length > 0)
    const [counted] = counting(stream.events)
    expect(counted?.rules).toEqual([
      {
        table: 0,
        chain: 0,
        rule: 0,
        counters: [105, 2006],
        packetsPerSecond: expect.any(Number),
        bytesPerSecond: expect.any(Number),
      },
    ])
    expect(counted?.rules[0]?.bytesPerSecond).toBeCloseTo(20 * (counted?.rules[0]?.packetsPerSecond ?? 0))
    expect(counted?.policies[0]).toEqual({ table: 0, chain: 0, counters: [30, 40] })
    // A reset counter is reported, too.
    recount(kernel, TEXT.replace('[5:6]', '[0:0]'))
    await stream.until((events) => counting(events).length > 1)
    expect(counting(stream.events)[1]?.rules[0]).toMatchObject({ counters: [0, 0], packetsPerSecond: 0 })
    easy.addRule('filter', 'user', { target: 'DROP' }, 0, { kernel, backend: 'legacy' })
    await stream.until((events) => kinds(events).filter((kind) => kind === 'tables').length > 1)
  })

  test('one reading for all listeners, and none without listeners', async () => {
    const server = await served(kernelWith(), { delayMs: 50 })
    expect(server.readings()).toBe(0)
    const streams = Array.from({ length: 8 }, () => new Stream(server))
    for (const stream of streams) await stream.until((events) => events.length >= 6)
    const before = server.readings()
    await new Promise((resolve) => setTimeout(resolve, 500))
    // With separate readings, each would have had ten.
    expect(server.readings() - before).toBeLessThanOrEqual(11)
    for (const stream of streams) await stream[Symbol.asyncDispose]()
    await new Promise((resolve) => setTimeout(resolve, 150))
    const readings = server.readings()
    await new Promise((resolve) => setTimeout(resolve, 250))
    expect(server.readings()).toBe(readings)
    // The next listener gets everything.
    const stream = new Stream(server)
    await stream.until((events) => events.length >= 2)
    expect(kinds(stream.events).slice(0, 2)).toEqual(['tables', 'counters'])
  })

  test('an error while reading is reported, and the next reading may succeed', async () => {
    let isBroken = false
    const server = await served(kernelWith(), {
      async read() {
        if (isBroken) throw new Error('secret')
        return []
      },
    })
    const stream = new Stream(server)
    await stream.until((events) => events.length >= 1)
    isBroken = true
    await stream.until((events) => kinds(events).includes('failed'))
    isBroken = false
    const at = stream.events.length
    await stream.until((events) => events.length > at + 1)
    expect(kinds(stream.events)[0]).toBe('tables')
    expect(kinds(stream.events).at(-1)).toBe('counters')
    expect(JSON.stringify(stream.events)).not.toContain('secret')
    expect(server.failures).not.toEqual([])
  })
})
