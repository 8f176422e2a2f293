/** Every rule line against iptables-legacy, as `npm run conformance` does it. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from './guest'

const CLOSING = /: (\d+) lines accepted, (\d+) refused, (\d+) faults/

export function conformance(directory: string): Outcome {
  const { stdout, stderr } = spawnSync('npm', ['run', '--silent', 'conformance'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  })
  writeFileSync(join(directory, 'conformance.log'), stderr + stdout)
  const closing = CLOSING.exec(stdout)
  if (closing === null) throw new Error(`conformance came to no end: ${stderr}`)
  const [accepted, refused, faults] = closing.slice(1).map(Number) as [number, number, number]
  return { passed: accepted + refused - faults, failed: faults, notes: stderr.split('\n').filter(Boolean) }
}
