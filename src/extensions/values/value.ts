/** Value types: how a word of text is converted to a value in a struct, and back. */
import type { Context, Listing } from '../context'

/**
 * A value type. `T` is the value in the struct, `In` what a caller may write besides the canonical string.
 * `parse` throws {@link Mismatch} for a word that it does not understand; `format` returns iptables'
 * canonical spelling.
 */
export interface ValueType<T, In = string | number> {
  /** What would be accepted, for people: `a port (0 to 65535 or a service name)`. */
  readonly expects: string
  /** Special words that it accepts, for people who choose from a list. */
  readonly names?: readonly string[]
  /** When the printed word is quoted: if it contains special characters, or always. If absent, never. */
  readonly quotes?: 'auto' | 'always'
  /** The value has a meaning only in one network namespace: it names an object there. */
  readonly local?: boolean
  parse(word: string, context: Context): T
  format(value: T, context: Context): string
  /**
   * As `format`, directly from the bytes of a field that is made of codecs at these places. It saves decoding
   * common values.
   */
  formatAt?(bytes: Uint8Array, at: number, places: readonly number[], context: Context): string
  /** The word in a listing, if it differs from the canonical one. */
  list?(value: T, listing: Listing): string
  /** Carries `In` for the compiler; never set at run time. */
  readonly input?: In
}

/** A word that a value type does not understand. The option turns it into an error for users. */
export class Mismatch extends Error {
  /** The reason, if there is more to say than what would be accepted. */
  readonly reason: string | undefined

  constructor(reason?: string) {
    super(reason)
    this.reason = reason
  }
}

/**
 * Refuses a word, within `parse` of a {@link ValueType}. @param reason if there is more to say than what
 * would be accepted
 */
export const mismatch = (reason?: string): never => {
  throw new Mismatch(reason)
}

/** Splits `a:b` at the first separator; a missing half is `undefined`. */
export function halves(word: string, separator: string): [string, string | undefined] {
  const at = word.indexOf(separator)
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

/** Whether two values of structs are equal: numbers, strings, bytes, and lists of these. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object') return false
  const [left, right] = [a as ArrayLike<unknown>, b as ArrayLike<unknown>]
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) if (!same(left[i], right[i])) return false
  return true
}
