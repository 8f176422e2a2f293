/** The layout of a blob: the offset of every entry is computed before the first byte is written. */

import { HOOKS, type Hook, hookBit } from '../abi/netfilter'
import { shown } from '../check-input'
import { RuleError } from '../errors'
import { targetPart, writeVerdict } from '../ruleset/entry'
import { GOES_ON, type KernelEntries } from '../ruleset/kernel-entries'
import { type Chain, orderedChains, type Ruleset } from '../ruleset/ruleset'
import type { Entry, Ref } from '../ruleset/table-entry'
import type { Layout } from './read'

/** Entries that are contiguous in the image and stay so, or one new entry. */
export interface Piece {
  readonly from: Ref
  readonly count: number
  /** Offsets from the first entry of the table, and of the piece. */
  readonly at: number
  readonly size: number
  /** The chain, for error messages. */
  readonly chain: Chain | undefined
  readonly position: number
}

export interface Plan {
  readonly ruleset: Ruleset
  readonly layout: Layout
  readonly size: number
  readonly pieces: readonly Piece[]
  /** Offsets that jumps lead to: the first entry of each chain after its head. */
  readonly starts: ReadonlyMap<string, number>
}

class Planner {
  readonly pieces: Piece[] = []
  readonly starts = new Map<string, number>()
  readonly tails = new Map<string, number>()
  readonly #image: KernelEntries | undefined
  size = 0
  count = 0

  constructor(image: KernelEntries | undefined) {
    this.#image = image
  }

  addChain(chain: Chain): void {
    this.addEntry(chain.head, chain)
    this.starts.set(chain.name, this.size)
    for (const { from, count, position } of chain.rules.runs) this.#add(from, count, chain, position)
    this.tails.set(chain.name, this.size)
    this.addEntry(chain.tail, chain)
  }

  addEntry(entry: Entry | undefined, chain: Chain | undefined): void {
    if (entry !== undefined) this.#add(this.#image?.objects.get(entry) ?? entry, 1, chain, -1)
  }

  #add(from: Ref, count: number, chain: Chain | undefined, position: number): void {
    const size = this.#sizeOf(from, count)
    this.pieces.push({ from, count, at: this.size, size, chain, position })
    this.size += size
    this.count += count
  }

  #sizeOf(from: Ref, count: number): number {
    if (typeof from !== 'number') return from.bytes.length
    const { starts } = this.#image as KernelEntries
    return (starts[from + count] as number) - (starts[from] as number)
  }
}

export function planOf(ruleset: Ruleset): Plan {
  const planner = new Planner(ruleset.image)
  for (const chain of orderedChains(ruleset)) planner.addChain(chain)
  planner.addEntry(ruleset.end, undefined)
  const { pieces, starts, size } = planner
  return { ruleset, layout: layoutOf(ruleset, planner), size, pieces, starts }
}

function layoutOf({ chains }: Ruleset, { starts, tails, count: numEntries }: Planner): Layout {
  // A user-defined chain may have the name of a hook that its table lacks.
  const placeIn = (places: ReadonlyMap<string, number>, hook: Hook): number | undefined =>
    chains.get(hook)?.hook === hook ? places.get(hook) : undefined
  const hookEntry = HOOKS.map((hook) => placeIn(starts, hook) ?? 0)
  const underflow = HOOKS.map((hook) => placeIn(tails, hook) ?? 0)
  const validHooks = HOOKS.reduce(
    (mask, hook) => (placeIn(starts, hook) === undefined ? mask : mask | hookBit(hook)),
    0,
  )
  return { validHooks, hookEntry, underflow, numEntries }
}

/**
 * Writes the jump verdicts of a piece that has been put in its place.
 * @param entries all entries of the table
 * @throws RuleError for a jump to a chain that does not exist
 */
export function aimPiece(plan: Plan, piece: Piece, entries: Uint8Array): void {
  const { from, count, at, size } = piece
  if (typeof from !== 'number') {
    if (from.jump !== undefined) aim(plan, piece, entries, from.jump, 0, at, at + size)
    return
  }
  const { starts, destinations, names } = plan.ruleset.image as KernelEntries
  const moved = at - (starts[from] as number)
  for (let i = from; i < from + count; i++) {
    const to = destinations[i] as number
    if (to < 0 && to !== GOES_ON) continue
    const jump = to === GOES_ON ? '' : (names[to] as string)
    aim(plan, piece, entries, jump, i - from, (starts[i] as number) + moved, (starts[i + 1] as number) + moved)
  }
}

function aim(
  { ruleset: { family, table }, starts }: Plan,
  { chain, position }: Piece,
  entries: Uint8Array,
  jump: string,
  offset: number,
  at: number,
  end: number,
): void {
  const destination = jump === '' ? end : starts.get(jump)
  if (destination === undefined)
    throw new RuleError(
      'XT_NO_DESTINATION',
      { table, chain: chain?.name, position: position + offset },
      `there is no chain ${shown(jump)} to go to`,
    )
  writeVerdict(entries, targetPart(family, entries, at), destination)
}
