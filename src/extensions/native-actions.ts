/** Building blocks of native forms that do something: expressions, and assignments. */
import { type Codec, type Field, u32 } from '../binary/codec'
import type { NativePart, Source } from './native'
import { keyOf, sourceKey } from './native'
import { encoded, isZero } from './native-tests'
import { same } from './values/value'

/** An expression whose attributes say everything that the payload does. */
export const expression = <D extends Readonly<Record<string, unknown>>>(
  name: string,
  {
    write,
    read,
  }: {
    /** @returns undefined if the value cannot be expressed like this. */
    write(bytes: Uint8Array, at: number): D | undefined
    /** @returns whether the payload can express it. */
    read(data: Partial<D>, bytes: Uint8Array, at: number): boolean
  },
): NativePart => ({
  keys: [name],
  write(bytes, at) {
    const data = write(bytes, at)
    return data && [{ kind: 'expression', name, data }]
  },
  read: (statement, bytes, at) => statement.kind === 'expression' && read(statement.data as Partial<D>, bytes, at),
})

/** An expression without attributes. */
export const bare = (name: string): NativePart =>
  expression(name, { write: () => ({}), read: (data) => Object.keys(data).length === 0 })

const keyOfSet = (to: Source): string => keyOf({ kind: 'set', to, value: new Uint8Array() })

/** Sets something that the kernel knows about the packet to one value. */
export const assignment = (to: Source, value: Uint8Array): NativePart => ({
  keys: [keyOfSet(to)],
  write: () => [{ kind: 'set', to, value }],
  read: (statement) => statement.kind === 'set' && same(statement.value, value),
})

/** Sets it to the value of a field. */
export const valueAssignment = (to: Source, codec: Codec<number>, field: Field<number>): NativePart => ({
  keys: [keyOfSet(to)],
  write: (bytes, at) => [{ kind: 'set', to, value: encoded(codec, field.read(bytes, at)) }],
  read(statement, bytes, at) {
    if (statement.kind !== 'set' || statement.value.length !== codec.size) return false
    field.write(bytes, at, codec.read(statement.value, 0))
    return true
  },
})

/** @returns whether the shift can be stored */
function takesShift(field: Field<number> | undefined, shift = 0, bytes: Uint8Array, at: number): boolean {
  if (field === undefined) return shift === 0
  field.write(bytes, at, shift)
  return true
}

const ALL = 0xffff_ffff
const not = (bits: number): number => ~bits >>> 0

const shiftedBy = (number: number, shift: number): number => (shift < 0 ? number >>> -shift : (number << shift) >>> 0)

/** A mark becomes `((mark & ~mask) ^ value) << shift`. */
export const markChange = (
  to: Source,
  value: Field<number>,
  mask: Field<number>,
  shift?: Field<number>,
): NativePart => ({
  keys: [keyOfSet(to)],
  write(bytes, at) {
    const [number, bits, by] = [value.read(bytes, at), mask.read(bytes, at), shift?.read(bytes, at) ?? 0]
    if (bits === ALL) return [{ kind: 'set', to, value: encoded(u32, shiftedBy(number, by)) }]
    return [{ kind: 'change', to, from: to, mask: encoded(u32, not(bits)), xor: encoded(u32, number), shift: by }]
  },
  read(statement, bytes, at) {
    const isConstant = statement.kind === 'set'
    if (!isConstant && (statement.kind !== 'change' || sourceKey(statement.from) !== sourceKey(to))) return false
    const number = isConstant ? statement.value : statement.xor
    if (number.length !== u32.size) return false
    value.write(bytes, at, u32.read(number, 0))
    mask.write(bytes, at, isConstant ? ALL : not(u32.read(statement.mask, 0)))
    return takesShift(shift, isConstant ? 0 : statement.shift, bytes, at)
  },
})

/** Sets some bits of a header to a number. */
export const bitFieldChange = (
  from: Source & { readonly from: 'payload' },
  codec: Codec<number>,
  bits: number,
  number: Field<number>,
  checksum: number | undefined,
): NativePart => {
  const to: Source = { ...from, ...(checksum !== undefined && { checksum }) }
  const unit = bits & -bits
  const mask = encoded(codec, 2 ** (8 * codec.size) - 1 - bits)
  return {
    keys: [keyOfSet(to)],
    write: (bytes, at) => [{ kind: 'change', to, from, mask, xor: encoded(codec, number.read(bytes, at) * unit) }],
    read(statement, bytes, at) {
      if (statement.kind !== 'change' || sourceKey(statement.from) !== sourceKey(from)) return false
      if (statement.shift || !same(statement.mask, mask) || statement.xor.length !== codec.size) return false
      const value = codec.read(statement.xor, 0)
      if ((value & ~bits) !== 0) return false
      number.write(bytes, at, value / unit)
      return true
    },
  }
}

/** Copies one mark to another, optionally masked and shifted. */
export const markCopy = (
  to: Source,
  from: Source,
  { cleared, copied, shift }: { cleared: Field<number>; copied: Field<number>; shift: Field<number> },
): NativePart => ({
  keys: [keyOfSet(to)],
  write(bytes, at) {
    if (cleared.read(bytes, at) !== ALL) return undefined
    const mask = encoded(u32, copied.read(bytes, at))
    return [{ kind: 'change', to, from, mask, xor: new Uint8Array(u32.size), shift: shift.read(bytes, at) }]
  },
  read(statement, bytes, at) {
    if (statement.kind !== 'change' || sourceKey(statement.from) !== sourceKey(from)) return false
    if (!isZero(statement.xor) || statement.mask.length !== u32.size) return false
    cleared.write(bytes, at, ALL)
    copied.write(bytes, at, u32.read(statement.mask, 0))
    return takesShift(shift, statement.shift, bytes, at)
  },
})
