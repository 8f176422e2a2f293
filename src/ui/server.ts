/** Serves the page and its calls over HTTP to clients with the token. */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { ConflictError, IptcError, LockTimeoutError, NotFoundError, PermissionError } from '../errors'
import { parseJson, toJson } from '../json'
import { bearerToken, Guard, Refused, SECURITY_HEADERS } from './access-token'
import { type CallOptions, type Calls, callsOf } from './answer-calls'
import { type CallName, type ErrorAnswer, REQUESTS } from './api'
import { type Listener, type LiveOptions, LiveTables } from './live-tables'

export interface UiOptions extends CallOptions, Omit<LiveOptions, 'failed'> {
  readonly token: string
  /** The folder of the page: `index.html`, `page.css` and `page.js`. */
  readonly files: string
  /** Reports an unexpected error. */
  readonly failed: (error: unknown) => void
}

const TYPES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
}
const JSON_TYPE = 'application/json; charset=utf-8'

/** In bytes. Text with 10,000 rules has about one million. */
const MOST_BODY = 8 << 20
/** The number of unread bytes at which a stream is closed. The page then opens it again, and gets all tables. */
const MOST_BEHIND = 32 << 20
const MOST_CONNECTIONS = 64
const REQUEST_MS = 30_000

export function uiServer(options: UiOptions): Server {
  const ui = new Ui(options)
  const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) =>
    ui.answer(request, response),
  )
  server.maxConnections = MOST_CONNECTIONS
  return server
}

class Ui {
  readonly #options: UiOptions
  readonly #guard: Guard
  readonly #calls: Calls
  readonly #live: LiveTables

  constructor(options: UiOptions) {
    this.#options = options
    this.#guard = new Guard(options.token)
    this.#calls = callsOf(options)
    this.#live = new LiveTables({ ...options, failed: (error) => this.#explain(error).message })
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value)
    this.#answer(request, response).catch((error: unknown) => {
      const { status, message } = this.#explain(error)
      // The rest of the request is discarded.
      if (!request.complete) response.setHeader('connection', 'close')
      end(response, status, JSON_TYPE, JSON.stringify({ error: message } satisfies ErrorAnswer))
      request.resume()
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = addressOf(request)
    const isCall = pathname.startsWith('/api/')
    this.#guard.check(request, isCall ? bearerToken(request) : (searchParams.get('token') ?? undefined))
    if (!isCall) this.#sendFile(request, response, pathname === '/' ? 'index.html' : pathname.slice(1))
    else if (pathname === '/api/live') this.#sendNews(request, response)
    else await this.#call(request, response, pathname.slice('/api/'.length))
  }

  #sendFile(request: IncomingMessage, response: ServerResponse, name: string): void {
    if (!Object.hasOwn(TYPES, name)) throw new Refused(404, 'there is no such file')
    checkMethod(request, response, 'GET')
    const text = readFileSync(join(this.#options.files, name), 'utf8')
    end(response, 200, TYPES[name] as string, text.replaceAll('{{token}}', this.#options.token))
  }

  #sendNews(request: IncomingMessage, response: ServerResponse): void {
    checkMethod(request, response, 'GET')
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    const send: Listener = (json) => {
      if (response.writableLength > MOST_BEHIND) response.destroy()
      else response.write(`data: ${json}\n\n`)
    }
    const listening = this.#live.listen(send)
    response.on('close', () => listening[Symbol.dispose]())
  }

  async #call(request: IncomingMessage, response: ServerResponse, name: string): Promise<void> {
    if (!Object.hasOwn(REQUESTS, name)) throw new Refused(404, 'there is no such call')
    checkMethod(request, response, 'POST')
    const answer = this.#answerOf(name as CallName, await bodyOf(request))
    end(response, 200, JSON_TYPE, toJson(answer, 0))
  }

  #answerOf<Name extends CallName>(name: Name, body: string): unknown {
    const { success, data, error } = REQUESTS[name].safeParse(parseJson(body, 'the request'))
    if (success) return this.#calls[name](data as never)
    const [issue] = error.issues
    throw new Refused(400, ['the request', ...(issue?.path ?? []), `is not understood: ${issue?.message}`].join(' '))
  }

  #explain(error: unknown): { status: number; message: string } {
    if (error instanceof Refused) return error
    if (error instanceof IptcError) return { status: statusOf(error), message: error.message }
    this.#options.failed(error)
    return { status: 500, message: 'something failed that nobody expected: xtables ui has printed what' }
  }
}

function statusOf(error: IptcError): number {
  if (error instanceof ConflictError || error instanceof LockTimeoutError) return 409
  if (error instanceof PermissionError) return 403
  return error instanceof NotFoundError ? 404 : 400
}

/** @throws Refused if the URL is not a path */
function addressOf({ url = '' }: IncomingMessage): URL {
  const base = 'http://127.0.0.1'
  if (!url.startsWith('/') || url.startsWith('//') || !URL.canParse(url, base))
    throw new Refused(400, 'this is no path')
  return new URL(url, base)
}

/** @throws Refused */
function checkMethod({ method }: IncomingMessage, response: ServerResponse, only: 'GET' | 'POST'): void {
  if (method === only) return
  response.setHeader('allow', only)
  throw new Refused(405, `${only} is what there is`)
}

/** @throws Refused if the content type is not JSON, or the body is too large or not UTF-8 */
async function bodyOf(request: IncomingMessage): Promise<string> {
  if (!/^application\/json(;|$)/.test(request.headers['content-type'] ?? ''))
    throw new Refused(415, 'a request is application/json')
  const tooLarge = new Refused(413, `a request has at most ${MOST_BODY} bytes`)
  if (Number(request.headers['content-length'] ?? 0) > MOST_BODY) throw tooLarge
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MOST_BODY) throw tooLarge
    chunks.push(chunk)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch {
    throw new Refused(400, 'the request is no UTF-8')
  }
}

function end(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type }).end(body)
}
