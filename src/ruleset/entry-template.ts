/**
 * Templates of entries that differ only in the values of some options, as most entries of large tables do. A template
 * records which bytes must be equal, and which option reads each of the others. Saving or dumping a large table then
 * takes a third to a fifth of the time (docs/performance.md).
 */
import type { Family } from '../abi/family'
import { type Extent, extentsOf } from '../binary/struct'
import type { Context } from '../extensions/context'
import { areDisjoint, type Option } from '../extensions/option'
import type { Parameter } from '../extensions/payload'
import type { Known } from '../extensions/registry'
import { RecentFirst } from '../recent-first'
import { filledWords, type Mask, maskOf } from './compare-bytes'
import { isStandard, matchParts, type Part, payloadAt, targetPart, verdictExtent } from './entry'
import { entryExtension } from './entry-extensions'
import { headerOf } from './identify'
import { entryIn, jumpIn, type KernelEntries } from './kernel-entries'
import { contextWithin, describeRule, isOpaque, type PartSpec, type RuleSpec, type TargetSpec } from './rule'
import { HEADS } from './rule-head'
import type { Entry, Ref } from './table-entry'

/** An option whose value differs between the entries of a template. */
export interface Gap {
  readonly part: PartNumber
  /** Offset in the entry of the struct that the option reads. */
  readonly at: number
  /** Name of the option. */
  readonly name: string
  readonly option: Option
  readonly negated: boolean
}

/** Matches count from 0. */
export type PartNumber = number | 'head' | 'target'

/** Receives the words of each gap, and the chain that the entry jumps to, as {@link Entry.jump}. */
export type Fill<T> = (words: readonly (readonly string[])[], jump: string | undefined) => T

const isEmpty = (list: readonly unknown[]): boolean => list.length === 0

/**
 * Names of the options whose values do not depend on others.
 * @param rivals all interpretations of the struct that its header allows
 */
export function separateOptions({ variant }: Known, rivals: readonly Known[]): string[] {
  const printed = [...variant.options].filter(([, { synonymOf }]) => isEmpty(synonymOf))
  const demanded = rivals.flatMap((one) =>
    [...one.variant.fixed, ...one.variant.worded].map(({ field }) => extentsOf(field)),
  )
  const readBy = [...demanded, ...printed.map(([, { reads }]) => reads)]
  const isPlain = variant.spellings.length === 1 && printed.every(([, { spelled }]) => spelled === undefined)
  if (!isPlain || readBy.includes(undefined)) return []
  const isSeparate = ([, { value, reads }]: [string, Option]): boolean =>
    value !== undefined && readBy.every((others) => others === reads || areDisjoint(value, others as Extent[]))
  return printed.filter(isSeparate).map(([name]) => name)
}

const separated = new WeakMap<Known['variant'], readonly string[]>()

function separateOf(known: Known, rivals: readonly Known[]): readonly string[] {
  const names = separated.get(known.variant) ?? separateOptions(known, rivals)
  separated.set(known.variant, names)
  return names
}

function findGaps({ bytes }: Entry, context: Context): Gap[] {
  const { family } = context
  const gapsIn = (part: PartNumber, at: number, known: Known, names: readonly string[]): Gap[] =>
    names.flatMap((name) => {
      const option = known.variant.options.get(name) as Option
      const reading = option.read(bytes, at, context)
      if (reading === undefined || isEmpty(reading.words)) return []
      return [{ part, at, name, option, negated: reading.negated }]
    })
  const gapsOf = (number: PartNumber, kind: 'match' | 'target', part: Part): Gap[] => {
    const { known } = entryExtension(kind, family, bytes, part)
    if (known === undefined) return []
    const rivals = headerOf(kind, family, bytes, part).known
    return gapsIn(number, payloadAt(part), known, separateOf(known, rivals))
  }
  const head = HEADS[family.name]
  const target = targetPart(family, bytes, 0)
  return [
    // The meaning of words may depend on the protocol.
    ...gapsIn(
      'head',
      0,
      head,
      separateOf(head, []).filter((name) => name !== 'protocol'),
    ),
    ...matchParts(family, bytes, 0).flatMap((part, i) => gapsOf(i, 'match', part)),
    ...(isStandard(bytes, target) ? [] : gapsOf('target', 'target', target)),
  ]
}

/** Bytes of an entry that are not part of the rule. */
function silent({ jump }: Entry, { entry: { fields } }: Family, target: { at: number }): Extent[] {
  const { nfcache, comefrom, pcnt, bcnt } = fields
  return [nfcache, comefrom, pcnt, bcnt, ...(jump === undefined ? [] : [verdictExtent(target)])]
}

/** The values of the words that must be equal. */
interface Fixed extends Mask {
  readonly values: Int32Array
}

function fixedOf(entry: Entry, gaps: readonly Gap[], family: Family): Fixed {
  const counts = new Uint8Array(entry.bytes.length).fill(0xff)
  for (const { offset, size } of silent(entry, family, targetPart(family, entry.bytes, 0)))
    counts.fill(0, offset, offset + size)
  for (const { at, option } of gaps)
    for (const { offset, size } of option.value as readonly Extent[]) counts.fill(0, at + offset, at + offset + size)
  const words = filledWords(entry.bytes)
  const { places, bits } = maskOf(counts)
  return { places, bits, values: places.map((place, i) => (words[place] as number) & (bits[i] as number)) }
}

/** The three kinds of targets: in the bytes, the next rule, a chain. */
const kindOf = (jump: string | undefined): number => (jump === undefined ? 0 : jump === '' ? 1 : 2)

export class EntryTemplate {
  readonly gaps: readonly Gap[]
  readonly #fixed: Fixed
  readonly #size: number
  readonly #jump: number
  readonly #context: Context
  /** Refilled for each entry. */
  readonly #words: (readonly string[])[]

  constructor(entry: Entry, place: Context) {
    this.#context = contextWithin(place, entry.bytes)
    this.gaps = findGaps(entry, this.#context)
    this.#fixed = fixedOf(entry, this.gaps, place.family)
    this.#size = entry.bytes.length
    this.#jump = kindOf(entry.jump)
    this.#words = this.gaps.map(() => [])
  }

  /** @param words the bytes of the image as words */
  #fits(image: KernelEntries, words: Int32Array, number: number, jump: string | undefined): boolean {
    const { starts } = image
    const start = starts[number] as number
    if ((starts[number + 1] as number) - start !== this.#size || kindOf(jump) !== this.#jump) return false
    const { places, bits, values } = this.#fixed
    const first = start >> 2
    for (let i = 0; i < places.length; i++)
      if (((words[first + (places[i] as number)] as number) & (bits[i] as number)) !== values[i]) return false
    return true
  }

  /** @returns undefined for an entry that does not fit the template */
  fill<T>(image: KernelEntries, words: Int32Array, number: number, fill: Fill<T>): T | undefined {
    const jump = jumpIn(image, number)
    if (!this.#fits(image, words, number, jump)) return undefined
    const start = image.starts[number] as number
    for (let i = 0; i < this.gaps.length; i++) {
      const { option, at } = this.gaps[i] as Gap
      const reading = option.read(image.bytes, start + at, this.#context)
      if (reading === undefined) return undefined
      this.#words[i] = reading.words
    }
    return fill(this.#words, jump)
  }
}

/** What is made from entries, one by one or by template, with the same result. */
export interface Maker<T> {
  make(entry: Entry): T
  /** Compiles `make` for the template of `entry`; undefined if that is not possible. */
  compile(entry: Entry, template: EntryTemplate): Fill<T> | undefined
}

interface Compiled<T> {
  readonly template: EntryTemplate
  readonly fill: Fill<T>
}

/** A placeholder for a word that differs between the entries of a template. */
export interface Mark {
  readonly text: string
  /** Undefined for the chain that the rule jumps to. */
  readonly gap: Gap | undefined
  /** Index of the word in the gap. */
  readonly index: number
}

/** The rule of an entry with a mark for each word that differs, and the marks in order. */
export function markGaps(entry: Entry, { gaps }: EntryTemplate, place: Context): { rule: RuleSpec; marks: Mark[] } {
  const marks: Mark[] = []
  const mark = (gap: Gap | undefined, index = 0): string => {
    const text = String.fromCodePoint(FIRST_MARK + marks.length)
    marks.push({ text, gap, index })
    return text
  }
  const within = (part: PartNumber, parameters: readonly Parameter[]): Parameter[] =>
    parameters.map((parameter) => {
      const gap = gaps.find((one) => one.part === part && one.name === parameter.name)
      return gap === undefined ? parameter : { ...parameter, words: parameter.words.map((_, i) => mark(gap, i)) }
    })
  const partWithin = (number: PartNumber, part: PartSpec): PartSpec =>
    isOpaque(part) ? part : { ...part, parameters: within(number, part.parameters) }
  const targetWithin = (target: TargetSpec): TargetSpec => {
    if (target.kind === 'chain') return { ...target, chain: mark(undefined) }
    return target.kind === 'extension' ? { ...target, part: partWithin('target', target.part) } : target
  }
  const rule = describeRule(entry, place)
  const head = within('head', rule.head)
  const matches = rule.matches.map((part, i) => partWithin(i, part))
  return { rule: { ...rule, head, matches, target: targetWithin(rule.target) }, marks }
}

/** Private-use code points, which rules rarely contain. `compile` must return undefined for a rule that contains a mark. */
const FIRST_MARK = 0xf0000

/** The bytes as words, without an incomplete last one. */
const wordsIn = ({ buffer, byteOffset, length }: Uint8Array): Int32Array | undefined =>
  byteOffset % 4 === 0 ? new Int32Array(buffer, byteOffset, length >> 2) : undefined

/** Makes something from each rule of a ruleset: by template for rules in its image, one by one for new ones. */
export class ByTemplates<T> {
  readonly #image: KernelEntries | undefined
  readonly #context: Context
  readonly #maker: Maker<T>
  /** Undefined if the bytes are not aligned to words. */
  readonly #words: Int32Array | undefined
  readonly #compiled = new RecentFirst<Compiled<T>>()

  /** @param image the image of the ruleset, if it has one */
  constructor(image: KernelEntries | undefined, context: Context, maker: Maker<T>) {
    this.#image = image
    this.#context = context
    this.#maker = maker
    this.#words = image && wordsIn(image.bytes)
  }

  make(ref: Ref): T {
    return typeof ref === 'number' ? this.#makeNumber(this.#image as KernelEntries, ref) : this.#maker.make(ref)
  }

  #makeNumber(image: KernelEntries, number: number): T {
    const words = this.#words
    if (words === undefined) return this.#maker.make(entryIn(image, number))
    const made = this.#compiled.serve(({ template, fill }) => template.fill(image, words, number, fill))
    if (made !== undefined) return made
    const entry = entryIn(image, number)
    if (!this.#compiled.isFull) this.#learn(entry)
    return this.#maker.make(entry)
  }

  #learn(entry: Entry): void {
    const template = new EntryTemplate(entry, this.#context)
    const fill = this.#maker.compile(entry, template)
    if (fill !== undefined) this.#compiled.add({ template, fill })
  }
}
