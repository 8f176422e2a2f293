/** What the guest says of the checks that it ran; the host makes a row of it. */

export const CHECKS = {
  absent: 'without modules',
  quickstart: 'quickstart',
  live: 'live tests',
  conformance: 'conformance',
} as const

export type CheckName = keyof typeof CHECKS

export interface Check {
  readonly name: CheckName
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly seconds: number
  /** What failed, what was skipped and why. */
  readonly notes: readonly string[]
}

export interface Results {
  readonly release: string
  readonly node: string
  /** Modules of the packet filter that were loaded when it began, and when it ended. */
  readonly loadedBefore: readonly string[]
  readonly loadedAfter: number
  readonly checks: readonly Check[]
}

/** Where the guest leaves them, in the directory that is shared with the host. */
export const RESULTS_FILE = 'results.json'
