/** An option as a text or a payload says it. */

/** Its words as in text, and whether `!` stood in front. */
export interface Reading {
  readonly negated: boolean
  readonly words: readonly string[]
}
