/** Sets of addresses, networks, ports and more (ipset), which rules match packets against. */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { ERRNO } from '../abi/errno'
import type { FamilyName } from '../abi/family'
import { IPSET_ERR, IPSET_FLAG_LIST_HEADER, IPSET_FLAG_LIST_SETNAME, SET_NAME_SIZE } from '../abi/ip-set'
import { NLM_F_EXCL } from '../abi/netlink'
import { encodeText } from '../binary/text'
import { check, flag, isObject, object, shown } from '../check-input'
import { checkOptions } from '../check-options'
import { IptcError, SetError, UnsupportedError } from '../errors'
import { type Message, type Request, readMessage } from '../netlink/message'
import type { Refusal } from '../netlink/refusal'
import { creation, type Identity, identification, identityOf, validName } from './create'
import { chunked, EntryWriter, readEntries, readFields, written } from './entries'
import { type Asked, explainSet, type Operation } from './explain-refusal'
import type { Aim } from './fields'
import { bulk, commands, type EntryAttributes, type ListValues } from './messages'
import {
  ask,
  closing,
  type ExistOption,
  PLACE_OPTIONS,
  patiently,
  type SetPlace,
  Sets,
  type Steps,
  simply,
} from './sets'
import {
  type CreateOptions,
  isSetType,
  type ListedEntry,
  SET_TYPES,
  type SetEntry,
  type SetTypeName,
  setType,
  type ToldOptions,
} from './types'

/**
 * What the kernel reports about a set.
 * @typeParam T - the type of the set
 * @since 0.1.0
 */
export interface SetHeader<T extends SetTypeName = SetTypeName> {
  /** The name of the set. */
  readonly name: string
  /** As in `hash:ip`. */
  readonly type: T
  /** The family of its addresses; `'any'` if it contains none. */
  readonly family: FamilyName | 'any'
  /** The revision of the type. */
  readonly revision: number
  /** The index by which rules refer to it; undefined on old kernels. */
  readonly index: number | undefined
  /** The options that it was created with. */
  readonly options: ToldOptions<T>
  /** Number of entries. Expired ones may still be counted. */
  readonly elements: number | undefined
  /** How many rules and lists refer to it. */
  readonly references: number | undefined
  /** Memory in bytes. */
  readonly memorySize: number | undefined
}

/**
 * How replacing its contents changed a set, in numbers of entries.
 * @since 0.1.0
 */
export interface Replacement {
  /** Entries that were not there before. */
  readonly added: number
  /** Entries that are no longer there. */
  readonly removed: number
  /** Entries that were there before and still are. */
  readonly kept: number
}

/** The parts that identify an entry, as text. */
const keyOf = (parts: readonly string[], entry: Record<string, unknown>): string =>
  JSON.stringify(parts.map((name) => entry[name] ?? null))

function replacementOf(before: ReadonlySet<string>, after: ReadonlySet<string>): Replacement {
  let kept = 0
  for (const key of after) if (before.has(key)) kept++
  return { added: after.size - kept, removed: before.size - kept, kept }
}

type Arguments<T extends SetTypeName> =
  Record<never, never> extends CreateOptions<T>
    ? [options?: CreateOptions<T>, place?: SetPlace & ExistOption]
    : [options: CreateOptions<T>, place?: SetPlace & ExistOption]

/**
 * A handle on one ipset in a network namespace. It identifies the set by its name, and knows its type from
 * when it was opened.
 *
 * Every operation requires CAP_NET_ADMIN. A refused operation throws a {@link SetError} with set, entry and
 * reason; a missing set is a {@link NotFoundError}.
 * @typeParam T - the type of the set, as in `'hash:ip'`, which decides the type of its entries
 * @since 0.1.0
 * @example
 * ```ts
 * import { IpSet, MemoryKernel } from 'xtables'
 *
 * using blocked = IpSet.create('blocked', 'hash:net', { comment: true }, { kernel: new MemoryKernel() })
 * blocked.add([{ net: '10.0.0.0/8', comment: 'a network' }, '192.0.2.1'])
 * console.log(blocked.test('10.1.2.3'), blocked.list().length) // true 2
 * ```
 */
export class IpSet<T extends SetTypeName = SetTypeName> {
  #name: string
  readonly #sets: Sets
  readonly #identity: Identity

  /** @internal */
  private constructor(sets: Sets, name: string, identity: Identity) {
    if (!(sets instanceof Sets))
      throw new IptcError('XT_BAD_ARGUMENT', 'sets are made by IpSet.create and opened by IpSet.open')
    this.#sets = sets
    this.#name = name
    this.#identity = identity
  }

  /**
   * Creates a set.
   * @param type - as in `'hash:ip'`
   * @param options - options of the set; a bitmap needs its `range`
   * @throws {@link SetError} if a set of this name exists with other options, or at all unless `exist` is
   *   true
   * @throws {@link UnsupportedError} if the kernel lacks the type, or the required revision of it
   * @throws {@link PermissionError}
   */
  static create<T extends SetTypeName>(name: string, type: T, ...[options, place = {}]: Arguments<T>): IpSet<T> {
    if (!isSetType(type))
      throw new IptcError(
        'XT_BAD_ARGUMENT',
        `the type of a set must be one of ${Object.keys(SET_TYPES).join(', ')}, not ${shown(type)}`,
      )
    check('what a set is made with', options === undefined ? {} : options, object)
    const { exist, ...where } = withExist(place)
    const sets = new Sets(where)
    const valid = validName(name, 'create')
    const made = creation(valid, setType(type), { ...options }, { exist })
    return new IpSet<T>(
      sets,
      valid,
      closing(sets, () => sets.perform(made)),
    )
  }

  /**
   * Opens an existing set of any known type.
   * @throws {@link NotFoundError}, {@link PermissionError}; {@link UnsupportedError} for an unknown type
   */
  static open(name: string, place?: SetPlace): IpSet
  /**
   * Opens an existing set.
   * @param type - the type that it must have, for the compiler and at run time
   * @throws {@link NotFoundError}, {@link PermissionError}; {@link SetError} if it has another type
   */
  static open<T extends SetTypeName>(name: string, type: T, place?: SetPlace): IpSet<T>
  static open(name: string, typeOrPlace?: SetTypeName | SetPlace, maybePlace?: SetPlace): IpSet {
    const [type, place] = isObject(typeOrPlace) ? [undefined, typeOrPlace] : [typeOrPlace, maybePlace]
    if (maybePlace !== undefined && place !== maybePlace)
      throw new IptcError('XT_BAD_ARGUMENT', 'IpSet.open was given two places: pass one, as its last argument')
    const sets = new Sets(place === undefined ? {} : place)
    const valid = validName(name, 'open')
    const identity = closing(sets, () => sets.perform(identification(valid)))
    if (type === undefined || identity.type.name === type) return new IpSet(sets, valid, identity)
    sets.close()
    throw otherType(valid, 'open', identity.type.name, type)
  }

  /** The names of all sets. */
  static names(place: SetPlace = {}): string[] {
    const asked: Asked = { operation: 'list', set: 'names' }
    const messages = new Sets(place).dumpAll(ask(commands.list, { flags: IPSET_FLAG_LIST_SETNAME }), asked)
    return messages.map((message) => readMessage(commands.list, message).values.setname ?? '')
  }

  /** What the kernel reports about all sets, without their entries. @throws UnsupportedError for an unknown type */
  static headers(place: SetPlace = {}): SetHeader[] {
    const asked: Asked = { operation: 'list', set: 'headers' }
    const messages = new Sets(place).dumpAll(ask(commands.list, { flags: IPSET_FLAG_LIST_HEADER }), asked)
    return messages.map((message) => headerOf(readMessage(commands.list, message).values))
  }

  /** Destroys all sets; none if any of them is in use. */
  static destroyAll(place: SetPlace = {}): void {
    everywhere(place, 'destroy', ask(commands.destroy, {}, NLM_F_EXCL))
  }

  /** Removes all entries from all sets. */
  static flushAll(place: SetPlace = {}): void {
    everywhere(place, 'flush', ask(commands.flush, {}))
  }

  /** The name of the set. {@link IpSet.rename} changes it. */
  get name(): string {
    return this.#name
  }

  /** As in `hash:ip`. */
  get type(): T {
    return this.#identity.type.name as T
  }

  /** The family of its addresses; `'any'` if it contains none. */
  get family(): FamilyName | 'any' {
    return this.#identity.family
  }

  /** The revision of the type. */
  get revision(): number {
    return this.#identity.revision
  }

  /**
   * Adds one or several entries, in few messages. If one is refused, those before it stay.
   * @throws SetError with the entry
   */
  add(entries: SetEntry<T> | Iterable<SetEntry<T>>, options: ExistOption = {}): void {
    this.#sets.perform(this.#change('add', entries, options))
  }

  /** As {@link add}, with the kernel's work off the main thread. */
  async addAsync(entries: SetEntry<T> | Iterable<SetEntry<T>>, options: ExistOption = {}): Promise<void> {
    await this.#sets.performAsync(this.#change('add', entries, options))
  }

  /** Removes one or several entries. If one is refused, those before it are removed. @throws SetError */
  remove(entries: SetEntry<T> | Iterable<SetEntry<T>>, options: ExistOption = {}): void {
    this.#sets.perform(this.#change('remove', entries, options))
  }

  /** As {@link remove}, with the kernel's work off the main thread. */
  async removeAsync(entries: SetEntry<T> | Iterable<SetEntry<T>>, options: ExistOption = {}): Promise<void> {
    await this.#sets.performAsync(this.#change('remove', entries, options))
  }

  /** Whether the set would match a packet with these values. */
  test(entry: SetEntry<T>): boolean {
    const aim: Aim = { family: this.family, operation: 'test' }
    const data = written(this.#name, new EntryWriter(this.#identity, aim), aim, entry)
    return this.#sets.perform(this.#test(data, entry))
  }

  *#test(data: EntryAttributes, entry: unknown): Steps<boolean> {
    const { refusal } = yield ask(commands.test, { setname: this.#name, data })
    if (refusal === undefined) return true
    if (refusal.errno === IPSET_ERR.EXIST) return false
    throw explainSet(refusal, this.#asked('test', { entry }))
  }

  /** What the kernel reports about the set. */
  header(): SetHeader<T> {
    const request = ask(commands.list, { setname: this.#name, flags: IPSET_FLAG_LIST_HEADER })
    const [message] = this.#sets.dumpAll(request, this.#asked('list'))
    if (message === undefined)
      throw new UnsupportedError('XT_NO_SET_TYPE', `set ${this.#name}: the kernel does not say what it is`)
    return headerOf(readMessage(commands.list, message).values) as SetHeader<T>
  }

  /** All entries, in the kernel's order. Read a large set in parts instead (`for await (… of set)`). */
  list(): ListedEntry<T>[] {
    return this.#listed(this.#name)
  }

  /**
   * The entries, read from the kernel as they are requested, with turns of the event loop between them. Until
   * the iteration ends, the kernel refuses to destroy the set.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<ListedEntry<T>, void, void> {
    const request = ask(commands.list, { setname: this.#name })
    for (const messages of this.#sets.dump(request, this.#asked('list'))) {
      // One by one: `yield*` would take several microtasks for each entry.
      for (const message of messages) for (const entry of this.#entriesIn(message)) yield entry
      await nextTurn()
    }
  }

  /**
   * Replaces all entries atomically: the new ones are added to a temporary set, which is swapped with this
   * one. Entries are counted by what identifies them, not by their options, such as a comment. If another
   * program is reading the sets, which prevents the swap, it retries for up to a second.
   * @throws SetError; the set is then unchanged, unless only the temporary set could not be destroyed
   */
  replaceContents(entries: Iterable<SetEntry<T>>): Replacement {
    return this.#sets.perform(this.#replace(entries))
  }

  /** As {@link replaceContents}, with the kernel's work off the main thread. */
  replaceContentsAsync(entries: Iterable<SetEntry<T>>): Promise<Replacement> {
    return this.#sets.performAsync(this.#replace(entries))
  }

  /** Removes all entries. */
  flush(): void {
    this.#sets.perform(simply(ask(commands.flush, { setname: this.#name }), this.#asked('flush')))
  }

  /** Renames the set and this handle. @throws SetError if a rule refers to the set */
  rename(name: string): void {
    const other = validName(name, 'rename')
    const request = ask(commands.rename, { setname: this.#name, setname2: other })
    this.#sets.perform(simply(request, this.#asked('rename', { other })))
    this.#name = other
  }

  /**
   * Swaps the contents of two sets of the same type: rules that refer to one then use the other's entries.
   * @throws SetError, also if the other is a handle on a set in another namespace
   */
  swap(other: IpSet<T> | string): void {
    const name = other instanceof IpSet ? other.name : validName(other, 'swap')
    if (other instanceof IpSet && !this.#sets.isWith(other.#sets))
      throw new SetError(
        'XT_SET_INVALID',
        { ...this.#asked('swap'), shown: name },
        'it is in another network namespace or kernel; to mean a set in this one, pass its name',
      )
    this.#sets.perform(simply(this.#swapRequest(name), this.#asked('swap', { other: name })))
  }

  /** Destroys the set. @throws SetError if something refers to it */
  destroy(options: ExistOption = {}): void {
    checkOptions(options, { exist: flag })
    // Without the flag the kernel does not report a missing set, as for the removal of an entry.
    const request = ask(commands.destroy, { setname: this.#name }, options.exist ? 0 : NLM_F_EXCL)
    this.#sets.perform(simply(request, this.#asked('destroy')))
  }

  /** Closes the socket. The next call opens it again. */
  close(): void {
    this.#sets.close()
  }

  /** Closes the handle at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close()
  }

  #asked(operation: Operation, more: Partial<Asked> = {}): Asked {
    return { operation, set: this.#name, type: this.#identity.type.name, ...more }
  }

  #swapRequest(other: string): Request {
    return ask(commands.swap, { setname: this.#name, setname2: other })
  }

  #change(operation: 'add' | 'remove', entries: unknown, options: ExistOption): Steps<void> {
    checkOptions(options, { exist: flag })
    return this.#changeIn(this.#name, operation, listOf(entries), options.exist ?? false)
  }

  *#changeIn(name: string, operation: 'add' | 'remove', entries: Iterable<unknown>, exist: boolean): Steps<void> {
    const aim: Aim = { family: this.family, operation }
    const writer = new EntryWriter(this.#identity, aim)
    for (const { entries: adt, given, first } of chunked(this.#name, writer, aim, entries)) {
      const values = { setname: name, lineno: first + 1, adt }
      const { refusal } = yield ask(bulk[operation], values, exist ? 0 : NLM_F_EXCL)
      if (refusal === undefined) continue
      const index = refusedIndex(refusal, operation) ?? first
      throw explainSet(refusal, this.#asked(operation, { entry: given[index - first], index }))
    }
  }

  *#replace(entries: Iterable<SetEntry<T>>): Steps<Replacement> {
    const { options } = this.header()
    const temporary = yield* this.#another(options)
    try {
      yield* this.#changeIn(temporary, 'add', listOf(entries), true)
      // This set itself is not read, as that would block others who replace it.
      const after = this.#keysIn(temporary)
      yield* patiently(this.#swapRequest(temporary), this.#asked('swap', { other: temporary }), ERRNO.EBUSY)
      return replacementOf(this.#keysIn(temporary), after)
    } finally {
      const asked = { ...this.#asked('destroy'), set: temporary }
      yield* patiently(ask(commands.destroy, { setname: temporary }, NLM_F_EXCL), asked, IPSET_ERR.BUSY)
    }
  }

  /** Creates a set like this one. @returns its name, which was not in use */
  *#another(options: object): Steps<string> {
    const { type, family } = this.#identity
    for (let number = 1; ; number++)
      try {
        const name = numberedName(this.#name, number)
        yield* creation(name, type, { ...options, family }, {})
        return name
      } catch (error) {
        if (!(error instanceof SetError) || error.errno !== ERRNO.EEXIST) throw error
      }
  }

  #keysIn(name: string): Set<string> {
    const { parts } = this.#identity.type
    return new Set(this.#listed(name).map((entry) => keyOf(parts, entry)))
  }

  #listed(name: string): ListedEntry<T>[] {
    const request = ask(commands.list, { setname: name })
    return this.#sets.dumpAll(request, this.#asked('list')).flatMap((message) => this.#entriesIn(message))
  }

  /** @throws SetError if a set with other entries has taken the name */
  #entriesIn(message: Message): ListedEntry<T>[] {
    const { type } = this.#identity
    const { typename = type.name, adt } = readMessage(bulk.list, message).values
    if (typename !== type.name) throw otherType(this.#name, 'list', typename, type.name)
    return adt === undefined ? [] : (readEntries(type, adt) as ListedEntry<T>[])
  }
}

const otherType = (set: string, operation: Operation, is: string, expected: unknown): SetError =>
  new SetError('XT_SET_OTHER_TYPE', { set, operation }, `it is of type ${is}, not ${shown(expected)}`)

function withExist(place: unknown): SetPlace & ExistOption {
  checkOptions(place, { ...PLACE_OPTIONS, exist: flag })
  return place as SetPlace & ExistOption
}

function everywhere(place: SetPlace, operation: Operation, request: Request): void {
  const sets = new Sets(place)
  try {
    sets.perform(simply(request, { operation, set: 'all' }))
  } finally {
    sets.close()
  }
}

/** One entry, or several. */
const listOf = (entries: unknown): Iterable<unknown> =>
  typeof entries === 'object' && entries !== null && Symbol.iterator in entries
    ? (entries as Iterable<unknown>)
    : [entries]

/** The index of the refused entry among all that were given. The kernel puts its number into the message. */
function refusedIndex({ echo }: Refusal, operation: 'add' | 'remove'): number | undefined {
  if (echo === undefined) return undefined
  const { lineno } = readMessage(bulk[operation], echo).values
  return lineno === undefined ? undefined : lineno - 1
}

/** Recognisable and not random, so that a recorded exchange can be replayed. */
function numberedName(name: string, number: number): string {
  const tail = `~${number}`
  let head = name
  while (encodeText(head + tail).length >= SET_NAME_SIZE) head = [...head].slice(0, -1).join('')
  return head + tail
}

/** @internal */
export function headerOf(values: Omit<ListValues, 'adt'>): SetHeader {
  const { setname = '', index, data = {} } = values
  const { type, family, revision } = identityOf(setname, values)
  return {
    name: setname,
    type: type.name,
    family,
    revision,
    index,
    options: readFields(type.create, data) as ToldOptions,
    elements: data.elements,
    references: data.references,
    memorySize: data.memsize,
  }
}
