/** Long work, done at once or in slices between which the event loop has its turn. */

/** Yields where it may be interrupted, every millisecond or more often. What it works on must not change meanwhile. */
export type Sliced<T> = Generator<void, T, void>

export function atOnce<T>(work: Sliced<T>): T {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

/** How long the event loop may have to wait. */
const SLICE_MS = 4

/** To be called again and again: gives the event loop its turn where the last time was too long ago. */
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
