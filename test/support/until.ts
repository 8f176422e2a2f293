/** Waits for conditions that other processes fulfil. */
import { setTimeout as sleep } from 'node:timers/promises'

/** How many times slower the machine is than the machines on which the tests were written. Emulated ones are slower. */
export const slowness = Number(process.env['XTABLES_TEST_SLOWNESS'] ?? 1)

const PATIENCE_MS = 30_000
const POLL_MS = 10

/**
 * Waits until a condition holds. It is not evaluated again after that: it may only hold for a moment.
 * @throws Error if it does not hold in time
 */
export async function until(what: string, condition: () => boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS * slowness; !condition(); await sleep(POLL_MS))
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
}
