/** A long life: operations without end leave nothing behind. */
import type { Sample } from './actors/endurance'
import type { Holdings, Memory } from './actors/holdings'
import { type Line, lineThrough } from './slope'
import { resultOf, Stage } from './stage'

const MEGABYTE = 1 << 20
/** By how much memory may rise once all code is compiled and all caches are full, however many operations that were. */
const MOST: Readonly<Record<keyof Memory, number>> = {
  resident: 16 * MEGABYTE,
  heap: 2 * MEGABYTE,
  external: MEGABYTE / 8,
  buffers: MEGABYTE / 8,
}

/** The part of the samples during which the process still grows into its work. */
const WARM_UP = 0.3

const megabytes = (bytes: number): string => `${(bytes / MEGABYTE).toFixed(2)} MB`

function checkHoldings(samples: readonly Holdings[]): void {
  const first = samples[0] as Holdings
  for (const name of ['descriptors', 'threads', 'mounts'] as const) {
    const grown = samples.find((sample) => sample[name] > first[name])
    if (grown !== undefined) throw new Error(`${name} grew from ${first[name]}: ${JSON.stringify(grown)}`)
  }
  if (!samples.every(({ isLockFree }) => isLockFree)) throw new Error('the lock was still held between operations')
}

function checkMemory(name: keyof Memory, samples: readonly Sample[]): Line {
  const line = lineThrough(samples.map((sample) => [sample.operations, sample[name]]))
  // Three times the error: growth of which chance makes that much is in one of a thousand runs.
  if (line.rise - 3 * line.error <= MOST[name]) return line
  const values = samples.map((sample) => megabytes(sample[name])).join(', ')
  throw new Error(`${name} memory rises by ${megabytes(line.rise)}: ${values}`)
}

/** @param operations how many */
export async function endurance(operations: number): Promise<string> {
  using stage = new Stage()
  const samples = resultOf<Sample[]>(await stage.runActor('endure', String(operations)))
  const warm = samples.slice(Math.ceil(WARM_UP * samples.length))
  checkHoldings(warm)
  const last = warm.at(-1) as Sample
  const figures = (Object.keys(MOST) as (keyof Memory)[]).map((name) => {
    const { rise, error } = checkMemory(name, warm)
    return `${name} ${megabytes(last[name])}, rising by ${megabytes(rise)} ± ${megabytes(error)}`
  })
  return (
    `${operations} operations: ${last.descriptors} descriptors and ${last.threads} threads throughout, the lock free; ` +
    `over the last ${warm.length} of ${samples.length} samples ${figures.join('; ')}`
  )
}
