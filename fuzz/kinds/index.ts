/** The kinds of input that are fuzzed, by name. */
import { type RunOptions, run } from '../run'
import { rule } from './rule'

export const KINDS: Readonly<Record<string, (options: RunOptions) => void>> = {
  rule: (options) => run(rule, options),
}
