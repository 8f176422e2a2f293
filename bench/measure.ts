/** Times in milliseconds, of bodies that run in turns, so that noise on the machine affects all of them alike. */

/** What returns a number, or a promise of one, has measured itself, in milliseconds; else it is timed. */
export type Body = () => unknown

async function timed(body: Body): Promise<number> {
  const start = performance.now()
  const measured = await body()
  return typeof measured === 'number' ? measured : performance.now() - start
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] as number

/** At least so often, and then for as long as there is time. */
const LEAST_ROUNDS = 5
const MOST_ROUNDS = 200
const ENOUGH_MS = 4_000
/** A body that takes longer than all the others may have is run once. */
const SLOW_MS = 8_000

/** The median of each body. The first round warms up and does not count. */
export async function inTurns<Name extends string>(
  bodies: Readonly<Record<Name, Body>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(bodies) as Name[]
  const first = {} as Record<Name, number>
  for (const name of names) first[name] = await timed(bodies[name])
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>
  const start = performance.now()
  for (let round = 0; round < MOST_ROUNDS; round++) {
    if (round >= LEAST_ROUNDS && performance.now() - start > ENOUGH_MS) break
    // Whoever comes behind a process that was started pays for its pages and for what it left of the caches.
    const order = round % 2 === 0 ? names : names.toReversed()
    for (const name of order) if (first[name] < SLOW_MS) times[name].push(await timed(bodies[name]))
  }
  return Object.fromEntries(
    names.map((name) => [name, times[name].length === 0 ? first[name] : median(times[name])]),
  ) as Record<Name, number>
}
