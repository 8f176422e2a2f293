/**
 * A pool of buffers for large requests. When editing 100,000 rules, mapping and freeing the pages of two new
 * buffers takes as long as copying their 49 MB. A spare buffer is held for a second, and then weakly, so that
 * it can be garbage-collected.
 */

/** Below this size, allocating a new buffer has no measurable cost. */
const BIG = 0x1_0000
/** One for reading, and one for writing. */
const MOST_SPARES = 2
/** Spare room, so that a table that has grown by a few rules still fits. */
const ROOM = 0x1_0000

const HOLD_MS = 1000

const spares: WeakRef<ArrayBufferLike>[] = []
/** The buffers that were returned recently. */
let held: ArrayBufferLike[] = []
let release: NodeJS.Timeout | undefined

/** Holds a buffer strongly for a while, so that it survives garbage collection until the next edit. */
function hold(buffer: ArrayBufferLike): void {
  held = [...held.slice(1 - MOST_SPARES), buffer]
  release ??= setTimeout(() => {
    held = []
  }, HOLD_MS).unref()
  release.refresh()
}

function takeSpare(size: number): ArrayBufferLike | undefined {
  const at = spares.findIndex((spare) => {
    const capacity = spare.deref()?.byteLength ?? 0
    return size <= capacity && capacity <= 2 * size
  })
  return at < 0 ? undefined : spares.splice(at, 1)[0]?.deref()
}

/** A buffer of this size. A large one is not zeroed: the caller must write every byte. */
export function takeBuffer(size: number): Uint8Array<ArrayBufferLike> {
  if (size < BIG) return new Uint8Array(size)
  return new Uint8Array(takeSpare(size) ?? Buffer.allocUnsafeSlow(size + ROOM).buffer, 0, size)
}

/** A buffer of this size, filled with zeros. */
export function takeZeros(size: number): Uint8Array<ArrayBufferLike> {
  const spare = size < BIG ? undefined : takeSpare(size)
  // The system provides zeroed pages, and only when they are first accessed.
  return spare === undefined
    ? new Uint8Array(new ArrayBuffer(size + ROOM), 0, size)
    : new Uint8Array(spare, 0, size).fill(0)
}

/** Gives back what {@link takeBuffer} or {@link takeZeros} gave, or a part of it. Nobody may look at it any more. */
export function giveBack({ buffer }: Uint8Array): void {
  if (buffer.byteLength < BIG || spares.some((spare) => spare.deref() === buffer)) return
  spares.push(new WeakRef(buffer))
  hold(buffer)
  if (spares.length > MOST_SPARES) spares.shift()
}
