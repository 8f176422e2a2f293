/** The candidates for a word, in the form that shells expect. */

export interface Candidate {
  readonly value: string
  readonly summary?: string
}

export interface Completion {
  readonly candidates: readonly Candidate[]
  /** Whether the shell should also complete paths. */
  readonly paths?: 'file' | 'directory' | undefined
}

export const NOTHING: Completion = { candidates: [] }

export const plain = (values: readonly string[]): Completion => ({ candidates: values.map((value) => ({ value })) })

export const both = (one: Completion, other: Completion): Completion => ({
  candidates: [...one.candidates, ...other.candidates],
  paths: one.paths ?? other.paths,
})

/** Candidates for a word such as `--table=fil`: the values, each after the prefix `--table=`. */
export const behind = (prefix: string, { candidates, paths }: Completion): Completion => ({
  candidates: candidates.map(({ value, ...rest }) => ({ value: `${prefix}${value}`, ...rest })),
  paths,
})

/** Names with control characters are left out: the output has one candidate per line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finds control characters.
const isOdd = (text: string): boolean => /[\x00-\x1f\x7f]/.test(text)

/** The candidates that start with the word, without duplicates. */
function fitting({ candidates }: Completion, word: string): Candidate[] {
  const fit = candidates.filter(({ value }) => value.startsWith(word) && !isOdd(value))
  return [...new Map(fit.map((one) => [one.value, one])).values()]
}

/** One line per candidate, with its description after a tab. A last line `:file` or `:directory` asks the shell to complete paths. */
export function completionText(completion: Completion, word: string): string {
  const lines = fitting(completion, word).map(({ value, summary }) => (summary ? `${value}\t${summary}` : value))
  return [...lines, ...(completion.paths === undefined ? [] : [`:${completion.paths}`])]
    .map((line) => `${line}\n`)
    .join('')
}
