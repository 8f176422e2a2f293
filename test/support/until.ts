/** How long tests wait for a condition that this or another process fulfils. */
import { setTimeout as sleep } from 'node:timers/promises'

/** How many times slower the machine is than the machines on which the tests were written. Emulated ones are slower. */
export const slowness = Number(process.env['XTABLES_TEST_SLOWNESS'] ?? 1)

const PATIENCE_MS = 30_000 * slowness
const POLL_MS = 10

/**
 * Waits until a condition holds. It is not evaluated again after that: it may only hold for a moment.
 * @returns whether it held in time
 */
export async function comesTrue(condition: () => boolean, patienceMs = PATIENCE_MS): Promise<boolean> {
  for (const end = performance.now() + patienceMs; !condition(); await sleep(POLL_MS))
    if (performance.now() > end) return false
  return true
}

/** As {@link comesTrue}. @throws Error if the condition does not hold in time */
export async function until(what: string, condition: () => boolean, patienceMs?: number): Promise<void> {
  if (!(await comesTrue(condition, patienceMs))) throw new Error(`waited in vain until ${what}`)
}
