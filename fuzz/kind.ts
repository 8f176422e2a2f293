/** What is fuzzed, and with what: a kind makes inputs of what is known to be good by a few edits, and examines each. */
import fc from 'fast-check'

/** One change: what is done, where, and with what. Each kind understands the numbers in its own way, all of them. */
export type Edit = readonly [what: number, where: number, which: number]

/** An input in numbers, small ones for simple inputs: fast-check draws it, and finds the least that still fails. */
export interface Recipe {
  /** Which of the good inputs is edited. */
  readonly item: number
  readonly edits: readonly Edit[]
  /** What a kind varies that is not the input itself. */
  readonly choice: number
}

export interface Kind<T> {
  readonly name: string
  readonly make: (recipe: Recipe) => T
  /** Throws for what must not be; that an input is refused in the proper way is what may be. */
  readonly examine: (input: T, choice: number) => void
  /** Of an input, in bytes or thereabouts: what it may cost depends on it. */
  readonly size: (input: T) => number
  /** The input as a person could use it again. */
  readonly show: (input: T) => string
}

const number = fc.nat(0x7fff_ffff)

const EDITS = 4

/** Without the bias of fast-check: nearly all inputs would be the first of the good ones. */
export const recipes: fc.Arbitrary<Recipe> = fc.noBias(
  fc.record({
    item: number,
    edits: fc.array(fc.tuple(number, number, number), { maxLength: EDITS, size: 'max' }),
    choice: number,
  }),
)

/** One of a list that is not empty. */
export const pick = <T>(list: readonly T[], which: number): T => list[which % list.length] as T

export function insist(condition: boolean, complaint: () => string): asserts condition {
  if (!condition) throw new Error(complaint())
}
