/**
 * Reads and writes rules with a similar rule as template. Rules of a table often differ only in addresses,
 * ports, payloads and counters: if all other bytes are equal, those are copied to their places. The result
 * equals that of {@link readRule} and {@link writeRule}; for 100,000 rules, it takes a tenth of the time.
 */
import type { Family } from '../abi/family'
import { be64 } from '../binary/codec'
import { MessageError } from '../errors'
import { same } from '../extensions/values/value'
import type { Encoded } from '../netlink/attribute'
import { RecentFirst } from '../recent-first'
import type { Counters } from '../ruleset/entry'
import { entryExtensions } from '../ruleset/entry-extensions'
import type { Entry } from '../ruleset/table-entry'
import { counterPlaces } from './expressions'
import { isHeld, type ReadRule, readRule, writeRule } from './rule'

interface Span {
  readonly at: number
  readonly size: number
}

/** The bytes at `from` in the expressions are those at `to` in the entry. */
interface Copy {
  readonly from: number
  readonly to: number
  readonly size: number
}

/** As {@link Copy}, for a single byte. */
type ByteCopy = readonly [from: number, to: number]

/** A value that packets are compared with: its bytes in the expressions, and the place of each in the entry. */
interface Value extends Span {
  readonly copies: readonly ByteCopy[]
}

/** Which bytes of the expressions correspond to which bytes of the entry. All other bytes decide the meaning. */
interface Correspondence {
  readonly expressions: Uint8Array
  readonly read: ReadRule
  /** Offsets of the 64-bit counter values in the expressions. */
  readonly counters: { readonly packets: number; readonly bytes: number }
  readonly values: readonly Value[]
  /** Payloads of extensions. */
  readonly infos: readonly Copy[]
}

/** Two byte patterns without repetitions: what a value is read as shows where its bytes go. */
const PATTERNS = [0xc3, 0x5a].map((first) => Uint8Array.from({ length: 16 }, (_, i) => (first + 7 * i) & 0xff))
const EXTREMES = [0, 0xff].map((byte) => new Uint8Array(16).fill(byte))
const [LONGEST_VALUE, COUNT_SIZE] = [16, 8]

const whole = (bytes: Uint8Array): Encoded => ({ bytes, at: 0, end: bytes.length })

/** @returns undefined if the rule cannot serve as a template */
function correspondenceOf(family: Family, encoded: Encoded): { read: ReadRule; found?: Correspondence } {
  const values: Span[] = []
  const infos: Copy[] = []
  const spanOf = ({ byteOffset, length }: Uint8Array): Span => ({
    at: byteOffset - encoded.bytes.byteOffset - encoded.at,
    size: length,
  })
  const read = readRule(family, encoded, {
    value(bytes) {
      // Byte-swapped values are in another buffer.
      if (bytes.buffer === encoded.bytes.buffer) values.push(spanOf(bytes))
    },
    info(bytes, to) {
      const { at, size } = spanOf(bytes)
      infos.push({ from: at, to, size })
    },
  })
  const counter = placesOf(encoded)
  // A rule without a form in iptables may have one with other values.
  if (counter === undefined || isHeld(family, read.bytes)) return { read }
  const expressions = encoded.bytes.slice(encoded.at, encoded.end)
  const probed = values.flatMap((span) => probe(family, expressions, span, read) ?? [])
  const counters = { packets: counter.packets - encoded.at, bytes: counter.bytes - encoded.at }
  return { read, found: { expressions, read, counters, values: probed, infos } }
}

/** Finds where the bytes of a value go; undefined if they are not simply copied. */
function probe(family: Family, expressions: Uint8Array, { at, size }: Span, read: ReadRule): Value | undefined {
  if (size > LONGEST_VALUE) return undefined
  const { bytes, jump } = read
  const entries = PATTERNS.map((pattern) => {
    const other = expressions.slice()
    other.set(pattern.subarray(0, size), at)
    return readRule(family, whole(other))
  })
  if (entries.some((entry) => entry.jump !== jump || entry.bytes.length !== bytes.length)) return undefined
  const copies: ByteCopy[] = []
  for (let to = 0; to < bytes.length; to++) {
    const [one, other] = entries.map((entry) => entry.bytes[to])
    if (one === bytes[to] && other === bytes[to]) continue
    const from = (PATTERNS[0] as Uint8Array).indexOf(one as number)
    if (from < 0 || from >= size || PATTERNS[1]?.[from] !== other) return undefined
    copies.push([at + from, to])
  }
  return copies.length === 0 ? undefined : { at, size, copies }
}

/** Undefined also if the counter is malformed, which a template would not notice. */
function placesOf(encoded: Encoded): ReturnType<typeof counterPlaces> {
  try {
    return counterPlaces(encoded)
  } catch (error) {
    if (error instanceof MessageError) return undefined
    throw error
  }
}

/** The gaps between spans. */
function between(spans: readonly Span[], end: number): Span[] {
  const fixed: Span[] = []
  let at = 0
  for (const span of spans.toSorted((a, b) => a.at - b.at)) {
    if (span.at > at) fixed.push({ at, size: span.at - at })
    at = Math.max(at, span.at + span.size)
  }
  if (at < end) fixed.push({ at, size: end - at })
  return fixed
}

/** Whether `bytes` from `at` on equal the template where it matters. */
function isLike(template: Uint8Array, fixed: readonly Span[], bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < fixed.length; i++) {
    const span = fixed[i] as Span
    for (let k = span.at, end = k + span.size; k < end; k++) if (template[k] !== bytes[at + k]) return false
  }
  return true
}

// Reading

interface ReadTemplate {
  readonly expressions: Uint8Array
  readonly fixed: readonly Span[]
  readonly infos: readonly Copy[]
  readonly bytes: readonly ByteCopy[]
  /** The result for the previous rule: everything that similar rules do not share is overwritten. */
  readonly read: ReadRule
}

/** Reads rules of one family. */
export class RuleReader {
  readonly #family: Family
  readonly #templates = new RecentFirst<ReadTemplate>()

  constructor(family: Family) {
    this.#family = family
  }

  /** As {@link readRule}. @returns a rule that is valid until the next one is read. @throws XtablesError */
  read(encoded: Encoded | undefined): ReadRule {
    if (encoded === undefined) return readRule(this.#family, encoded)
    return this.#templates.serve((template) => readLike(template, encoded)) ?? this.#readAnew(encoded)
  }

  #readAnew(encoded: Encoded): ReadRule {
    if (this.#templates.isFull) return readRule(this.#family, encoded)
    const { read, found } = correspondenceOf(this.#family, encoded)
    if (found !== undefined) this.#templates.add(this.#templateOf(found))
    return read
  }

  #templateOf({ expressions, read, counters: { packets, bytes }, values, infos }: Correspondence): ReadTemplate {
    const { pcnt, bcnt } = this.#family.entry.fields
    const free = [
      ...values,
      ...infos.map(({ from, size }) => ({ at: from, size })),
      { at: packets, size: COUNT_SIZE },
      { at: bytes, size: COUNT_SIZE },
    ]
    return {
      expressions,
      fixed: between(free, expressions.length),
      infos,
      bytes: [
        ...reversed(packets, pcnt.offset),
        ...reversed(bytes, bcnt.offset),
        ...values.flatMap(({ copies }) => copies),
      ],
      read,
    }
  }
}

/** The bytes of a number in network order, mapped to host order. */
const reversed = (from: number, to: number): ByteCopy[] =>
  Array.from({ length: COUNT_SIZE }, (_, i) => [from + i, to + COUNT_SIZE - 1 - i] as const)

/** The rule, if it is similar to the template. */
function readLike({ expressions, fixed, infos, bytes, read }: ReadTemplate, encoded: Encoded): ReadRule | undefined {
  const { bytes: from, at } = encoded
  if (encoded.end - at !== expressions.length || !isLike(expressions, fixed, from, at)) return undefined
  const entry = read.bytes
  for (let i = 0; i < infos.length; i++) {
    const info = infos[i] as Copy
    entry.set(from.subarray(at + info.from, at + info.from + info.size), info.to)
  }
  for (let i = 0; i < bytes.length; i++) {
    const [source, to] = bytes[i] as ByteCopy
    entry[to] = from[at + source] as number
  }
  return read
}

// Writing

const FIRST_ROOM = 4096

interface WriteTemplate {
  readonly entry: Entry
  readonly fixed: readonly Span[]
  /** Offsets in the entry that come from the same byte. */
  readonly twins: readonly (readonly [one: number, other: number])[]
  readonly infos: readonly Copy[]
  readonly bytes: readonly ByteCopy[]
  readonly counters: Correspondence['counters']
  readonly expressions: Uint8Array
}

/** Writes rules of one family. */
export class RuleWriter {
  readonly #family: Family
  readonly #templates = new RecentFirst<WriteTemplate>()
  #room = new Uint8Array(FIRST_ROOM)

  constructor(family: Family) {
    this.#family = family
  }

  /** As {@link writeRule}. @returns bytes that are valid until the next rule is written. @throws XtablesError */
  write(entry: Entry, counters: Counters): Uint8Array {
    return (
      this.#templates.serve((template) => this.#writeLike(template, entry, counters)) ??
      this.#writeAnew(entry, counters)
    )
  }

  #writeAnew(entry: Entry, counters: Counters): Uint8Array {
    const expressions = writeRule(this.#family, entry, counters)
    if (this.#templates.isFull) return expressions
    const { found } = correspondenceOf(this.#family, whole(expressions))
    const template = found && this.#templateOf(entry, counters, found)
    if (template !== undefined) this.#templates.add(template)
    return expressions
  }

  #templateOf(entry: Entry, written: Counters, found: Correspondence): WriteTemplate | undefined {
    const { read, expressions, counters } = found
    if (read.jump !== entry.jump || read.bytes.length !== entry.bytes.length) return undefined
    const infos = found.infos.filter(({ to }) => this.#isCopied(entry, to))
    const values = found.values.filter((value) => this.#isWritten(entry, written, expressions, value))
    const bytes = values.flatMap(({ copies }) => copies)
    const { pcnt, bcnt } = this.#family.entry.fields
    const free = [
      ...bytes.map(([, to]) => ({ at: to, size: 1 })),
      ...infos.map(({ to, size }) => ({ at: to, size })),
      { at: pcnt.offset, size: COUNT_SIZE },
      { at: bcnt.offset, size: COUNT_SIZE },
    ]
    return {
      entry,
      fixed: between(free, entry.bytes.length),
      infos,
      bytes,
      twins: twinsOf(bytes),
      counters,
      expressions,
    }
  }

  /** Whether the payload there is written unchanged, whatever it is. */
  #isCopied({ bytes }: Entry, to: number): boolean {
    const part = entryExtensions(this.#family, bytes).find(({ at }) => at === to)
    return part !== undefined && !part.known?.variant.native?.isWritten
  }

  /** Whether different values in this place are written as they are read. */
  #isWritten(entry: Entry, counters: Counters, expressions: Uint8Array, { at, size, copies }: Value): boolean {
    return [...PATTERNS, ...EXTREMES].every((pattern) => {
      const [other, bytes] = [expressions.slice(), entry.bytes.slice()]
      other.set(pattern.subarray(0, size), at)
      for (const [from, to] of copies) bytes[to] = pattern[from - at] as number
      return same(writeRule(this.#family, { ...entry, bytes }, counters), other)
    })
  }

  /** The expressions, if the entry is similar to the template. */
  #writeLike(template: WriteTemplate, entry: Entry, [packets, count]: Counters): Uint8Array | undefined {
    if (!isWrittenLike(template, entry)) return undefined
    const { bytes: from } = entry
    const { infos, bytes, counters } = template
    const expressions = this.#copyOf(template.expressions)
    for (let i = 0; i < infos.length; i++) {
      const info = infos[i] as Copy
      expressions.set(from.subarray(info.to, info.to + info.size), info.from)
    }
    for (let i = 0; i < bytes.length; i++) {
      const [to, source] = bytes[i] as ByteCopy
      expressions[to] = from[source] as number
    }
    be64.write(expressions, counters.packets, packets)
    be64.write(expressions, counters.bytes, count)
    return expressions
  }

  #copyOf(expressions: Uint8Array): Uint8Array {
    if (expressions.length > this.#room.length) this.#room = new Uint8Array(2 * expressions.length)
    this.#room.set(expressions)
    return this.#room.subarray(0, expressions.length)
  }
}

function isWrittenLike({ entry, fixed, twins }: WriteTemplate, { bytes, jump }: Entry): boolean {
  if (jump !== entry.jump || bytes.length !== entry.bytes.length || !isLike(entry.bytes, fixed, bytes, 0)) return false
  for (let i = 0; i < twins.length; i++) {
    const [one, other] = twins[i] as WriteTemplate['twins'][number]
    if (bytes[one] !== bytes[other]) return false
  }
  return true
}

function twinsOf(copies: readonly ByteCopy[]): WriteTemplate['twins'] {
  const first = new Map<number, number>()
  return copies.flatMap(([from, to]) => {
    const one = first.get(from)
    if (one === undefined) first.set(from, to)
    return one === undefined ? [] : [[one, to] as const]
  })
}
