/** Keeps chains of the packet filter as a file says, until SIGTERM or SIGINT. */
import { watchFile } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { Alarm } from './alarm.js'
import { Keeper } from './keeper.js'
import { type Options, readOptions, USAGE } from './options.js'
import type { Policy } from './policy.js'
import { serve } from './server.js'
import { watchTables } from './watch.js'

const FILE_POLL_MS = 500
const STATUS = { failed: 1, usage: 2 }

/** One line, whatever the text: what runs us adds the time. */
const log = (text: string): void => console.error(text.trim().replaceAll(/\s*\n\s*/g, '; '))

async function run(options: Options): Promise<void> {
  const alarm = new Alarm()
  const keeper = new Keeper(options)
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => alarm.end())
  process.on('SIGHUP', () => alarm.reload())
  watchFile(options.file, { interval: FILE_POLL_MS }, () => alarm.reload())

  await keeper.reload()
  for (const line of await keeper.keep(alarm.ended)) log(line)
  if (keeper.fault !== undefined && !alarm.ended.aborted) throw new Error(keeper.fault)
  const server = await serve(options.address, keeper, options)
  const { address, port } = server.address() as AddressInfo
  log(`keeping ${options.prefix}* in ${options.backend} tables; http on ${address} port ${port}`)

  await keepOn(keeper, alarm, options)

  if (options.remove) for (const line of await keeper.remove()) log(line)
  server.close().closeAllConnections()
  log(`ended; the chains ${options.remove ? 'are gone' : 'stay'}`)
}

async function keepOn(keeper: Keeper, alarm: Alarm, { pollMs, backend }: Options): Promise<void> {
  let watched: { policy: Policy; end: AbortController } | undefined
  let fault: string | undefined
  for (let wasMended = false; ; ) {
    if (watched?.policy !== keeper.policy) {
      watched?.end.abort()
      watched = { policy: keeper.policy, end: new AbortController() }
      watchTables(watched.policy, backend, (what) => alarm.disturb(what), watched.end.signal).catch(crash)
    }
    const { isStale, disturbance } = await alarm.next(pollMs, wasMended)
    if (alarm.ended.aborted) break
    if (isStale) await keeper.reload()
    const done = await keeper.keep(alarm.ended)
    wasMended = done.length > 0 && !isStale
    if (wasMended) log(`mended after ${disturbance ?? 'a change by others'}`)
    for (const line of done) log(line)
    if (keeper.fault !== fault) log(keeper.fault === undefined ? 'all is well again' : `not in force: ${keeper.fault}`)
    fault = keeper.fault
  }
  watched?.end.abort()
}

function crash(error: unknown): never {
  log(`agent: ${(error as Error).message}`)
  process.exit(STATUS.failed)
}

function main(): void {
  try {
    run(readOptions(process.argv.slice(2))).then(() => process.exit(), crash)
  } catch (error) {
    log(`agent: ${(error as Error).message}`)
    if (error instanceof TypeError) log(USAGE)
    process.exitCode = error instanceof TypeError ? STATUS.usage : STATUS.failed
  }
}

main()
