/**
 * Options after a TCP or DCCP header: a kind, the length of the whole option, and data. Kinds 0 and 1 are a
 * single byte.
 */

/** The offsets of all options in a list. A length of 0 counts as 1. */
export function* optionPlaces(options: Uint8Array): Generator<readonly [kind: number, at: number]> {
  for (let at = 0; at < options.length; ) {
    const kind = options[at] as number
    yield [kind, at]
    at += kind < 2 ? 1 : options[at + 1] || 1
  }
}

/** Whether an option of this kind is in the list. */
export function holdsOption(options: Uint8Array, wanted: number): boolean {
  for (const [kind] of optionPlaces(options)) if (kind === wanted) return true
  return false
}
