/** What an applet works on: where its text goes, and which packet filter its tables are in. */
import type { AnyTable } from '../iptc/table'

/** The outside of an applet, so that one can be run in a test as well as in a process. */
export interface Io {
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  /** All of standard input. */
  readonly stdin: () => string
  /**
   * A handle on a table of the applet's family; the applet closes it. Nothing is asked of the kernel yet.
   * @param lockTimeoutMs how long to wait for the xtables lock; for ever unless said
   */
  readonly openTable: (name: string, lockTimeoutMs?: number) => AnyTable
  /** Names of the tables that exist already, newest first. */
  readonly tables: () => string[]
}
