/** Sets of the type list:set, an ordered list of other sets. */
import { IPSET_ERR, IPSET_ERR_OF, IPSET_FLAG } from '../../../abi/ip-set'
import type { CreateAttributes, EntryAttributes } from '../../../ipset/messages'
import type { Extras } from './entry-extensions'
import { refuse } from './failure'
import { type Making, MemorySet } from './memory-set'

const { BEFORE, LOOP, NAME, NAMEREF, REF_EXIST } = IPSET_ERR_OF.list
const { EXIST, PROTOCOL } = IPSET_ERR

const SIZE = { default: 8, min: 4 }

/** The sets of the kernel. */
export interface OtherSets {
  indexOf(name: string): number | undefined
  nameOf(index: number): string
  isList(index: number): boolean
}

interface Member {
  readonly index: number
  extras: Extras
}

export class ListOfSets extends MemorySet {
  protected readonly attributes: readonly (keyof EntryAttributes)[] = ['name', 'nameref', 'flags']
  readonly #others: OtherSets
  readonly #told: CreateAttributes
  #members: Member[] = []

  constructor(making: Making, others: OtherSets) {
    super(making)
    this.#others = others
    this.#told = { ...making.options, size: Math.max(SIZE.min, making.options.size ?? SIZE.default) }
  }

  get elements(): number {
    return this.#live().length
  }

  options(): CreateAttributes {
    return this.#told
  }

  *entries(): Generator<EntryAttributes> {
    for (const { index, extras } of this.#live()) yield this.extras.tell(extras, { name: this.#others.nameOf(index) })
  }

  override members(): number[] {
    return this.#live().map(({ index }) => index)
  }

  flush(): void {
    this.#members = []
  }

  protected checkParts({ name }: EntryAttributes): void {
    if (name === undefined) refuse(PROTOCOL)
  }

  protected put(entry: EntryAttributes, exist: boolean): void {
    const { index, beside, isBefore } = this.#asked(entry)
    const members = this.#live()
    const at = members.findIndex((one) => one.index === beside)
    if (beside !== undefined && (at < 0 || beside === index)) refuse(REF_EXIST)
    const known = members.find((one) => one.index === index)
    if (known !== undefined && !exist) refuse(EXIST)
    if (known !== undefined) {
      known.extras = this.extras.make(entry, known.extras)
      return
    }
    const place = beside === undefined ? this.#members.length : isBefore ? at : at + 1
    this.#members.splice(place, 0, { index, extras: this.extras.make(entry) })
  }

  protected take(entry: EntryAttributes, exist: boolean): void {
    const asked = this.#asked(entry)
    const at = this.#live().findIndex((one) => one.index === asked.index)
    if (asked.beside !== undefined && (at < 0 || !this.#isBeside(at, asked))) refuse(REF_EXIST)
    if (at < 0 && exist) return
    if (at < 0) refuse(EXIST)
    this.#members.splice(at, 1)
  }

  protected has(entry: EntryAttributes): boolean {
    const asked = this.#asked(entry)
    const at = this.#live().findIndex((one) => one.index === asked.index)
    return at >= 0 && this.#isBeside(at, asked)
  }

  protected isMadeLike(other: this): boolean {
    return this.#told.size === other.#told.size
  }

  #isBeside(at: number, { beside, isBefore }: Asked): boolean {
    return beside === undefined || this.#members[isBefore ? at + 1 : at - 1]?.index === beside
  }

  /** @throws SetFailure */
  #asked({ name = '', nameref, flags = 0 }: EntryAttributes): Asked {
    const index = this.#others.indexOf(name) ?? refuse(NAME)
    if (this.#others.isList(index)) refuse(LOOP)
    const isBefore = (flags & IPSET_FLAG.BEFORE) !== 0
    if (nameref === undefined) return isBefore ? refuse(BEFORE) : { index, beside: undefined, isBefore }
    return { index, beside: this.#others.indexOf(nameref) ?? refuse(NAMEREF), isBefore }
  }

  #live(): readonly Member[] {
    this.#members = this.#members.filter(({ extras }) => !this.extras.isOver(extras))
    return this.#members
  }
}

interface Asked {
  readonly index: number
  /** The index of the set that it must be next to. */
  readonly beside: number | undefined
  readonly isBefore: boolean
}
