/** Options of the targets that change bits of a number: the new value is `(old & ~mask) ^ value`. */
import type { Field } from '../binary/codec'
import { view } from './fields'
import type { ListForm } from './listing'
import { type Option, option, synonym } from './option'
import { bits32, hex, valueMask } from './values/integer'
import type { ValueType } from './values/value'

export type Change = readonly [value: number, mask: number]

interface Bitwise {
  /** The option that prints what these options store. */
  readonly of: string
  /** How a number is written. */
  readonly bits: ValueType<number>
  /** All bits of the number. */
  readonly all: number
  /** Where it is stored that there is a change. */
  readonly present?: Field<boolean>
  readonly excludes?: readonly string[]
}

const invert = (bits: number, all: number): number => (~bits & all) >>> 0

/** Options such as `--and-mark`, `--or-mark` and `--xor-mark`: other spellings of the option `of`, with one number. */
export function bitwise(
  stored: Field<Change>,
  { of, bits, all, ...spec }: Bitwise,
): Readonly<Record<'and' | 'or' | 'xor', Option<string | number, never>>> {
  /** @param see returns the number that represents the stored value, if there is one */
  const spelled = (see: (value: number, mask: number) => number | undefined, store: (number: number) => Change) =>
    synonym(
      of,
      option(
        bits,
        view(stored, ([value, mask]) => see(value, mask), store),
        { ...spec, required: true, absent: 0 },
      ),
    )
  return {
    and: spelled(
      (value, mask) => (value === 0 ? invert(mask, all) : undefined),
      (number) => [0, invert(number, all)],
    ),
    or: spelled(
      (value, mask) => (value === mask ? value : undefined),
      (number) => [number, number],
    ),
    xor: spelled(
      (value, mask) => (mask === 0 ? value : undefined),
      (number) => [number, 0],
    ),
  }
}

/** The most specific words for a change; undefined if none apply. */
export function listBitwise([value, mask]: Change, all: number, hex: (bits: number) => string): string | undefined {
  if (value === 0) return `and ${hex(invert(mask, all))}`
  if (value === mask) return `or ${hex(value)}`
  return mask === 0 ? `xor ${hex(value)}` : undefined
}

const ALL = 0xffff_ffff
const or = (a: number, b: number): number => (a | b) >>> 0

const listMark: ListForm<Change> = (change, { words: [word] }) => {
  return listBitwise(change, ALL, hex) ?? (change[1] === ALL ? `set ${hex(change[0])}` : `xset ${word}`)
}

/** `--set-xmark`, which prints every change, `--set-mark`, `--and-mark`, `--or-mark` and `--xor-mark`. */
export function markChanges(
  stored: Field<Change>,
  spec: Pick<Bitwise, 'present' | 'excludes'> & { readonly required?: boolean } = {},
) {
  const of = 'set-xmark'
  const absent = [0, ALL] as const
  const change = bitwise(stored, { ...spec, of, bits: bits32, all: ALL })
  return {
    'set-xmark': option(valueMask({ fullMask: true }), stored, { ...spec, absent, list: listMark }),
    'set-mark': synonym(
      of,
      option(
        valueMask(),
        view(
          stored,
          ([value, mask]) => (or(value, mask) === mask ? [value, mask] : undefined),
          ([value, mask]) => [value, or(value, mask)] as const,
        ),
        { ...spec, required: true, absent },
      ),
    ),
    'and-mark': change.and,
    'or-mark': change.or,
    'xor-mark': change.xor,
  }
}
