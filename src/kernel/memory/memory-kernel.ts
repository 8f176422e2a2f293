/**
 * A packet filter in this process, for tests and for viewing captured tables: it accepts and refuses what
 * Linux does, with the same answers, but filters nothing. Its sets and its nf_tables are accessed over
 * netlink.
 */
import { ERRNO } from '../../abi/errno'
import { FAMILIES, type Family, type FamilyName } from '../../abi/family'
import { SO_IP_SET } from '../../abi/ip-set'
import { isTableName } from '../../abi/netfilter'
import { NETLINK_NETFILTER } from '../../abi/netlink'
import {
  counters,
  countersInfo,
  ERROR_TARGET,
  EXTENSION_NAME_SIZE,
  getEntries,
  getInfo,
  getRevision,
  replace,
  STANDARD_TARGET,
  TABLE_NAME_SIZE,
} from '../../abi/x-tables'
import { readText } from '../../binary/text'
import { Refusal, verify } from '../../blob/verify'
import { callback, check, duration, isObject, keyOf, list, object, shown } from '../../check-input'
import { checkOptions } from '../../check-options'
import { BlobError, UnsupportedError } from '../../errors'
import type { SetNames } from '../../extensions/context'
import { knownRevisions } from '../../extensions/registry'
import { type Capture, checkCapture } from '../capture'
import {
  type Connection,
  type Kernel,
  type Lend,
  type Lock,
  type LockRequest,
  type NetlinkConnection,
  type Scratch,
  SockoptFailure,
} from '../kernel'
import { isNftCapture, type NftCapture } from '../nft-capture'
import { ProcessLock } from '../process-lock'
import { acceptTable, addCounters, copyCounters, describeTable, initialTable, type MemoryTable } from './memory-table'
import { MemoryNetlink } from './netlink'
import { Nft } from './nft/nft'
import { answerSets } from './set-answers'
import { type SetEntry, SetList } from './set-list'
import { SetCommands } from './sets/commands'
import { type NewestRevisions, revisionsOfTypes } from './sets/revisions'

/**
 * What a {@link MemoryKernel} contains at the start, and how it behaves.
 * @since 0.1.0
 */
export interface MemoryKernelOptions {
  /**
   * Empty ipsets by name: of type hash:ip for a family, of type list:set for `any`. Sets without an index get the lowest
   * free one, in the order given here. To create sets of other types, use `IpSet.create`.
   */
  readonly sets?: Readonly<Record<string, FamilyName | 'any' | SetEntry>>
  /** Tables that exist from the start, the oldest first. The sets recorded in the captures are created too. */
  readonly captures?: readonly (Capture | NftCapture)[]
  /** The clock for the timeouts of set entries, in milliseconds; the default is that of the process. */
  readonly clock?: (() => number) | undefined
  /** The newest revisions of set types, as in an older kernel; the default is the newest supported revision. */
  readonly setRevisions?: NewestRevisions | undefined
}

const aFamily = keyOf(FAMILIES)

/** Numbers of counters and of entries from which on Linux refuses with ENOMEM on any machine. */
const TOO_MANY_COUNTERS = Math.floor(0x7fff_ffff / counters.size)
const TOO_MANY_ENTRIES = 0x0800_0000

const fail = (errno: number): never => {
  throw new SockoptFailure(errno)
}

/**
 * A packet filter in the process, with tables of ip_tables and of nf_tables, and ipsets. It accepts and refuses what Linux
 * does, but needs no privileges, runs on any system, and filters no packets. Use it for tests, and to inspect captured tables.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel({ sets: { blocked: 'ipv4' } })
 * const rule = { set: { 'match-set': ['blocked', 'src'] }, target: 'DROP' }
 * easy.addRule('filter', 'INPUT', rule, 0, { kernel })
 * console.log(easy.hasRule('filter', 'INPUT', rule, { kernel })) // true
 * ```
 */
export class MemoryKernel implements Kernel {
  readonly description = 'in-process kernel'
  readonly #sets: SetList
  readonly #nft: Nft
  readonly #clock: () => number
  readonly #setRevisions: NewestRevisions
  /** By family and name, the oldest first. */
  readonly #tables: Readonly<Record<FamilyName, Map<string, MemoryTable>>> = { ipv4: new Map(), ipv6: new Map() }
  readonly #holders = new ProcessLock('the lock of the in-process kernel', () => ({ take: () => true, close() {} }))

  /** Each instance is a separate packet filter. */
  readonly place = this

  /**
   * Without options, it is empty.
   * @throws {@link BlobError} for a capture that no kernel would return
   * @throws {@link IptcError} for sets that contradict each other, or an unknown or invalid option
   */
  constructor(options: MemoryKernelOptions = {}) {
    checkOptions(options, { sets: object, captures: list, clock: callback, setRevisions: revisionsOfTypes })
    const { sets = {}, captures = [], clock = () => performance.now(), setRevisions = {} } = options
    this.#clock = clock
    this.#setRevisions = setRevisions
    this.#sets = new SetList(clock, setRevisions, () => this.#setsInRules())
    this.#nft = new Nft(this.#sets)
    for (const capture of captures) this.#load(capture)
    const given = Object.entries(sets)
    // Sets with an index first, so that no other set gets it.
    for (const [name, set] of given) if (isObject(set)) this.#addKnown(name, set)
    for (const [name, set] of given) if (!isObject(set)) this.addSet(name, set)
  }

  connect(family: FamilyName): Connection {
    check('the family of a connection', family, aFamily)
    return new MemoryConnection((way, option, value, answer) => {
      if (way === 'get') this.#get(FAMILIES[family], option, value)
      else this.#set(FAMILIES[family], option, value, answer)
    })
  }

  tables(family: FamilyName): string[] {
    check('the family of tables', family, aFamily)
    return [...this.#tables[family].keys()].reverse()
  }

  loadModule(): boolean {
    return false
  }

  /** It has sets of the same names, indexes and families. */
  scratch(): Scratch {
    return { kernel: new MemoryKernel({ sets: this.#sets.entries(), setRevisions: this.#setRevisions }), close() {} }
  }

  /** @throws UnsupportedError for any protocol but netfilter's */
  netlink(protocol: number): NetlinkConnection {
    if (protocol !== NETLINK_NETFILTER)
      throw new UnsupportedError('XT_NO_NETLINK', `the in-process kernel has no netlink protocol ${shown(protocol)}`)
    return new MemoryNetlink(new SetCommands(this.#sets, this.#clock), this.#sets, this.#nft)
  }

  lock(timeoutMs: number): Lock {
    check('the wait for the lock', timeoutMs, duration)
    return this.#holders.lock(timeoutMs)
  }

  async withLockAsync<T>(request: LockRequest, body: (lend: Lend) => Promise<T>): Promise<T> {
    check('what is asked of the lock', request, object)
    check('the wait for the lock', request.timeoutMs, duration)
    check('what is done under the lock', body, callback)
    return this.#holders.withLockAsync(request, body)
  }

  /** Creates an empty ipset. @returns the index by which rules refer to it. @throws IptcError if the name is invalid or taken */
  addSet(name: string, family: FamilyName | 'any'): number {
    return this.#sets.add(name, family).index
  }

  /** Removes an ipset, even if rules refer to it, which Linux would refuse. @throws IptcError if there is no such set */
  removeSet(name: string): void {
    this.#sets.remove(name)
  }

  #addKnown(name: string, { index, family }: SetEntry): void {
    const known = this.#sets.byName(name)
    if (known?.index !== index || known.family !== family) this.#sets.add(name, family, index)
  }

  #load(capture: Capture | NftCapture): void {
    if (isNftCapture(capture)) {
      for (const [name, set] of Object.entries(capture.sets ?? {})) this.#addKnown(name, set)
      this.#nft.load(capture)
    } else this.#loadLegacy(capture)
  }

  #loadLegacy(capture: Capture): void {
    const family = FAMILIES[capture.family]
    const { layout, entries } = checkCapture(capture)
    for (const [name, set] of Object.entries(capture.sets ?? {})) this.#addKnown(name, set)
    const { sets, found } = watched({ byName: () => undefined, byIndex: () => '' })
    try {
      verify(family, capture.table, layout, entries, { sets })
    } catch (error) {
      if (error instanceof Refusal) throw new BlobError(error.offset, error.reason, { cause: error })
      throw error
    }
    this.#tables[capture.family].set(capture.table, { layout, entries: Uint8Array.from(entries), sets: found })
  }

  #get(family: Family, option: number, value: Uint8Array): void {
    const { getInfo, getEntries, getRevisionMatch, getRevisionTarget } = family.sockopt
    if (option === getInfo) this.#getInfo(family, value)
    else if (option === getEntries) this.#getEntries(family, value)
    else if (option === getRevisionMatch) answerRevision('match', family, value)
    else if (option === getRevisionTarget) answerRevision('target', family, value)
    else if (option === SO_IP_SET && family.name === 'ipv4') answerSets(this.#sets, value)
    else fail(ERRNO.ENOPROTOOPT)
  }

  #set(family: Family, option: number, value: Uint8Array, answer: Uint8Array | undefined): void {
    if (option === family.sockopt.replace) this.#replace(family, value, answer)
    else if (option === family.sockopt.addCounters) this.#addCounters(family, value)
    else fail(ERRNO.ENOPROTOOPT)
  }

  /** A table is created when it is first requested. */
  #table(family: Family, name: string): MemoryTable {
    if (!isTableName(name)) return fail(ERRNO.ENOENT)
    const known = this.#tables[family.name].get(name)
    if (known !== undefined) return known
    const table = initialTable(family, name)
    this.#tables[family.name].set(name, table)
    return table
  }

  #getInfo(family: Family, value: Uint8Array): void {
    if (value.length !== getInfo.size) fail(ERRNO.EINVAL)
    const name = tableName(value)
    value.set(describeTable(name, this.#table(family, name)))
  }

  #getEntries(family: Family, value: Uint8Array): void {
    if (value.length < getEntries.size) fail(ERRNO.EINVAL)
    const size = getEntries.fields.size.read(value, 0)
    // Linux checks the length before it looks for the table.
    if (value.length !== getEntries.size + size) fail(ERRNO.EINVAL)
    const { entries } = this.#table(family, tableName(value))
    if (entries.length !== size) fail(ERRNO.EAGAIN)
    value.set(entries, getEntries.size)
  }

  #replace(family: Family, value: Uint8Array, answer: Uint8Array | undefined): void {
    if (value.length < replace.size) fail(ERRNO.EINVAL)
    const { size, numCounters, counters: _, name: __, ...layout } = replace.read(value, 0)
    if (numCounters >= TOO_MANY_COUNTERS) fail(ERRNO.ENOMEM)
    if (numCounters === 0 || size > value.length - replace.size) fail(ERRNO.EINVAL)
    if (layout.numEntries >= TOO_MANY_ENTRIES) fail(ERRNO.ENOMEM)
    const entries = value.subarray(replace.size, replace.size + size)
    const name = tableName(value)
    const { sets, found } = watched(this.#sets)
    const reached = verified(family, name, layout, entries, sets)
    const old = this.#table(family, name)
    if (numCounters !== old.layout.numEntries) fail(ERRNO.EAGAIN)
    this.#tables[family.name].set(name, acceptTable(family, layout, entries, reached, found))
    if (answer !== undefined) copyCounters(family, old, answer)
  }

  *#setsInRules(): Generator<number> {
    for (const tables of Object.values(this.#tables)) for (const { sets } of tables.values()) yield* sets
    yield* this.#nft.sets()
  }

  #addCounters(family: Family, value: Uint8Array): void {
    if (value.length < countersInfo.size) fail(ERRNO.EINVAL)
    const count = countersInfo.fields.numCounters.read(value, 0)
    if (count === 0 || value.length !== countersInfo.size + count * counters.size) fail(ERRNO.EINVAL)
    const table = this.#table(family, tableName(value))
    if (count !== table.layout.numEntries) fail(ERRNO.EINVAL)
    addCounters(family, table, value.subarray(countersInfo.size))
  }
}

function verified(
  family: Family,
  table: string,
  layout: Parameters<typeof verify>[2],
  entries: Uint8Array,
  sets: SetNames,
): Uint8Array {
  try {
    return verify(family, table, layout, entries, { knownOnly: true, sets })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const failure = new SockoptFailure(error.errno)
    failure.cause = error
    throw failure
  }
}

/** The same sets. `found` collects the index of an existing set each time it is looked up by index. */
function watched(known: SetNames): { sets: SetNames; found: readonly number[] } {
  const found: number[] = []
  const byIndex = (index: number): string | undefined => {
    const name = known.byIndex(index)
    if (name !== undefined) found.push(index)
    return name
  }
  return { sets: { byName: (name) => known.byName(name), byIndex }, found }
}

/** Linux ends a name that fills its field at the last byte of that. */
const tableName = (value: Uint8Array): string => readText(value, 0, TABLE_NAME_SIZE - 1)

function answerRevision(kind: 'match' | 'target', family: Family, value: Uint8Array): void {
  if (value.length !== getRevision.size) fail(ERRNO.EINVAL)
  const name = readText(value, 0, EXTENSION_NAME_SIZE)
  const revisions = revisionsOf(kind, family, name)
  if (revisions.length === 0) fail(ERRNO.ENOENT)
  if (!revisions.includes(getRevision.fields.revision.read(value, 0))) fail(ERRNO.EPROTONOSUPPORT)
}

function revisionsOf(kind: 'match' | 'target', { name: family }: Family, name: string): number[] {
  if (kind === 'target' && (name === STANDARD_TARGET || name === ERROR_TARGET)) return [0]
  return knownRevisions(kind, family, name)
}

type Perform = (way: 'get' | 'set', option: number, value: Uint8Array, answer?: Uint8Array) => void

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

class MemoryConnection implements Connection {
  readonly #perform: Perform
  #closed = false

  constructor(perform: Perform) {
    this.#perform = perform
  }

  getsockopt(option: number, value: Uint8Array): void {
    this.#checkOpen()
    this.#perform('get', option, value)
  }

  /** There are no addresses here: the kernel writes directly to `answer`. */
  setsockopt(option: number, value: Uint8Array, answer?: Uint8Array): void {
    this.#checkOpen()
    this.#perform('set', option, value, answer)
  }

  async getsockoptAsync(option: number, value: Uint8Array): Promise<void> {
    this.#checkOpen()
    await nextTurn()
    this.#perform('get', option, value)
  }

  async setsockoptAsync(option: number, value: Uint8Array, answer?: Uint8Array): Promise<void> {
    this.#checkOpen()
    await nextTurn()
    this.#perform('set', option, value, answer)
  }

  close(): void {
    this.#closed = true
  }

  #checkOpen(): void {
    if (this.#closed) fail(ERRNO.EBADF)
  }
}
