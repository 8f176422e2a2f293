/** A parameter type: how a word of text stands for a value in a struct, both ways. */
import type { Context, Listing } from '../context'

/**
 * `T` is the value in the struct, `In` what a caller may write besides the canonical string.
 * `parse` throws {@link Mismatch} for a word that it does not understand; `format` gives iptables' canonical spelling.
 */
export interface ValueType<T, In = string | number> {
  /** What would be accepted, for people: `a port (0 to 65535 or a service name)`. */
  readonly expects: string
  /** Words that it takes beside others, for people who choose from a list. */
  readonly names?: readonly string[]
  /** When the printed word stands in quotes: if it holds odd characters, or always. Words that cannot are never quoted. */
  readonly quotes?: 'auto' | 'always'
  /** The value means something only in one network namespace: it names a thing that is kept there. */
  readonly local?: boolean
  parse(word: string, context: Context): T
  format(value: T, context: Context): string
  /**
   * As `format`, of a value that is nothing but bytes, where they lie: in a field that is made of codecs at these places.
   * For what most rules have, as it saves making the value.
   */
  formatAt?(bytes: Uint8Array, at: number, places: readonly number[], context: Context): string
  /** The word of a listing, where that is not the canonical one. */
  list?(value: T, listing: Listing): string
  /** Carries `In` for the compiler; never there at run time. */
  readonly input?: In
}

/** A word that a value type does not understand. The option that holds the type makes an error for users of it. */
export class Mismatch extends Error {
  /** Why, where that is more than "not one of what is expected". */
  readonly reason: string | undefined

  constructor(reason?: string) {
    super(reason)
    this.reason = reason
  }
}

/** Refuses a word, within `parse` of a {@link ValueType}. @param reason why, where there is more to say than what would be accepted */
export const mismatch = (reason?: string): never => {
  throw new Mismatch(reason)
}

/** Splits `a:b` at the first separator; `undefined` for a half that is not there. */
export function halves(word: string, separator: string): [string, string | undefined] {
  const at = word.indexOf(separator)
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

/** Whether two values that structs hold are the same: numbers, strings, bytes, and lists of these. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object') return false
  const [left, right] = [a as ArrayLike<unknown>, b as ArrayLike<unknown>]
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) if (!same(left[i], right[i])) return false
  return true
}
