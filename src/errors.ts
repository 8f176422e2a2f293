/** The error classes of this library. Programs branch on the class or the code; the message is for people. */
import type { CodeOf, ErrorCode } from './error-codes'

/**
 * The base class of every error that this library throws deliberately. It is thrown itself for mistakes in a call, such
 * as an unknown option or an argument of the wrong type.
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
  /** A stable code for programs; unlike the message, it does not change. `docs/errors.md` lists all codes. */
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }

  /** Formats the error as Node's own errors do: `LockTimeoutError [XT_LOCK_TIMEOUT]: …`. */
  override toString(): string {
    return `${this.name} [${this.code}]: ${this.message}`
  }
}

/**
 * A parameter, match or target was given a value that is not valid. Nothing has been written.
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
  /** Name of the match or target, or `rule` for a field of the rule itself (`src`, `protocol`, …). */
  readonly extension: string
  /**
   * Name of the parameter in its iptables form, such as `dport`. If one of several parameters is missing, the first of
   * them. Absent if the error concerns the extension as a whole.
   */
  readonly parameter: string | undefined
  /** The value as it was passed. */
  readonly value: unknown
  /** A description of what would be accepted. */
  readonly expected: string | undefined
  /** Path to the value in a larger input, outermost key first. */
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
 * The place of a rule, or of a chain if there is no position.
 * @since 0.1.0
 */
export interface RulePlace {
  /** Name of the table, such as `filter`. */
  readonly table: string
  /** Name of the chain; absent if the whole table is meant. */
  readonly chain?: string | undefined
  /** Position of the rule, from 0; absent if the whole chain is meant. */
  readonly position?: number | undefined
}

/**
 * The part of a rule that an error concerns.
 * @since 0.1.0
 */
export interface RulePart {
  /** Name of the match or target. */
  readonly extension?: string | undefined
  /** Name of the parameter, in its iptables form. */
  readonly parameter?: string | undefined
}

/**
 * A rule or a chain is not allowed in the table. Nothing has been written.
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
  /** Name of the table, such as `filter`. */
  readonly table: string
  /** Name of the chain; absent if the error concerns the whole table. */
  readonly chain: string | undefined
  /** Position of the rule in its chain, from 0; absent if the error concerns the chain itself. */
  readonly position: number | undefined
  /** The match or target that is refused; absent if the error concerns the rule itself, or the chain. */
  readonly extension: string | undefined
  /**
   * The parameter that is refused, in its iptables form, such as `tcp-flags`; or `protocol` if the extension needs
   * another `-p`. Absent if no single parameter is refused.
   */
  readonly parameter: string | undefined
  /** The reason without the place. */
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
 * The bytes are not a valid table: truncated, damaged, or laid out in a way that no kernel produces.
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
  /** Offset of the fault in bytes from the start of the entries. */
  readonly offset: number

  constructor(offset: number, reason: string, options?: ErrorOptions) {
    super('XT_BAD_BLOB', `at byte ${offset} of the entries: ${reason}`, options)
    this.offset = offset
  }
}

/**
 * The bytes are not a valid netlink message: truncated, damaged, or not of the kind that was asked for.
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
  /** Offset of the fault in bytes from the start of the received datagram. */
  readonly offset: number
  /** The attribute at fault, such as `data.timeout`; absent if the message itself is at fault. */
  readonly attribute: string | undefined
  /** What is wrong with the bytes. */
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

/** Formats lines of the kernel's log for an error message. */
export const logged = (lines: readonly string[]): string => `the kernel logged meanwhile: ${lines.join(' | ')}`

interface KernelErrorDetails extends ErrorOptions {
  readonly table?: string | undefined
  readonly hint?: string | undefined
  readonly log?: readonly string[]
}

/**
 * A system call failed for a reason that has no class of its own. {@link NetlinkError} is derived from it.
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
  /** The operation that failed, such as `SET_REPLACE filter`. */
  readonly operation: string
  /** Symbolic name of `errno`, such as `EINVAL`. */
  readonly errnoName: string
  /** The error number, such as `22` for EINVAL. */
  readonly errno: number
  /** Name of the table, such as `filter`; absent if the call concerns no table. */
  readonly table: string | undefined
  /**
   * What the kernel logged during the call, if its log (`/dev/kmsg`) is readable. The log belongs to the whole machine:
   * a line may concern another program or another network namespace.
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
  /** The kernel's own message, if it sent one. */
  readonly reason: string | undefined
  /** The attribute that the kernel refused or missed, such as `data.timeout`, if it named one. */
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
 * The edit was written, but the counters of the remaining rules could not be restored: they restart from zero. This is
 * the only error after which something has been written.
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
  /** Name of the written table, such as `filter`. */
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
 * The process lacks a permission: CAP_NET_ADMIN or CAP_NET_RAW, or access to a file.
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
  /** Path of the file that could not be opened, if the error concerns a file. */
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
 * The kernel, platform or table does not support the request. The message says what is missing and what to do.
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
 * Another program changed the table between reading and writing. Nothing has been written.
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
 * The xtables lock could not be taken in time, because another program or another call in this process holds it.
 * Nothing has been written.
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
 * An operation on an ipset, or on one of its entries, is not possible.
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
  /** Name of the set. */
  readonly set: string
  /** The operation, such as `add`. */
  readonly operation: string
  /** The refused entry, as it was passed. Absent if the error concerns the set itself. */
  readonly entry: unknown
  /** Number of entries passed before the refused one. Absent if the error concerns the set itself. */
  readonly index: number | undefined
  /**
   * Symbolic name of the kernel's error, such as `IPSET_ERR_HASH_FULL` or `EINVAL`; absent if the request was refused
   * before it reached the kernel.
   */
  readonly errnoName: string | undefined
  /** The kernel's error number; absent if the request was refused before it reached the kernel. */
  readonly errno: number | undefined
  /** The reason without set and entry. */
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
 * A text describing sets could not be parsed.
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
  /** `syntax` for a malformed word; `usage` for a word that is out of place or missing. */
  readonly kind: 'syntax' | 'usage'

  constructor(kind: 'syntax' | 'usage', message: string, options?: ErrorOptions) {
    super('XT_SET_SYNTAX', message, options)
    this.kind = kind
  }
}

/**
 * A table, chain, rule, set or network namespace does not exist.
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
 * A line of restore text could not be carried out. Nothing of its table has been written; tables before it have been.
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
  /** The line, shortened if it is long. */
  readonly text: string
  /** `syntax` if the line could not be parsed; `refused` if it asks for something impossible. */
  readonly kind: 'syntax' | 'refused'
  /** The reason without the line. */
  readonly reason: string

  constructor(line: number, text: string, kind: 'syntax' | 'refused', reason: string, options?: ErrorOptions) {
    super(
      kind === 'syntax' ? 'XT_RESTORE_SYNTAX' : 'XT_RESTORE_REFUSED',
      `line ${line}: ${reason}${text === '' ? '' : `; the line is ${JSON.stringify(text)}`}`,
      options,
    )
    this.line = line
    this.text = text
    this.kind = kind
    this.reason = reason
  }
}
