/**
 * Runs inside of the guest, on a kernel just started that has none of the packet filter's modules loaded.
 *
 *   ts-node kernels/guest/guest.ts DIRECTORY CHECK…
 */
import { writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { type Check, type CheckName, RESULTS_FILE, type Results } from '../results'
import { absent } from './absent'
import { conformance } from './conformance'
import { live } from './live'
import { loadedModules } from './modules'
import { quickstart } from './quickstart'

export interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly skipped?: number
  readonly notes?: readonly string[]
}

const BODIES: Record<CheckName, (directory: string) => Outcome> = { absent, quickstart, live, conformance }

const [directory, ...wanted] = process.argv.slice(2) as [string, ...CheckName[]]
const loadedBefore = loadedModules()
const checks: Check[] = []

function attempt(body: () => Outcome): Outcome {
  try {
    return body()
  } catch (error) {
    return { passed: 0, failed: 1, notes: [String(error)] }
  }
}

for (const name of wanted) {
  const start = performance.now()
  const body = BODIES[name]
  if (body === undefined) throw new Error(`there is no check ${name}`)
  const outcome = attempt(() => body(directory))
  const seconds = Math.round((performance.now() - start) / 1000)
  checks.push({ skipped: 0, notes: [], ...outcome, name, seconds })
  console.log(`${name}: ${outcome.passed} passed, ${outcome.failed} failed in ${seconds} s`)
  // After each: a machine that is stopped later still has told what it did.
  const results: Results = {
    release: release(),
    node: process.version,
    loadedBefore,
    loadedAfter: loadedModules().length,
    checks,
  }
  writeFileSync(join(directory, RESULTS_FILE), JSON.stringify(results, undefined, 2))
}
