/** Every rule line against iptables-legacy, as `npm run conformance` does it. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from './guest'

const SKIPPED = /^skipped .*; (\d+) lines$/gm
const CLOSING = /: (\d+) lines accepted, (\d+) refused, (\d+) faults/

/** Extensions to try, all where it is not set. */
const extensions = process.env['KERNELS_EXTENSIONS']?.split(',') ?? []

export function conformance(directory: string): Outcome {
  const { stdout, stderr } = spawnSync('npm', ['run', '--silent', 'conformance', '--', ...extensions], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  writeFileSync(join(directory, 'conformance.log'), stderr + stdout)
  const closing = CLOSING.exec(stdout)
  if (closing === null) throw new Error(`conformance came to no end: ${stderr}`)
  const [accepted, refused, faults] = closing.slice(1).map(Number) as [number, number, number]
  const absences = [...stdout.matchAll(SKIPPED)]
  const skipped = absences.reduce((sum, [, lines]) => sum + Number(lines), 0)
  const notes = [...absences.map(([line]) => line), ...stderr.split('\n').filter(Boolean)]
  return { passed: accepted + refused - skipped - faults, failed: faults, skipped, notes }
}
