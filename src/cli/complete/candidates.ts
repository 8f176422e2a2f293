/** The candidates for a word, in the form that shells expect. */

export interface Candidate {
  readonly value: string
  readonly summary?: string
}

export interface Completion {
  readonly candidates: readonly Candidate[]
  /** What the shell is to complete itself, beside the candidates. */
  readonly paths?: 'file' | 'directory' | undefined
}

export const NOTHING: Completion = { candidates: [] }

export const plain = (values: readonly string[]): Completion => ({ candidates: values.map((value) => ({ value })) })

export const both = (one: Completion, other: Completion): Completion => ({
  candidates: [...one.candidates, ...other.candidates],
  paths: one.paths ?? other.paths,
})

/** Of a word such as `--table=fil`, what may stand behind the sign. */
export const behind = (prefix: string, { candidates, paths }: Completion): Completion => ({
  candidates: candidates.map(({ value, ...rest }) => ({ value: `${prefix}${value}`, ...rest })),
  paths,
})

/** A name with a control character in it cannot be told to a shell, one a line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
const isOdd = (text: string): boolean => /[\x00-\x1f\x7f]/.test(text)

/** What begins as the word does; each once. */
function fitting({ candidates }: Completion, word: string): Candidate[] {
  const fit = candidates.filter(({ value }) => value.startsWith(word) && !isOdd(value))
  return [...new Map(fit.map((one) => [one.value, one])).values()]
}

/** A line each, with what it means behind a tab; at the end, what the shell completes itself. */
export function completionText(completion: Completion, word: string): string {
  const lines = fitting(completion, word).map(({ value, summary }) => (summary ? `${value}\t${summary}` : value))
  return [...lines, ...(completion.paths === undefined ? [] : [`:${completion.paths}`])]
    .map((line) => `${line}\n`)
    .join('')
}
