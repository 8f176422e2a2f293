/**
 * Runs every test that can run on this machine: types, the offline tests, and the live tests in a new network namespace,
 * which compare with iptables-legacy and others. If the live tests cannot run, the summary says why; with XTABLES_LIVE=1,
 * that is a failure.
 *
 *   npm test [-- arguments for jest]
 *
 * If XTABLES_DECLARED_SKIPS is the path of a list of tests that may be skipped, only the live tests run. Then a skipped test
 * that is not in the list is a failure, and so is a test in the list that was not skipped.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'

interface Part {
  readonly name: string
  readonly passed: number
  readonly failed: number
  /** The names of skipped tests. */
  readonly skipped: readonly string[]
  /** Differences between skipped and declared tests. */
  readonly complaints?: readonly string[]
  /** The reason if it did not run. */
  readonly reason?: string
}

const root = join(__dirname, '..')
const scratch = mkdtempSync(join(tmpdir(), 'xtables-test-'))
const jest = join(root, 'node_modules/jest/bin/jest.js')
const tsc = join(root, 'node_modules/typescript/bin/tsc')
const { XTABLES_LIVE, XTABLES_LOCKFILE, XTABLES_DECLARED_SKIPS } = process.env
const isRoot = process.getuid?.() === 0

const run = (command: readonly string[], env: Record<string, string> = {}): SpawnSyncReturns<Buffer> =>
  spawnSync(command[0] as string, command.slice(1), { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })

const answers = (...command: string[]): boolean => spawnSync(command[0] as string, command.slice(1)).status === 0

function checkTypes(): Part {
  // The page of xtables ui has a project of its own: only its code may use the types of browsers.
  const isRight = (project: string): boolean => run([process.execPath, tsc, '-p', project]).status === 0
  const results = ['tsconfig.json', 'src/ui/page'].map(isRight)
  const passed = results.filter(Boolean).length
  return { name: 'types', passed, failed: results.length - passed, skipped: [] }
}

interface JestReport {
  readonly testResults: readonly { assertionResults: readonly { status: string; fullName: string }[] }[]
}

const skippedIn = ({ testResults }: JestReport): string[] =>
  testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'pending')
    .map(({ fullName }) => fullName)

interface DeclaredSkip {
  /** A regular expression that matches the full names of tests. */
  readonly tests: string
  readonly why: string
}

function judgeSkips({ testResults }: JestReport, declared: readonly DeclaredSkip[]): string[] {
  const results = testResults.flatMap(({ assertionResults }) => assertionResults)
  const isDeclared = (name: string): boolean => declared.some(({ tests }) => new RegExp(tests).test(name))
  const undeclared = results.filter(({ status, fullName }) => status === 'pending' && !isDeclared(fullName))
  const ran = results.filter(({ status, fullName }) => status !== 'pending' && isDeclared(fullName))
  // With arguments for jest, declared tests may not have been selected.
  const isWhole = process.argv.length === 2
  const unknown = declared.filter(({ tests }) => !results.some(({ fullName }) => new RegExp(tests).test(fullName)))
  return [
    ...undeclared.map(({ fullName }) => `skipped, which is not declared: ${fullName}`),
    ...ran.map(({ fullName }) => `declared as skipped, and it was not: ${fullName}`),
    ...(isWhole ? unknown.map(({ tests }) => `declared as skipped, and there is none: ${tests}`) : []),
  ]
}

/**
 * How many test files run in parallel. By default, jest leaves one processor idle, which is half of a machine with two.
 * Live tests mostly wait: for the kernel to change tables, for locks, for timers.
 */
const WORKERS = { offline: availableParallelism(), live: Math.max(3, availableParallelism()) }

function runJest(name: keyof typeof WORKERS, before: readonly string[] = [], env: Record<string, string> = {}): Part {
  const report = join(scratch, `${name}.json`)
  const options = ['--selectProjects', name, '--json', '--outputFile', report, '--passWithNoTests', '--silent=false']
  const workers = ['--maxWorkers', String(WORKERS[name])]
  const { status } = run([...before, process.execPath, jest, ...options, ...workers, ...process.argv.slice(2)], env)
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'))
    const complaints =
      XTABLES_DECLARED_SKIPS === undefined
        ? []
        : judgeSkips(result, JSON.parse(readFileSync(XTABLES_DECLARED_SKIPS, 'utf8')))
    const failed = result.numFailedTests + result.numRuntimeErrorTestSuites + complaints.length
    return {
      name,
      passed: result.numPassedTests,
      failed: Math.max(failed, status === 0 ? 0 : 1),
      skipped: skippedIn(result),
      complaints,
    }
  } catch {
    return { name, passed: 0, failed: 1, skipped: [] }
  }
}

/**
 * Creates a network namespace, as root or as root of a new user namespace. There, a second unshare is needed so that the
 * files in /proc/net belong to that root.
 */
const isolate = isRoot ? ['unshare', '-n'] : ['unshare', '-r', 'unshare', '-n']

function whyNotLive(): string | undefined {
  if (process.platform !== 'linux') return `the live part needs Linux, and this is ${process.platform}`
  if (!answers(...isolate, 'true'))
    return `${isolate.join(' ')} is not allowed here; the live part needs a network namespace`
  const missing = ['iptables-legacy', 'ip6tables-legacy', 'ipset', 'nft', 'ip', 'python3'].filter(
    (command) => !answers('which', command),
  )
  if (missing.length > 0) return `${missing.join(', ')} not installed; the live part needs them`
  const lock = { XTABLES_LOCKFILE: XTABLES_LOCKFILE ?? join(scratch, 'lock') }
  const probe = spawnSync(isolate[0] as string, [...isolate.slice(1), 'iptables-legacy', '-S'], {
    env: { ...process.env, ...lock },
  })
  return probe.status === 0 ? undefined : `this kernel has no legacy tables: ${String(probe.stderr).trim()}`
}

function runLive(): Part {
  const reason = whyNotLive()
  if (reason !== undefined)
    return { name: 'live', passed: 0, failed: XTABLES_LIVE === '1' ? 1 : 0, skipped: [], reason }
  return runJest('live', isolate, {
    XTABLES_TEST_HOST_NETNS: readlinkSync('/proc/self/ns/net'),
    // The machine's lock belongs to root, and other programs wait for it.
    XTABLES_LOCKFILE: join(scratch, 'lock'),
  })
}

function summarize(parts: readonly Part[]): void {
  const sum = (count: (part: Part) => number): number => parts.reduce((total, part) => total + count(part), 0)
  console.log()
  for (const { name, passed, failed, skipped, complaints = [], reason } of parts) {
    console.log(
      reason === undefined
        ? `${name}: ${passed} passed, ${failed} failed, ${skipped.length} skipped`
        : `${name}: DID NOT RUN: ${reason}`,
    )
    for (const test of skipped) console.log(`  skipped: ${test}`)
    for (const complaint of complaints) console.log(`  ${complaint}`)
  }
  console.log(`${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed`)
  if (sum(({ failed }) => failed) > 0) process.exitCode = 1
}

try {
  summarize(XTABLES_DECLARED_SKIPS === undefined ? [checkTypes(), runJest('offline'), runLive()] : [runLive()])
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
