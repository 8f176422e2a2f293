/** `batch`: many commands in one process. */
import { IptcError } from '../errors'
import type { Streams } from './streams'

/** Runs the command on a line. @returns its exit status; undefined where there is none on it */
export type RunLine = (line: string, streams: Streams) => number | undefined

/**
 * Carries out lines one after the other. Behind what a command prints, a line of standard output has its exit status.
 * @param lines of standard input, which the commands cannot read
 * @returns 0 where every command ended so, else 1
 */
export function runBatch(lines: Iterable<string>, streams: Streams, run: RunLine): number {
  const shared = { ...streams, stdin: noInput, lines: noInput }
  let failed = false
  for (const line of lines) {
    const status = run(line, shared)
    if (status === undefined) continue
    streams.stdout(`${status}\n`)
    failed ||= status !== 0
  }
  return failed ? 1 : 0
}

function noInput(): never {
  throw new IptcError('XT_COMMAND', 'batch reads its lines from standard input: name a file')
}
