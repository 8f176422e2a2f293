/** `batch`: many commands in one process. */
import { IptcError } from '../errors'
import type { Streams } from './streams'

/** Runs the command on a line. @returns its exit status; undefined if the line contains no command */
export type RunLine = (line: string, streams: Streams) => number | undefined

/**
 * Runs commands line by line. After the output of each command, its exit status is printed on a line of its own.
 * @param lines from standard input, which the commands themselves cannot read
 * @returns 0 if every command exited with 0, else 1
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
