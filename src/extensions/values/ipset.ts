/** References to sets. A rule holds an index, people use a name. */
import { IPSET_INVALID_ID, SET_NAME_SIZE } from '../../abi/ip-set'
import { mismatch, type ValueType } from './value'

/** The index of a set whose name is unknown here, as in a blob read away from its kernel. */
const BARE = /^#(\d+)$/

/** The name of a set of the rule's family, stored as its index. */
export const setName: ValueType<number, string> = {
  expects: `the name of an ipset of the rule’s family, at most ${SET_NAME_SIZE - 1} bytes`,
  local: true,
  parse(word, { sets, family }) {
    const set = sets.byName(word)
    if (set === undefined) return bareIndex(word) ?? mismatch('there is no such set')
    if (set.family !== 'any' && set.family !== family.name) return mismatch(`it is an ${set.family} set`)
    return set.index
  },
  format: (index, { sets }) => sets.byIndex(index) ?? `#${index}`,
}

function bareIndex(word: string): number | undefined {
  const index = BARE.exec(word)?.[1]
  return index === undefined || Number(index) >= IPSET_INVALID_ID ? undefined : Number(index)
}

export const MAX_DIRECTIONS = 6

/** How many dimensions of a set are looked up, and which of them use the source: bit n for dimension n, from 1. */
export type Directions = readonly [dimensions: number, sources: number]

/** `src` or `dst` up to six times, one for each dimension of the set. */
export const directions: ValueType<Directions, string> = {
  expects: `one to ${MAX_DIRECTIONS} of src and dst, with commas in between`,
  parse(word) {
    const sides = word.split(',')
    if (sides.length > MAX_DIRECTIONS) return mismatch('there are too many directions')
    return [sides.length, sides.reduce((bits, side, i) => bits | (isSource(side) ? 2 << i : 0), 0)]
  },
  format: ([dimensions, sources]) =>
    Array.from({ length: dimensions }, (_, i) => ((sources & (2 << i)) === 0 ? 'dst' : 'src')).join(','),
}

const isSource = (side: string): boolean =>
  side === 'src' || (side !== 'dst' && mismatch(`${JSON.stringify(side)} is neither src nor dst`))
