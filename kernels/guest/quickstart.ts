/** The first example, that of `npm start`, on the kernel itself: what it needs is loaded by the library. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from '../results'
import { hasModules, loadedModules } from './modules'

export function quickstart(directory: string): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['examples/quickstart.js'], { encoding: 'utf8' })
  writeFileSync(join(directory, 'quickstart.log'), stdout + stderr)
  const notes = [
    ...(status === 0 ? [] : [`exit ${status}: ${stderr}`]),
    ...(stdout.startsWith('# This is Linux ') ? [] : [stdout.split('\n').slice(0, 2).join(' ')]),
    ...(!hasModules() || loadedModules().includes('iptable_nat') ? [] : ['the module of the table nat is not loaded']),
  ]
  return { passed: notes.length === 0 ? 1 : 0, failed: notes.length === 0 ? 0 : 1, notes }
}
