/**
 * The errors of this library: few, each with fields, `cause` kept. A caller branches on the class, a person reads the
 * message.
 */

/** Base of every error that this library throws on purpose. */
export class IptcError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** A parameter, or a whole extension, that cannot be what was asked. */
export class XtablesError extends IptcError {
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
    super(message, options)
    this.extension = details.extension
    this.parameter = details.parameter
    this.value = details.value
    this.expected = details.expected
    this.path = details.path ?? []
  }
}

/** Where a rule stands; or a chain, where no position is said. */
export interface RulePlace {
  readonly table: string
  readonly chain?: string | undefined
  readonly position?: number | undefined
}

/** What of a rule is meant. */
export interface RulePart {
  readonly extension?: string | undefined
  readonly parameter?: string | undefined
}

/** A rule, or a chain, that cannot be in the table. Nothing has been written. */
export class RuleError extends IptcError {
  readonly table: string
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
  readonly reason: string

  constructor(where: RulePlace & RulePart, reason: string, options?: ErrorOptions) {
    const rule = where.position === undefined ? '' : ` rule ${where.position + 1}`
    const chain = where.chain === undefined ? '' : ` chain ${where.chain}`
    super(`table ${where.table}${chain}${rule}: ${reason}`, options)
    this.table = where.table
    this.chain = where.chain
    this.position = where.position
    this.extension = where.extension
    this.parameter = where.parameter
    this.reason = reason
  }
}

/** Bytes that are no table: truncated, damaged, or laid out in a way that no kernel hands out. */
export class BlobError extends IptcError {
  /** Where in the entries, in bytes from their start. */
  readonly offset: number

  constructor(offset: number, reason: string, options?: ErrorOptions) {
    super(`at byte ${offset} of the entries: ${reason}`, options)
    this.offset = offset
  }
}

/** Bytes that are no netlink message: truncated, damaged, or not of the kind that was asked for. */
export class MessageError extends IptcError {
  /** Where in the bytes that were received at once. */
  readonly offset: number
  /** The attribute that it stands in, as in `data.timeout`; absent where it is the message itself. */
  readonly attribute: string | undefined
  readonly reason: string

  constructor(offset: number, reason: string, { attribute, ...options }: ErrorOptions & { attribute?: string } = {}) {
    super(
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

/** A system call that failed for a reason none of the classes below stands for. */
export class KernelError extends IptcError {
  /** What was tried, as in `SET_REPLACE filter`. */
  readonly operation: string
  /** Symbolic name, as in `EINVAL`. */
  readonly code: string
  readonly errno: number
  readonly table: string | undefined
  /**
   * What the kernel logged meanwhile, where its log may be read (`/dev/kmsg`). There is one log for the whole machine: a
   * line may be about another program, or another network namespace.
   */
  readonly log: readonly string[]

  constructor(
    operation: string,
    errno: number,
    code: string,
    { table, hint, log = [], ...options }: KernelErrorDetails = {},
  ) {
    const said = [...(hint === undefined ? [] : [hint]), ...(log.length === 0 ? [] : [logged(log)])].join('; ')
    super(`${operation}: ${code} (errno ${errno})${said === '' ? '' : `: ${said}`}`, options)
    this.operation = operation
    this.errno = errno
    this.code = code
    this.table = table
    this.log = log
  }
}

/** The kernel refused a netlink message for a reason none of the classes below stands for. */
export class NetlinkError extends KernelError {
  /** The kernel's own words, where it has any. */
  readonly reason: string | undefined
  /** The attribute that it refuses, or misses, as in `data.timeout`, where it says so. */
  readonly attribute: string | undefined

  constructor(
    operation: string,
    errno: number,
    code: string,
    { reason, attribute, ...options }: ErrorOptions & { reason?: string | undefined; attribute?: string | undefined },
  ) {
    const hint = [attribute, reason].filter((part) => part !== undefined).join(': ') || undefined
    super(operation, errno, code, { ...options, hint })
    this.reason = reason
    this.attribute = attribute
  }
}

/**
 * The edit was made, but the rules that stayed could not be given their counters back: they count from zero. The only
 * error behind which something has been written.
 */
export class CountersError extends IptcError {
  readonly table: string

  constructor(table: string, options?: ErrorOptions) {
    super(`table ${table} was written, but its counters could not be carried over and begin at zero`, options)
    this.table = table
  }
}

/** The process may not do this: it lacks CAP_NET_ADMIN or CAP_NET_RAW, or a file is not its own. */
export class PermissionError extends IptcError {
  /** The file that may not be opened, where it is one. */
  readonly path: string | undefined

  constructor(message: string, { path, ...options }: ErrorOptions & { path?: string } = {}) {
    super(message, options)
    this.path = path
  }
}

/** This kernel, platform or table lacks what is asked. The message says what, and what to do. */
export class UnsupportedError extends IptcError {}

/** Someone else changed the table between reading and writing. Nothing has been written. */
export class ConflictError extends IptcError {}

/** The xtables lock was not to be had in time. */
export class LockTimeoutError extends IptcError {}

/** What an ipset, or an entry of one, cannot be or do. */
export class SetError extends IptcError {
  readonly set: string
  /** As in `add`. */
  readonly operation: string
  /** The entry that is refused, as it was given, and how many were given before it. Absent where it is the set itself. */
  readonly entry: unknown
  readonly index: number | undefined
  /** As in `IPSET_ERR_HASH_FULL` or `EINVAL`, with its number; absent where it was refused before the kernel was asked. */
  readonly code: string | undefined
  readonly errno: number | undefined
  readonly reason: string

  constructor(
    about: { set: string; operation: string; entry?: unknown; index?: number | undefined; shown?: string | undefined },
    reason: string,
    { code, errno, ...options }: ErrorOptions & { code?: string | undefined; errno?: number | undefined } = {},
  ) {
    super(
      `set ${about.set}: ${about.operation}${about.shown === undefined ? '' : ` ${about.shown}`}: ${reason}`,
      options,
    )
    this.set = about.set
    this.operation = about.operation
    this.entry = about.entry
    this.index = about.index
    this.code = code
    this.errno = errno
    this.reason = reason
  }
}

/** Text about sets that is no such. */
export class SetTextError extends IptcError {
  /** Whether a word is not what it should be, or has no place or is missing. */
  readonly kind: 'syntax' | 'usage'

  constructor(kind: 'syntax' | 'usage', message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

/** No such table, chain, rule or set. */
export class NotFoundError extends IptcError {}

/** A line of restore text that cannot be carried out. Of its table nothing has been written; tables before it have been. */
export class RestoreError extends IptcError {
  /** Number of the line, from 1. */
  readonly line: number
  /** The line as it stands there, the beginning of a long one. */
  readonly text: string
  /** Whether the line is not understood, or asks for something that cannot be done. */
  readonly kind: 'syntax' | 'refused'
  readonly reason: string

  constructor(line: number, text: string, kind: 'syntax' | 'refused', reason: string, options?: ErrorOptions) {
    super(`line ${line}: ${reason}${text === '' ? '' : `; it says ${JSON.stringify(text)}`}`, options)
    this.line = line
    this.text = text
    this.kind = kind
    this.reason = reason
  }
}
