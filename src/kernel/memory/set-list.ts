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

/** What a kernel tells of a set; the family is that of the addresses in it, `any` for a list of sets. */
export interface SetEntry {
  readonly index: number
  readonly family: FamilyName | 'any'
}

/** A set under its name. */
export interface NamedSet {
  name: string
  readonly index: number
  contents: MemorySet
  /** How many are reading it at the moment. */
  readers: number
}

const SET_FAMILY = keyOf({ ...FAMILIES, any: 'of no family' })

/** Slots that Linux has room for at first; an index past them is an error there, and not merely free. */
const SLOTS = 256

export class SetList implements OtherSets {
  readonly #clock: Clock
  readonly #newest: NewestRevisions
  readonly #ruleReferences: () => Iterable<number>
  readonly #byName = new Map<string, NamedSet>()
  readonly #byIndex = new Map<number, NamedSet>()

  /** @param ruleReferences the index of a set for every time that a rule names it */
  constructor(clock: Clock, newest: NewestRevisions, ruleReferences: () => Iterable<number>) {
    this.#clock = clock
    this.#newest = newest
    this.#ruleReferences = ruleReferences
  }

  /**
   * A set of which the family alone is known: an empty hash:ip of it, or an empty list:set.
   * @param index the lowest that is free, unless said
   * @throws IptcError where the name or the index is taken
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
        `set ${name} cannot have the index ${shown(index)}: it is a number 0 to ${IPSET_INVALID_ID - 1}`,
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

  /** The oldest and the newest revision of a type that there is. */
  revisionsOf(type: SetType): [number, number] {
    return revisionsIn(this.#newest, type)
  }

  /** Puts a set in, whose name is free. */
  insert(name: string, contents: MemorySet, index = this.#free()): void {
    const set = { name, index, contents, readers: 0 }
    this.#byName.set(name, set)
    this.#byIndex.set(index, set)
  }

  /** @throws IptcError where there is none of this name */
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

  /** All of them, in the order of Linux: by index, lists of sets last, as these cannot be made before the others. */
  all(): NamedSet[] {
    const rank = ({ index }: NamedSet): number => index + (this.isList(index) ? IPSET_INVALID_ID : 0)
    return [...this.#byIndex.values()].sort((a, b) => rank(a) - rank(b))
  }

  /** What rules need to know of them, by name. */
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

  /** How many rules and lists of sets refer to each, by index. */
  references(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>()
    const count = (index: number): void => void counts.set(index, (counts.get(index) ?? 0) + 1)
    for (const index of this.#ruleReferences()) count(index)
    for (const { contents } of this.#byIndex.values()) for (const index of contents.members()) count(index)
    return counts
  }

  /** Whether Linux, with these sets, has a slot of this number, be it free. */
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
