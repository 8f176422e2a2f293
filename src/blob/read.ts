/** Reads a blob as a ruleset. */
import type { Family } from '../abi/family'
import { HOOKS, type Hook, VERDICTS } from '../abi/netfilter'
import { BlobError } from '../errors'
import { readVerdict, targetPart } from '../ruleset/entry'
import { ENDS, entryBytes, entryIn, GOES_ON, type KernelEntries } from '../ruleset/kernel-entries'
import { Rules } from '../ruleset/rules'
import { type Chain, isSorted, type Ruleset } from '../ruleset/ruleset'
import { type Entry, plain } from '../ruleset/table-entry'
import { atOnce, type Sliced } from '../time-slices'
import { type Found, findEntries } from './find-entries'

/** The kernel's layout of a table: the part of GET_INFO that is needed here. Offsets in bytes. */
export interface Layout {
  readonly validHooks: number
  readonly hookEntry: readonly number[]
  readonly underflow: readonly number[]
  readonly numEntries: number
}

/** A chain by the numbers of its entries: `first` is its first rule, `end` follows the last. */
interface Span {
  readonly name: string
  readonly hook: Hook | undefined
  readonly head: number | undefined
  readonly first: number
  end: number
  tail: number | undefined
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

/** The number of the entry at an offset; undefined if none starts there. */
function numberAt(starts: Uint32Array, offset: number): number | undefined {
  let [low, high] = [0, starts.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((starts[middle] as number) < offset) low = middle + 1
    else high = middle
  }
  return low < starts.length - 1 && starts[low] === offset ? low : undefined
}

/** Numbers of the entries at which chains may start or end. Entries in between need not be looked at. */
function bounds({ starts, heads }: Found, { hookEntry, underflow }: Layout): number[] {
  const ofHooks = [...hookEntry, ...underflow].map((offset) => numberAt(starts, offset))
  const all = new Set([...heads.keys(), ...ofHooks.filter((number) => number !== undefined)])
  return [...all].sort((a, b) => a - b)
}

/** Splits the entries into chains. */
function findSpans(found: Found, layout: Layout): { spans: Span[]; end: number | undefined } {
  const { starts, heads } = found
  const hooks = hooksByOffset(layout)
  const spans: Span[] = []
  const count = starts.length - 1
  let end: number | undefined
  let open: Span | undefined
  /** The first entry that is in no chain yet. */
  let next = 0
  const takeUpTo = (number: number): void => {
    if (next < number && open === undefined)
      throw new BlobError(starts[next] as number, 'the entry belongs to no chain')
    if (open !== undefined) open.end = number
    next = number
  }
  for (const i of bounds(found, layout)) {
    takeUpTo(i)
    const at = starts[i] as number
    const hook = hooks.get(at)
    const name = heads.get(i)
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
    if (name !== undefined) next = i + 1
    else if (open?.hook !== undefined && layout.underflow[HOOKS.indexOf(open.hook)] === at) {
      open.tail = i
      open = undefined
      next = i + 1
    }
  }
  if (end === undefined) takeUpTo(count)
  if (open?.hook !== undefined) throw new BlobError(starts[open.first] as number, `${open.hook} has no policy`)
  // The layout is not trusted: an offset may be out of range.
  for (const [at, hook] of hooks) throw new BlobError(0, `no entry begins at byte ${at}, where ${hook} should`)
  return { spans, end }
}

/** Removes the RETURN that ends a user-defined chain from its rules. */
function takeReturn(family: Family, bytes: Uint8Array, { starts, destinations }: Found, span: Span): void {
  const last = span.end - 1
  if (span.hook !== undefined || last < span.first || destinations[last] !== ENDS) return
  const target = targetPart(family, bytes, starts[last] as number)
  if (readVerdict(bytes, target) === VERDICTS.RETURN) span.tail = span.end = last
}

/** Numbers of chains by offset; a user-defined chain starts after its head. */
function startsOf(spans: readonly Span[], { starts }: Found): Map<number, number> {
  const byStart = new Map<number, number>()
  spans.forEach(({ head, first, end, tail }, i) => {
    if (head !== undefined || first < end || tail !== undefined) byStart.set(starts[first] as number, i)
  })
  return byStart
}

/** Resolves the destinations of jumps: see {@link KernelEntries.destinations}. */
function resolveJumps(family: Family, bytes: Uint8Array, found: Found, spans: readonly Span[]): void {
  const { starts, destinations, jumps } = found
  const byStart = startsOf(spans, found)
  for (const i of jumps) {
    const target = targetPart(family, bytes, starts[i] as number)
    const verdict = readVerdict(bytes, target)
    const chain = verdict === starts[i + 1] ? GOES_ON : byStart.get(verdict)
    if (chain === undefined) throw new BlobError(target.at, `the jump to byte ${verdict} meets no chain`)
    // The empty name stands for the next rule.
    if (spans[chain]?.name === '')
      throw new BlobError(target.at, `the jump to byte ${verdict} goes to a chain without a name`)
    destinations[i] = chain
  }
}

function numbers(first: number, end: number): number[] {
  const all = new Array<number>(end - first)
  for (let i = first; i < end; i++) all[i - first] = i
  return all
}

/** The entries of a table as chains of rules. `bytes` must not change afterwards: the rules are views of it. */
export const readRuleset = (family: Family, table: string, layout: Layout, bytes: Uint8Array): Ruleset =>
  atOnce(readRulesetSliced(family, table, layout, bytes))

/** As {@link readRuleset}. */
export function* readRulesetSliced(family: Family, table: string, layout: Layout, bytes: Uint8Array): Sliced<Ruleset> {
  const found = yield* findEntries(family, bytes, layout.numEntries)
  const { spans, end } = findSpans(found, layout)
  for (const span of spans) takeReturn(family, bytes, found, span)
  resolveJumps(family, bytes, found, spans)
  const objects = new Map<Entry, number>()
  const image: KernelEntries = {
    family,
    bytes,
    starts: found.starts,
    destinations: found.destinations,
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
