/** Carries out messages about sets as Linux does. */
import { ERRNO } from '../../../abi/errno'
import {
  IPSET_ERR,
  IPSET_FLAG_LIST_HEADER,
  IPSET_FLAG_LIST_SETNAME,
  IPSET_PROTOCOL_MIN,
  SET_FAMILIES,
  SET_NAME_SIZE,
  setFamily,
} from '../../../abi/ip-set'
import { NLM_F_EXCL } from '../../../abi/netlink'
import { encodeText } from '../../../binary/text'
import { type commands, type EntryAttributes, entryAttributes, type ListValues } from '../../../ipset/messages'
import { isSetType, type SetType, setType } from '../../../ipset/types'
import { roomInList } from '../../../netlink/attribute'
import type { MessageType, NfHead } from '../../../netlink/message'
import type { NamedSet, SetList } from '../set-list'
import { makeSet } from './create'
import type { Clock } from './entry-extensions'
import { refuse, SetFailure, ShapeFailure } from './failure'

const { BUSY, EXIST, EXIST_SETNAME2, FIND_TYPE, INVALID_FAMILY, PROTOCOL, REFERENCED, TYPE_MISMATCH } = IPSET_ERR

type ValuesOf<K extends keyof typeof commands> = (typeof commands)[K] extends MessageType<NfHead, infer V> ? V : never
/** Attributes that all messages have in common. */
type Common = { protocol?: number | undefined; setname?: string | undefined }

/** A refusal of one entry, with its line number, which the answer contains. */
export class EntryFailure extends SetFailure {
  readonly lineno: number

  constructor({ errno, reason }: SetFailure, lineno: number) {
    super(errno, reason)
    this.lineno = lineno
  }
}

/** Maximum size in bytes of the entries in one message. */
const MAX_ROOM = 0x4000

/** Carries out requests. Each method throws a SetFailure for what it refuses. */
export class SetCommands {
  readonly #sets: SetList
  readonly #clock: Clock

  constructor(sets: SetList, clock: Clock) {
    this.#sets = sets
    this.#clock = clock
  }

  type({ protocol, typename, family = 0 }: ValuesOf<'type'>): ValuesOf<'type'> {
    const [revisionMin, revision] = this.#sets.revisionsOf(this.#typeOf(typename, family))
    return { protocol, typename, family, revision, revisionMin }
  }

  header(values: ValuesOf<'header'>): ValuesOf<'header'> {
    return this.#described(values, this.#named(values.setname))
  }

  create({ setname, typename, revision, family, data = {} }: ValuesOf<'create'>, flags: number): void {
    if (setname === undefined || revision === undefined || family === undefined) refuse(PROTOCOL)
    const type = this.#typeOf(typename, family)
    const [oldest, newest] = this.#sets.revisionsOf(type)
    if (revision < oldest || revision > newest) refuse(FIND_TYPE)
    const given = setFamily(family)
    if (type.families.length > 1 && given === 'any') refuse(INVALID_FAMILY)
    const making = { type, family: type.families[1] ? given : (type.families[0] ?? 'any') }
    const made = makeSet({ ...making, revision, options: data, clock: this.#clock }, this.#sets)
    const known = this.#sets.get(setname)
    if (known === undefined) this.#sets.insert(setname, made)
    else if ((flags & NLM_F_EXCL) !== 0 || !known.contents.isLike(made)) refuse(ERRNO.EEXIST)
  }

  destroy({ setname }: ValuesOf<'destroy'>, flags: number): void {
    const references = this.#sets.references()
    const isUsed = ({ index, readers }: NamedSet): boolean => readers > 0 || references.has(index)
    if (setname === undefined) {
      if (this.#sets.all().some(isUsed)) refuse(BUSY)
      for (const { name } of this.#sets.all()) this.#sets.remove(name)
      return
    }
    const set = this.#sets.get(setname)
    if (set === undefined && (flags & NLM_F_EXCL) === 0) return
    if (set === undefined) refuse(ERRNO.ENOENT)
    if (isUsed(set)) refuse(BUSY)
    this.#sets.remove(setname)
  }

  flush({ setname }: ValuesOf<'flush'>): void {
    for (const { contents } of setname === undefined ? this.#sets.all() : [this.#named(setname)]) contents.flush()
  }

  rename({ setname, setname2 }: ValuesOf<'rename'>): void {
    if (setname2 === undefined) refuse(PROTOCOL)
    const set = this.#named(setname)
    if (this.#sets.references().has(set.index)) refuse(REFERENCED)
    if (this.#sets.get(setname2) !== undefined) refuse(EXIST_SETNAME2)
    this.#sets.rename(set, setname2)
  }

  swap({ setname, setname2 }: ValuesOf<'swap'>): void {
    if (setname2 === undefined) refuse(PROTOCOL)
    const one = this.#named(setname)
    const other = this.#sets.get(setname2) ?? refuse(EXIST_SETNAME2)
    if (!areAlike(one.contents.type, other.contents.type) || one.contents.family !== other.contents.family)
      refuse(TYPE_MISMATCH)
    if (one.readers + other.readers > 0) refuse(ERRNO.EBUSY)
    ;[one.contents, other.contents] = [other.contents, one.contents]
  }

  add(values: ValuesOf<'add'>, flags: number): void {
    this.#onEntries(values, ({ contents }, entry) => contents.add(entry, (flags & NLM_F_EXCL) === 0))
  }

  remove(values: ValuesOf<'remove'>, flags: number): void {
    this.#onEntries(values, ({ contents }, entry) => contents.remove(entry, (flags & NLM_F_EXCL) === 0))
  }

  /** Linux answers with the same error for an invalid entry as for one that is not in the set. */
  test({ setname, data }: ValuesOf<'test'>): void {
    if (setname === undefined || data === undefined) refuse(PROTOCOL)
    const { contents } = this.#named(setname)
    try {
      if (contents.test(data)) return
    } catch (error) {
      if (!(error instanceof SetFailure) || error instanceof ShapeFailure) throw error
    }
    refuse(EXIST)
  }

  /** Lists one set, or all, in parts. The sets are read while the parts are requested. */
  *list(values: ListValues): Generator<ListValues> {
    const { protocol, setname, flags = 0 } = values
    for (const set of setname === undefined ? this.#sets.all() : [this.#named(setname)])
      if ((flags & IPSET_FLAG_LIST_SETNAME) !== 0) yield { protocol, setname: set.name }
      else if ((flags & IPSET_FLAG_LIST_HEADER) !== 0) yield this.#told(values, set)
      else yield* this.#parts(values, set)
  }

  *#parts(values: ListValues, set: NamedSet): Generator<ListValues> {
    const { index: _, data: __, ...described } = this.#told(values, set)
    let head: ListValues = this.#told(values, set)
    let adt: EntryAttributes[] = []
    let room = 0
    for (const entry of set.contents.entries()) {
      const more = roomInList(entryAttributes, entry)
      if (room + more > MAX_ROOM) {
        yield { ...head, adt }
        ;[head, adt, room] = [described, [], 0]
      }
      adt.push(entry)
      room += more
    }
    yield { ...head, adt }
  }

  #told(values: ListValues, set: NamedSet): ListValues {
    const { index, contents } = set
    const references = this.#sets.references().get(index) ?? 0
    const data = { ...contents.options(), references, elements: contents.elements }
    return { ...this.#described(values, set), index, data }
  }

  #described({ protocol }: Common, { name, contents: { type, family, revision } }: NamedSet) {
    return { protocol, setname: name, typename: type.name, family: SET_FAMILIES[family], revision }
  }

  #onEntries({ setname, lineno, adt }: ValuesOf<'add'>, work: (set: NamedSet, entry: EntryAttributes) => void): void {
    if (setname === undefined || lineno === undefined || adt === undefined) refuse(PROTOCOL)
    const set = this.#named(setname)
    for (const entry of adt)
      try {
        work(set, entry)
      } catch (error) {
        if (!(error instanceof SetFailure) || error instanceof ShapeFailure) throw error
        throw new EntryFailure(error, entry.lineno ?? lineno)
      }
  }

  /** @throws SetFailure */
  #named(name: string | undefined): NamedSet {
    if (name === undefined) refuse(PROTOCOL)
    return this.#sets.get(name) ?? refuse(ERRNO.ENOENT)
  }

  #typeOf(name: string | undefined, family: number): SetType {
    if (name === undefined) refuse(PROTOCOL)
    if (!isSetType(name)) refuse(FIND_TYPE)
    const type = setType(name)
    const isOf = type.families.length > 1 || type.families[0] === 'any'
    return isOf || SET_FAMILIES[type.families[0] as 'ipv4'] === family ? type : refuse(FIND_TYPE)
  }
}

/** @throws SetFailure */
export function checkCommon({ protocol, setname }: Common): void {
  if (setname !== undefined && encodeText(setname).length >= SET_NAME_SIZE)
    refuse(ERRNO.EINVAL, `setname has more than ${SET_NAME_SIZE - 1} bytes`)
  if (protocol === undefined || protocol < IPSET_PROTOCOL_MIN) refuse(PROTOCOL)
}

/** What packets are compared by. A network is compared by an address. */
const dimensionsOf = ({ parts }: SetType): string =>
  parts
    .map((part) => part.replace('net', 'ip'))
    .filter((part) => part !== 'physdev' && part !== 'wildcard')
    .join()

/** Whether packets are compared by the same dimensions in both. */
const areAlike = (one: SetType, other: SetType): boolean => dimensionsOf(one) === dimensionsOf(other)
