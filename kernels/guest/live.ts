/** The live part of the tests. */
import { spawnSync } from 'node:child_process'
import { openSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from './guest'

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

const firstLine = (text: string): string => text.split('\n')[0] as string

function notesOf({ testResults }: Report): string[] {
  return testResults.flatMap(({ message, assertionResults }) => {
    if (assertionResults.length === 0) return [message]
    return assertionResults
      .filter(({ status }) => status !== 'passed')
      .map(({ fullName, status, failureMessages }) =>
        [`${status}: ${fullName}`, ...failureMessages.map(firstLine)].join(': '),
      )
  })
}

export function live(directory: string): Outcome {
  const file = join(directory, 'live.json')
  const log = openSync(join(directory, 'live.log'), 'w')
  const jest = ['node_modules/jest/bin/jest.js', '--selectProjects', 'live', '--json', '--outputFile', file]
  const env = {
    ...process.env,
    XTABLES_TEST_HOST_NETNS: readlinkSync('/proc/self/ns/net'),
    XTABLES_LOCKFILE: '/run/xtables-test.lock',
  }
  spawnSync('unshare', ['-n', process.execPath, ...jest], { env, stdio: ['ignore', log, log] })
  const report: Report = JSON.parse(readFileSync(file, 'utf8'))
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests,
    notes: notesOf(report),
  }
}
