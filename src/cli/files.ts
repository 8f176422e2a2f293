/** Files that a command reads, and what is said of those that it cannot. */
import { readSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'

/** Where Node's words are not those of strerror(3). */
const REASONS: Readonly<Record<string, string>> = { EISDIR: 'Is a directory' }

/** The reason as strerror(3) gives it: `No such file or directory`. */
export function fileReason(error: unknown): string {
  const { errno, code = '', message } = error as NodeJS.ErrnoException
  const text = REASONS[code] ?? (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? message
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}

const CHUNK = 0x1_0000
const PAUSE_MS = 10

/** All that comes from a file, also where whoever shares it has made it one that does not wait. */
export function readAll(fd: number): Uint8Array {
  const chunks: Uint8Array[] = []
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    const chunk = new Uint8Array(CHUNK)
    const length = readNow(fd, chunk)
    if (length === 0) return Buffer.concat(chunks)
    if (length === undefined) Atomics.wait(sleeper, 0, 0, PAUSE_MS)
    else chunks.push(chunk.subarray(0, length))
  }
}

/** @returns how many bytes were there, 0 at the end; undefined where there are none yet */
function readNow(fd: number, chunk: Uint8Array): number | undefined {
  try {
    return readSync(fd, chunk)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw error
  }
}
