/**
 * Typed system calls of the ip_tables interface, over a connection to any kernel. Each call is written once as a
 * sequence of requests ({@link Steps}), and performed on this thread or on another.
 */
import { ERRNO, errnoName } from '../abi/errno'
import { FAMILIES, type Family, type FamilyName } from '../abi/family'
import {
  getSet,
  getSetFamily,
  IP_SET_OP_GET_BYINDEX,
  IP_SET_OP_GET_FNAME,
  IP_SET_OP_VERSION,
  IPSET_INVALID_ID,
  SET_NAME_SIZE,
  SO_IP_SET,
  setFamily,
  setVersion,
} from '../abi/ip-set'
import { isTableName, TABLES } from '../abi/netfilter'
import {
  countersInfo,
  counters as countersStruct,
  EXTENSION_NAME_SIZE,
  getEntries,
  getInfo,
  getRevision,
  replace,
  TABLE_NAME_SIZE,
} from '../abi/x-tables'
import { takeZeros } from '../binary/buffers'
import { u16 } from '../binary/codec'
import { encodeText } from '../binary/text'
import { report } from '../diagnostics'
import type { CodeOf } from '../error-codes'
import {
  ConflictError,
  CountersError,
  IptcError,
  KernelError,
  NotFoundError,
  PermissionError,
  UnsupportedError,
} from '../errors'
import { type Connection, type Kernel, SockoptFailure } from './kernel'

/** Start and end of a table's chains, by hook number. Values for hooks that the table lacks are undefined. */
export interface TableLayout {
  /** One bit per hook. */
  readonly validHooks: number
  /** Offsets of the first entry of the hook's chain, and of its policy entry (underflow). */
  readonly hookEntry: readonly number[]
  readonly underflow: readonly number[]
  readonly numEntries: number
}

export interface TableInfo extends TableLayout {
  /** Size of all entries in bytes. */
  readonly size: number
}

export interface TableEntries {
  readonly info: TableInfo
  readonly entries: Uint8Array
}

/**
 * An ipset, as rules refer to it.
 * @since 0.1.0
 */
export interface SetIdentity {
  /** The index by which rules refer to the set. */
  readonly index: number
  /** Family of its addresses; `any` for types without one, such as a list of sets. */
  readonly family: FamilyName | 'any'
}

/** One getsockopt or setsockopt call, and its description for messages. */
interface Request {
  readonly way: 'get' | 'set'
  /** Such as `GET_ENTRIES`. */
  readonly operation: string
  readonly family: FamilyName
  readonly option: number
  readonly value: Uint8Array
  readonly table?: string
  /** Memory that the kernel writes to, and where in `value` its address is stored. */
  readonly answer?: Uint8Array
  readonly answerAt?: number
}

/** Maps the counters of the replaced entries to those of the new ones, 16 bytes each; undefined if all are zero. */
export type Carry = (replaced: Uint8Array) => Uint8Array | undefined

/** Allocates memory of this size. */
type Take = (size: number) => Uint8Array

/** Yields requests, each performed before the generator continues. A failed request is thrown at its `yield`. */
type Steps<T> = Generator<Request, T, void>

/** How often to start again if a table changes while it is read. */
const MAX_READS = 16
/** How often to retry a call that failed for a transient reason. */
const MAX_CALLS = 16

const failedWith = (error: unknown, ...errnos: number[]): boolean =>
  error instanceof SockoptFailure && errnos.includes(error.errno)

/** Whether the name and its NUL fit in a field of `size` bytes. A truncated name would refer to something else. */
const fits = (name: string, size: number): boolean => !name.includes('\0') && encodeText(name).length < size

/** @param title of the table that the client serves; undefined for a client of its own */
export const closedError = (title: string | undefined): IptcError =>
  new IptcError(
    'XT_CLOSED',
    title === undefined
      ? 'this connection to the kernel is closed; open another one'
      : `${title} is closed; open it again with new Table or new Table6`,
  )

/** A client for one family in one network namespace. It opens its socket on the first call and keeps it. */
export class Client {
  readonly #kernel: Kernel
  readonly #family: Family
  readonly #connections = new Map<FamilyName, Connection>()
  /** By name and revision. */
  readonly #revisions: Record<'match' | 'target', Map<string, boolean[]>> = { match: new Map(), target: new Map() }
  #setProtocol: number | undefined
  #modulesTried = false
  /**
   * Number of operations in progress. They are completed even after `close`, because stopping halfway would lose the
   * counters of a table.
   */
  #underWay = 0
  #closed = false
  readonly #title: string | undefined

  /** @param title of the table that it serves, for messages */
  constructor(kernel: Kernel, family: Family, title?: string) {
    this.#kernel = kernel
    this.#title = title
    this.#family = family
  }

  /**
   * Asking creates the table if it does not exist yet in this namespace.
   * @throws NotFoundError (no kernel has it), UnsupportedError (this kernel lacks it), PermissionError, KernelError
   */
  info(table: string): TableInfo {
    return this.#perform(this.#info(table))
  }

  /**
   * Reads a table. `entries` is the kernel's answer itself, not a copy.
   * @param take allocates zeroed memory for the answer: Linux does not write the bytes behind the name of a match or
   *   target.
   * @throws ConflictError (the table keeps changing while it is read), and as {@link info}
   */
  entries(table: string, take: Take = takeZeros): TableEntries {
    return this.#perform(this.#entries(table, take))
  }

  entriesAsync(table: string): Promise<TableEntries> {
    return this.#performAsync(this.#entries(table))
  }

  /**
   * Replaces all entries of a table.
   * @param request 96 bytes that are filled in here, then the entries.
   * @param oldCount number of present entries, by which the kernel detects a concurrent change.
   * @param carry the counters of the new entries, which are added right after the replacement.
   * @returns the counters of the old entries at the time of the replacement, 16 bytes each.
   * @throws ConflictError (the table has another number of entries; nothing is changed), PermissionError, KernelError;
   *   CountersError, after which the table has been written
   */
  replace(table: string, layout: TableLayout, request: Uint8Array, oldCount: number, carry?: Carry): Uint8Array {
    return this.#perform(this.#replace(table, layout, request, oldCount, carry))
  }

  /** `request` must not be touched until the promise settles. */
  replaceAsync(
    table: string,
    layout: TableLayout,
    request: Uint8Array,
    oldCount: number,
    carry?: Carry,
  ): Promise<Uint8Array> {
    return this.#performAsync(this.#replace(table, layout, request, oldCount, carry))
  }

  /** @param counters the counters to add, 16 bytes per entry of the table, in order. */
  addCounters(table: string, counters: Uint8Array): void {
    this.#perform(this.#ask(this.#addition(table, counters), PASSING_ONCE_REPLACED))
  }

  addCountersAsync(table: string, counters: Uint8Array): Promise<void> {
    return this.#performAsync(this.#ask(this.#addition(table, counters), PASSING_ONCE_REPLACED))
  }

  /** Whether the kernel has this revision of an extension. The answer is cached. */
  hasRevision(kind: 'match' | 'target', name: string, revision: number): boolean {
    const ofName = this.#revisions[kind].get(name) ?? []
    const known = ofName[revision]
    if (known !== undefined) return known
    const answer = this.#perform(this.#hasRevision(kind, name, revision))
    ofName[revision] = answer
    this.#revisions[kind].set(name, ofName)
    return answer
  }

  /** @returns undefined if there is no such set. @throws UnsupportedError if the kernel has no sets at all. */
  setByName(name: string): SetIdentity | undefined {
    return this.#perform(this.#setByName(name))
  }

  /** The name of a set, or undefined if no set has this index. */
  setByIndex(index: number): string | undefined {
    return this.#perform(this.#setByIndex(index))
  }

  /** All sets by name. @throws UnsupportedError if the kernel has no sets */
  sets(): Map<string, SetIdentity> {
    return this.#perform(this.#sets())
  }

  /** Closes the sockets for good, after any operation in progress. Further calls do nothing. */
  close(): void {
    this.#closed = true
    if (this.#underWay === 0) this.#closeConnections()
  }

  #closeConnections(): void {
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
  }

  *#info(table: string): Steps<TableInfo> {
    if (!fits(table, TABLE_NAME_SIZE)) throw unknownTable(table)
    const value = new Uint8Array(getInfo.size)
    getInfo.fields.name.write(value, 0, table)
    yield* this.#ask(this.#request('get', 'GET_INFO', this.#family.sockopt.getInfo, value, table))
    const { name: _, ...info } = getInfo.read(value, 0)
    return info
  }

  *#entries(table: string, take: Take = takeZeros): Steps<TableEntries> {
    const start = performance.now()
    const family = this.#family.name
    for (let attempt = 1; attempt <= MAX_READS; attempt++) {
      const read = yield* this.#tryEntries(table, take)
      if (read !== undefined) {
        const { numEntries: entries, size: bytes } = read.info
        report('read', { family, table, entries, bytes, durationMs: performance.now() - start })
        return read
      }
      report('retry', { operation: 'GET_ENTRIES', family, table, attempt, reason: 'the table changed meanwhile' })
    }
    throw conflict(
      'XT_CHANGED_WHILE_READ',
      family,
      table,
      `table ${table} was changed by other programs during each of ${MAX_READS} attempts to read it; try again later`,
    )
  }

  /** @returns undefined if the table changed meanwhile. */
  *#tryEntries(table: string, take: Take): Steps<TableEntries | undefined> {
    const info = yield* this.#info(table)
    try {
      const entries = yield* this.#entriesOf(table, info.size, take)
      // Linux compares only the size. In another table of that size the chains start elsewhere.
      return sameInfo(info, yield* this.#info(table)) ? { info, entries } : undefined
    } catch (error) {
      if (failedWith(error, ERRNO.EAGAIN)) return undefined
      throw error
    }
  }

  *#entriesOf(table: string, size: number, take: Take): Steps<Uint8Array> {
    const value = take(getEntries.size + size)
    getEntries.fields.name.write(value, 0, table)
    getEntries.fields.size.write(value, 0, size)
    yield* this.#ask(this.#request('get', 'GET_ENTRIES', this.#family.sockopt.getEntries, value, table))
    return value.subarray(getEntries.size)
  }

  *#replace(table: string, layout: TableLayout, value: Uint8Array, oldCount: number, carry?: Carry): Steps<Uint8Array> {
    if (!fits(table, TABLE_NAME_SIZE)) throw unknownTable(table)
    const start = performance.now()
    const answer = new Uint8Array(oldCount * countersStruct.size)
    writeReplaceHead(value, table, layout, oldCount)
    const request = this.#request('set', 'SET_REPLACE', this.#family.sockopt.replace, value, table)
    yield* this.#logging({ ...request, answer, answerAt: replace.fields.counters.offset })
    const about = { family: this.#family.name, table, entries: layout.numEntries, bytes: value.length - replace.size }
    report('replace', { ...about, durationMs: performance.now() - start })
    const counters = carry?.(answer)
    if (counters !== undefined) yield* this.#carryOver(table, counters)
    return answer
  }

  *#carryOver(table: string, counters: Uint8Array): Steps<void> {
    const request = this.#addition(table, counters)
    try {
      yield* this.#ask(request, PASSING_ONCE_REPLACED)
    } catch (error) {
      throw new CountersError(table, { cause: explain(error, request) })
    }
  }

  /** As {@link #ask}, with the lines that the kernel logs about a refusal. */
  *#logging(request: Request): Steps<void> {
    const log = this.#kernel.log?.()
    try {
      yield* this.#ask(request)
    } catch (error) {
      if (error instanceof SockoptFailure && log !== undefined) error.log = log.read()
      throw error
    } finally {
      log?.close()
    }
  }

  #addition(table: string, counters: Uint8Array): Request {
    if (!fits(table, TABLE_NAME_SIZE)) throw unknownTable(table)
    const value = new Uint8Array(countersInfo.size + counters.length)
    countersInfo.fields.name.write(value, 0, table)
    countersInfo.fields.numCounters.write(value, 0, counters.length / countersStruct.size)
    value.set(counters, countersInfo.size)
    return this.#request('set', 'SET_ADD_COUNTERS', this.#family.sockopt.addCounters, value, table)
  }

  *#hasRevision(kind: 'match' | 'target', name: string, revision: number): Steps<boolean> {
    if (!fits(name, EXTENSION_NAME_SIZE)) return false
    const value = new Uint8Array(getRevision.size)
    getRevision.write(value, 0, { name, revision })
    const { getRevisionMatch, getRevisionTarget } = this.#family.sockopt
    const [operation, option] =
      kind === 'match'
        ? (['GET_REVISION_MATCH', getRevisionMatch] as const)
        : (['GET_REVISION_TARGET', getRevisionTarget] as const)
    try {
      yield* this.#ask(this.#request('get', operation, option, value))
      return true
    } catch (error) {
      if (failedWith(error, ERRNO.ENOENT, ERRNO.EPROTONOSUPPORT)) return false
      throw error
    }
  }

  *#setByName(name: string): Steps<SetIdentity | undefined> {
    if (!fits(name, SET_NAME_SIZE)) return undefined
    const value = new Uint8Array(getSetFamily.size)
    const version = yield* this.#protocolOfSets()
    getSetFamily.write(value, 0, { op: IP_SET_OP_GET_FNAME, version, family: 0, set: name })
    yield* persistently(setRequest(value))
    const index = u16.read(value, getSetFamily.fields.set.offset)
    const family = setFamily(getSetFamily.fields.family.read(value, 0))
    return index === IPSET_INVALID_ID ? undefined : { index, family }
  }

  *#setByIndex(index: number): Steps<string | undefined> {
    if (index < 0 || index >= IPSET_INVALID_ID) return undefined
    return (yield* this.#setNameAt(index)) || undefined
  }

  *#sets(): Steps<Map<string, SetIdentity>> {
    const sets = new Map<string, SetIdentity>()
    for (let index = 0; index < IPSET_INVALID_ID; index++) {
      const name = yield* this.#setNameAt(index)
      if (name === undefined) break
      const set = name === '' ? undefined : yield* this.#setByName(name)
      if (set !== undefined) sets.set(name, set)
    }
    return sets
  }

  /** The name at an index of the kernel's list: empty if the index is free, undefined past the end. */
  *#setNameAt(index: number): Steps<string | undefined> {
    const value = new Uint8Array(getSet.size)
    const version = yield* this.#protocolOfSets()
    getSet.write(value, 0, { op: IP_SET_OP_GET_BYINDEX, version, set: '' })
    u16.write(value, getSet.fields.set.offset, index)
    try {
      yield* persistently(setRequest(value))
    } catch (error) {
      if (failedWith(error, ERRNO.EINVAL)) return undefined
      throw error
    }
    return getSet.fields.set.read(value, 0)
  }

  /** The protocol version of the kernel's sets, which every other request must name. */
  *#protocolOfSets(): Steps<number> {
    if (this.#setProtocol !== undefined) return this.#setProtocol
    const value = new Uint8Array(setVersion.size)
    setVersion.fields.op.write(value, 0, IP_SET_OP_VERSION)
    yield* persistently(setRequest(value))
    this.#setProtocol = setVersion.fields.version.read(value, 0)
    return this.#setProtocol
  }

  #request(way: 'get' | 'set', operation: string, option: number, value: Uint8Array, table?: string): Request {
    const request = { way, operation, family: this.#family.name, option, value }
    return table === undefined ? request : { ...request, table }
  }

  /** A request of the tables' interface, retried once the module has been loaded. */
  *#ask(request: Request, passing = PASSING): Steps<void> {
    try {
      yield* persistently(request, passing)
    } catch (error) {
      if (!failedWith(error, ERRNO.ENOPROTOOPT) || !this.#loadModule()) throw error
      yield* persistently(request, passing)
    }
  }

  #loadModule(): boolean {
    if (this.#modulesTried) return false
    this.#modulesTried = true
    return this.#kernel.loadModule(this.#family.name)
  }

  #begin(): void {
    if (this.#closed) throw closedError(this.#title)
    this.#underWay++
  }

  #end(): void {
    if (--this.#underWay === 0 && this.#closed) this.#closeConnections()
  }

  #perform<T>(steps: Steps<T>): T {
    this.#begin()
    let request: Request | undefined
    try {
      let step = steps.next()
      while (!step.done) {
        request = step.value
        step = this.#next(steps, request)
      }
      return step.value
    } catch (error) {
      throw explain(error, request)
    } finally {
      this.#end()
    }
  }

  #next<T>(steps: Steps<T>, request: Request): IteratorResult<Request, T> {
    const { way, family, option, value, answer, answerAt } = request
    const connection = this.#connection(family)
    const start = performance.now()
    try {
      if (way === 'get') connection.getsockopt(option, value)
      else connection.setsockopt(option, value, answer, answerAt)
    } catch (error) {
      reportCall(request, start, error)
      return steps.throw(error)
    }
    reportCall(request, start)
    return steps.next()
  }

  async #performAsync<T>(steps: Steps<T>): Promise<T> {
    this.#begin()
    let request: Request | undefined
    try {
      let step = steps.next()
      while (!step.done) {
        request = step.value
        step = await this.#nextAsync(steps, request)
      }
      return step.value
    } catch (error) {
      throw explain(error, request)
    } finally {
      this.#end()
    }
  }

  async #nextAsync<T>(steps: Steps<T>, request: Request): Promise<IteratorResult<Request, T>> {
    const { way, family, option, value, answer, answerAt } = request
    const connection = this.#connection(family)
    const start = performance.now()
    try {
      if (way === 'get') await connection.getsockoptAsync(option, value)
      else await connection.setsockoptAsync(option, value, answer, answerAt)
    } catch (error) {
      reportCall(request, start, error)
      return steps.throw(error)
    }
    reportCall(request, start)
    return steps.next()
  }

  #connection(family: FamilyName): Connection {
    const open = this.#connections.get(family)
    if (open !== undefined) return open
    const connection = this.#kernel.connect(family)
    this.#connections.set(family, connection)
    return connection
  }
}

/** Retry after a signal that interrupted the call before the kernel had done anything. */
const PASSING: readonly number[] = [ERRNO.EINTR]
/**
 * Once a table has been replaced, its counters must be restored: giving up would lose them, and there is no starting
 * again.
 */
const PASSING_ONCE_REPLACED: readonly number[] = [ERRNO.EINTR, ERRNO.EAGAIN, ERRNO.ENOMEM]

/** Performs a request, and retries it after transient errors. */
function* persistently(request: Request, passing = PASSING): Steps<void> {
  for (let attempt = 1; ; attempt++)
    try {
      yield request
      return
    } catch (error) {
      if (!(error instanceof SockoptFailure && passing.includes(error.errno)) || attempt === MAX_CALLS) throw error
      const { operation, family, table } = request
      report('retry', { operation, family, table, attempt, reason: errnoName(error.errno) })
    }
}

/** @param start as returned by performance.now() */
function reportCall({ operation, family, table, value }: Request, start: number, failure?: unknown): void {
  const durationMs = performance.now() - start
  const error = failure instanceof SockoptFailure ? errnoName(failure.errno) : undefined
  report('call', { operation, family, table, bytes: value.length, durationMs, error })
}

/** Sets of both families are looked up over IPv4. */
const setRequest = (value: Uint8Array): Request => ({
  way: 'get',
  operation: 'SO_IP_SET',
  family: 'ipv4',
  option: SO_IP_SET,
  value,
})

const sameInfo = (one: TableInfo, other: TableInfo): boolean =>
  one.size === other.size &&
  one.numEntries === other.numEntries &&
  one.validHooks === other.validHooks &&
  one.hookEntry.every((offset, hook) => offset === other.hookEntry[hook]) &&
  one.underflow.every((offset, hook) => offset === other.underflow[hook])

function writeReplaceHead(value: Uint8Array, table: string, layout: TableLayout, numCounters: number): void {
  const { validHooks, numEntries } = layout
  // The kernel reports 0xffffffff for hooks that the table lacks, but requires 0.
  const valid = (offset: number, hook: number): number => (validHooks & (1 << hook) ? offset : 0)
  replace.write(value, 0, {
    name: table,
    validHooks,
    numEntries,
    size: value.length - replace.size,
    hookEntry: layout.hookEntry.map(valid),
    underflow: layout.underflow.map(valid),
    numCounters,
    counters: 0n,
  })
}

export const unknownTable = (table: string, cause?: unknown): NotFoundError =>
  new NotFoundError(
    'XT_NO_TABLE',
    `there is no table ${JSON.stringify(table)}; the tables are ${Object.keys(TABLES).join(', ')}`,
    ...because(cause),
  )

const because = (cause: unknown): [] | [ErrorOptions] => (cause === undefined ? [] : [{ cause }])

/** Reports a conflict with another program, and makes the error. */
export function conflict(
  code: CodeOf<'ConflictError'>,
  family: FamilyName,
  table: string,
  reason: string,
  options?: ErrorOptions,
): ConflictError {
  report('conflict', { family, table, reason })
  return new ConflictError(code, reason, options)
}

/** Turns the kernel's refusal into the error for users. */
function explain(error: unknown, request: Request | undefined): unknown {
  if (!(error instanceof SockoptFailure) || request === undefined) return error
  const explanation = EXPLANATIONS[error.errno]?.(request, error)
  return explanation ?? kernelError(request, error)
}

type Explanation = (request: Request, cause: SockoptFailure) => IptcError | undefined

const forbidden: Explanation = ({ operation, table }, cause) =>
  new PermissionError(
    'XT_NOT_PERMITTED',
    `${[operation, table].filter(Boolean).join(' ')}: needs CAP_NET_ADMIN in the user namespace that owns the ` +
      'network namespace: run as root, or under `unshare -rn` in a network namespace of your own',
    { cause },
  )

const EXPLANATIONS: Readonly<Record<number, Explanation>> = {
  [ERRNO.EPERM]: forbidden,
  [ERRNO.EACCES]: forbidden,
  [ERRNO.ENOENT]: ({ operation, table, family }, cause) => {
    if (table === undefined || (operation !== 'GET_INFO' && operation !== 'GET_ENTRIES')) return undefined
    return isTableName(table) ? missingTable(table, FAMILIES[family], cause) : unknownTable(table, cause)
  },
  [ERRNO.ENOPROTOOPT]: ({ operation, family }, cause) =>
    operation === 'SO_IP_SET' ? noSets(cause) : noTables(FAMILIES[family], cause),
  [ERRNO.EAGAIN]: ({ operation, family, table }, cause) => {
    if (operation !== 'SET_REPLACE' || table === undefined) return undefined
    return conflict('XT_CONFLICT', family, table, `table ${table} was changed by another program since it was read`, {
      cause,
    })
  },
}

/** What to do if the module is not installed. Distributions split the modules of a kernel into several packages. */
const INSTALL_MODULES =
  'install the package with the modules of the running kernel (linux-image-… of Debian, linux-modules-extra-… of Ubuntu)'

function missingTable(table: string, { name, module }: Family, cause: unknown): UnsupportedError {
  const tableModule = `${module.replace(/_tables$/, 'table')}_${table}`
  return new UnsupportedError(
    'XT_NO_TABLE_MODULE',
    `this kernel has no ${name} table ${table}: load its module (\`modprobe ${tableModule}\`, for a container on its ` +
      `host), ${INSTALL_MODULES}, or use a kernel that is built with it`,
    { cause },
  )
}

const noTables = ({ name, module }: Family, cause: unknown): UnsupportedError =>
  new UnsupportedError(
    'XT_NO_LEGACY',
    `this kernel has no legacy ${module}: load the module (\`modprobe ${module}\`, for a container on its host), ` +
      `${INSTALL_MODULES}, or use a kernel that is built with it (CONFIG_${name === 'ipv4' ? 'IP' : 'IP6'}_NF_IPTABLES_LEGACY)`,
    { cause },
  )

const noSets = (cause: unknown): UnsupportedError =>
  new UnsupportedError('XT_NO_IPSET', 'this kernel has no ipset: load its module (`modprobe ip_set`)', { cause })

/** Errors about which the kernel's log may say more, if the log could not be read. */
const LOGGED: Readonly<Record<string, string>> = Object.fromEntries(
  [ERRNO.EINVAL, ERRNO.ENOENT].map((errno) => [
    `SET_REPLACE ${errno}`,
    'the kernel may have put the reason into its log (dmesg)',
  ]),
)

/** Hints for an errno, by operation or in general. */
const HINTS: Readonly<Record<string, string>> = {
  [`SET_REPLACE ${ERRNO.ENOENT}`]: 'an extension is missing in this kernel, or something that a rule names',
  [`SET_REPLACE ${ERRNO.ELOOP}`]: 'the chains jump in a circle, or a jump does not lead to the start of a chain',
  [`SET_ADD_COUNTERS ${ERRNO.EINVAL}`]: 'the table has another number of entries by now',
  [`${ERRNO.ENOMEM}`]: 'the kernel has not enough memory for it, or a limit of the container is met',
  [`${ERRNO.E2BIG}`]: 'the table is larger than this kernel takes',
  [`${ERRNO.EINTR}`]: `a signal came in between ${MAX_CALLS} times`,
  [`${ERRNO.EBADF}`]: 'the socket is closed',
}

function kernelError({ operation, table }: Request, cause: SockoptFailure): KernelError {
  const { errno } = cause
  const where = cause.log.length === 0 ? LOGGED[`${operation} ${errno}`] : undefined
  const hint = [HINTS[`${operation} ${errno}`] ?? HINTS[errno], where].filter(Boolean).join('; ') || undefined
  const what = table === undefined ? operation : `${operation} ${table}`
  return new KernelError(what, errno, errnoName(errno), { table, hint, log: cause.log, cause })
}
