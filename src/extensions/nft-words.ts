/** Helpers for declarations to write themselves in the words of nft(8), where no statements do it. */
import type { Field } from '../binary/codec'
import type { Translate } from './extension'

type Range = readonly [first: number | bigint, last: number | bigint]

/** `name 5`, `name != 5-7`; undefined if the range is empty. */
export const nftRange = (name: string, [first, last]: Range, negated = false): string | undefined =>
  first > last ? undefined : `${name} ${negated ? '!= ' : ''}${first === last ? first : `${first}-${last}`}`

/** As {@link nftRange}, for a range that tests nothing if it equals `any`. */
export function nftRangeOf(name: string, range: Range, negated: boolean, any: Range): string | undefined {
  if (range[0] !== any[0] || range[1] !== any[1]) return nftRange(name, range, negated)
  return negated ? undefined : ''
}

/** Words for a range of numbers, and whether it is negated. */
export const rangeWords =
  (name: string, range: Field<Range>, negation: Field<boolean>, any: Range = [-1, -1]): Translate =>
  (bytes, at) =>
    nftRangeOf(name, range.read(bytes, at), negation.read(bytes, at), any)

/** A set of one item is written without braces, more with braces. */
export const nftSet = (items: readonly string[]): string =>
  items.length === 1 ? `${items[0]}` : `{ ${items.join(', ')} }`

/** Words that are written if a boolean field is true. */
export const wordsWhere =
  (truth: Field<boolean>, words: string) =>
  (bytes: Uint8Array, at: number): string[] =>
    truth.read(bytes, at) ? [words] : []

/** Joins parts, each of which may be empty; undefined if one of them has no words. */
export function joined(words: readonly (string | undefined)[]): string | undefined {
  return words.includes(undefined) ? undefined : words.filter((word) => word !== '').join(' ')
}
