/** What a process holds of the machine. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { collectGarbage } from '../../test/live/machine'

export interface Holdings {
  readonly descriptors: number
  readonly threads: number
  readonly mounts: number
  /** Whether another can have the lock. */
  readonly isLockFree: boolean
}

/** In bytes. */
export interface Memory {
  readonly resident: number
  readonly heap: number
  /** Of objects outside of the heap, those of `buffers` included. */
  readonly external: number
  readonly buffers: number
}

const count = (folder: string): number => readdirSync(folder).length

export const holdings = (): Holdings => ({
  descriptors: count('/proc/self/fd'),
  threads: count('/proc/self/task'),
  mounts: readFileSync('/proc/self/mountinfo', 'utf8').trimEnd().split('\n').length,
  isLockFree: spawnSync('flock', ['-n', process.env['XTABLES_LOCKFILE'] as string, 'true']).status === 0,
})

export function memory(): Memory {
  const { rss: resident, heapUsed: heap, external, arrayBuffers: buffers } = process.memoryUsage()
  return { resident, heap, external, buffers }
}

/** Collects what nobody has any more. Finalizers run in turns of their own. */
export async function collect(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) {
    collectGarbage()
    await new Promise((resolve) => void setTimeout(resolve, 10))
  }
}
