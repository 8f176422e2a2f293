/** Numbers rules so that equal rules, in the sense of {@link sameRule}, have equal numbers. */
import type { Family } from '../abi/family'
import { entryMatch } from '../abi/x-tables'
import type { Extent } from '../binary/struct'
import { RecentFirst } from '../recent-first'
import { type Mask, maskOf, wordsOf } from './compare-bytes'
import { matchParts, type Part, payloadAt, targetPart } from './entry'
import { sameRule } from './equal'
import { headerOf, structOf } from './identify'
import { jumpIn, type KernelEntries } from './kernel-entries'
import { HEADS } from './rule-head'
import type { Rules } from './rules'
import type { Entry, Ref } from './table-entry'

const { name: NAME, revision: REVISION } = entryMatch.fields

/** An entry in memory that it may share with others. */
interface Located {
  readonly bytes: Uint8Array
  /** The same memory. */
  readonly words: Int32Array
  /** In bytes, as everything but word positions. */
  readonly at: number
  readonly size: number
  readonly jump: string | undefined
}

/** The significant bits of entries that have the same parts. */
interface Shape {
  readonly example: Located
  /** What the entries of this shape share: their parts, and the significant bytes of interface names. */
  readonly fixed: Mask
  readonly visible: Mask
  /** Parts whose payload decides which struct they are read as, or whether as any. */
  readonly ambiguous: readonly (readonly ['match' | 'target', Part])[]
}

interface Numbered {
  readonly entry: Located
  readonly shape: Shape
  readonly id: number
}

export class RuleIds {
  readonly #family: Family
  readonly #shapes = new RecentFirst<Shape>()
  readonly #byHash = new Map<number, Numbered[]>()
  readonly #jumps = new Map<string | undefined, number>()
  #count = 0

  constructor(family: Family) {
    this.#family = family
  }

  /** The numbers of rules, in order. */
  of({ image, refs }: Rules): Int32Array {
    const words = image && wordsOf(image.bytes)
    const ids = new Int32Array(refs.length)
    for (let i = 0; i < refs.length; i++) {
      const ref = refs[i] as Ref
      ids[i] = this.#idOf(
        typeof ref === 'number' ? locatedIn(image as KernelEntries, words as Int32Array, ref) : located(ref),
      )
    }
    return ids
  }

  #idOf(entry: Located): number {
    const shape = this.#shapes.serve((one) => (this.#isShaped(one, entry) ? one : undefined)) ?? this.#meet(entry)
    const hash = this.#hash(shape, entry)
    const others = this.#byHash.get(hash)
    if (others === undefined) this.#byHash.set(hash, [{ entry, shape, id: this.#count }])
    else {
      const same = others.find((one) => this.#isSame(one, shape, entry))
      if (same !== undefined) return same.id
      others.push({ entry, shape, id: this.#count })
    }
    return this.#count++
  }

  #meet(entry: Located): Shape {
    const shape = shapeOf(this.#family, entry)
    if (!this.#shapes.isFull) this.#shapes.add(shape)
    return shape
  }

  #isShaped({ example, fixed, ambiguous }: Shape, entry: Located): boolean {
    if (entry.size !== example.size || (entry.jump === undefined) !== (example.jump === undefined)) return false
    if (!sameWords(fixed, example, entry)) return false
    for (const [kind, part] of ambiguous)
      if (structAt(kind, this.#family, example, part) !== structAt(kind, this.#family, entry, part)) return false
    return true
  }

  #hash({ visible: { places, bits } }: Shape, { words, at, jump }: Located): number {
    let hash = this.#jumps.get(jump) ?? this.#jumps.size
    this.#jumps.set(jump, hash)
    const start = at >> 2
    for (let i = 0; i < places.length; i++)
      hash = Math.imul(
        hash ^ ((words[start + (places[i] as number)] as number) & (bits[i] as number)) ^ (hash >>> 15),
        0x9e3779b1,
      )
    return hash
  }

  #isSame(one: Numbered, shape: Shape, other: Located): boolean {
    if (one.shape !== shape) return sameRule(this.#family, entryOf(one.entry), entryOf(other))
    return one.entry.jump === other.jump && sameWords(shape.visible, one.entry, other)
  }
}

function sameWords({ places, bits }: Mask, one: Located, other: Located): boolean {
  const [a, b] = [one.words, other.words]
  const [from, to] = [one.at >> 2, other.at >> 2]
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as number
    if ((((a[from + place] as number) ^ (b[to + place] as number)) & (bits[i] as number)) !== 0) return false
  }
  return true
}

// Entries in memory

const locatedIn = (image: KernelEntries, words: Int32Array, number: number): Located => {
  const at = image.starts[number] as number
  const size = (image.starts[number + 1] as number) - at
  return { bytes: image.bytes, words, at, size, jump: jumpIn(image, number) }
}

const located = ({ bytes, jump }: Entry): Located => ({
  bytes,
  words: wordsOf(bytes),
  at: 0,
  size: bytes.length,
  jump,
})

const entryOf = ({ bytes, at, size, jump }: Located): Entry => ({ bytes: bytes.subarray(at, at + size), jump })

// Shapes

function structAt(kind: 'match' | 'target', family: Family, { bytes, at }: Located, part: Part) {
  const there = { ...part, at: at + part.at }
  return structOf(headerOf(kind, family, bytes, there), bytes, there)
}

function shapeOf(family: Family, example: Located): Shape {
  const { bytes, jump } = entryOf(example)
  const { targetOffset, nextOffset, inifaceMask, outifaceMask } = family.entry.fields
  const [visible, fixed] = [new Uint8Array(bytes.length), new Uint8Array(bytes.length)]
  const fix = ({ offset, size }: Extent): unknown => fixed.fill(0xff, offset, offset + size)
  for (const field of [targetOffset, nextOffset, inifaceMask, outifaceMask]) fix(field)
  showHead(family, bytes, visible)
  const parts = [
    ...matchParts(family, bytes, 0).map((part) => ['match', part] as const),
    // The target of a jump is not significant.
    ...(jump === undefined ? [['target', targetPart(family, bytes, 0)] as const] : []),
  ]
  for (const [kind, part] of parts) {
    for (const extent of headerExtents(part, headerOf(kind, family, bytes, part).nameBytes.length)) fix(extent)
    const hidden = structAt(kind, family, { ...example, bytes, at: 0 }, part)?.variant.visible
    for (let i = payloadAt(part), end = part.at + part.size, k = 0; i < end; i++, k++)
      visible[i] = hidden === undefined || hidden[k] === 1 ? 0xff : 0
  }
  const ambiguous = parts.filter(([kind, part]) =>
    headerOf(kind, family, bytes, part).known.some(({ variant }) => variant.fixed.length > 0),
  )
  return {
    example,
    fixed: maskOf(fixed),
    visible: maskOf(visible.map((bits, i) => bits | (fixed[i] as number))),
    ambiguous,
  }
}

/** Only the part of an interface name under its mask. */
function showHead(family: Family, bytes: Uint8Array, visible: Uint8Array): void {
  const { iniface, inifaceMask, outiface, outifaceMask } = family.entry.fields
  HEADS[family.name].variant.visible.forEach((one, i) => {
    visible[i] = one === 1 ? 0xff : 0
  })
  for (const [name, mask] of [
    [iniface, inifaceMask],
    [outiface, outifaceMask],
  ] as const)
    for (let i = 0; i < name.size; i++) visible[name.offset + i] = bytes[mask.offset + i] === 0 ? 0 : 0xff
}

/** The size of a part, its name up to the NUL, and its revision. */
const headerExtents = ({ at }: Part, nameLength: number): Extent[] => [
  { offset: at, size: NAME.offset },
  { offset: at + NAME.offset, size: Math.min(nameLength + 1, NAME.size) },
  { offset: at + REVISION.offset, size: REVISION.size },
]
