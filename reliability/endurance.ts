/** A long life: operations without end leave nothing behind. */
import type { Sample } from './actors/endurance'
import { resultOf, Stage } from './stage'

const MEGABYTE = 1 << 20
/** What memory may grow by between the second quarter and the end, when all code is compiled and all caches are full. */
const GROWTH = { resident: 24 * MEGABYTE, heap: 4 * MEGABYTE, external: 4 * MEGABYTE }

function check(samples: readonly Sample[]): void {
  const [early, last] = [samples[1], samples.at(-1)]
  if (early === undefined || last === undefined) throw new Error('no samples')
  const print = JSON.stringify(samples, null, 1)
  if (last.descriptors > early.descriptors || last.threads > early.threads)
    throw new Error(`descriptors or threads grew: ${print}`)
  for (const name of ['resident', 'heap', 'external'] as const)
    if (last[name] - early[name] > GROWTH[name]) throw new Error(`${name} memory grew: ${print}`)
}

const megabytes = (bytes: number | undefined): string => `${((bytes ?? 0) / MEGABYTE).toFixed(1)} MB`

/** @param operations how many */
export async function endurance(operations: number): Promise<string> {
  using stage = new Stage()
  const samples = resultOf<Sample[]>(await stage.runActor('endure', String(operations)))
  check(samples)
  const [early, last] = [samples[1], samples.at(-1)]
  return (
    `${operations} operations: ${last?.descriptors} descriptors, ${last?.threads} threads throughout; ` +
    `resident ${megabytes(early?.resident)} after a quarter, ${megabytes(last?.resident)} at the end, ` +
    `heap ${megabytes(early?.heap)} and ${megabytes(last?.heap)}`
  )
}
