/** `xtables ui`: serves the web UI. The printed address contains the access token. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { FamilyName } from '../abi/family'
import type { Place } from '../easy/batch'
import { IptcError } from '../errors'
import { sshSession } from '../lint/lockout'
import { newToken } from '../ui/access-token'
import { uiServer } from '../ui/server'
import { UI } from './applets/own-applets'
import { CommandLineError, readWords } from './command-line'
import { type Io, type OpenKernel, placeIn } from './open-kernel'
import { readTablesAsync } from './view'

const LOOPBACK = '127.0.0.1'

/** The build copies the page to a directory next to the command. */
const FILES = join(__dirname, 'page')

/** The minimum time between two readings, and the maximum of Node's timers. */
const [LEAST_SECONDS, MOST_SECONDS] = [0.1, 2_147_483]

/**
 * Serves the page on loopback until the signal, and prints its address.
 * @param files the directory of the page
 */
export async function runUi(
  args: string[],
  open: OpenKernel,
  { stdout, stderr }: Pick<Io, 'stdout' | 'stderr'>,
  signal: AbortSignal,
  files = FILES,
): Promise<void> {
  const { values } = readWords(UI, args)
  const [port, seconds] = [readPort(values.port), readDelay(values.delay)]
  const placeOf = (family: FamilyName): Place => placeIn(open, family)
  const read = () => readTablesAsync({}, open)
  // Read once now, so that missing privileges are reported immediately.
  await read()
  const token = newToken()
  const server = uiServer({
    ...{ token, files, placeOf, read, delayMs: seconds * 1000 },
    session: values['no-session'] ? undefined : sshSession(process.env['SSH_CONNECTION']),
    mayApply: values['allow-apply'] ?? false,
    applied: open.save,
    failed: (error) => stderr(`xtables: ${(error as Error).stack}\n`),
  })
  const ended = signal.aborted ? Promise.resolve() : once(signal, 'abort')
  try {
    await once(server.listen({ host: LOOPBACK, port }), 'listening')
  } catch (cause) {
    throw new IptcError('XT_FILE', `cannot listen on ${LOOPBACK}:${port} (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    })
  }
  stdout(`http://${LOOPBACK}:${(server.address() as AddressInfo).port}/?token=${token}\n`)
  await ended
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

/** @throws CommandLineError */
function readPort(word: string): number {
  if (/^\d{1,5}$/.test(word) && Number(word) <= 0xffff) return Number(word)
  throw new CommandLineError(`--port must be a number from 0 to 65535, not ${JSON.stringify(word)}`)
}

/** @throws CommandLineError */
function readDelay(word: string): number {
  const seconds = word.trim() === '' ? Number.NaN : Number(word)
  if (seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS) return seconds
  throw new CommandLineError(`--delay must be a number of seconds from ${LEAST_SECONDS}, not ${word}`)
}
