/** From a blob to a ruleset. */
import type { Family } from '../abi/family'
import { HOOKS, type Hook, VERDICTS } from '../abi/netfilter'
import { BlobError } from '../errors'
import { checkEntry, errorName, isErrorTarget, isStandard, isUnconditional, readVerdict, targetPart } from './entry'
import { type Chain, type Entry, isSorted, plain, type Ruleset } from './ruleset'

/** Where the kernel says that the chains of a table lie: the parts of GET_INFO that this needs. Offsets in bytes. */
export interface Layout {
  readonly validHooks: number
  readonly hookEntry: readonly number[]
  readonly underflow: readonly number[]
  readonly numEntries: number
}

/** One entry of the blob before its jump is known by name. */
interface Found {
  readonly at: number
  readonly size: number
  /** Name of a user chain that begins here. */
  readonly heads: string | undefined
}

/** A chain before its jumps are known by name. */
interface Span {
  readonly name: string
  readonly hook: Hook | undefined
  readonly head: Found | undefined
  readonly rules: Found[]
  tail: Found | undefined
}

function findEntries(family: Family, bytes: Uint8Array, expected: number): Found[] {
  const found: Found[] = []
  for (let at = 0; at < bytes.length; ) {
    const size = checkEntry(family, bytes, at)
    const target = targetPart(family, bytes, at)
    found.push({ at, size, heads: isErrorTarget(bytes, target) ? errorName(bytes, target) : undefined })
    at += size
  }
  if (found.length !== expected)
    throw new BlobError(bytes.length, `${found.length} entries where ${expected} are said to be`)
  return found
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
function findSpans(found: readonly Found[], layout: Layout): { spans: Span[]; end: Found | undefined } {
  const hooks = hooksByOffset(layout)
  const spans: Span[] = []
  let end: Found | undefined
  let open: Span | undefined
  for (const [i, entry] of found.entries()) {
    const hook = hooks.get(entry.at)
    if (entry.heads !== undefined && hook !== undefined)
      throw new BlobError(entry.at, `${hook} begins with a chain’s name`)
    if (open?.hook !== undefined && (hook !== undefined || entry.heads !== undefined))
      throw new BlobError(entry.at, `${open.hook} has no policy`)
    if (entry.heads !== undefined && i === found.length - 1) end = entry
    else if (hook !== undefined || entry.heads !== undefined) {
      open = {
        name: hook ?? (entry.heads as string),
        hook,
        head: hook === undefined ? entry : undefined,
        rules: [],
        tail: undefined,
      }
      spans.push(open)
      hooks.delete(entry.at)
    }
    if (entry.heads !== undefined) continue
    if (open === undefined) throw new BlobError(entry.at, 'the entry belongs to no chain')
    if (open.hook !== undefined && layout.underflow[HOOKS.indexOf(open.hook)] === entry.at) {
      open.tail = entry
      open = undefined
    } else open.rules.push(entry)
  }
  if (open?.hook !== undefined) throw new BlobError(open.rules[0]?.at ?? 0, `${open.hook} has no policy`)
  // What is said of the entries may lie: the place need not even be among them.
  for (const [at, hook] of hooks) throw new BlobError(0, `no entry begins at byte ${at}, where ${hook} should`)
  return { spans, end }
}

/** Takes the RETURN that ends a user chain out of its rules. */
function takeReturn(family: Family, bytes: Uint8Array, span: Span): void {
  const last = span.rules.at(-1)
  if (span.hook !== undefined || last === undefined || !isUnconditional(family, bytes, last.at)) return
  const target = targetPart(family, bytes, last.at)
  if (isStandard(bytes, target) && readVerdict(bytes, target) === VERDICTS.RETURN) span.tail = span.rules.pop()
}

/** Name of the chain that begins at an offset; a user chain begins behind its head. */
function startsOf(spans: readonly Span[]): Map<number, string> {
  const starts = new Map<number, string>()
  for (const { name, head, rules, tail } of spans) {
    const at = head === undefined ? (rules[0] ?? tail)?.at : head.at + head.size
    if (at !== undefined) starts.set(at, name)
  }
  return starts
}

/** A table's entries as chains of rules. `bytes` must not be changed afterwards: the rules are views of it. */
export function readRuleset(family: Family, table: string, layout: Layout, bytes: Uint8Array): Ruleset {
  const { spans, end } = findSpans(findEntries(family, bytes, layout.numEntries), layout)
  const starts = startsOf(spans)

  const jumpOf = ({ at, size }: Found): string | undefined => {
    const target = targetPart(family, bytes, at)
    if (!isStandard(bytes, target)) return undefined
    const verdict = readVerdict(bytes, target)
    if (verdict < 0) return undefined
    if (verdict === at + size) return ''
    const chain = starts.get(verdict)
    if (chain === undefined) throw new BlobError(target.at, `the jump to byte ${verdict} meets no chain`)
    // The empty name is that of the next rule.
    if (chain === '') throw new BlobError(target.at, `the jump to byte ${verdict} goes to a chain without a name`)
    return chain
  }
  const entryOf = (found: Found): Entry => ({
    bytes: bytes.subarray(found.at, found.at + found.size),
    jump: found.heads === undefined ? jumpOf(found) : undefined,
  })
  const chainOf = (span: Span): Chain => {
    takeReturn(family, bytes, span)
    const { name, hook, head, rules, tail } = span
    return { name, hook, head: head && entryOf(head), rules: rules.map(entryOf), tail: tail && entryOf(tail) }
  }

  const chains = new Map<string, Chain>()
  for (const span of spans) {
    if (chains.has(span.name)) throw new BlobError(span.head?.at ?? 0, `there are two chains ${span.name}`)
    chains.set(span.name, chainOf(span))
  }
  const users = [...chains.values()].filter(({ hook }) => hook === undefined)
  return {
    family,
    table,
    chains,
    isSorted: isSorted(users),
    end: end && plain(bytes.subarray(end.at, end.at + end.size)),
  }
}
