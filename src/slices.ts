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

export async function inSlices<T>(work: Sliced<T>): Promise<T> {
  for (let start = performance.now(); ; ) {
    const step = work.next()
    if (step.done) return step.value
    if (performance.now() - start < SLICE_MS) continue
    await new Promise<void>((resolve) => setImmediate(resolve))
    start = performance.now()
  }
}
