/** The input and output of a command. */
import type { Io } from './open-kernel'
import type { Terminal } from './screen'

export interface Streams extends Pick<Io, 'stdout' | 'stderr' | 'stdin' | 'colours'> {
  /** The lines of standard input, each as soon as it is complete. */
  readonly lines: () => Iterable<string>
  /** Runs asynchronous work after the applet has returned, until it ends with an exit status or the signal aborts it. */
  readonly goOn?: ((work: (signal: AbortSignal) => Promise<number>) => void) | undefined
  /** The terminal, if standard output is one. */
  readonly terminal?: (() => Terminal | undefined) | undefined
  /** Asks the user a question, if there is a terminal. Resolves to an empty string if there is no answer. */
  readonly ask?: ((question: string, signal: AbortSignal) => Promise<string>) | undefined
  /** Resolves at the end of standard input. */
  readonly ended?: (() => Promise<void>) | undefined
  /** The command line that starts this program, without arguments. */
  readonly self?: readonly string[] | undefined
}
