/**
 * The errors of this library: few classes, each with fields, `cause` kept. A caller branches on the class or the code, a
 * person reads the message.
 */
import type { CodeOf, ErrorCode } from './error-codes'

/**
 * The base of every error that this library throws on purpose. Of its own class are those that no caller has to tell from others: an
 * option that is not understood, or an argument of another type.
 * @since 0.1.0
 * @example
 * ```ts
 * import { IptcError, Table } from 'xtables'
 *
 * try {
 *   new Table('filter', { autoCommit: false } as object)
 * } catch (error) {
 *   console.log(error instanceof IptcError) // true
 * }
 * ```
 */
export class IptcError extends Error {
  /** What went wrong, for programs: it stays the same where the message changes. `docs/errors.md` has all codes. */
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }

  /** As errors of Node: `LockTimeoutError [XT_LOCK_TIMEOUT]: …`. */
  override toString(): string {
    return `${this.name} [${this.code}]: ${this.message}`
  }
}

/**
 * A parameter, or a whole extension, that cannot be what was asked. Nothing has been written.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Rule, XtablesError } from 'xtables'
 *
 * try {
 *   Rule.parse('-p tcp --dport 80000 -j ACCEPT')
 * } catch (error) {
 *   if (error instanceof XtablesError) console.log(error.extension, error.parameter, error.value) // tcp dport 80000
 * }
 * ```
 */
export class XtablesError extends IptcError {
  declare readonly code: CodeOf<'XtablesError'>
  /** Name of the match or target, or `rule` for what stands in the rule itself (`src`, `protocol`, …). */
  readonly extension: string
  /**
   * Name of the parameter in its iptables form, `dport`; where one of several is missing, the first of them. Absent where
   * the extension as a whole is meant.
   */
  readonly parameter: string | undefined
  /** The value as it was given. */
  readonly value: unknown
  /** What would be accepted, for people. */
  readonly expected: string | undefined
  /** Where in a larger input the value stands, outermost key first. */
  readonly path: readonly (string | number)[]

  constructor(
    code: CodeOf<'XtablesError'>,
    message: string,
    details: {
      extension: string
      parameter?: string | undefined
      value?: unknown
      expected?: string | undefined
      path?: readonly (string | number)[]
    },
    options?: ErrorOptions,
  ) {
    super(code, message, options)
    this.extension = details.extension
    this.parameter = details.parameter
    this.value = details.value
    this.expected = details.expected
    this.path = details.path ?? []
  }
}

/**
 * Where a rule stands; or a chain, where no position is said.
 * @since 0.1.0
 */
export interface RulePlace {
  /** As in `filter`. */
  readonly table: string
  /** The name of the chain; absent where it is the table as a whole. */
  readonly chain?: string | undefined
  /** From 0; absent where it is the chain as a whole. */
  readonly position?: number | undefined
}

/**
 * What of a rule is meant.
 * @since 0.1.0
 */
export interface RulePart {
  /** The match or target. */
  readonly extension?: string | undefined
  /** Its parameter, in its iptables form. */
  readonly parameter?: string | undefined
}

/**
 * A rule, or a chain, that cannot be in the table. Nothing has been written.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Chain, MemoryKernel, Rule, RuleError, Table } from 'xtables'
 *
 * const chain = new Chain(new Table('filter', { kernel: new MemoryKernel() }), 'OUTPUT')
 * try {
 *   chain.appendRule(Rule.parse('-j DNAT --to-destination 10.0.0.1'))
 * } catch (error) {
 *   if (error instanceof RuleError) console.log(error.chain, error.position, error.extension) // OUTPUT 0 DNAT
 * }
 * ```
 */
export class RuleError extends IptcError {
  declare readonly code: CodeOf<'RuleError'>
  /** As in `filter`. */
  readonly table: string
  /** The chain; absent where it is the table as a whole. */
  readonly chain: string | undefined
  /** Place of the rule in its chain, from 0; absent where the chain itself is meant. */
  readonly position: number | undefined
  /** The match or target that is refused; absent where it is the rule itself, or the chain. */
  readonly extension: string | undefined
  /**
   * Which of its parameters, in its iptables form, `tcp-flags`; or `protocol`, where the `-p` of the rule is not what the
   * extension needs. Absent where it is not refused for one of them.
   */
  readonly parameter: string | undefined
  /** Why, in words, without the place. */
  readonly reason: string

  constructor(code: CodeOf<'RuleError'>, where: RulePlace & RulePart, reason: string, options?: ErrorOptions) {
    const rule = where.position === undefined ? '' : ` rule ${where.position + 1}`
    const chain = where.chain === undefined ? '' : ` chain ${where.chain}`
    super(code, `table ${where.table}${chain}${rule}: ${reason}`, options)
    this.table = where.table
    this.chain = where.chain
    this.position = where.position
    this.extension = where.extension
    this.parameter = where.parameter
    this.reason = reason
  }
}

/**
 * Bytes that are no table: truncated, damaged, or laid out in a way that no kernel hands out.
 * @since 0.1.0
 * @example
 * ```ts
 * import { BlobError, captureFromJson, captureTable, captureToJson, MemoryKernel } from 'xtables'
 *
 * const json = captureToJson(captureTable(new MemoryKernel(), 'ipv4', 'filter'))
 * try {
 *   captureFromJson({ ...json, entries: '' })
 * } catch (error) {
 *   if (error instanceof BlobError) console.log(error.offset) // 0
 * }
 * ```
 */
export class BlobError extends IptcError {
  declare readonly code: CodeOf<'BlobError'>
  /** Where in the entries, in bytes from their start. */
  readonly offset: number

  constructor(offset: number, reason: string, options?: ErrorOptions) {
    super('XT_BAD_BLOB', `at byte ${offset} of the entries: ${reason}`, options)
    this.offset = offset
  }
}

/**
 * Bytes that are no netlink message: truncated, damaged, or not of the kind that was asked for.
 * @since 0.1.0
 * @example
 * ```ts
 * import { MessageError, nftCaptureFromJson } from 'xtables'
 *
 * try {
 *   nftCaptureFromJson({ backend: 'nft', family: 'ipv4', table: 'filter', newTable: 'AAAA', newChains: [], newRules: [] })
 * } catch (error) {
 *   console.log(error instanceof MessageError) // true
 * }
 * ```
 */
export class MessageError extends IptcError {
  declare readonly code: CodeOf<'MessageError'>
  /** Where in the bytes that were received at once. */
  readonly offset: number
  /** The attribute that it stands in, as in `data.timeout`; absent where it is the message itself. */
  readonly attribute: string | undefined
  /** What is wrong with them, in words. */
  readonly reason: string

  constructor(offset: number, reason: string, { attribute, ...options }: ErrorOptions & { attribute?: string } = {}) {
    super(
      'XT_BAD_MESSAGE',
      `at byte ${offset} of a netlink message: ${attribute === undefined ? '' : `${attribute}: `}${reason}`,
      options,
    )
    this.offset = offset
    this.attribute = attribute
    this.reason = reason
  }
}

/** Lines of the kernel's log, in the words of an error. */
export const logged = (lines: readonly string[]): string => `the kernel logged meanwhile: ${lines.join(' | ')}`

interface KernelErrorDetails extends ErrorOptions {
  readonly table?: string | undefined
  readonly hint?: string | undefined
  readonly log?: readonly string[]
}

/**
 * A system call that failed for a reason that has no class of its own. {@link NetlinkError} is one.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, KernelError } from 'xtables'
 *
 * try {
 *   easy.addChain('filter', 'web')
 * } catch (error) {
 *   if (error instanceof KernelError) console.log(error.operation, error.code, error.log)
 * }
 * ```
 */
export class KernelError extends IptcError {
  declare readonly code: CodeOf<'KernelError'>
  /** What was tried, as in `SET_REPLACE filter`. */
  readonly operation: string
  /** Symbolic name of `errno`, as in `EINVAL`. */
  readonly errnoName: string
  /** The number of the error, as in `22` for EINVAL. */
  readonly errno: number
  /** The table that it is about, as in `filter`; absent where it is about none. */
  readonly table: string | undefined
  /**
   * What the kernel logged meanwhile, where its log may be read (`/dev/kmsg`). There is one log for the whole machine: a
   * line may be about another program, or another network namespace.
   */
  readonly log: readonly string[]

  constructor(
    operation: string,
    errno: number,
    errnoName: string,
    { table, hint, log = [], ...options }: KernelErrorDetails = {},
  ) {
    const said = [...(hint === undefined ? [] : [hint]), ...(log.length === 0 ? [] : [logged(log)])].join('; ')
    super('XT_KERNEL', `${operation}: ${errnoName} (errno ${errno})${said === '' ? '' : `: ${said}`}`, options)
    this.operation = operation
    this.errno = errno
    this.errnoName = errnoName
    this.table = table
    this.log = log
  }
}

/**
 * The kernel refused a netlink message for a reason that has no class of its own.
 * @since 0.1.0
 * @example
 * ```ts
 * import { IpSet, NetlinkError } from 'xtables'
 *
 * try {
 *   IpSet.names()
 * } catch (error) {
 *   if (error instanceof NetlinkError) console.log(error.code, error.attribute, error.reason)
 * }
 * ```
 */
export class NetlinkError extends KernelError {
  /** The kernel's own words, where it has any. */
  readonly reason: string | undefined
  /** The attribute that it refuses, or misses, as in `data.timeout`, where it says so. */
  readonly attribute: string | undefined

  constructor(
    operation: string,
    errno: number,
    errnoName: string,
    { reason, attribute, ...options }: ErrorOptions & { reason?: string | undefined; attribute?: string | undefined },
  ) {
    const hint = [attribute, reason].filter((part) => part !== undefined).join(': ') || undefined
    super(operation, errno, errnoName, { ...options, hint })
    this.reason = reason
    this.attribute = attribute
  }
}

/**
 * The edit was made, but the rules that stayed could not be given their counters back: they count from zero. The only
 * error behind which something has been written.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Chain, CountersError, MemoryKernel, Table } from 'xtables'
 *
 * const chain = new Chain(new Table('filter', { kernel: new MemoryKernel() }), 'INPUT')
 * try {
 *   chain.zeroCounters()
 * } catch (error) {
 *   // The edit stands: it must not be made again.
 *   if (!(error instanceof CountersError)) throw error
 * }
 * ```
 */
export class CountersError extends IptcError {
  declare readonly code: CodeOf<'CountersError'>
  /** The table that was written, as in `filter`. */
  readonly table: string

  constructor(table: string, options?: ErrorOptions) {
    super(
      'XT_COUNTERS_LOST',
      `table ${table} was written, but its counters could not be carried over and begin at zero`,
      options,
    )
    this.table = table
  }
}

/**
 * The process may not do this: it lacks CAP_NET_ADMIN or CAP_NET_RAW, or a file is not its own.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel, PermissionError } from 'xtables'
 *
 * try {
 *   console.log(easy.getTables())
 * } catch (error) {
 *   if (!(error instanceof PermissionError)) throw error
 *   console.log(easy.getTables({ kernel: new MemoryKernel() }))
 * }
 * ```
 */
export class PermissionError extends IptcError {
  declare readonly code: CodeOf<'PermissionError'>
  /** The file that may not be opened, where it is one. */
  readonly path: string | undefined

  constructor(
    code: CodeOf<'PermissionError'>,
    message: string,
    { path, ...options }: ErrorOptions & { path?: string } = {},
  ) {
    super(code, message, options)
    this.path = path
  }
}

/**
 * This kernel, platform or table lacks what is asked. The message says what, and what to do.
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, Table, UnsupportedError } from 'xtables'
 *
 * const table = new Table('filter', { kernel: new MemoryKernel(), backend: 'legacy' })
 * try {
 *   table.watch()
 * } catch (error) {
 *   console.log(error instanceof UnsupportedError) // true
 * }
 * ```
 */
export class UnsupportedError extends IptcError {
  declare readonly code: CodeOf<'UnsupportedError'>

  constructor(code: CodeOf<'UnsupportedError'>, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/**
 * Someone else changed the table between reading and writing. Nothing has been written.
 * @since 0.1.0
 * @example
 * ```ts
 * import { ConflictError, MemoryKernel, Table } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const table = new Table('filter', { kernel, autocommit: false })
 * table.createChain('mine')
 * new Table('filter', { kernel }).createChain('theirs')
 * try {
 *   table.commit()
 * } catch (error) {
 *   console.log(error instanceof ConflictError) // true
 *   table.refresh()
 * }
 * ```
 */
export class ConflictError extends IptcError {
  declare readonly code: CodeOf<'ConflictError'>

  constructor(code: CodeOf<'ConflictError'>, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/**
 * The xtables lock could not be taken in time: another program holds it, or another call of this one. Nothing has been written.
 * @since 0.1.0
 * @example
 * ```ts
 * import { setTimeout } from 'node:timers/promises'
 * import { LockTimeoutError, MemoryKernel, Table } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const other = new Table('filter', { kernel }).transactionAsync(() => setTimeout(50))
 * await setTimeout(1)
 * try {
 *   new Table('filter', { kernel, lockTimeoutMs: 0 }).createChain('web')
 * } catch (error) {
 *   console.log(error instanceof LockTimeoutError) // true
 * }
 * await other
 * ```
 */
export class LockTimeoutError extends IptcError {
  declare readonly code: CodeOf<'LockTimeoutError'>

  constructor(code: CodeOf<'LockTimeoutError'>, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/**
 * What an ipset, or an entry of one, cannot be or do.
 * @since 0.1.0
 * @example
 * ```ts
 * import { IpSet, MemoryKernel, SetError } from 'xtables'
 *
 * const set = IpSet.create('blocked', 'hash:ip', {}, { kernel: new MemoryKernel() })
 * try {
 *   set.add(['10.0.0.1', '10.0.0.1'])
 * } catch (error) {
 *   if (error instanceof SetError) console.log(error.operation, error.entry, error.index) // add 10.0.0.1 1
 * }
 * ```
 */
export class SetError extends IptcError {
  declare readonly code: CodeOf<'SetError'>
  /** The name of the set. */
  readonly set: string
  /** As in `add`. */
  readonly operation: string
  /** The entry that is refused, as it was given. Absent where it is the set itself. */
  readonly entry: unknown
  /** How many entries were given before it. Absent where it is the set itself. */
  readonly index: number | undefined
  /** As in `IPSET_ERR_HASH_FULL` or `EINVAL`, with its number; absent where it was refused before the kernel was asked. */
  readonly errnoName: string | undefined
  /** The number of the error; absent where it was refused before the kernel was asked. */
  readonly errno: number | undefined
  /** Why, in words, without set and entry. */
  readonly reason: string

  constructor(
    code: CodeOf<'SetError'>,
    about: { set: string; operation: string; entry?: unknown; index?: number | undefined; shown?: string | undefined },
    reason: string,
    {
      errnoName,
      errno,
      ...options
    }: ErrorOptions & { errnoName?: string | undefined; errno?: number | undefined } = {},
  ) {
    super(
      code,
      `set ${about.set}: ${about.operation}${about.shown === undefined ? '' : ` ${about.shown}`}: ${reason}`,
      options,
    )
    this.set = about.set
    this.operation = about.operation
    this.entry = about.entry
    this.index = about.index
    this.errnoName = errnoName
    this.errno = errno
    this.reason = reason
  }
}

/**
 * A text about sets that is not understood.
 * @since 0.1.0
 * @example
 * ```ts
 * import { parseSetEntry, SetTextError } from 'xtables'
 *
 * try {
 *   parseSetEntry('hash:ip', '10.0.0.1 timeout soon')
 * } catch (error) {
 *   if (error instanceof SetTextError) console.log(error.kind) // syntax
 * }
 * ```
 */
export class SetTextError extends IptcError {
  declare readonly code: CodeOf<'SetTextError'>
  /** Whether a word is not what it should be, or has no place or is missing. */
  readonly kind: 'syntax' | 'usage'

  constructor(kind: 'syntax' | 'usage', message: string, options?: ErrorOptions) {
    super('XT_SET_SYNTAX', message, options)
    this.kind = kind
  }
}

/**
 * There is no such table, chain, rule, set or network namespace.
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel, NotFoundError } from 'xtables'
 *
 * try {
 *   easy.dumpChain('filter', 'web', { kernel: new MemoryKernel() })
 * } catch (error) {
 *   console.log(error instanceof NotFoundError) // true
 * }
 * ```
 */
export class NotFoundError extends IptcError {
  declare readonly code: CodeOf<'NotFoundError'>

  constructor(code: CodeOf<'NotFoundError'>, message: string, options?: ErrorOptions) {
    super(code, message, options)
  }
}

/**
 * A line of restore text that cannot be carried out. Of its table nothing has been written; tables before it have been.
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, RestoreError, restore } from 'xtables'
 *
 * try {
 *   restore('*filter\n-A INPUT --dport 22\nCOMMIT\n', { kernel: new MemoryKernel(), test: true })
 * } catch (error) {
 *   if (error instanceof RestoreError) console.log(error.line, error.text) // 2 -A INPUT --dport 22
 * }
 * ```
 */
export class RestoreError extends IptcError {
  declare readonly code: CodeOf<'RestoreError'>
  /** Number of the line, from 1. */
  readonly line: number
  /** The line as it stands there, the beginning of a long one. */
  readonly text: string
  /** Whether the line is not understood, or asks for something that cannot be done. */
  readonly kind: 'syntax' | 'refused'
  /** Why, in words, without the line. */
  readonly reason: string

  constructor(line: number, text: string, kind: 'syntax' | 'refused', reason: string, options?: ErrorOptions) {
    super(
      kind === 'syntax' ? 'XT_RESTORE_SYNTAX' : 'XT_RESTORE_REFUSED',
      `line ${line}: ${reason}${text === '' ? '' : `; it says ${JSON.stringify(text)}`}`,
      options,
    )
    this.line = line
    this.text = text
    this.kind = kind
    this.reason = reason
  }
}
