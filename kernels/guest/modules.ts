/** The modules of the kernel that is running. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { release, tmpdir } from 'node:os'
import { join } from 'node:path'

const OF_THE_FILTER = /^(?:ip6?_?tables?|ip6?table_|x_tables|xt_|ipt_|ip6t_|nf_|ip_set|ip_vs)/

const LOADED = '/proc/modules'

/** A kernel may have everything built in. */
export const hasModules = (): boolean => existsSync(LOADED)

/** Those that are loaded and belong to the packet filter. */
export const loadedModules = (): string[] =>
  (hasModules() ? readFileSync(LOADED, 'utf8') : '')
    .split('\n')
    .map((line) => line.split(' ')[0] as string)
    .filter((name) => OF_THE_FILTER.test(name))

function must(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
}

/** Runs `body` on a machine that has no module of its kernel to load. */
export function withoutModules<T>(body: () => T): T {
  const directory = join('/usr/lib/modules', release())
  must('mount', '--bind', mkdtempSync(join(tmpdir(), 'empty-')), directory)
  try {
    return body()
  } finally {
    must('umount', directory)
  }
}
