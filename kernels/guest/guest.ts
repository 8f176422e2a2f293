/**
 * Runs inside of the guest, on a kernel just started that has none of the packet filter's modules loaded.
 *
 *   node kernels/guest/guest.js DIRECTORY
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import {
  type Check,
  type CheckName,
  type Outcome,
  type Parts,
  RESULTS_FILE,
  type Results,
  WANTED_FILE,
  type Wanted,
} from '../results'
import { absent } from './absent'
import { live } from './live'
import { loadedModules } from './modules'
import { quickstart } from './quickstart'

const BODIES: Record<CheckName, (wanted: Wanted, directory: string) => Parts> = {
  absent: () => [absent],
  quickstart: (_, directory) => [() => quickstart(directory)],
  live,
  // These ask the kernel for its extensions as soon as they are imported, which loads modules.
  rules: () => (require('./rules') as typeof import('./rules')).rules(),
  conformance: (wanted) => (require('./conformance') as typeof import('./conformance')).conformance(wanted),
}

const [directory] = process.argv.slice(2) as [string]
const wanted: Wanted = JSON.parse(readFileSync(join(directory, WANTED_FILE), 'utf8'))
const loadedBefore = loadedModules()
const checks = new Map<CheckName, Check>()

function tell(check: Check): void {
  checks.set(check.name, check)
  const results: Results = {
    release: release(),
    node: process.version,
    loadedBefore,
    loadedAfter: loadedModules().length,
    checks: [...checks.values()],
  }
  writeFileSync(join(directory, RESULTS_FILE), JSON.stringify(results, undefined, 2))
}

function attempt<T>(body: () => T): T | Outcome {
  try {
    return body()
  } catch (error) {
    return { passed: 0, failed: 1, notes: [String(error)] }
  }
}

function run(name: CheckName): void {
  const start = performance.now()
  const found = attempt(() => BODIES[name](wanted, directory))
  const parts: Parts = 'failed' in found ? [() => found] : found
  let check: Check = { name, passed: 0, failed: 0, skipped: 0, notes: [], parts: parts.length, done: 0, seconds: 0 }
  tell(check)
  for (const part of parts) {
    const { passed, failed, skipped = 0, notes = [] } = attempt(part)
    check = {
      ...check,
      passed: check.passed + passed,
      failed: check.failed + failed,
      skipped: check.skipped + skipped,
      notes: [...check.notes, ...notes],
      done: check.done + 1,
      seconds: Math.round((performance.now() - start) / 1000),
    }
    tell(check)
  }
  console.log(`${name}: ${check.passed} passed, ${check.failed} failed in ${check.seconds} s`)
}

for (const name of wanted.checks) run(name)
