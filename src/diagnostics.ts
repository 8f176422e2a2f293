/**
 * Diagnostic events: each kind is published on its own channel of node:diagnostics_channel, named `xtables:read` and so
 * on. With `XTABLES_DEBUG=1` in the environment, all events are also printed to standard error.
 */
import { type Channel, channel } from 'node:diagnostics_channel'
import type { FamilyName } from './abi/family'

/**
 * The table that an event concerns.
 * @since 0.1.0
 */
interface AboutTable {
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** As in `filter`. */
  readonly table: string
}

/**
 * The events published on the channels `xtables:NAME` of `node:diagnostics_channel`, by name. Durations are in
 * milliseconds, sizes in bytes.
 * @since 0.1.0
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel'
 * import { type DiagnosticEvents, easy, MemoryKernel } from 'xtables'
 *
 * subscribe('xtables:replace', (message) => {
 *   const { table, entries } = message as DiagnosticEvents['replace']
 *   console.log(table, entries > 0) // filter true
 * })
 * easy.addChain('filter', 'web', { kernel: new MemoryKernel() })
 * ```
 */
export interface DiagnosticEvents {
  /** One getsockopt or setsockopt call. If it failed, `error` is the name of its errno. */
  call: {
    /** The system call option, such as `SET_REPLACE`. */
    readonly operation: string
    /** `'ipv4'` or `'ipv6'`. */
    readonly family: FamilyName
    /** Absent if the call concerns no table. */
    readonly table?: string | undefined
    /** Number of bytes passed to the kernel, or requested from it. */
    readonly bytes: number
    /** How long the call took. */
    readonly durationMs: number
    /** Such as `EPERM`; absent if the call succeeded. */
    readonly error?: string | undefined
  }
  /** One netlink request: a message, several sent as a batch, or a dump, including the wait for all answers. */
  netlink: {
    /** Such as `IPSET_CMD_ADD`; for a batch, its first message. */
    readonly operation: string
    /** Number of messages sent together. */
    readonly messages: number
    /** Number of bytes sent. */
    readonly bytes: number
    /** Time until all answers had arrived. */
    readonly durationMs: number
    /** Such as `EPERM`; absent if the request succeeded. */
    readonly error?: string | undefined
  }
  /**
   * The lock was taken, or could not be taken (see `error`). Joining a lock that this process already holds publishes
   * nothing.
   */
  lock: {
    /** Path of the lock file. */
    readonly lock: string
    /** Time spent waiting for the lock. */
    readonly waitedMs: number
    /** Why the lock was not taken; absent if it was. */
    readonly error?: string | undefined
  }
  /** The lock was released. */ unlock: {
    /** Path of the lock file. */
    readonly lock: string
    /** Time for which the lock was held. */
    readonly heldMs: number
  }
  /** A table was read completely, including retries. If reading fails, see the `error` of `call`. */
  read: AboutTable & {
    /** Number of entries in the table. */
    readonly entries: number
    /** Size of the entries in bytes. */
    readonly bytes: number
    /** Time taken to read the table. */
    readonly durationMs: number
  }
  /** A table was replaced. If replacing fails, see the `error` of `call`. */
  replace: AboutTable & {
    /** Number of entries now in the table. */
    readonly entries: number
    /** Size of the entries in bytes. */
    readonly bytes: number
    /** Time taken to replace the table. */
    readonly durationMs: number
  }
  /**
   * Another program changed the table while it was being read or written. If the operation is tried again, `retry`
   * follows.
   */
  conflict: AboutTable & {
    /** How the conflict was detected. */
    readonly reason: string
  }
  /** An operation is tried again. `attempt` is the number of the failed attempt, from 1. */
  retry: {
    /** Such as `SET_REPLACE` or `transaction`. */
    readonly operation: string
    /** Absent if the operation does not concern tables. */
    readonly family?: FamilyName | undefined
    /** Absent if the operation concerns no single table. */
    readonly table?: string | undefined
    /** Number of the failed attempt, from 1. */
    readonly attempt: number
    /** Why the operation is tried again. */
    readonly reason: string
  }
}

/**
 * The names of the events. The channel of `read` is `xtables:read`.
 * @since 0.1.0
 */
export type DiagnosticName = keyof DiagnosticEvents

const CHANNELS: Readonly<Record<DiagnosticName, Channel>> = {
  call: channel('xtables:call'),
  netlink: channel('xtables:netlink'),
  lock: channel('xtables:lock'),
  unlock: channel('xtables:unlock'),
  read: channel('xtables:read'),
  replace: channel('xtables:replace'),
  conflict: channel('xtables:conflict'),
  retry: channel('xtables:retry'),
}

/** Publishes an event. An exception in a subscriber becomes an uncaught exception; it is not thrown here. */
export function report<Name extends DiagnosticName>(name: Name, event: DiagnosticEvents[Name]): void {
  const target = CHANNELS[name]
  if (target.hasSubscribers) target.publish(event)
  const { XTABLES_DEBUG } = process.env
  if (XTABLES_DEBUG === '1') process.stderr.write(`xtables: ${name} ${wordsOf(event)}\n`)
}

const wordsOf = (event: object): string =>
  Object.entries(event)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) => `${key}=${typeof value === 'number' ? Math.round(value * 1000) / 1000 : JSON.stringify(value)}`,
    )
    .join(' ')
