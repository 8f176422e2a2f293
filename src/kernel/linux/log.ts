/** The messages about packet filters in the kernel's log. Documentation/ABI/testing/dev-kmsg */
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { decodeText } from '../../binary/text'
import type { Log } from '../kernel'
import { seekEnd } from './libc'

const FILE = '/dev/kmsg'
/** The maximum length of a record. */
const RECORD = 8192
/** Limits the reading if other programs log faster than we read. */
const MAX_RECORDS = 4096

/** The messages of packet filter modules. The one about timeout policies, caused by CT, does not start with a module's name. */
const OURS = /^(?:(?:x|ip|ip6)_tables|(?:xt|ipt|ip6t)_\w+): |^No such timeout policy /

/** The message of a record: it follows the first semicolon, with control characters as `\x0a`. Lines about devices come after it. */
function messageOf(record: string): string {
  const [, message = ''] = /^[^;]*;([^\n]*)/.exec(record) ?? []
  return message.replace(/\\x([0-9a-f]{2})/g, (_, byte: string) => String.fromCharCode(Number.parseInt(byte, 16)))
}

/** @returns undefined if there are no more records; an empty string for records that were overwritten before they were read */
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

/** Kept open, because opening it takes the kernel longer than changing a small table; null if it may not be read. */
let file: number | null | undefined
/** Number of open logs, and the lines read since the first of them was opened. */
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
 * Opens the log from now on; undefined if this process may not read it. The file stays open, once per thread.
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
