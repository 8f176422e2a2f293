import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { join } from 'node:path'

const ROOT = join(__dirname, '..', '..')

/**
 * Runs JavaScript in a separate process, in which it can require the sources. @param front the command that starts it,
 * if any
 */
export function runScript(script: string, front: readonly string[] = []): SpawnSyncReturns<string> {
  const node = [process.execPath, '-r', './test/support/load-typescript.js', '-e', script]
  const [program, ...args] = [...front, ...node] as [string, ...string[]]
  return spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', env: { ...process.env } })
}
