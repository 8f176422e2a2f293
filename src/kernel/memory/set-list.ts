/** The sets of an in-process kernel: their names and contents, and the index by which rules refer to each. */

import { FAMILIES, type FamilyName } from '../../abi/family'
import { IPSET_INVALID_ID, SET_NAME_SIZE } from '../../abi/ip-set'
import { encodeText } from '../../binary/text'
import { check, keyOf, shown, text } from '../../check-input'
import { IptcError } from '../../errors'
import { type SetType, setType } from '../../ipset/types'
import { makeSet } from './sets/create'
import type { Clock } from './sets/entry-extensions'
import type { OtherSets } from './sets/list-of-sets'
import type { MemorySet } from './sets/memory-set'
import { type NewestRevisions, revisionsIn } from './sets/revisions'

/** What rules need to know about a set. The family is that of its addresses; `any` if the type has none. */
export interface SetEntry {
  readonly index: number
  readonly family: FamilyName | 'any'
}

/** A set with its name. */
export interface NamedSet {
  name: string
  readonly index: number
  contents: MemorySet
  /** Number of dumps in progress that include it. */
  readers: number
}

const SET_FAMILY = keyOf({ ...FAMILIES, any: 'of no family' })

/** Number of slots that Linux has at first. An index beyond the slots is an error, while a free slot is not. */
const SLOTS = 256

export class SetList implements OtherSets {
  readonly #clock: Clock
  readonly #newest: NewestRevisions
  readonly #ruleReferences: () => Iterable<number>
  readonly #byName = new Map<string, NamedSet>()
  readonly #byIndex = new Map<number, NamedSet>()

  /** @param ruleReferences the indexes of the sets that rules refer to, one for each reference */
  constructor(clock: Clock, newest: NewestRevisions, ruleReferences: () => Iterable<number>) {
    this.#clock = clock
    this.#newest = newest
    this.#ruleReferences = ruleReferences
  }

  /**
   * Adds an empty set, of type hash:ip for a family or of type list:set for `any`.
   * @param index the default is the lowest free one
   * @throws IptcError if the name or the index is invalid or taken
   */
  add(name: string, family: FamilyName | 'any', index = this.#free()): SetEntry {
    check('the name of a set', name, text)
    check('the family of a set', family, SET_FAMILY)
    const length = encodeText(name).length
    if (length === 0 || length >= SET_NAME_SIZE || name.includes('\0'))
      throw new IptcError(
        'XT_BAD_ARGUMENT',
        `no set can be named ${JSON.stringify(name)}: a name is 1 to ${SET_NAME_SIZE - 1} bytes long`,
      )
    if (!Number.isInteger(index) || index < 0 || index >= IPSET_INVALID_ID)
      throw new IptcError(
        'XT_BAD_ARGUMENT',
        `set ${name} cannot have the index ${shown(index)}: it must be a number from 0 to ${IPSET_INVALID_ID - 1}`,
      )
    if (this.#byName.has(name)) throw new IptcError('XT_BAD_ARGUMENT', `set ${name} exists already`)
    const other = this.#byIndex.get(index)
    if (other !== undefined) throw new IptcError('XT_BAD_ARGUMENT', `set ${other.name} has the index ${index} already`)
    const type = setType(family === 'any' ? 'list:set' : 'hash:ip')
    const [, revision] = this.revisionsOf(type)
    const making = { type, family, revision, options: {}, clock: this.#clock }
    this.insert(name, makeSet(making, this), index)
    return { index, family }
  }

  /** The oldest and the newest revision of a type in this kernel. */
  revisionsOf(type: SetType): [number, number] {
    return revisionsIn(this.#newest, type)
  }

  /** Adds a set under a free name. */
  insert(name: string, contents: MemorySet, index = this.#free()): void {
    const set = { name, index, contents, readers: 0 }
    this.#byName.set(name, set)
    this.#byIndex.set(index, set)
  }

  /** @throws IptcError if there is no set with this name */
  remove(name: string): void {
    check('the name of a set', name, text)
    const set = this.#byName.get(name)
    if (set === undefined) throw new IptcError('XT_BAD_ARGUMENT', `there is no set ${name}`)
    this.#byName.delete(name)
    this.#byIndex.delete(set.index)
  }

  rename(set: NamedSet, name: string): void {
    this.#byName.delete(set.name)
    set.name = name
    this.#byName.set(name, set)
  }

  get(name: string): NamedSet | undefined {
    return this.#byName.get(name)
  }

  /** All sets in the order of Linux: by index, but lists of sets last, because their members must be created first. */
  all(): NamedSet[] {
    const rank = ({ index }: NamedSet): number => index + (this.isList(index) ? IPSET_INVALID_ID : 0)
    return [...this.#byIndex.values()].sort((a, b) => rank(a) - rank(b))
  }

  /** What rules need to know about the sets, by name. */
  entries(): Record<string, SetEntry> {
    return Object.fromEntries(
      Array.from(
        this.#byName,
        ([
          name,
          {
            index,
            contents: { family },
          },
        ]) => [name, { index, family }],
      ),
    )
  }

  byName(name: string): SetEntry | undefined {
    const set = this.#byName.get(name)
    return set && { index: set.index, family: set.contents.family }
  }

  byIndex(index: number): string | undefined {
    return this.#byIndex.get(index)?.name
  }

  /** Number of references from rules and lists of sets to each set, by index. */
  references(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>()
    const count = (index: number): void => void counts.set(index, (counts.get(index) ?? 0) + 1)
    for (const index of this.#ruleReferences()) count(index)
    for (const { contents } of this.#byIndex.values()) for (const index of contents.members()) count(index)
    return counts
  }

  /** Whether Linux would have a slot of this number, used or free. */
  hasSlot(index: number): boolean {
    return index < Math.max(SLOTS, ...[...this.#byIndex.keys()].map((used) => used + 1))
  }

  indexOf(name: string): number | undefined {
    return this.#byName.get(name)?.index
  }

  nameOf(index: number): string {
    return this.byIndex(index) ?? ''
  }

  isList(index: number): boolean {
    return this.#byIndex.get(index)?.contents.type.name === 'list:set'
  }

  #free(): number {
    let index = 0
    while (this.#byIndex.has(index)) index++
    return index
  }
}
