/** What a command reads from and writes to. */
import type { Io } from './open-kernel'
import type { Terminal } from './screen'

/** Where text comes from and goes to. */
export interface Streams extends Pick<Io, 'stdout' | 'stderr' | 'stdin' | 'colours'> {
  /** Standard input line by line, each as soon as it is there. */
  readonly lines: () => Iterable<string>
  /** Takes what goes on when the words have been read, until it ends with its status, or by the signal. */
  readonly goOn?: ((work: (signal: AbortSignal) => Promise<number>) => void) | undefined
  /** The terminal that standard output is; undefined where it is none. */
  readonly terminal?: (() => Terminal | undefined) | undefined
  /** Where there is somebody at a terminal: the answer, which is empty where there will be none. */
  readonly ask?: ((question: string, signal: AbortSignal) => Promise<string>) | undefined
  /** When standard input ends. */
  readonly ended?: (() => Promise<void>) | undefined
  /** The words by which this program is started. */
  readonly self?: readonly string[] | undefined
}
