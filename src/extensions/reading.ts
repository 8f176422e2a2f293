/** What an option says, in a text or in a payload. */

/** Its words as in text, and whether it is preceded by `!`. */
export interface Reading {
  readonly negated: boolean
  readonly words: readonly string[]
}
