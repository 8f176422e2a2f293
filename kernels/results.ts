/** What the host asks of the guest, and what the guest says of the checks that it ran. */

export const CHECKS = {
  absent: 'without modules',
  quickstart: 'quickstart',
  rules: 'a rule of each extension',
  live: 'live tests',
  conformance: 'conformance',
} as const

export type CheckName = keyof typeof CHECKS

/** All that there is, or the part of it that an emulated machine gets through. */
export type Scope = 'whole' | 'sample'

export interface Wanted {
  readonly checks: readonly CheckName[]
  readonly scope: Scope
  /** Extensions to try, all where absent. */
  readonly extensions?: readonly string[]
  /** Files of test/live to run by their names, those of the scope where absent. */
  readonly tests?: readonly string[]
  /** Of their tests, those whose names match this pattern. */
  readonly only?: string
}

/** What one part of a check came to. */
export interface Outcome {
  readonly passed: number
  readonly failed: number
  readonly skipped?: number
  /** What failed, what was skipped and why. */
  readonly notes?: readonly string[]
}

/** What takes long is many parts, so that a machine that is stopped has told what it did until then. */
export type Parts = readonly (() => Outcome)[]

export interface Check extends Required<Outcome> {
  readonly name: CheckName
  /** How many parts it has, and how many of them were done: fewer where the time did not suffice. */
  readonly parts: number
  readonly done: number
  readonly seconds: number
}

export interface Results {
  readonly release: string
  readonly node: string
  /** Modules of the packet filter that were loaded when it began, and those that are now. */
  readonly loadedBefore: readonly string[]
  readonly loadedAfter: number
  readonly checks: readonly Check[]
}

/** In the directory that is shared with the host. */
export const WANTED_FILE = 'wanted.json'
export const RESULTS_FILE = 'results.json'
