/** Building blocks of native forms that test packets: numbers, bits, ranges, addresses. */
import { be16, be32, type Codec, type Field, u8, u16, u32 } from '../binary/codec'
import {
  type Comparison,
  keyOf,
  type NativePart,
  type OptionalHeader,
  type Source,
  type Statement,
  sourceKey,
  type Test,
} from './native'
import { same } from './values/value'

/** The bytes of a value as in a register. */
export function encoded<T>(codec: Codec<T>, value: T): Uint8Array {
  const bytes = new Uint8Array(codec.size)
  codec.write(bytes, 0, value)
  return bytes
}

const EQUAL = { true: 'neq', false: 'eq' } as const
/** The operator of a comparison with one value, by whether it is negated. */
export const equality = (negated: boolean): 'eq' | 'neq' => EQUAL[`${negated}`]
/** Whether an operator compares for equality, not for less or greater. */
export const isEquality = (op: Comparison): op is 'eq' | 'neq' => op === 'eq' || op === 'neq'

/** Whether all bytes from an offset on are zero. */
export function isZero(bytes: Uint8Array, from = 0): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}
const greatest = ({ size }: Codec<number>): number => 2 ** (8 * size) - 1

interface ValueFields {
  /** Undefined if it does not hold a single value. */
  readonly value: Field<number | undefined>
  readonly mask?: Field<number>
  readonly negation?: Field<boolean>
  /** The greatest value that the option can express; with a mask, the bits that the value and the mask may have. */
  readonly max?: number
  /** The least value that the option can express. */
  readonly min?: number
  /** Whether the extension ignores bits of the value outside the mask. In nf_tables, a test with such bits matches no packet. */
  readonly isContained?: boolean
}

/** Something must, or must not, have one value; under a mask, unless the mask contains all bits. */
export function valueTest(
  source: Source,
  codec: Codec<number>,
  { value, mask, negation, min = 0, max, isContained = false }: ValueFields,
): NativePart {
  const all = greatest(codec)
  const known = (max ?? all) >>> 0
  const isKnown = (number: number, bits: number): boolean =>
    mask === undefined || max === undefined
      ? number <= known
      : (number & ~known) >>> 0 === 0 && (bits & ~known) >>> 0 === 0
  const isWithin = (number: number, bits: number): boolean => !isContained || (number & ~bits) >>> 0 === 0
  return {
    keys: [sourceKey(source)],
    write(bytes, at) {
      const [number, bits] = [value.read(bytes, at), mask?.read(bytes, at) ?? all]
      if (number === undefined) return undefined
      const op = equality(negation?.read(bytes, at) ?? false)
      const masked = bits === all ? {} : { mask: encoded(codec, bits) }
      const wanted = isContained ? (number & bits) >>> 0 : number
      return [{ kind: 'test', source, ...masked, op, value: encoded(codec, wanted) }]
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test' || statement.to !== undefined || !isEquality(statement.op)) return false
      if (statement.value.length !== codec.size || (statement.mask !== undefined && mask === undefined)) return false
      if (statement.op === 'neq' && negation === undefined) return false
      const bits = statement.mask === undefined ? all : codec.read(statement.mask, 0)
      const number = codec.read(statement.value, 0)
      if (number < min || !isKnown(number, bits) || !isWithin(number, bits)) return false
      value.write(bytes, at, number)
      mask?.write(bytes, at, bits)
      negation?.write(bytes, at, statement.op === 'neq')
      return true
    },
  }
}

interface BitFields {
  /** The bits to test; undefined if the field contains bits that the source does not have. */
  readonly bits: Field<number | undefined>
  readonly negation?: Field<boolean>
  /** The bits that the option can express. */
  readonly known: number
  /** Whether the source always has exactly one bit set, so that a test for equality tests the bit. */
  readonly isSingle?: boolean
}

const isOneBit = (bits: number): boolean => bits !== 0 && (bits & (bits - 1)) === 0

/** At least one of some bits must be set, or none of them. */
export function anyBitTest(
  source: Source,
  codec: Codec<number>,
  { bits, negation, known, isSingle = false }: BitFields,
): NativePart {
  const none = new Uint8Array(codec.size)
  /** The bits that a test selects, and whether all of them must be clear. */
  const asked = ({ mask, op, value }: Test): readonly [number, boolean] | undefined => {
    const number = codec.read(value, 0)
    if (mask !== undefined && number === 0) return [codec.read(mask, 0), op === 'eq']
    const isPlain = mask === undefined ? isSingle : codec.read(mask, 0) === number
    return isPlain && isOneBit(number) ? [number, op === 'neq'] : undefined
  }
  return {
    keys: [sourceKey(source)],
    write(bytes, at) {
      const wanted = bits.read(bytes, at)
      if (wanted === undefined || wanted === 0) return undefined
      const op = equality(!(negation?.read(bytes, at) ?? false))
      return [{ kind: 'test', source, mask: encoded(codec, wanted), op, value: none }]
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test' || statement.to !== undefined || !isEquality(statement.op)) return false
      if (statement.value.length !== codec.size) return false
      const [wanted, negated] = asked(statement) ?? [0, false]
      if (wanted === 0 || (wanted & ~known) !== 0 || (negated && negation === undefined)) return false
      bits.write(bytes, at, wanted)
      negation?.write(bytes, at, negated)
      return true
    },
  }
}

/** The byte orders of a number: that in which it is loaded, and that in which nf_tables compares it by size. */
export interface NumberForm {
  readonly plain: Codec<number>
  readonly ordered: Codec<number>
}

const form = (plain: Codec<number>, ordered = plain): NumberForm => ({ plain, ordered })
/** A number of four bytes in host order, such as a mark. To be compared by size, it is converted to network order. */
export const HOST32 = form(u32, be32)
export const HOST16 = form(u16, be16)
/** A number of one byte in a header, for {@link rangeTest}. */
export const NETWORK8 = form(u8)
/** A number of two bytes in a header, in network order. */
export const NETWORK16 = form(be16)
/** A number of four bytes in a header, in network order. */
export const NETWORK32 = form(be32)

export type NumberRange = readonly [first: number, last: number]

/** The range that a test selects, or excludes. Undefined if no range expresses the test. */
export function askedRange(
  { op, value, to, mask, isTurned = false }: Test,
  { plain, ordered }: NumberForm,
): { range: NumberRange; negated: boolean } | undefined {
  if (value.length !== plain.size || mask !== undefined) return undefined
  const isOrdered = to !== undefined || !isEquality(op)
  // nf_tables compares bytes, so a number in host order has to be converted before it is compared by size.
  if (isOrdered && isTurned !== (plain !== ordered)) return undefined
  const number = (isOrdered ? ordered : plain).read(value, 0)
  if (isEquality(op)) return { range: [number, to === undefined ? number : ordered.read(to, 0)], negated: op === 'neq' }
  const max = greatest(plain)
  const ranges = { lte: [0, number], lt: [0, number - 1], gt: [number + 1, max], gte: [number, max] } as const
  const [first, last] = ranges[op]
  return first <= last ? { range: [first, last], negated: false } : undefined
}

/** The test for a range. */
export function rangeAsTest(
  source: Source,
  { plain, ordered }: NumberForm,
  [first, last]: NumberRange,
  negated: boolean,
): Test {
  const op = equality(negated)
  if (first === last) return { kind: 'test', source, op, value: encoded(plain, first) }
  const turned = plain === ordered ? {} : { isTurned: true }
  return { kind: 'test', source, op, value: encoded(ordered, first), to: encoded(ordered, last), ...turned }
}

interface RangeFields {
  readonly range: Field<NumberRange>
  readonly negation?: Field<boolean>
  /** The greatest number that the option can express. */
  readonly max?: number
  /** The value of the field if nothing is tested. */
  readonly absent?: NumberRange
  /** How many units of the source make one unit of the field. */
  readonly unit?: number
}

/** A number must be inside a range, or outside it. */
export function rangeTest(source: Source, numbers: NumberForm, fields: RangeFields): NativePart {
  const { range, negation, absent, unit = 1, max = Math.floor(greatest(numbers.plain) / unit) } = fields
  /** Converts a range from units of the source to units of the field; undefined if it does not divide evenly. */
  const inUnits = ([first, last]: NumberRange): NumberRange | undefined =>
    first % unit === 0 && (last + 1) % unit === 0 ? [first / unit, (last + 1) / unit - 1] : undefined
  return {
    keys: [sourceKey(source)],
    write(bytes, at) {
      const asked = range.read(bytes, at)
      const negated = negation?.read(bytes, at) ?? false
      if (absent !== undefined && same(asked, absent)) return negated ? undefined : []
      // The last unit may not fit in the bytes of the number completely.
      const [first, last] = [asked[0] * unit, Math.min(asked[1] * unit + unit - 1, greatest(numbers.plain))]
      return first > last ? undefined : [rangeAsTest(source, numbers, [first, last], negated)]
    },
    read(statement, bytes, at) {
      const asked = statement.kind === 'test' ? askedRange(statement, numbers) : undefined
      const wanted = asked && inUnits(asked.range)
      if (asked === undefined || wanted === undefined || wanted[1] > max || wanted[0] > wanted[1]) return false
      // A test for any number is not redundant: it matches only packets that have one.
      if (!asked.negated && absent !== undefined && same(wanted, absent)) return false
      if (asked.negated && negation === undefined) return false
      range.write(bytes, at, wanted)
      negation?.write(bytes, at, asked.negated)
      return true
    },
  }
}

type Bytes = Uint8Array

/** Pads with zeros at the end. */
export const widened = (bytes: Bytes, size: number): Bytes => {
  const wide = new Uint8Array(size)
  wide.set(bytes)
  return wide
}

/** An address must be inside a range, or outside it. The fields may be larger than an address of `size` bytes. */
export function addressRangeTest(
  source: Source,
  size: number,
  range: Field<readonly [Bytes, Bytes]>,
  negation: Field<boolean>,
): NativePart {
  return {
    keys: [sourceKey(source)],
    write(bytes, at) {
      const [first, last] = range.read(bytes, at).map((one) => one.slice(0, size)) as [Bytes, Bytes]
      const op = equality(negation.read(bytes, at))
      return Buffer.compare(first, last) > 0 ? undefined : [{ kind: 'test', source, op, value: first, to: last }]
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test' || statement.mask !== undefined || !isEquality(statement.op)) return false
      if (statement.isTurned) return false
      const { value, to = value, op } = statement
      if (value.length !== size || to.length !== size || Buffer.compare(value, to) > 0) return false
      range.write(bytes, at, [widened(value, 16), widened(to, 16)])
      negation.write(bytes, at, op === 'neq')
      return true
    },
  }
}

/** An address under a mask, each in a field of sixteen bytes. The mask of a whole address is stored as sixteen bytes 0xff. */
export function maskedAddressTest(
  sources: readonly Source[],
  size: number,
  field: Field<readonly [address: Bytes, mask: Bytes]>,
  negation: Field<boolean>,
): NativePart {
  const whole = new Uint8Array(size).fill(0xff)
  return {
    keys: sources.map(sourceKey),
    write(bytes, at) {
      const [address, mask] = field.read(bytes, at).map((one) => one.slice(0, size)) as [Bytes, Bytes]
      const masked = same(mask, whole) ? {} : { mask }
      const op = equality(negation.read(bytes, at))
      // The extension ignores bits outside the mask.
      const value = address.map((byte, i) => byte & (mask[i] as number))
      return [{ kind: 'test', source: sources[0] as Source, ...masked, op, value }]
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test' || statement.to !== undefined || !isEquality(statement.op)) return false
      const { value, mask = new Uint8Array(value.length).fill(0xff), op } = statement
      // A test may compare only the first bytes.
      if (value.length > size || mask.length !== value.length || isZero(mask)) return false
      if (value.some((byte, i) => byte & ~(mask[i] as number))) return false
      const isWhole = same(mask, whole)
      field.write(bytes, at, [widened(value, 16), isWhole ? new Uint8Array(16).fill(0xff) : widened(mask, 16)])
      negation.write(bytes, at, op === 'neq')
      return true
    },
  }
}

/** Some bits of a header form a number, which must, or must not, have one value. */
export function bitFieldTest(
  source: Source,
  codec: Codec<number>,
  mask: number,
  { value, negation }: { readonly value: Field<number>; readonly negation: Field<boolean> },
): NativePart {
  const unit = mask & -mask
  const wanted = encoded(codec, mask)
  return {
    keys: [sourceKey(source)],
    write(bytes, at) {
      const op = equality(negation.read(bytes, at))
      return [{ kind: 'test', source, mask: wanted, op, value: encoded(codec, value.read(bytes, at) * unit) }]
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test' || statement.to !== undefined || !isEquality(statement.op)) return false
      if (statement.value.length !== codec.size || !same(statement.mask ?? [], wanted)) return false
      const number = codec.read(statement.value, 0)
      if ((number & ~mask) !== 0) return false
      value.write(bytes, at, number / unit)
      negation.write(bytes, at, statement.op === 'neq')
      return true
    },
  }
}

/** One bit of a byte is set; negated, it is clear. */
export const oneBitTest = (
  source: Source,
  mask: number,
  truth: Field<boolean>,
  negation: Field<boolean>,
): NativePart => {
  const isSet: Field<number> = { ...negation, read: () => mask, write: () => undefined }
  return given(truth, anyBitTest(source, u8, { bits: isSet, negation, known: mask }))
}

/** A condition that is true if something, under the mask, has one value. */
export const statedBy = (
  source: Source,
  mask: Uint8Array | undefined,
  value: Uint8Array,
  truth: Field<boolean>,
): NativePart => {
  const test: Test = { kind: 'test', source, ...(mask && { mask }), op: 'eq', value }
  return given(truth, {
    keys: [sourceKey(source)],
    write: () => [test],
    read: (statement) =>
      statement.kind === 'test' &&
      statement.op === 'eq' &&
      statement.to === undefined &&
      same(statement.mask ?? [], mask ?? []) &&
      same(statement.value, value),
  })
}

/**
 * The presence of an options header. It is written only if nothing else about the header is tested.
 * @param asked what else is tested, as flags; 0 if nothing
 */
export const presence = (header: OptionalHeader, asked: Field<number>): NativePart => {
  const test = equals({ ...header, offset: 0, length: 1, isPresence: true }, Uint8Array.of(1))
  return {
    keys: [sourceKey(test.source)],
    write: (bytes, at) => (asked.read(bytes, at) === 0 ? [test] : []),
    read: (statement) => isSameTest(statement, test),
  }
}

/** Bytes must, or must not, be these. */
export const bytesTest = (source: Source, field: Field<Bytes>, negation: Field<boolean>): NativePart => ({
  keys: [sourceKey(source)],
  write: (bytes, at) => [
    { kind: 'test', source, op: equality(negation.read(bytes, at)), value: field.read(bytes, at).slice() },
  ],
  read(statement, bytes, at) {
    if (statement.kind !== 'test' || statement.to !== undefined || !isEquality(statement.op)) return false
    if (statement.mask !== undefined || statement.value.length !== field.size) return false
    field.write(bytes, at, statement.value)
    negation.write(bytes, at, statement.op === 'neq')
    return true
  },
})

/** A field that must hold one value, because no statements exist for others. */
export const onlyWhere = <T>(field: Field<T>, value: NoInfer<T>): NativePart => ({
  keys: [],
  write: (bytes, at) => (same(field.read(bytes, at), value) ? [] : undefined),
  read: () => false,
})

/** A part that writes nothing if a field has the value `absent`. */
export const optional = <T>(field: Field<T>, absent: NoInfer<T>, part: NativePart): NativePart => ({
  ...part,
  write: (bytes, at) => (same(field.read(bytes, at), absent) ? [] : part.write(bytes, at)),
  read: (statement, bytes, at) => same(field.read(bytes, at), absent) && part.read(statement, bytes, at),
})

/** A part that is present if a boolean field is true. */
export const given = (isGiven: Field<boolean>, part: NativePart): NativePart => ({
  ...part,
  write: (bytes, at) => (isGiven.read(bytes, at) ? part.write(bytes, at) : []),
  read(statement, bytes, at) {
    if (isGiven.read(bytes, at) || !part.read(statement, bytes, at)) return false
    isGiven.write(bytes, at, true)
    return true
  },
})

/** A part that is present unless a boolean field is true. */
export const unlessGiven = (isGiven: Field<boolean>, part: NativePart): NativePart => ({
  ...part,
  write: (bytes, at) => (isGiven.read(bytes, at) ? [] : part.write(bytes, at)),
  read: (statement, bytes, at) => !isGiven.read(bytes, at) && part.read(statement, bytes, at),
})

/** A part that cannot be expressed if a boolean field is true. */
export const whereNot = (truth: Field<boolean>, part: NativePart): NativePart => ({
  ...part,
  write: (bytes, at) => (truth.read(bytes, at) ? undefined : part.write(bytes, at)),
})

/** One of two parts: the second is used where the first cannot express the value. */
export const either = (first: NativePart, second: NativePart): NativePart => ({
  keys: [...new Set([...first.keys, ...second.keys])],
  write: (bytes, at) => first.write(bytes, at) ?? second.write(bytes, at),
  read(statement, bytes, at) {
    const key = keyOf(statement)
    return [first, second].some(({ keys, read }) => keys.includes(key) && read(statement, bytes, at))
  },
})

/** A part that must be the only one in its match. */
export const alone = (part: NativePart): NativePart => ({ ...part, isAlone: true })

/** A part that needs another test before it. */
export const after = (needs: Test, part: NativePart): NativePart => ({
  ...part,
  needs,
  write(bytes, at) {
    const said = part.write(bytes, at)
    return said && [needs, ...said]
  },
})

/** Another source with the same meaning. It is read, never written. */
export const alsoFrom = (source: Source, part: NativePart): NativePart => ({
  ...part,
  keys: [...part.keys, sourceKey(source)],
})

/** Something has one value. */
export const equals = (source: Source, value: Uint8Array): Test => ({ kind: 'test', source, op: 'eq', value })

export const isSameTest = (a: Statement, b: Test): boolean =>
  a.kind === 'test' &&
  sourceKey(a.source) === sourceKey(b.source) &&
  a.op === b.op &&
  a.mask === b.mask &&
  a.to === b.to &&
  same(a.value, b.value)
