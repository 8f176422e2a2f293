/** What holds of every input, whatever its kind: the world stays as it is, and time and memory are bounded. */
import { createRequire } from 'node:module'
import { getHeapStatistics } from 'node:v8'
import { IptcError } from '../src/index'
import { insist } from './kind'

/** @returns what `body` returns; undefined where it refused with an error of ours. Any other is thrown on. */
export function refused<T>(body: () => T): T | undefined {
  try {
    return body()
  } catch (error) {
    if (error instanceof IptcError) return undefined
    throw error
  }
}

/** In milliseconds. */
const LONGEST = 1000

/** Longer than a moment is too long only if it is so again: the machine may have had something else to do. */
export function timed(body: () => void): void {
  const took = (): number => {
    const start = performance.now()
    body()
    return performance.now() - start
  }
  const first = took()
  if (first < LONGEST) return
  const second = took()
  insist(second < LONGEST, () => `it takes ${Math.round(Math.min(first, second))} ms`)
}

const MEGABYTE = 1 << 20
/** What any input may take, garbage included, and how much more for each byte of it. */
const [MEMORY, MEMORY_PER_BYTE] = [16 * MEGABYTE, 2048]

const memory = (): number => {
  const { used_heap_size, external_memory, malloced_memory } = getHeapStatistics()
  return used_heap_size + external_memory + malloced_memory
}

/**
 * Memory that is collected in between is not seen; nearly always, nothing is. Too much is too much only if it is so again:
 * what is made when it is first needed is kept.
 */
export function frugal(size: number, body: () => void): void {
  const most = MEMORY + size * MEMORY_PER_BYTE
  const taken = (): number => {
    const before = memory()
    body()
    return memory() - before
  }
  if (taken() < most) return
  const second = taken()
  insist(second < most, () => `it takes ${second} bytes of memory for an input of ${size}`)
}

const SHARED: readonly object[] = [Object, Array, Function, String, Number, RegExp, Map, Error, Uint8Array].flatMap(
  (one) => [one, one.prototype as object],
)

const snapshot = (): unknown[] =>
  SHARED.flatMap((one) =>
    Reflect.ownKeys(one).flatMap((key) => {
      const { value, get, set } = Object.getOwnPropertyDescriptor(one, key) as PropertyDescriptor
      return [key, value, get, set]
    }),
  )

/** @returns a check that what all programs share is still as it is now. */
export function unpolluted(): () => void {
  const before = snapshot()
  return () => {
    const after = snapshot()
    const at = after.findIndex((one, i) => one !== before[i] && !Number.isNaN(one))
    insist(at < 0 && after.length === before.length, () => `a prototype has changed at ${String(after[at])}`)
  }
}

/**
 * Cuts off what inputs must not reach: other programs and files. Names of hosts are asked for, and nobody has any; to
 * run anything else is a fault.
 */
export function isolate(): void {
  const require = createRequire(__filename)
  const processes = require('node:child_process') as { spawnSync: unknown }
  processes.spawnSync = (program: string) => {
    if (program !== 'getent') throw new Error(`it runs ${program}`)
    return { status: 2, stdout: '' }
  }
  const files = require('node:fs') as { writeFileSync: unknown; openSync: (...args: unknown[]) => number }
  const readOnly = (): never => {
    throw Object.assign(new Error('no file is written here'), { code: 'EROFS', errno: -30 })
  }
  const { openSync } = files
  files.writeFileSync = readOnly
  files.openSync = (...args) => (args[1] === undefined || args[1] === 'r' ? openSync(...args) : readOnly())
}
