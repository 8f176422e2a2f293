/** Long computations, run at once or in slices between which the event loop gets a turn. */

/** A computation that yields at least every millisecond. Its input must not change meanwhile. */
export type Sliced<T> = Generator<void, T, void>

export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

/** The longest time for which the event loop is blocked. */
const SLICE_MS = 4

/** Returns a function to be called repeatedly. It gives the event loop a turn if the last one is too long ago. */
export function turns(): () => Promise<void> | undefined {
  let start = performance.now()
  return () => {
    if (performance.now() - start < SLICE_MS) return undefined
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      start = performance.now()
    })
  }
}

export async function inSlices<T>(work: Sliced<T>): Promise<T> {
  for (const turn = turns(); ; ) {
    const step = work.next()
    if (step.done) return step.value
    const due = turn()
    if (due !== undefined) await due
  }
}
