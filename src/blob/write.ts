/** From a ruleset to a blob. */
import { replace } from '../abi/x-tables'
import { takeBuffer } from '../binary/buffers'
import type { KernelEntries } from '../ruleset/kernel-entries'
import type { Ruleset } from '../ruleset/ruleset'
import { atOnce, type Sliced } from '../time-slices'
import { aimPiece, type Piece, type Plan, planOf } from './plan'
import type { Layout } from './read'

/** Room before the entries for `struct ipt_replace`, so that a request needs no second copy of them. */
export const REQUEST_HEAD = replace.size

export interface Request {
  readonly layout: Layout
  /** {@link REQUEST_HEAD} bytes, still empty, and then the entries. */
  readonly bytes: Uint8Array
}

/** How many bytes are copied in a slice. */
const SLICE = 0x20_0000
/** And how many pieces. */
const MANY = 1024

/** Lays the table out. @throws RuleError for a rule that goes to a chain which is not there */
export const writeRuleset = (ruleset: Ruleset): Request => atOnce(writeRulesetSliced(ruleset))

/** As {@link writeRuleset}. */
export function* writeRulesetSliced(ruleset: Ruleset): Sliced<Request> {
  const plan = planOf(ruleset)
  const bytes = takeBuffer(REQUEST_HEAD + plan.size).fill(0, 0, REQUEST_HEAD)
  const entries = bytes.subarray(REQUEST_HEAD)
  let count = 0
  for (const piece of plan.pieces) {
    yield* copy(piece, ruleset.image, entries)
    if (++count % MANY === 0) yield
  }
  for (const piece of plan.pieces) aimPiece(plan, piece, entries)
  return { layout: plan.layout, bytes }
}

function* copy({ from, at, size }: Piece, image: KernelEntries | undefined, entries: Uint8Array): Sliced<void> {
  if (typeof from !== 'number') {
    entries.set(from.bytes, at)
    return
  }
  const { bytes, starts } = image as KernelEntries
  const first = starts[from] as number
  for (let done = 0; done < size; done += SLICE) {
    entries.set(bytes.subarray(first + done, first + Math.min(done + SLICE, size)), at + done)
    if (size > SLICE) yield
  }
}

/**
 * As {@link writeRuleset}, in the memory that the table was read into: what stays where it is need not be copied, which of
 * an edit among 100,000 rules is 49 MB, and 10 ms. Neither the ruleset nor the one it was made of can be used afterwards.
 * @returns undefined where there is no room, or where entries change their order
 */
export function writeInPlace(ruleset: Ruleset): Request | undefined {
  const { image } = ruleset
  const plan = planOf(ruleset)
  if (image === undefined || !canMove(plan, image)) return undefined
  const { bytes, starts } = image
  const shift = leastShift(plan, image)
  const begin = bytes.byteOffset + shift
  if (begin < REQUEST_HEAD || begin + plan.size > bytes.buffer.byteLength) return undefined
  const whole = new Uint8Array(bytes.buffer, begin - REQUEST_HEAD, REQUEST_HEAD + plan.size)
  const entries = whole.subarray(REQUEST_HEAD)
  const memory = new Uint8Array(bytes.buffer)
  const move = ({ from, at, size }: Piece, isRight: boolean): void => {
    if (typeof from !== 'number') return
    const [source, target] = [bytes.byteOffset + (starts[from] as number), begin + at]
    if (isRight === target > source) memory.copyWithin(target, source, source + size)
  }
  // None is written over before it has moved: those to the right begin with the last, those to the left with the first.
  for (let i = plan.pieces.length - 1; i >= 0; i--) move(plan.pieces[i] as Piece, true)
  for (const piece of plan.pieces) move(piece, false)
  for (const { from, at } of plan.pieces) if (typeof from !== 'number') entries.set(from.bytes, at)
  for (const piece of plan.pieces) aimPiece(plan, piece, entries)
  return { layout: plan.layout, bytes: whole.fill(0, 0, REQUEST_HEAD) }
}

/** Whether what stays is in its old order, and nothing new lies in the memory that is written over. */
function canMove({ pieces, starts }: Plan, { bytes, names }: KernelEntries): boolean {
  let end = 0
  for (const { from, count } of pieces)
    if (typeof from !== 'number') {
      if (from.bytes.buffer === bytes.buffer) return false
    } else if (from < end) return false
    else end = from + count
  // A rule that goes to a chain which is not there makes an error, and errors look at what was.
  const goesNowhere = ({ from }: Piece): boolean => typeof from !== 'number' && !!from.jump && !starts.has(from.jump)
  return names.every((name) => starts.has(name)) && !pieces.some(goesNowhere)
}

/** How far behind its old place the table is to begin, for as little of it to move as can be. */
function leastShift({ pieces, size }: Plan, { bytes, starts }: KernelEntries): number {
  const moved = (shift: number): number => {
    let sum = 0
    for (const piece of pieces)
      if (typeof piece.from === 'number' && starts[piece.from] !== piece.at + shift) sum += piece.size
    return sum
  }
  const toTheLeft = bytes.length - size
  return moved(0) <= moved(toTheLeft) ? 0 : toTheLeft
}
