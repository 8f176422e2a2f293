/** ipsets: sets of addresses, networks, ports and more, which rules look packets up in. */

import { randomBytes } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FamilyName } from '../abi/family'
import {
  IPSET_ERR,
  IPSET_FLAG_LIST_HEADER,
  IPSET_FLAG_LIST_SETNAME,
  IPSET_PROTOCOL,
  SET_NAME_SIZE,
} from '../abi/ip-set'
import { NETLINK_NETFILTER, NLM_F_CREATE, NLM_F_EXCL } from '../abi/netlink'
import { encodeText } from '../binary/text'
import { IptcError, SetError, UnsupportedError } from '../errors'
import { check, flag, isObject, object, shown, type Taken } from '../input'
import type { NetlinkPort } from '../kernel/kernel'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import { aNamespace, type NetworkNamespace } from '../kernel/linux/namespace'
import { NetlinkClient, type Outcome } from '../netlink/client'
import {
  type Message,
  type MessageType,
  type NfHead,
  nfHead,
  type Request,
  readMessage,
  request,
} from '../netlink/message'
import { Refusal } from '../netlink/refusal'
import { checkOptions } from '../options'
import { chunked, EntryWriter, readFields, Unfit, writeFields, written } from './entries'
import { type Aim, checkedName, Mismatch } from './fields'
import { commands, type EntryAttributes } from './messages'
import { type Asked, explainSet, type Operation } from './refusals'
import {
  type CreateOptions,
  isSetType,
  type ListedEntry,
  SET_TYPES,
  type SetEntry,
  type SetType,
  type SetTypeName,
  setType,
  type ToldOptions,
} from './types'

/** Where sets are. */
export interface SetPlace {
  /** Network namespace: a name of `ip netns`, a path, a process id, or an open one. The process's own unless said. */
  readonly namespace?: string | number | NetworkNamespace | undefined
  /** Another kernel than that of Linux, such as a recording. */
  readonly kernel?: NetlinkPort | undefined
}

export interface ExistOption {
  /** Whether it is no error where all is as it is to be already, as with `ipset -exist`. */
  readonly exist?: boolean | undefined
}

/** What the kernel tells of a set. */
export interface SetHeader<T extends SetTypeName = SetTypeName> {
  readonly name: string
  readonly type: T
  readonly family: FamilyName | 'any'
  readonly revision: number
  /** By which rules refer to it; unknown to old kernels. */
  readonly index: number | undefined
  readonly options: ToldOptions<T>
  /** Of those whose time is over some may still be counted. */
  readonly elements: number | undefined
  /** How many rules and lists refer to it. */
  readonly references: number | undefined
  /** In bytes. */
  readonly memorySize: number | undefined
}

/** What became of the contents of a set. */
export interface Replacement {
  readonly added: number
  readonly removed: number
  readonly kept: number
}

const aPort: Taken = {
  accepts: (value) => isObject(value) && typeof (value as Partial<NetlinkPort>).netlink === 'function',
  expected: 'a kernel that has netlink, such as a LinuxKernel',
}
const PLACE_OPTIONS = { namespace: aNamespace, kernel: aPort }

/** What has sets of its own: nfgen_family means nothing in these messages, and is that of ipset(8). */
const HEAD: NfHead = nfHead(2)

const FAMILY_NUMBERS: Readonly<Record<FamilyName | 'any', number>> = { any: 0, ipv4: 2, ipv6: 10 }
const familyOf = (number: number | undefined): FamilyName | 'any' =>
  (Object.keys(FAMILY_NUMBERS) as (FamilyName | 'any')[]).find((name) => FAMILY_NUMBERS[name] === number) ?? 'any'

/** Yields what is to be sent, and is given what became of it. Written once, for this thread and for another. */
type Steps<T> = Generator<Request, T, Outcome>

interface Common {
  protocol?: number | undefined
}

const ask = <V extends Common>(kind: MessageType<NfHead, V>, values: V, flags = 0): Request =>
  request(kind, flags, HEAD, { protocol: IPSET_PROTOCOL, ...values })

/** The sets of one place. */
class Sets {
  readonly #port: NetlinkPort
  readonly #client: NetlinkClient

  constructor(place: SetPlace) {
    checkOptions(place, PLACE_OPTIONS)
    const { namespace, kernel } = place
    if (kernel !== undefined && namespace !== undefined)
      throw new IptcError('a set has a kernel or a namespace: a kernel brings its own namespace')
    this.#port = kernel ?? new LinuxKernel({ namespace })
    this.#client = new NetlinkClient(this.#port, NETLINK_NETFILTER)
  }

  perform<T>(steps: Steps<T>): T {
    let step = steps.next()
    while (!step.done) step = this.#next(steps, step.value)
    return step.value
  }

  /** On a socket of its own, as others may use this one meanwhile. */
  async performAsync<T>(steps: Steps<T>): Promise<T> {
    const client = new NetlinkClient(this.#port, NETLINK_NETFILTER)
    try {
      let step = steps.next()
      while (!step.done)
        step = await client.batchAsync([step.value]).then(
          ([outcome]) => steps.next(outcome as Outcome),
          (error) => steps.throw(error),
        )
      return step.value
    } finally {
      client.close()
    }
  }

  #next<T>(steps: Steps<T>, request: Request): IteratorResult<Request, T> {
    let outcome: Outcome | undefined
    try {
      ;[outcome] = this.#client.batch([request])
    } catch (error) {
      return steps.throw(error)
    }
    return steps.next(outcome as Outcome)
  }

  /** @throws as {@link NetlinkClient.dump}, and what is refused as users see it */
  *dump(request: Request, asked: Asked): Generator<readonly Message[], void, void> {
    try {
      yield* this.#client.dump(request)
    } catch (error) {
      throw error instanceof Refusal ? explainSet(error, asked) : error
    }
  }

  dumpAll(request: Request, asked: Asked): Message[] {
    try {
      return this.#client.dumpAll(request)
    } catch (error) {
      throw error instanceof Refusal ? explainSet(error, asked) : error
    }
  }

  close(): void {
    this.#client.close()
  }
}

/** Sends one request. @returns its answers */
function* simply(request: Request, asked: Asked): Steps<readonly Message[]> {
  const { messages, refusal } = yield request
  if (refusal !== undefined) throw explainSet(refusal, asked)
  return messages
}

/** @throws SetError */
function validName(name: unknown, operation: Operation): string {
  try {
    return checkedName(name)
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error
    const reason = `the name of a set is text of 1 to ${SET_NAME_SIZE - 1} bytes without NUL`
    throw new SetError({ set: shown(name), operation }, reason, { cause: error })
  }
}

const withoutUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T

interface Identity {
  readonly type: SetType
  readonly family: FamilyName | 'any'
  readonly revision: number
}

/** Which revision of a type to use, and whether it knows all that is asked. */
function* revisionFor(set: string, type: SetType, family: FamilyName | 'any', used: readonly string[]): Steps<number> {
  const values = { typename: type.name, family: FAMILY_NUMBERS[family] }
  const [answer] = yield* simply(ask(commands.type, values), { operation: 'create', set, type: type.name })
  if (answer === undefined) throw new UnsupportedError(`the kernel does not say which revisions of ${type.name} it has`)
  const { revision: newest = 0, revisionMin: oldest = 0 } = readMessage(commands.type, answer).values
  const [ours, ourNewest] = type.revisions
  if (newest < ours || oldest > ourNewest)
    throw new UnsupportedError(
      `the kernel has revisions ${oldest} to ${newest} of ${type.name}; known are ${ours} to ${ourNewest}`,
    )
  const revision = Math.min(newest, ourNewest)
  const unknown = used.find((option) => (type.since[option] ?? 0) > revision)
  if (unknown !== undefined)
    throw new UnsupportedError(
      `set ${set}: ${unknown} takes revision ${type.since[unknown]} of ${type.name}; the kernel has ${newest}`,
    )
  return revision
}

/** @throws SetError */
function familyFor(set: string, { families, name }: SetType, family: unknown): FamilyName | 'any' {
  const known = families.find((one) => one === (family ?? families[0]))
  if (known !== undefined) return known
  throw new SetError(
    { set, operation: 'create' },
    `the family of a ${name} is ${families.join(' or ')}, not ${shown(family)}`,
  )
}

function* creation(
  name: string,
  type: SetType,
  { family: given, ...options }: Record<string, unknown>,
  { exist = false }: ExistOption,
): Steps<Identity> {
  const set = name
  const family = familyFor(set, type, given)
  const data = createData(set, type, options, family)
  const used = Object.keys(options).filter((option) => options[option] !== undefined && options[option] !== false)
  const revision = yield* revisionFor(set, type, family, used)
  const values = { setname: name, typename: type.name, revision, family: FAMILY_NUMBERS[family], data }
  yield* simply(ask(commands.create, values, NLM_F_CREATE | (exist ? 0 : NLM_F_EXCL)), {
    operation: 'create',
    set,
    type: type.name,
  })
  return { type, family, revision }
}

/** @throws SetError */
function createData(set: string, type: SetType, options: object, family: FamilyName | 'any') {
  try {
    return writeFields(type.create, options, { family, operation: 'create' })
  } catch (error) {
    if (error instanceof Unfit) throw new SetError({ set, operation: 'create' }, error.message, { cause: error })
    throw error
  }
}

function* identification(name: string): Steps<Identity> {
  const [answer] = yield* simply(ask(commands.header, { setname: name }), { operation: 'open', set: name })
  if (answer === undefined) throw new UnsupportedError(`set ${name}: the kernel does not say what it is`)
  return identityOf(name, readMessage(commands.header, answer).values)
}

type Described = { typename?: string | undefined; family?: number | undefined; revision?: number | undefined }

/** @throws UnsupportedError */
function identityOf(set: string, { typename, family, revision = 0 }: Described): Identity {
  if (!isSetType(typename)) throw new UnsupportedError(`set ${set} is of type ${typename}, which is not known here`)
  return { type: setType(typename), family: familyOf(family), revision }
}

/** What tells an entry from others, as text. */
const keyOf = (parts: readonly string[], entry: Record<string, unknown>): string =>
  JSON.stringify(parts.map((name) => entry[name] ?? null))

type Arguments<T extends SetTypeName> =
  Record<never, never> extends CreateOptions<T>
    ? [options?: CreateOptions<T>, place?: SetPlace & ExistOption]
    : [options: CreateOptions<T>, place?: SetPlace & ExistOption]

/**
 * A handle on one set of a network namespace. It knows the set by its name, and its type from when it was opened.
 *
 * Everything takes CAP_NET_ADMIN. What is refused is a SetError with set, entry and reason; a set that is not there is a
 * NotFoundError.
 */
export class IpSet<T extends SetTypeName = SetTypeName> {
  #name: string
  readonly #sets: Sets
  readonly #identity: Identity

  private constructor(sets: Sets, name: string, identity: Identity) {
    this.#sets = sets
    this.#name = name
    this.#identity = identity
  }

  /**
   * Makes a set.
   * @param options what it is made with; a bitmap needs its `range`
   * @throws SetError, UnsupportedError (the kernel lacks the type, or a revision of it), PermissionError
   */
  static create<T extends SetTypeName>(name: string, type: T, ...[options, place = {}]: Arguments<T>): IpSet<T> {
    if (!isSetType(type))
      throw new IptcError(`the type of a set is one of ${Object.keys(SET_TYPES).join(', ')}, not ${shown(type)}`)
    check('what a set is made with', options ?? {}, object)
    const { exist, ...where } = withExist(place)
    const sets = new Sets(where)
    const valid = validName(name, 'create')
    const made = creation(valid, setType(type), withoutUndefined({ ...options }), { exist })
    return new IpSet<T>(
      sets,
      valid,
      closing(sets, () => sets.perform(made)),
    )
  }

  /**
   * Opens a set that is there.
   * @param type what it has to be of, for the compiler and at run time; anything that is known unless said
   * @throws NotFoundError, SetError where it is of another type, UnsupportedError, PermissionError
   */
  static open(name: string, place?: SetPlace): IpSet
  static open<T extends SetTypeName>(name: string, type: T, place?: SetPlace): IpSet<T>
  static open(name: string, typeOrPlace?: SetTypeName | SetPlace, maybePlace?: SetPlace): IpSet {
    const [type, place] = typeof typeOrPlace === 'string' ? [typeOrPlace, maybePlace] : [undefined, typeOrPlace]
    const sets = new Sets(place ?? {})
    const valid = validName(name, 'open')
    const identity = closing(sets, () => sets.perform(identification(valid)))
    if (type === undefined || identity.type.name === type) return new IpSet(sets, valid, identity)
    sets.close()
    throw new SetError({ set: valid, operation: 'open' }, `it is of type ${identity.type.name}, not ${type}`)
  }

  /** The names of all sets. */
  static names(place: SetPlace = {}): string[] {
    const asked: Asked = { operation: 'list', set: 'names' }
    const messages = new Sets(place).dumpAll(ask(commands.list, { flags: IPSET_FLAG_LIST_SETNAME }), asked)
    return messages.map((message) => readMessage(commands.list, message).values.setname ?? '')
  }

  /** What the kernel tells of all sets, without their entries. @throws UnsupportedError for a type that is not known */
  static headers(place: SetPlace = {}): SetHeader[] {
    const asked: Asked = { operation: 'list', set: 'headers' }
    const messages = new Sets(place).dumpAll(ask(commands.list, { flags: IPSET_FLAG_LIST_HEADER }), asked)
    return messages.map((message) => headerOf(readMessage(commands.list, message).values))
  }

  /** Destroys all sets, or none where one is in use. */
  static destroyAll(place: SetPlace = {}): void {
    everywhere(place, 'destroy', ask(commands.destroy, {}, NLM_F_EXCL))
  }

  /** Empties all sets. */
  static flushAll(place: SetPlace = {}): void {
    everywhere(place, 'flush', ask(commands.flush, {}))
  }

  get name(): string {
    return this.#name
  }

  get type(): T {
    return this.#identity.type.name as T
  }

  get family(): FamilyName | 'any' {
    return this.#identity.family
  }

  get revision(): number {
    return this.#identity.revision
  }

  /**
   * Adds an entry, or as many as there are, in few messages. Those before one that is refused stay.
   * @throws SetError with the entry
   */
  add(entries: SetEntry<T> | Iterable<SetEntry<T>>, options: ExistOption = {}): void {
    this.#sets.perform(this.#change('add', entries, options))
  }

  /** As {@link add}, the kernel's work being done off the main thread. */
  async addAsync(entries: SetEntry<T> | Iterable<SetEntry<T>>, options: ExistOption = {}): Promise<void> {
    await this.#sets.performAsync(this.#change('add', entries, options))
  }

  /** Removes an entry, or as many as there are. Those before one that is refused are gone. @throws SetError */
  remove(entries: SetEntry<T> | Iterable<SetEntry<T>>, options: ExistOption = {}): void {
    this.#sets.perform(this.#change('remove', entries, options))
  }

  /** As {@link remove}, the kernel's work being done off the main thread. */
  async removeAsync(entries: SetEntry<T> | Iterable<SetEntry<T>>, options: ExistOption = {}): Promise<void> {
    await this.#sets.performAsync(this.#change('remove', entries, options))
  }

  /** Whether a packet with this would be found in the set. */
  test(entry: SetEntry<T>): boolean {
    const aim: Aim = { family: this.family, operation: 'test' }
    const data = written(this.#name, new EntryWriter(this.#identity.type, aim), aim, entry)
    return this.#sets.perform(this.#test(data, entry))
  }

  *#test(data: EntryAttributes, entry: unknown): Steps<boolean> {
    const { refusal } = yield ask(commands.test, { setname: this.#name, data })
    if (refusal === undefined) return true
    if (refusal.errno === IPSET_ERR.EXIST) return false
    throw explainSet(refusal, this.#asked('test', { entry }))
  }

  /** What the kernel tells of the set. */
  header(): SetHeader<T> {
    const request = ask(commands.list, { setname: this.#name, flags: IPSET_FLAG_LIST_HEADER })
    const [message] = this.#sets.dumpAll(request, this.#asked('list'))
    if (message === undefined) throw new UnsupportedError(`set ${this.#name}: the kernel does not say what it is`)
    return headerOf(readMessage(commands.list, message).values) as SetHeader<T>
  }

  /** All entries, in the kernel's order. A large set is better read part by part (`for await (… of set)`). */
  list(): ListedEntry<T>[] {
    const request = ask(commands.list, { setname: this.#name })
    return this.#sets.dumpAll(request, this.#asked('list')).flatMap((message) => this.#entriesIn(message))
  }

  /**
   * The entries, read from the kernel as they are asked for, with turns of the event loop between. While that goes on the
   * kernel keeps the set from being destroyed.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<ListedEntry<T>, void, void> {
    const request = ask(commands.list, { setname: this.#name })
    for (const messages of this.#sets.dump(request, this.#asked('list'))) {
      for (const message of messages) yield* this.#entriesIn(message)
      await nextTurn()
    }
  }

  /**
   * Puts entries in the place of all that there are, at one moment: they are added to a set of another name, with which
   * this one is swapped. What is counted is told apart by what makes an entry, not by what it has besides, as a comment.
   * @throws SetError; the set is as it was then
   */
  replaceContents(entries: Iterable<SetEntry<T>>): Replacement {
    return this.#sets.perform(this.#replace(entries))
  }

  /** As {@link replaceContents}, the kernel's work being done off the main thread. */
  replaceContentsAsync(entries: Iterable<SetEntry<T>>): Promise<Replacement> {
    return this.#sets.performAsync(this.#replace(entries))
  }

  /** Removes all entries. */
  flush(): void {
    this.#sets.perform(simply(ask(commands.flush, { setname: this.#name }), this.#asked('flush')))
  }

  /** Gives the set another name, which this handle goes on with. @throws SetError where a rule refers to it */
  rename(name: string): void {
    const other = validName(name, 'rename')
    const request = ask(commands.rename, { setname: this.#name, setname2: other })
    this.#sets.perform(simply(request, this.#asked('rename', { other })))
    this.#name = other
  }

  /** Exchanges the contents of two sets of one type: rules that refer to the one find the other's. */
  swap(other: IpSet<T> | string): void {
    const name = other instanceof IpSet ? other.name : validName(other, 'swap')
    this.#sets.perform(this.#swap(name))
  }

  /** Does away with the set. @throws SetError where something refers to it */
  destroy(options: ExistOption = {}): void {
    checkOptions(options, { exist: flag })
    this.#sets.perform(this.#destroy(this.#name, options.exist))
  }

  /** Closes the socket, which the next call opens again. */
  close(): void {
    this.#sets.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #asked(operation: Operation, more: Partial<Asked> = {}): Asked {
    return { operation, set: this.#name, type: this.#identity.type.name, ...more }
  }

  *#swap(other: string): Steps<void> {
    yield* simply(ask(commands.swap, { setname: this.#name, setname2: other }), this.#asked('swap', { other }))
  }

  *#destroy(name: string, exist = false): Steps<void> {
    // Without the flag a set that is not there is no error, as of an entry that is to go.
    yield* simply(ask(commands.destroy, { setname: name }, exist ? 0 : NLM_F_EXCL), {
      ...this.#asked('destroy'),
      set: name,
    })
  }

  #change(operation: 'add' | 'remove', entries: unknown, options: ExistOption): Steps<void> {
    checkOptions(options, { exist: flag })
    return this.#changeIn(this.#name, operation, listOf(entries), options.exist ?? false)
  }

  *#changeIn(name: string, operation: 'add' | 'remove', entries: Iterable<unknown>, exist: boolean): Steps<void> {
    const aim: Aim = { family: this.family, operation }
    const writer = new EntryWriter(this.#identity.type, aim)
    for (const { entries: adt, given, first } of chunked(this.#name, writer, aim, entries)) {
      const values = { setname: name, lineno: first + 1, adt }
      const { refusal } = yield ask(commands[operation], values, exist ? 0 : NLM_F_EXCL)
      if (refusal === undefined) continue
      const index = refusedIndex(refusal, operation) ?? first
      throw explainSet(refusal, this.#asked(operation, { entry: given[index - first], index }))
    }
  }

  *#replace(entries: Iterable<SetEntry<T>>): Steps<Replacement> {
    const { options } = this.header()
    const { type, family } = this.#identity
    const temporary = temporaryName(this.#name)
    yield* creation(temporary, type, { ...options, family }, {})
    try {
      yield* this.#changeIn(temporary, 'add', listOf(entries), true)
      yield* this.#swap(temporary)
      return this.#difference(temporary)
    } finally {
      yield* this.#destroy(temporary)
    }
  }

  #difference(old: string): Replacement {
    const { parts } = this.#identity.type
    const request = ask(commands.list, { setname: old })
    const before = this.#sets.dumpAll(request, this.#asked('list')).flatMap((message) => this.#entriesIn(message))
    const keys = new Set(before.map((entry) => keyOf(parts, entry)))
    const now = this.list()
    const kept = now.filter((entry) => keys.has(keyOf(parts, entry))).length
    return { added: now.length - kept, removed: keys.size - kept, kept }
  }

  #entriesIn(message: Message): ListedEntry<T>[] {
    const { adt = [] } = readMessage(commands.list, message).values
    const fields = this.#identity.type.entry
    return adt.map((entry) => readFields(fields, entry) as ListedEntry<T>)
  }
}

/** As {@link Sets}, closed where `body` throws. */
function closing<T>(sets: Sets, body: () => T): T {
  try {
    return body()
  } catch (error) {
    sets.close()
    throw error
  }
}

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

/** Where among all that was given the entry stands that was refused. The kernel puts its number into the message. */
function refusedIndex({ echo }: Refusal, operation: 'add' | 'remove'): number | undefined {
  if (echo === undefined) return undefined
  const { lineno } = readMessage(commands[operation], echo).values
  return lineno === undefined ? undefined : lineno - 1
}

/** One that nobody has, recognisable. */
function temporaryName(name: string): string {
  const tail = `~${randomBytes(5).toString('hex')}`
  let head = name
  while (encodeText(head + tail).length >= SET_NAME_SIZE) head = head.slice(0, -1)
  return head + tail
}

type ListValues = ReturnType<
  typeof readMessage<NfHead, (typeof commands)['list'] extends MessageType<NfHead, infer V> ? V : never>
>['values']

function headerOf(values: ListValues): SetHeader {
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
