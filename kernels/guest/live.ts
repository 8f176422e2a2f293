/** The live part of the tests. A part of the check is one file. */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Outcome, Parts, Wanted } from '../results'

interface Assertion {
  readonly fullName: string
  readonly status: string
  readonly failureMessages: readonly string[]
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numRuntimeErrorTestSuites: number
  readonly testResults: readonly { readonly message: string; readonly assertionResults: readonly Assertion[] }[]
}

/** An emulated processor is so many times slower than the one that the tests were written on, beside other work. */
const SLOWNESS = 20
const TEST_TIMEOUT_MS = 120_000

const firstLine = (text: string): string => text.split('\n')[0] as string

/** @param isShown whether tests of this status are told of */
function notesOf({ testResults }: Report, isShown: (status: string) => boolean): string[] {
  return testResults.flatMap(({ message, assertionResults }) => {
    if (assertionResults.length === 0) return [message]
    return assertionResults
      .filter(({ status }) => isShown(status))
      .map(({ fullName, status, failureMessages }) =>
        [`${status}: ${fullName}`, ...failureMessages.map(firstLine)].join(': '),
      )
  })
}

/** What shows most of a kernel for the time that it takes; the others are mostly about text and programs. */
const SAMPLE = ['state', 'dump', 'lock', 'namespace', 'easy', 'kernel']
/** They try the rule lines that conformance tries. */
const ELSEWHERE = ['conformance', 'generated']

const DIRECTORY = 'test/live'
const SUFFIX = '.test.ts'

function chosen({ scope, tests }: Wanted): readonly string[] {
  const all = readdirSync(DIRECTORY).flatMap((file) => (file.endsWith(SUFFIX) ? [basename(file, SUFFIX)] : []))
  const unknown = (tests ?? SAMPLE).filter((name) => !all.includes(name))
  if (unknown.length > 0) throw new Error(`no test ${unknown.join(', ')}; there are ${all.join(', ')}`)
  if (tests !== undefined) return tests
  // What counts most comes first, as the time may not suffice.
  const others = all.filter((name) => !SAMPLE.includes(name) && !ELSEWHERE.includes(name))
  return scope === 'sample' ? SAMPLE : [...SAMPLE, ...others]
}

function runFile(name: string, directory: string, only: string | undefined): Outcome {
  const file = join(directory, `live-${name}.json`)
  const log = openSync(join(directory, `live-${name}.log`), 'w')
  const options = ['--config', 'kernels/guest/jest.config.js', '--runInBand', '--testTimeout', `${TEST_TIMEOUT_MS}`]
  const jest = ['node_modules/jest/bin/jest.js', ...options, '--json', '--outputFile', file]
  const env = {
    ...process.env,
    XTABLES_TEST_HOST_NETNS: readlinkSync('/proc/self/ns/net'),
    XTABLES_LOCKFILE: '/run/xtables-test.lock',
    XTABLES_TEST_SLOWNESS: `${SLOWNESS}`,
  }
  const command = [
    '-n',
    process.execPath,
    ...jest,
    join(DIRECTORY, `${name}${SUFFIX}`),
    ...(only === undefined ? [] : ['-t', only]),
  ]
  spawnSync('unshare', command, { env, stdio: ['ignore', log, log] })
  closeSync(log)
  return outcomeOf(JSON.parse(readFileSync(file, 'utf8')), only)
}

function outcomeOf(report: Report, only: string | undefined): Outcome {
  const { numPassedTests: passed, numRuntimeErrorTestSuites } = report
  const failed = report.numFailedTests + numRuntimeErrorTestSuites
  if (only === undefined) {
    const notes = notesOf(report, (status) => status !== 'passed')
    return { passed, failed, skipped: report.numPendingTests, notes }
  }
  // All that was not asked for is pending too.
  const notes = notesOf(report, (status) => status === 'failed')
  return passed + failed === 0
    ? { passed, failed: 1, notes: [`no test is called as in ${only}`] }
    : { passed, failed, notes }
}

export const live = (wanted: Wanted, directory: string): Parts =>
  chosen(wanted).map((name) => () => runFile(name, directory, wanted.only))
