/** From a ruleset to a blob. */
import { HOOKS, type Hook, hookBit } from '../abi/netfilter'
import { replace } from '../abi/x-tables'
import { takeBuffer } from '../binary/buffers'
import { RuleError } from '../errors'
import { atOnce, type Sliced } from '../slices'
import { targetPart, writeVerdict } from './entry'
import { GOES_ON, type Image } from './image'
import type { Layout } from './read'
import { type Run, runsOf } from './rules'
import { type Chain, type Entry, orderedChains, type Ruleset } from './ruleset'

/** Room before the entries for `struct ipt_replace`, so that a request needs no second copy of them. */
export const REQUEST_HEAD = replace.size

export interface Request {
  readonly layout: Layout
  /** {@link REQUEST_HEAD} bytes, still empty, and then the entries. */
  readonly bytes: Uint8Array
}

const sizeOf = (entry: Entry | undefined): number => entry?.bytes.length ?? 0

function sizeOfRun(image: Image | undefined, { from, count }: Run): number {
  if (typeof from !== 'number') return from.bytes.length
  const { starts } = image as Image
  return (starts[from + count] as number) - (starts[from] as number)
}

/** Where a chain's first entry behind its head and its last entry begin, counted from the first entry of the table. */
interface Place {
  readonly start: number
  readonly tail: number
}

interface Places {
  readonly byChain: ReadonlyMap<string, Place>
  readonly size: number
  readonly count: number
}

function placeChains(ruleset: Ruleset, chains: readonly Chain[]): Places {
  const byChain = new Map<string, Place>()
  let at = 0
  let count = 0
  for (const { name, head, rules, tail } of chains) {
    const start = at + sizeOf(head)
    let last = start
    for (const run of runsOf(rules.refs)) last += sizeOfRun(ruleset.image, run)
    byChain.set(name, { start, tail: last })
    at = last + sizeOf(tail)
    count += rules.length + (head === undefined ? 0 : 1) + (tail === undefined ? 0 : 1)
  }
  return { byChain, size: at + sizeOf(ruleset.end), count: count + (ruleset.end === undefined ? 0 : 1) }
}

function layoutOf(ruleset: Ruleset, { byChain, count: numEntries }: Places): Layout {
  // A user chain may bear the name of a hook that its table lacks.
  const placeOf = (hook: Hook): Place | undefined =>
    ruleset.chains.get(hook)?.hook === hook ? byChain.get(hook) : undefined
  const hookEntry = HOOKS.map((hook) => placeOf(hook)?.start ?? 0)
  const underflow = HOOKS.map((hook) => placeOf(hook)?.tail ?? 0)
  const validHooks = HOOKS.reduce((mask, hook) => (placeOf(hook) === undefined ? mask : mask | hookBit(hook)), 0)
  return { validHooks, hookEntry, underflow, numEntries }
}

/** How many entries are put in a slice. */
const SLICE = 4096

/** Puts entries behind each other into a request. */
class Writer {
  readonly bytes: Uint8Array
  readonly #ruleset: Ruleset
  readonly #places: Places
  #at = REQUEST_HEAD

  constructor(ruleset: Ruleset, places: Places) {
    this.#ruleset = ruleset
    this.#places = places
    this.bytes = takeBuffer(REQUEST_HEAD + places.size).fill(0, 0, REQUEST_HEAD)
  }

  /** @param bytes of one entry */
  put(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) return
    this.bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  *putRun(run: Run, chain: Chain): Sliced<void> {
    if (typeof run.from === 'number') {
      const { position, count, from } = run
      for (let done = 0; done < count; done += SLICE) {
        const part = { position: position + done, count: Math.min(SLICE, count - done), from: from + done }
        this.#putOld(part.from, part, chain)
        yield
      }
    } else {
      const at = this.#at
      this.put(run.from.bytes)
      if (run.from.jump !== undefined) this.#aim(at, this.#at, run.from.jump, chain, run.position)
    }
  }

  #putOld(from: number, { count, position }: Run, chain: Chain): void {
    const { bytes, starts, destinations, names } = this.#ruleset.image as Image
    const first = starts[from] as number
    const moved = this.#at - first
    this.put(bytes.subarray(first, starts[from + count]))
    for (let i = from; i < from + count; i++) {
      const to = destinations[i] as number
      if (to < 0 && to !== GOES_ON) continue
      const [at, end] = [(starts[i] as number) + moved, (starts[i + 1] as number) + moved]
      this.#aim(at, end, to === GOES_ON ? '' : (names[to] as string), chain, position + i - from)
    }
  }

  /** Stores where the rule goes that begins and ends at these bytes. */
  #aim(at: number, end: number, jump: string, chain: Chain, position: number): void {
    const destination = jump === '' ? end - REQUEST_HEAD : this.#places.byChain.get(jump)?.start
    if (destination === undefined)
      throw new RuleError(
        { table: this.#ruleset.table, chain: chain.name, position },
        `there is no chain ${jump} to go to`,
      )
    writeVerdict(this.bytes, targetPart(this.#ruleset.family, this.bytes, at), destination)
  }
}

/** Lays the table out. @throws RuleError for a rule that goes to a chain which is not there */
export const writeRuleset = (ruleset: Ruleset): Request => atOnce(writeRulesetSliced(ruleset))

/** As {@link writeRuleset}. */
export function* writeRulesetSliced(ruleset: Ruleset): Sliced<Request> {
  const chains = orderedChains(ruleset)
  const places = placeChains(ruleset, chains)
  const writer = new Writer(ruleset, places)
  for (const chain of chains) {
    writer.put(chain.head?.bytes)
    for (const run of runsOf(chain.rules.refs)) yield* writer.putRun(run, chain)
    writer.put(chain.tail?.bytes)
  }
  writer.put(ruleset.end?.bytes)
  return { layout: layoutOf(ruleset, places), bytes: writer.bytes }
}
