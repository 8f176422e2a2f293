/** C structs: fields at their natural alignment, tail padding, and the size that the kernel's compiler uses. */
import type { Codec, Field } from './codec'

type Shape = Readonly<Record<string, Codec<never> | Codec<unknown>>>
type Value<C> = C extends Codec<infer T> ? T : never

/** The fields of a struct. Each is a codec that takes the offset of the struct. */
export type Fields<S> = { readonly [K in keyof S]: Field<Value<S[K]>> }

export interface Struct<S = Shape> extends Codec<{ [K in keyof S]: Value<S[K]> }> {
  /** The C type, as in `struct xt_tcp`. */
  readonly cName: string
  readonly fields: Fields<S>
}

const roundUp = (value: number, align: number): number => Math.ceil(value / align) * align

/** A range of bytes in a struct. */
export type Extent = Pick<Field<unknown>, 'offset' | 'size'>

/** The bytes that each field is made of. */
const extents = new WeakMap<Field<unknown>, readonly Extent[]>()

/** The bytes that hold everything a field says; undefined if the field is not just codecs in their places. */
export const extentsOf = (field: Field<unknown>): readonly Extent[] | undefined => extents.get(field)

/** Fields that are just codecs in their places. */
const plain = new WeakSet<Field<unknown>>()

/** The offsets of the codecs that a field is made of, if it consists of nothing else. */
export const placesOf = (field: Field<unknown>): readonly number[] | undefined =>
  plain.has(field) ? extents.get(field)?.map(({ offset }) => offset) : undefined

function over<T>(parts: readonly (readonly Extent[] | undefined)[], field: Field<T>): Field<T> {
  if (parts.every((part) => part !== undefined)) extents.set(field, parts.flat())
  return field
}

/** As {@link over}, for codecs and for fields that are plain themselves. */
function plainOver<T>(parts: readonly Field<unknown>[], own: readonly Extent[], field: Field<T>): Field<T> {
  if (parts.every((part) => plain.has(part))) plain.add(field)
  return over([own, ...parts.map(extentsOf)], field)
}

const place = <T>(codec: Codec<T>, offset: number): Field<T> =>
  plainOver([], [{ offset, size: codec.size }], {
    offset,
    size: codec.size,
    align: codec.align,
    read: (bytes, at) => codec.read(bytes, at + offset),
    write: (bytes, at, value) => codec.write(bytes, at + offset, value),
  })

/**
 * Declares a C struct.
 * @param cName the C type, which scripts/abi.ts compares with a compiler's. Keys are its members in camel
 *   case.
 * @param size its `sizeof`; a layout with any other size throws.
 */
export function struct<const S extends Shape>(cName: string, size: number, shape: S): Struct<S> {
  const fields: Record<string, Field<unknown>> = {}
  let end = 0
  let align = 1
  for (const [name, codec] of Object.entries(shape) as [string, Codec<unknown>][]) {
    const offset = roundUp(end, codec.align)
    fields[name] = place(codec, offset)
    end = offset + codec.size
    align = Math.max(align, codec.align)
  }
  if (roundUp(end, align) !== size) throw new Error(`${cName} is ${roundUp(end, align)} bytes, declared as ${size}`)
  const entries = Object.entries(fields)
  return {
    cName,
    size,
    align,
    fields: fields as Fields<S>,
    read(bytes, at) {
      const value: Record<string, unknown> = {}
      for (const [name, field] of entries) value[name] = field.read(bytes, at)
      return value as never
    },
    write(bytes, at, value) {
      for (const [name, field] of entries) field.write(bytes, at, (value as Record<string, unknown>)[name])
    },
  }
}

/** A field of a struct that is itself the field `outer` of another struct. */
export const within = <T>(outer: Field<unknown>, inner: Field<T>): Field<T> =>
  over([extentsOf(inner)?.map(({ offset, size }) => ({ offset: outer.offset + offset, size }))], {
    ...place(inner, outer.offset),
    offset: outer.offset + inner.offset,
  })

/** Another member of a union: a different type at the same place as a field. */
export const unionWith = <T>({ offset }: Pick<Field<unknown>, 'offset'>, codec: Codec<T>): Field<T> =>
  place(codec, offset)

/** The fields of the struct at `index` in a field that is an array of structs. */
export function elementOf<const S extends Shape>(
  outer: Field<unknown>,
  { size, fields }: Struct<S>,
  index: number,
): Fields<S> {
  const element = { ...outer, offset: outer.offset + index * size }
  const entries = Object.entries<Field<unknown>>(fields).map(([name, field]) => [name, within(element, field)])
  return Object.fromEntries(entries)
}

/** Two fields as one value, such as an address and its mask. */
export const both = <A, B>(first: Field<A>, second: Field<B>): Field<readonly [A, B]> =>
  plainOver([first, second], [], {
    offset: first.offset,
    size: first.size + second.size,
    align: first.align,
    read: (bytes, at) => [first.read(bytes, at), second.read(bytes, at)],
    write(bytes, at, [a, b]) {
      first.write(bytes, at, a)
      second.write(bytes, at, b)
    },
  })

/** A view of a field: another value, computed only from the bytes of that field. */
export const seen = <T>(field: Field<unknown>, { read, write }: Pick<Field<T>, 'read' | 'write'>): Field<T> =>
  over([extentsOf(field)], { offset: field.offset, size: field.size, align: field.align, read, write })

/** A field whose value depends on no byte. */
export const placeless = <T>({ read, write }: Pick<Field<T>, 'read' | 'write'>): Field<T> =>
  over([], { offset: 0, size: 0, align: 1, read, write })

/** One or more bits of a field as a boolean. */
export const bit = (field: Field<number>, mask: number): Field<boolean> =>
  seen(field, {
    read: (bytes, at) => (field.read(bytes, at) & mask) !== 0,
    write(bytes, at, value) {
      const rest = field.read(bytes, at) & ~mask
      field.write(bytes, at, value ? rest | mask : rest)
    },
  })

/** The struct of an extension without a payload. No header declares it. */
export const nothing = struct('', 0, {})
