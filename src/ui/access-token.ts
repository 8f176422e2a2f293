/**
 * Access control by a token, which is in the URL that the command prints. The page sends it as a header with
 * every call. There is no cookie, because browsers send a host's cookies to all of its ports, and so to any
 * other server on this machine.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export class Refused extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** 256 bits, in characters that need no escaping in URLs and HTML. */
export const newToken = (): string => randomBytes(32).toString('base64url')

/** The headers of every response. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", 'img-src data:'],
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
    // Scripts cannot turn text into HTML or code.
    ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
  ].join('; '),
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/**
 * Host names that DNS rebinding cannot use, because no other site can own them. Any port is accepted, as an SSH tunnel may have
 * another one.
 */
const HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/

export class Guard {
  readonly #digest: Buffer

  constructor(token: string) {
    this.#digest = digestOf(token)
  }

  /**
   * @param token the token in the request, if there is one
   * @throws Refused if the token is wrong, or if another site sent the request, except to open the page
   */
  check(request: IncomingMessage, token: string | undefined): void {
    checkOrigin(request)
    // Digests have the same length, as timingSafeEqual requires, whatever the length of the given token.
    if (token === undefined || !timingSafeEqual(digestOf(token), this.#digest))
      throw new Refused(403, 'the token is missing or wrong: open the address that xtables ui has printed')
  }
}

const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/** @throws Refused */
function checkOrigin({ headers }: IncomingMessage): void {
  const { host = '', origin } = headers
  if (!HOST.test(host)) throw new Refused(403, `the page is at 127.0.0.1, not at ${host}`)
  if (origin !== undefined && origin !== `http://${host}`)
    throw new Refused(403, `the page of ${origin} may not ask here`)
  const site = headers['sec-fetch-site'] ?? 'none'
  // A link that opens the page may be on any site.
  const isOpening = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  if (site !== 'same-origin' && site !== 'none' && !isOpening)
    throw new Refused(403, `a page of another site may not ask here (Sec-Fetch-Site: ${String(site)})`)
}

/** The token in the header `Authorization: Bearer TOKEN`. */
export const bearerToken = ({ headers }: IncomingMessage): string | undefined =>
  /^Bearer ([\w-]+)$/.exec(headers.authorization ?? '')?.[1]
