/** From a blob to a ruleset. */
import type { Family } from '../abi/family'
import { HOOKS, type Hook, VERDICTS } from '../abi/netfilter'
import { BlobError } from '../errors'
import { atOnce, type Sliced } from '../slices'
import { checkEntry, errorName, isErrorTarget, isStandard, isUnconditional, readVerdict, targetPart } from './entry'
import { ENDS, entryBytes, entryIn, GOES_ON, type Image, STAYS } from './image'
import { Rules } from './rules'
import { type Chain, type Entry, isSorted, plain, type Ruleset } from './ruleset'

/** Where the kernel says that the chains of a table lie: the parts of GET_INFO that this needs. Offsets in bytes. */
export interface Layout {
  readonly validHooks: number
  readonly hookEntry: readonly number[]
  readonly underflow: readonly number[]
  readonly numEntries: number
}

/** The entries of a blob, each by its number, before it is known which of them make chains. */
interface Found {
  readonly starts: Uint32Array
  /** The verdict of each, {@link NONE} where its target is another. */
  readonly verdicts: Int32Array
  /** Names of the user chains that begin with an entry. */
  readonly heads: ReadonlyMap<number, string>
}

/** Stands for no verdict; what the kernel hands out is above. */
const NONE = -0x8000_0000

/** A chain by the numbers of its entries: `first` is its first rule, `end` what comes behind the last. */
interface Span {
  readonly name: string
  readonly hook: Hook | undefined
  readonly head: number | undefined
  readonly first: number
  end: number
  tail: number | undefined
}

/** How many entries are looked at in a slice. */
const SLICE = 4096

/** Looks at the entries of a blob in their order. */
class Finder implements Found {
  readonly starts: Uint32Array
  readonly verdicts: Int32Array
  readonly heads = new Map<number, string>()
  readonly #family: Family
  readonly #bytes: Uint8Array
  #count = 0
  #at = 0

  constructor(family: Family, bytes: Uint8Array, count: number) {
    this.#family = family
    this.#bytes = bytes
    this.starts = new Uint32Array(count + 1)
    this.verdicts = new Int32Array(count)
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length
  }

  get count(): number {
    return this.#count
  }

  find(most: number): void {
    const [family, bytes] = [this.#family, this.#bytes]
    let at = this.#at
    let count = this.#count
    for (let end = count + most; count < end && at < bytes.length; count++) {
      const size = checkEntry(family, bytes, at)
      const target = targetPart(family, bytes, at)
      this.starts[count] = at
      this.verdicts[count] = isStandard(bytes, target) ? readVerdict(bytes, target) : NONE
      if (isErrorTarget(bytes, target)) this.heads.set(count, errorName(bytes, target))
      at += size
    }
    this.#at = at
    this.#count = count
  }
}

function* findEntries(family: Family, bytes: Uint8Array, expected: number): Sliced<Found> {
  // An entry takes more bytes than its head: what is said of their number may be anything.
  const most = Math.min(expected, Math.ceil(bytes.length / family.entrySize))
  const finder = new Finder(family, bytes, most)
  while (!finder.isDone) {
    finder.find(SLICE)
    yield
  }
  if (finder.count !== expected)
    throw new BlobError(bytes.length, `${finder.count} entries where ${expected} are said to be`)
  finder.starts[expected] = bytes.length
  return finder
}

/** The hooks of a table by the offset of their first entry. */
function hooksByOffset(layout: Layout): Map<number, Hook> {
  const hooks = new Map<number, Hook>()
  HOOKS.forEach((hook, i) => {
    if ((layout.validHooks & (1 << i)) === 0) return
    const at = layout.hookEntry[i] as number
    if (hooks.has(at)) throw new BlobError(0, `${hooks.get(at)} and ${hook} share their rules, at byte ${at}`)
    hooks.set(at, hook)
  })
  return hooks
}

/** Cuts the entries into chains. */
function findSpans({ starts, verdicts, heads }: Found, layout: Layout): { spans: Span[]; end: number | undefined } {
  const hooks = hooksByOffset(layout)
  const spans: Span[] = []
  const count = verdicts.length
  let end: number | undefined
  let open: Span | undefined
  for (let i = 0; i < count; i++) {
    const at = starts[i] as number
    const hook = hooks.size === 0 ? undefined : hooks.get(at)
    const name = verdicts[i] === NONE ? heads.get(i) : undefined
    if (name !== undefined && hook !== undefined) throw new BlobError(at, `${hook} begins with a chain’s name`)
    if (open?.hook !== undefined && (hook !== undefined || name !== undefined))
      throw new BlobError(at, `${open.hook} has no policy`)
    if (name !== undefined && i === count - 1) end = i
    else if (hook !== undefined || name !== undefined) {
      const [head, first] = name === undefined ? [undefined, i] : [i, i + 1]
      open = { name: hook ?? (name as string), hook, head, first, end: first, tail: undefined }
      spans.push(open)
      hooks.delete(at)
    }
    if (name !== undefined) continue
    if (open === undefined) throw new BlobError(at, 'the entry belongs to no chain')
    if (open.hook !== undefined && layout.underflow[HOOKS.indexOf(open.hook)] === at) {
      open.tail = i
      open = undefined
    } else open.end = i + 1
  }
  if (open?.hook !== undefined) throw new BlobError(starts[open.first] as number, `${open.hook} has no policy`)
  // What is said of the entries may lie: the place need not even be among them.
  for (const [at, hook] of hooks) throw new BlobError(0, `no entry begins at byte ${at}, where ${hook} should`)
  return { spans, end }
}

/** Takes the RETURN that ends a user chain out of its rules. */
function takeReturn(family: Family, bytes: Uint8Array, { starts, verdicts }: Found, span: Span): void {
  const last = span.end - 1
  if (span.hook !== undefined || last < span.first || verdicts[last] !== VERDICTS.RETURN) return
  if (isUnconditional(family, bytes, starts[last] as number)) span.tail = span.end = last
}

/** Numbers of chains by where they begin; a user chain begins behind its head. */
function startsOf(spans: readonly Span[], { starts }: Found): Map<number, number> {
  const byStart = new Map<number, number>()
  spans.forEach(({ head, first, end, tail }, i) => {
    if (head !== undefined || first < end || tail !== undefined) byStart.set(starts[first] as number, i)
  })
  return byStart
}

/** Where each entry goes: see {@link Image.destinations}. */
function* findDestinations(
  family: Family,
  bytes: Uint8Array,
  found: Found,
  spans: readonly Span[],
): Sliced<Int32Array> {
  const { starts, verdicts } = found
  const byStart = startsOf(spans, found)
  const destinationOf = (verdict: number, i: number): number => {
    const at = starts[i] as number
    if (verdict < 0) return isUnconditional(family, bytes, at) ? ENDS : STAYS
    if (verdict === starts[i + 1]) return GOES_ON
    const chain = byStart.get(verdict)
    const { at: target } = targetPart(family, bytes, at)
    if (chain === undefined) throw new BlobError(target, `the jump to byte ${verdict} meets no chain`)
    // The empty name is that of the next rule.
    if (spans[chain]?.name === '')
      throw new BlobError(target, `the jump to byte ${verdict} goes to a chain without a name`)
    return chain
  }
  const destinations = new Int32Array(verdicts.length)
  const fill = (from: number, end: number): void => {
    for (let i = from; i < end; i++) {
      const verdict = verdicts[i] as number
      destinations[i] = verdict === NONE ? STAYS : destinationOf(verdict, i)
    }
  }
  for (let from = 0; from < verdicts.length; from += SLICE) {
    fill(from, Math.min(from + SLICE, verdicts.length))
    yield
  }
  return destinations
}

function numbers(first: number, end: number): number[] {
  const all = new Array<number>(end - first)
  for (let i = first; i < end; i++) all[i - first] = i
  return all
}

/** A table's entries as chains of rules. `bytes` must not be changed afterwards: the rules are views of it. */
export const readRuleset = (family: Family, table: string, layout: Layout, bytes: Uint8Array): Ruleset =>
  atOnce(readRulesetSliced(family, table, layout, bytes))

/** As {@link readRuleset}. */
export function* readRulesetSliced(family: Family, table: string, layout: Layout, bytes: Uint8Array): Sliced<Ruleset> {
  const found = yield* findEntries(family, bytes, layout.numEntries)
  const { spans, end } = findSpans(found, layout)
  for (const span of spans) takeReturn(family, bytes, found, span)
  const destinations = yield* findDestinations(family, bytes, found, spans)
  const objects = new Map<Entry, number>()
  const image: Image = {
    family,
    bytes,
    starts: found.starts,
    destinations,
    names: spans.map(({ name }) => name),
    objects,
  }

  const objectOf = (number: number | undefined): Entry | undefined => {
    if (number === undefined) return undefined
    const entry = found.heads.has(number) ? plain(entryBytes(image, number)) : entryIn(image, number)
    objects.set(entry, number)
    return entry
  }
  const chainOf = ({ name, hook, head, first, end: behind, tail }: Span): Chain => ({
    name,
    hook,
    head: objectOf(head),
    rules: new Rules(image, numbers(first, behind)),
    tail: objectOf(tail),
  })

  const chains = new Map<string, Chain>()
  for (const span of spans) {
    if (chains.has(span.name))
      throw new BlobError(found.starts[span.head ?? 0] as number, `there are two chains ${span.name}`)
    chains.set(span.name, chainOf(span))
  }
  const users = [...chains.values()].filter(({ hook }) => hook === undefined)
  return { family, table, chains, isSorted: isSorted(users), end: objectOf(end), image }
}
