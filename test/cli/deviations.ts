/** Where our commands differ from those of 1.8.9 on purpose. */
export interface CommandDeviation {
  readonly what: 'status' | 'stdout' | 'stderr' | 'text' | 'bytes'
  readonly lines: RegExp
  readonly why: string
}

export const commandDeviations: readonly CommandDeviation[] = []

export const explained = (what: string, line: string): CommandDeviation | undefined =>
  commandDeviations.find((one) => one.what === what && one.lines.test(line))
