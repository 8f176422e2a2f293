/** What sets of all methods have in common. */
import type { FamilyName } from '../../../abi/family'
import { IPSET_ERR } from '../../../abi/ip-set'
import type { CreateAttributes, EntryAttributes } from '../../../ipset/messages'
import type { SetType } from '../../../ipset/types'
import { type Clock, EXTRA_ATTRIBUTES, ExtraRules } from './entry-extensions'
import { ShapeFailure } from './failure'

/** What a set is created from. */
export interface Making {
  readonly type: SetType
  readonly family: FamilyName | 'any'
  readonly revision: number
  readonly options: CreateAttributes
  readonly clock: Clock
}

/** A set without its name. */
export abstract class MemorySet {
  readonly type: SetType
  readonly family: FamilyName | 'any'
  readonly revision: number
  protected readonly extras: ExtraRules

  constructor({ type, family, revision, options, clock }: Making) {
    this.type = type
    this.family = family
    this.revision = revision
    this.extras = new ExtraRules(options, clock)
  }

  /** The options that it was created with, as Linux lists them. */
  abstract options(): CreateAttributes
  abstract readonly elements: number
  abstract entries(): Iterable<EntryAttributes>
  abstract flush(): void
  /** The indexes of the sets that it contains. */
  members(): Iterable<number> {
    return []
  }

  /** @param exist whether to accept an entry that the set already has. @throws SetFailure */
  add(entry: EntryAttributes, exist: boolean): void {
    this.#check(entry)
    this.put(entry, exist)
  }

  /** @param exist whether to accept an entry that the set does not have. @throws SetFailure */
  remove(entry: EntryAttributes, exist: boolean): void {
    this.#check(entry)
    this.take(entry, exist)
  }

  /** @throws SetFailure for an entry that the set cannot have */
  test(entry: EntryAttributes): boolean {
    this.#check(entry)
    return this.has(entry)
  }

  /** Whether another set has the same type and options. */
  isLike(other: MemorySet): boolean {
    return (
      this.type === other.type &&
      this.extras.timeout === other.extras.timeout &&
      this.extras.flags === other.extras.flags &&
      this.isMadeLike(other as this)
    )
  }

  /** The attributes of its entries, without those of extensions. */
  protected abstract readonly attributes: readonly (keyof EntryAttributes)[]
  /** Checks that the dimensions are present and of the right family. @throws SetFailure */
  protected abstract checkParts(entry: EntryAttributes): void
  /** Checks that the set has the extensions of the entry. @throws SetFailure */
  protected checkExtras(entry: EntryAttributes): void {
    this.extras.check(entry)
  }
  /** Checks of the dimensions that Linux makes after those of the extensions. @throws SetFailure */
  protected checkValues(_entry: EntryAttributes): void {}
  protected abstract put(entry: EntryAttributes, exist: boolean): void
  protected abstract take(entry: EntryAttributes, exist: boolean): void
  protected abstract has(entry: EntryAttributes): boolean
  protected abstract isMadeLike(other: this): boolean

  #known: ReadonlySet<string> | undefined

  #check(entry: EntryAttributes): void {
    this.#known ??= new Set([...this.attributes, ...EXTRA_ATTRIBUTES, 'lineno'])
    for (const name in entry) if (!this.#known.has(name)) throw new ShapeFailure(IPSET_ERR.PROTOCOL)
    this.checkParts(entry)
    this.checkExtras(entry)
    this.checkValues(entry)
  }
}
