/** Fields made of other fields, for structs that store a boolean other than in a bit or byte of its own. */
import type { Field } from '../binary/codec'
import { placeless, seen } from '../binary/struct'
import { same } from './values/value'

/** Whether a field holds `value`. Storing true writes the value; storing false writes `otherwise`. */
export const is = <T>(field: Field<T>, value: NoInfer<T>, otherwise: NoInfer<T>): Field<boolean> =>
  seen(field, {
    read: (bytes, at) => same(field.read(bytes, at), value),
    write(bytes, at, truth) {
      if (truth) field.write(bytes, at, value)
      else if (same(field.read(bytes, at), value)) field.write(bytes, at, otherwise)
    },
  })

/** Whether a field holds one of `values`. Storing true writes the first of them; storing false writes `otherwise`. */
export const among = (field: Field<number>, values: readonly [number, ...number[]], otherwise = 0): Field<boolean> =>
  seen(field, {
    read: (bytes, at) => values.includes(field.read(bytes, at)),
    write(bytes, at, truth) {
      if (values.includes(field.read(bytes, at)) !== truth) field.write(bytes, at, truth ? values[0] : otherwise)
    },
  })

/** Some bits of a field as a number, not shifted. */
export const bits = (field: Field<number>, mask: number): Field<number> =>
  seen(field, {
    read: (bytes, at) => field.read(bytes, at) & mask,
    write: (bytes, at, value) => field.write(bytes, at, (field.read(bytes, at) & ~mask) | (value & mask)),
  })

/**
 * Another view of a field's value, such as an inverted mask. If the stored value has no such view, `see`
 * returns undefined and the option over it counts as not given.
 */
export const view = <T, V>(field: Field<T>, see: (value: T) => V | undefined, store: (value: V) => T): Field<V> =>
  seen(field, {
    read: (bytes, at) => see(field.read(bytes, at)) as V,
    write: (bytes, at, value) => field.write(bytes, at, store(value)),
  })

/** A field that counts only if `condition` holds. Otherwise the option over it counts as not given. */
export const where = <T>(field: Field<T>, condition: (bytes: Uint8Array, at: number) => boolean): Field<T> => ({
  ...field,
  read: (bytes, at) => (condition(bytes, at) ? field.read(bytes, at) : undefined) as T,
})

/** Replaces a field that a revision lacks: it holds one value and cannot hold another. */
export const constant = <T>(value: T): Field<T> =>
  placeless({
    read: () => value,
    write(_, __, other) {
      if (!same(value, other)) throw new RangeError(`this revision cannot store ${String(other)}`)
    },
  })

/** The first `count` elements of an array. The elements after them hold `rest`. */
export const counted = <T>(count: Field<number>, slots: Field<T[]>, rest: NoInfer<T>): Field<readonly T[]> => ({
  ...slots,
  read: (bytes, at) => slots.read(bytes, at).slice(0, count.read(bytes, at)),
  write(bytes, at, values) {
    count.write(bytes, at, values.length)
    slots.write(
      bytes,
      at,
      slots.read(bytes, at).map((_, i) => values[i] ?? rest),
    )
  },
})

/** The negation of a boolean field. */
export const not = (field: Field<boolean>): Field<boolean> =>
  view(
    field,
    (truth) => !truth,
    (truth) => !truth,
  )

/** As {@link not}, for a default: storing true clears the other field; storing false leaves it unchanged. */
export const unless = (field: Field<boolean>): Field<boolean> =>
  seen(field, {
    read: (bytes, at) => !field.read(bytes, at),
    write(bytes, at, truth) {
      if (truth) field.write(bytes, at, false)
    },
  })

/** One of two names, chosen by a boolean field. */
export const either =
  (field: Field<boolean>, yes: string, no: string) =>
  (bytes: Uint8Array, at: number): string =>
    field.read(bytes, at) ? yes : no

/** Two values, the smaller one first. If they are stored in the other order, they are `negated`. */
export const ordered = <T extends number | bigint>(
  field: Field<readonly [T, T]>,
): { range: Field<readonly [T, T]>; negated: Field<boolean> } => {
  const isSwapped = ([first, last]: readonly [T, T]): boolean => first > last
  const swap = ([first, last]: readonly [T, T]): readonly [T, T] => [last, first]
  const read = (bytes: Uint8Array, at: number) => field.read(bytes, at)
  return {
    range: view(
      field,
      (pair) => (isSwapped(pair) ? swap(pair) : pair),
      (pair) => pair,
    ),
    negated: seen(field, {
      read: (bytes, at) => isSwapped(read(bytes, at)),
      write(bytes, at, truth) {
        const pair = read(bytes, at)
        if (isSwapped(pair) !== truth) field.write(bytes, at, swap(pair))
      },
    }),
  }
}
