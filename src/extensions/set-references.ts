/** How matches and targets refer to sets, in the structs of all revisions. */
import { ERRNO } from '../abi/errno'
import { setInfo, setInfo0 } from '../abi/ip-set'
import type { Field } from '../binary/codec'
import { bit, both, type Extent, within } from '../binary/struct'
import { about, type Check, type Fault } from './extension'
import { bits, view } from './fields'
import { type Directions, MAX_DIRECTIONS } from './values/ipset'

/** Indexes of the words of {@link setInfo0} */
const [SOURCE, DESTINATION, INVERTED] = [0x01, 0x02, 0x04] as const

interface Reference {
  readonly index: Field<number>
  readonly directions: Field<Directions>
  readonly inverted: Field<boolean>
  /** Where the other flags of the match are. */
  readonly flags: Field<number>
  /** What the kernel overwrites, whatever it holds. */
  readonly scratch: readonly Extent[]
  /** Checks that the set exists. */
  readonly checkIndex: Check
  readonly checkDimensions: Check
}

const existence =
  (parameter: string, field: Field<number>): Check =>
  (bytes, at, rule) => {
    const index = field.read(bytes, at)
    return rule.hasSet(index) ? undefined : about(parameter, `there is no ipset of index ${index}`, ERRNO.ENOENT)
  }

const tooMany = (parameter: string): Fault =>
  about(parameter, `a set has at most ${MAX_DIRECTIONS} dimensions`, ERRNO.ERANGE)

/**
 * A reference to a set: its words, fields and checks, by the struct that contains it.
 * @param parameter the option that names the set
 * @param at a field with a `struct xt_set_info`, or the struct of revision 0
 */
export const setReference = (parameter: string, at: Field<unknown>): Reference =>
  at.size === setInfo.size ? plain(parameter, at) : wordy(parameter, at)

function plain(parameter: string, at: Field<unknown>): Reference {
  const { index, dim, flags } = setInfo.fields
  const dimensions = within(at, dim)
  return {
    index: within(at, index),
    directions: both(dimensions, bits(within(at, flags), 0x7e)),
    inverted: bit(within(at, flags), 0x01),
    flags: within(at, flags),
    scratch: [],
    checkIndex: existence(parameter, within(at, index)),
    checkDimensions: (bytes, place) =>
      dimensions.read(bytes, place) > MAX_DIRECTIONS ? tooMany(parameter) : undefined,
  }
}

function wordy(parameter: string, at: Field<unknown>): Reference {
  const { index, first, others, dim, flags } = setInfo0.fields
  const words = both(within(at, first), within(at, others))
  const sides = view(
    words,
    ([head, tail]): Directions => {
      const all = [head, ...tail, 0]
      const dimensions = all.indexOf(0)
      return [dimensions, all.slice(0, dimensions).reduce((sum, one, i) => sum | (one & SOURCE ? 2 << i : 0), 0)]
    },
    ([dimensions, sources]) => {
      const word = (i: number): number => (i >= dimensions ? 0 : sources & (2 << i) ? SOURCE : DESTINATION)
      return [word(0), [1, 2, 3, 4, 5].map(word)] as const
    },
  )
  return {
    index: within(at, index),
    directions: sides,
    inverted: bit(within(at, first), INVERTED),
    flags: within(at, flags),
    scratch: [within(at, dim), within(at, flags)],
    checkIndex: existence(parameter, within(at, index)),
    checkDimensions: (bytes, place) =>
      within(at, others).read(bytes, place)[4] === 0 ? undefined : tooMany(parameter),
  }
}
