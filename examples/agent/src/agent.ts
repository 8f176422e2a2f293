/** Keeps chains of the packet filter as a policy file describes them, until SIGTERM or SIGINT. */
import { setMaxListeners } from 'node:events'
import { watchFile } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { Keeper } from './keeper.js'
import { type Options, readOptions, USAGE } from './options.js'
import { serve } from './server.js'
import { Wakeup } from './wakeup.js'
import { watchTables } from './watch.js'

const FILE_POLL_MS = 500
/** The wait before a repair. It doubles with every repair in a row, so that two agents do not fight in a hot loop. */
const BACK_OFF_MS = { least: 200, most: 30_000 }
const STATUS = { failed: 1, usage: 2 }

/** Logs one line. The time is added by what runs the agent, such as systemd. */
const log = (text: string): void => console.error(text.trim().replaceAll(/\s*\n\s*/g, '; '))

async function run(options: Options): Promise<void> {
  const wakeup = new Wakeup()
  // One per watched table, and more.
  setMaxListeners(0, wakeup.ended)
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => wakeup.end())
  process.on('SIGHUP', () => wakeup.now('SIGHUP'))
  watchFile(options.file, { interval: FILE_POLL_MS }, () => wakeup.now('a change of the policy file'))

  const keeper = new Keeper(options)
  for (const line of await keeper.keep(wakeup.ended)) log(line)
  if (keeper.fault !== undefined && !wakeup.ended.aborted) throw new Error(keeper.fault)
  const server = await serve(options.address, keeper, options)
  watchTables(options.backend, (change) => wakeup.now(change), wakeup.ended).catch(crash)
  const { address, port } = server.address() as AddressInfo
  log(`keeping ${options.prefix}* in ${options.backend} tables; http on ${address} port ${port}`)

  await keepOn(keeper, wakeup, options)

  if (options.remove) for (const line of await keeper.remove()) log(line)
  server.close().closeAllConnections()
  log(`ended; the chains ${options.remove ? 'are removed' : 'stay'}`)
}

async function keepOn(keeper: Keeper, wakeup: Wakeup, { pollMs }: Options): Promise<void> {
  for (let pauseMs = BACK_OFF_MS.least; ; ) {
    const cause = await wakeup.next(pollMs, pauseMs)
    if (wakeup.ended.aborted) return
    const { policy, fault } = keeper
    const done = await keeper.keep(wakeup.ended)
    const isRepair = done.length > 0 && keeper.policy === policy
    if (isRepair) log(`repaired after ${cause ?? 'a change by another program'}`)
    for (const line of done) log(line)
    if (keeper.fault !== fault) log(keeper.fault === undefined ? 'in force again' : `not in force: ${keeper.fault}`)
    pauseMs = isRepair ? Math.min(2 * pauseMs, BACK_OFF_MS.most) : Math.max(pauseMs / 2, BACK_OFF_MS.least)
  }
}

function crash(error: unknown): never {
  log(`agent: ${(error as Error).message}`)
  process.exit(STATUS.failed)
}

try {
  run(readOptions(process.argv.slice(2))).then(() => process.exit(), crash)
} catch (error) {
  log(`agent: ${(error as Error).message}`)
  if (error instanceof TypeError) log(USAGE)
  process.exitCode = error instanceof TypeError ? STATUS.usage : STATUS.failed
}
