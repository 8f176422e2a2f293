/** Reads and writes files and streams, and describes their errors. */
import { readSync, writeSync } from 'node:fs'
import { getSystemErrorMap } from 'node:util'
import { errnoName } from '../abi/errno'

/** Texts of strerror(3) that differ from Node's. */
const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'File exists',
  EISDIR: 'Is a directory',
  EBUSY: 'Device or resource busy',
  EOPNOTSUPP: 'Operation not supported',
  EIO: 'Input/output error',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
  ENFILE: 'Too many open files in system',
  ENOMEM: 'Cannot allocate memory',
  ERANGE: 'Numerical result out of range',
  ETXTBSY: 'Text file busy',
}

/** The reason as strerror(3) gives it: `No such file or directory`. */
export function fileReason(error: unknown): string {
  const { errno, code = '', message } = error as NodeJS.ErrnoException
  return reasonOf(code, errno) ?? capitalized(message)
}

/** As {@link fileReason}, for an errno of the kernel. */
export const errnoReason = (errno: number): string => reasonOf(errnoName(errno), -errno) ?? `Unknown error ${errno}`

function reasonOf(code: string, errno: number | undefined): string | undefined {
  const text = REASONS[code] ?? (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1])
  return text && capitalized(text)
}

const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`

const CHUNK = 0x1_0000
const PAUSE_MS = 10

const pause = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)

/** Reads a file in chunks. Works even if another process has set the shared descriptor to non-blocking. */
function* chunksOf(fd: number): Generator<Uint8Array> {
  for (;;) {
    const chunk = new Uint8Array(CHUNK)
    const length = readNow(fd, chunk)
    if (length === 0) return
    if (length === undefined) pause()
    else yield chunk.subarray(0, length)
  }
}

/** Reads a file to its end. */
export const readAll = (fd: number): Uint8Array => Buffer.concat([...chunksOf(fd)])

const LINE_FEED = 10

/** The lines of a file, each as soon as it is complete: the writer may wait for the response to a line. */
export function* readLines(fd: number): Generator<Uint8Array> {
  let begun: Uint8Array[] = []
  for (const chunk of chunksOf(fd)) {
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      yield Buffer.concat([...begun, chunk.subarray(start, end)])
      begun = []
      start = end + 1
    }
    begun.push(chunk.subarray(start))
  }
  const last = Buffer.concat(begun)
  if (last.length > 0) yield last
}

/**
 * Writes all bytes, even if another process has set the shared descriptor to non-blocking. The streams of `process` are not
 * used because loading them takes longer than running a command.
 */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; )
    try {
      done += writeSync(fd, bytes, done)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
      pause()
    }
}

/** @returns the number of bytes read, 0 at the end of the file; undefined if there are none yet */
function readNow(fd: number, chunk: Uint8Array): number | undefined {
  try {
    return readSync(fd, chunk)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined
    throw error
  }
}
