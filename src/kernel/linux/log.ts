/** The kernel's log, as far as it is about packet filters. Documentation/ABI/testing/dev-kmsg */
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { decodeText } from '../../binary/text'
import type { Log } from '../kernel'
import { seekEnd } from './libc'

const FILE = '/dev/kmsg'
/** No record is longer. */
const RECORD = 8192
/** Others may log faster than we read. */
const MAX_RECORDS = 4096

/** What of the log is said by the modules of packet filters; one that CT asks about timeouts does not say its name. */
const OURS = /^(?:(?:x|ip|ip6)_tables|(?:xt|ipt|ip6t)_\w+): |^No such timeout policy /

/** The message of a record: behind the first semicolon, odd bytes as `\x0a`; lines about devices follow it. */
function messageOf(record: string): string {
  const [, message = ''] = /^[^;]*;([^\n]*)/.exec(record) ?? []
  return message.replace(/\\x([0-9a-f]{2})/g, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)))
}

/** @returns undefined where no more has come; the empty text for records that were overwritten before we came. */
function readRecord(fd: number, buffer: Uint8Array): string | undefined {
  try {
    return decodeText(buffer.subarray(0, readSync(fd, buffer)))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPIPE' ? '' : undefined
  }
}

function readLines(fd: number): string[] {
  const buffer = new Uint8Array(RECORD)
  const found: string[] = []
  for (let i = 0; i < MAX_RECORDS; i++) {
    const record = readRecord(fd, buffer)
    if (record === undefined) break
    const message = messageOf(record)
    if (OURS.test(message)) found.push(message)
  }
  return found
}

/** The file, which takes the kernel longer to open than to change a small table; null where it may not be read. */
let file: number | null | undefined
/** How many want to know what comes, and what has come since the first of them. */
let listeners = 0
let lines: string[] = []

function openFile(): number | null {
  let fd: number | undefined
  try {
    fd = openSync(FILE, constants.O_RDONLY | constants.O_NONBLOCK)
    seekEnd(fd)
    return fd
  } catch {
    if (fd !== undefined) closeSync(fd)
    return null
  }
}

/**
 * What is logged from now on; undefined where this process may not know it. The file stays open, once in each thread.
 */
export function openLog(): Log | undefined {
  if (file === undefined) file = openFile()
  if (file === null) return undefined
  const fd = file
  if (listeners++ === 0) seekEnd(fd)
  else lines.push(...readLines(fd))
  const start = lines.length
  return {
    read() {
      lines.push(...readLines(fd))
      return lines.slice(start)
    },
    close() {
      if (--listeners === 0) lines = []
    },
  }
}
