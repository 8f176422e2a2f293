/**
 * What the library does, for those who watch: one channel of node:diagnostics_channel for each kind of event, called
 * `xtables:read` and so on. `XTABLES_DEBUG=1` in the environment prints them all to standard error.
 */
import { type Channel, channel } from 'node:diagnostics_channel'
import type { FamilyName } from './abi/family'

/**
 * The table that an event is about.
 * @since 0.1.0
 */
interface AboutTable {
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** As in `filter`. */
  readonly table: string
}

/**
 * What is published on the channels `xtables:NAME` of `node:diagnostics_channel`, by name. Durations are milliseconds, sizes are bytes.
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
  /** One getsockopt or setsockopt. `error` is the name of its errno, where it failed. */
  call: {
    /** As in `SET_REPLACE`. */
    readonly operation: string
    /** `'ipv4'` or `'ipv6'`. */
    readonly family: FamilyName
    /** Absent where it is about no table. */
    readonly table?: string | undefined
    /** How many were handed to the kernel, or asked for. */
    readonly bytes: number
    /** How long the call took. */
    readonly durationMs: number
    /** As in `EPERM`; absent where it worked. */
    readonly error?: string | undefined
  }
  /** One message, or several at once, sent over netlink, or a dump, until all answers were there. */
  netlink: {
    /** As in `IPSET_CMD_ADD`: of several, the first. */
    readonly operation: string
    /** How many messages were sent at once. */
    readonly messages: number
    /** How many were sent. */
    readonly bytes: number
    /** Until all answers were there. */
    readonly durationMs: number
    /** As in `EPERM`; absent where it worked. */
    readonly error?: string | undefined
  }
  /** The lock was taken; or was not, with the error. Who joins a holder takes no lock. */
  lock: {
    /** The file of the lock. */
    readonly lock: string
    /** How long it was waited for. */
    readonly waitedMs: number
    /** Why it was not taken; absent where it was. */
    readonly error?: string | undefined
  }
  /** The lock was released. */ unlock: {
    /** The file of the lock. */
    readonly lock: string
    /** How long it was held. */
    readonly heldMs: number
  }
  /** A table was read, as often as it took to get it whole. Of one that could not be, `call` has the error. */
  read: AboutTable & {
    /** How many entries it has. */
    readonly entries: number
    /** How many bytes these take. */
    readonly bytes: number
    /** How long reading took. */
    readonly durationMs: number
  }
  /** A table was replaced. Of one that could not be, `call` has the error. */
  replace: AboutTable & {
    /** How many entries it has now. */
    readonly entries: number
    /** How many bytes these take. */
    readonly bytes: number
    /** How long the exchange took. */
    readonly durationMs: number
  }
  /** Another program has changed a table that was to be read or written. `retry` follows where that is tried again. */
  conflict: AboutTable & {
    /** How it was noticed. */
    readonly reason: string
  }
  /** Something is tried again. `attempt` is the number of the one that failed, from 1. */
  retry: {
    /** As in `SET_REPLACE`, or `transaction`. */
    readonly operation: string
    /** Absent where it is not about tables. */
    readonly family?: FamilyName | undefined
    /** Absent where it is not about one. */
    readonly table?: string | undefined
    /** Number of the attempt that failed, from 1. */
    readonly attempt: number
    /** Why it is tried again. */
    readonly reason: string
  }
}

/**
 * The names of the events; the channel of `read` is `xtables:read`.
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

/** Tells whoever listens. What a listener throws ends up as an uncaught exception, and not here. */
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
