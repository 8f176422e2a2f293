/** The ipsets of an in-process kernel: their names and families, and the index by which rules refer to each. */

import { FAMILIES, type FamilyName } from '../../abi/family'
import { IPSET_INVALID_ID, SET_NAME_SIZE } from '../../abi/ip-set'
import { encodeText } from '../../binary/text'
import { IptcError } from '../../errors'
import { check, keyOf, shown, text } from '../../input'

/** What a kernel tells of a set; the family is that of the addresses in it, `any` for a list of sets. */
export interface SetEntry {
  readonly index: number
  readonly family: FamilyName | 'any'
}

const SET_FAMILY = keyOf({ ...FAMILIES, any: 'of no family' })

/** Slots that Linux has room for at first; an index past them is an error there, and not merely free. */
const SLOTS = 256

export class SetList {
  readonly #byName = new Map<string, SetEntry>()
  readonly #byIndex = new Map<number, string>()

  /** @param index the lowest that is free, unless said. @throws IptcError where the name or the index is taken */
  add(name: string, family: FamilyName | 'any', index = this.#free()): SetEntry {
    check('the name of a set', name, text)
    check('the family of a set', family, SET_FAMILY)
    const length = encodeText(name).length
    if (length === 0 || length >= SET_NAME_SIZE || name.includes('\0'))
      throw new IptcError(`no set can be named ${JSON.stringify(name)}: a name is 1 to ${SET_NAME_SIZE - 1} bytes long`)
    if (!Number.isInteger(index) || index < 0 || index >= IPSET_INVALID_ID)
      throw new IptcError(
        `set ${name} cannot have the index ${shown(index)}: it is a number 0 to ${IPSET_INVALID_ID - 1}`,
      )
    if (this.#byName.has(name)) throw new IptcError(`there is a set ${name} already`)
    if (this.#byIndex.has(index)) throw new IptcError(`set ${this.#byIndex.get(index)} has the index ${index} already`)
    const entry = { index, family }
    this.#byName.set(name, entry)
    this.#byIndex.set(index, name)
    return entry
  }

  /** @throws IptcError where there is none of this name */
  remove(name: string): void {
    check('the name of a set', name, text)
    const entry = this.#byName.get(name)
    if (entry === undefined) throw new IptcError(`there is no set ${name}`)
    this.#byName.delete(name)
    this.#byIndex.delete(entry.index)
  }

  /** All of them, by name. */
  entries(): Record<string, SetEntry> {
    return Object.fromEntries(this.#byName)
  }

  byName(name: string): SetEntry | undefined {
    return this.#byName.get(name)
  }

  byIndex(index: number): string | undefined {
    return this.#byIndex.get(index)
  }

  /** Whether Linux, with these sets, has a slot of this number, be it free. */
  hasSlot(index: number): boolean {
    return index < Math.max(SLOTS, ...[...this.#byIndex.keys()].map((used) => used + 1))
  }

  #free(): number {
    let index = 0
    while (this.#byIndex.has(index)) index++
    return index
  }
}
