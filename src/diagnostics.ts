/**
 * What the library does, for those who watch: one channel of node:diagnostics_channel for each kind of event, called
 * `xtables:read` and so on. `XTABLES_DEBUG=1` in the environment prints them all to standard error.
 */
import { type Channel, channel } from 'node:diagnostics_channel'
import type { FamilyName } from './abi/family'

interface AboutTable {
  readonly family: FamilyName
  readonly table: string
}

/** The events by name. Durations are milliseconds, sizes are bytes. */
export interface DiagnosticEvents {
  /** One getsockopt or setsockopt. `error` is the name of its errno, where it failed. */
  call: {
    readonly operation: string
    readonly family: FamilyName
    readonly table?: string | undefined
    readonly bytes: number
    readonly durationMs: number
    readonly error?: string | undefined
  }
  /** The lock was taken; or was not, with the error. Who joins a holder takes no lock. */
  lock: { readonly lock: string; readonly waitedMs: number; readonly error?: string | undefined }
  unlock: { readonly lock: string; readonly heldMs: number }
  /** A table was read, as often as it took to get it whole. Of one that could not be, `call` has the error. */
  read: AboutTable & { readonly entries: number; readonly bytes: number; readonly durationMs: number }
  /** A table was replaced. Of one that could not be, `call` has the error. */
  replace: AboutTable & { readonly entries: number; readonly bytes: number; readonly durationMs: number }
  /** Another program has changed a table that was to be read or written. `retry` follows where that is tried again. */
  conflict: AboutTable & { readonly reason: string }
  /** Something is tried again. `attempt` is the number of the one that failed, from 1. */
  retry: {
    /** As in `SET_REPLACE`, or `transaction`. */
    readonly operation: string
    readonly family: FamilyName
    readonly table?: string | undefined
    readonly attempt: number
    readonly reason: string
  }
}

export type DiagnosticName = keyof DiagnosticEvents

const CHANNELS: Readonly<Record<DiagnosticName, Channel>> = {
  call: channel('xtables:call'),
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
