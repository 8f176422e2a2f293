/** What native forms are made of that test packets: numbers, bits, ranges, addresses. */
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

/** The value as it lies in a register. */
export function encoded<T>(codec: Codec<T>, value: T): Uint8Array {
  const bytes = new Uint8Array(codec.size)
  codec.write(bytes, 0, value)
  return bytes
}

const EQUAL = { true: 'neq', false: 'eq' } as const
/** The comparison with one value, by whether it is negated. */
export const equality = (negated: boolean): 'eq' | 'neq' => EQUAL[`${negated}`]
/** Whether a comparison is with one value, and not with less or more. */
export const isEquality = (op: Comparison): op is 'eq' | 'neq' => op === 'eq' || op === 'neq'

/** Whether all bytes are zero, from a place on. */
export function isZero(bytes: Uint8Array, from = 0): boolean {
  for (let i = from; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}
const greatest = ({ size }: Codec<number>): number => 2 ** (8 * size) - 1

interface ValueFields {
  /** Undefined where it holds what is no one value. */
  readonly value: Field<number | undefined>
  readonly mask?: Field<number>
  readonly negation?: Field<boolean>
  /** The greatest value, and the bits that a mask may have, that there are words for. */
  readonly max?: number
  /** The least value that there are words for. */
  readonly min?: number
  /** Whether the extension overlooks bits of the value that are not in the mask. With them, nf_tables finds no packet. */
  readonly isContained?: boolean
}

/** Something must have one value, or must not; under a mask, where that does not have every bit. */
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
  /** Which bits are asked for; undefined where it holds others that are no bits of the source. */
  readonly bits: Field<number | undefined>
  readonly negation?: Field<boolean>
  /** The bits that there are words for. */
  readonly known: number
  /** Whether there is exactly one bit at a time, so that to equal it is to have it. */
  readonly isSingle?: boolean
}

const isOneBit = (bits: number): boolean => bits !== 0 && (bits & (bits - 1)) === 0

/** One of some bits must be set, or none of them. */
export function anyBitTest(
  source: Source,
  codec: Codec<number>,
  { bits, negation, known, isSingle = false }: BitFields,
): NativePart {
  const none = new Uint8Array(codec.size)
  /** The bits that a test asks for, and whether none of them may be set. */
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

/** How a number lies in a register: as the machine has it, and as it is compared with others that it may be greater than. */
export interface NumberForm {
  readonly plain: Codec<number>
  readonly ordered: Codec<number>
}

const form = (plain: Codec<number>, ordered = plain): NumberForm => ({ plain, ordered })
/** Of what the kernel has in the byte order of the machine, and of what packets have. */
export const HOST32 = form(u32, be32)
export const HOST16 = form(u16, be16)
/** A number of one byte in a header, for {@link rangeTest}. */
export const NETWORK8 = form(u8)
/** A number of two bytes in a header, in network order. */
export const NETWORK16 = form(be16)
/** A number of four bytes in a header, in network order. */
export const NETWORK32 = form(be32)

export type NumberRange = readonly [first: number, last: number]

/** What a test asks of a number: a range, or all that is outside it. Undefined for what no range says. */
export function askedRange(
  { op, value, to, mask, isTurned = false }: Test,
  { plain, ordered }: NumberForm,
): { range: NumberRange; negated: boolean } | undefined {
  if (value.length !== plain.size || mask !== undefined) return undefined
  const isOrdered = to !== undefined || !isEquality(op)
  // Compared byte for byte, a number of the machine's own order is neither less nor greater than another.
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
  /** The greatest number that there are words for. */
  readonly max?: number
  /** What it is where nothing is asked. */
  readonly absent?: NumberRange
  /** How many of the numbers of the source make one of the field. */
  readonly unit?: number
}

/** A number must lie in a range, or outside it. */
export function rangeTest(source: Source, numbers: NumberForm, fields: RangeFields): NativePart {
  const { range, negation, absent, unit = 1, max = Math.floor(greatest(numbers.plain) / unit) } = fields
  /** What a range of the source is in numbers of the field; undefined where that has no such. */
  const inUnits = ([first, last]: NumberRange): NumberRange | undefined =>
    first % unit === 0 && (last + 1) % unit === 0 ? [first / unit, (last + 1) / unit - 1] : undefined
  return {
    keys: [sourceKey(source)],
    write(bytes, at) {
      const asked = range.read(bytes, at)
      const negated = negation?.read(bytes, at) ?? false
      if (absent !== undefined && same(asked, absent)) return negated ? undefined : []
      // No number is greater than its bytes allow.
      const [first, last] = [asked[0] * unit, Math.min(asked[1] * unit + unit - 1, greatest(numbers.plain))]
      return first > last ? undefined : [rangeAsTest(source, numbers, [first, last], negated)]
    },
    read(statement, bytes, at) {
      const asked = statement.kind === 'test' ? askedRange(statement, numbers) : undefined
      const wanted = asked && inUnits(asked.range)
      if (asked === undefined || wanted === undefined || wanted[1] > max || wanted[0] > wanted[1]) return false
      // Any number at all would go without saying, but is asked of packets that have one.
      if (!asked.negated && absent !== undefined && same(wanted, absent)) return false
      if (asked.negated && negation === undefined) return false
      range.write(bytes, at, wanted)
      negation?.write(bytes, at, asked.negated)
      return true
    },
  }
}

type Bytes = Uint8Array

/** With zeros behind it. */
export const widened = (bytes: Bytes, size: number): Bytes => {
  const wide = new Uint8Array(size)
  wide.set(bytes)
  return wide
}

/** An address must lie between two others, or must not. They may have more room than an address of `size` bytes takes. */
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

/** An address under a mask, each with room for sixteen bytes; of a whole address, all of these count. */
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
      // Bits that are not in the mask are overlooked.
      const value = address.map((byte, i) => byte & (mask[i] as number))
      return [{ kind: 'test', source: sources[0] as Source, ...masked, op, value }]
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test' || statement.to !== undefined || !isEquality(statement.op)) return false
      const { value, mask = new Uint8Array(value.length).fill(0xff), op } = statement
      // The first bytes alone may be compared.
      if (value.length > size || mask.length !== value.length || isZero(mask)) return false
      if (value.some((byte, i) => byte & ~(mask[i] as number))) return false
      const isWhole = same(mask, whole)
      field.write(bytes, at, [widened(value, 16), isWhole ? new Uint8Array(16).fill(0xff) : widened(mask, 16)])
      negation.write(bytes, at, op === 'neq')
      return true
    },
  }
}

/** Some bits of a header are a number, which must have one value, or must not. */
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

/** That one bit of a byte is set; negated, that it is not. */
export const oneBitTest = (
  source: Source,
  mask: number,
  truth: Field<boolean>,
  negation: Field<boolean>,
): NativePart => {
  const isSet: Field<number> = { ...negation, read: () => mask, write: () => undefined }
  return given(truth, anyBitTest(source, u8, { bits: isSet, negation, known: mask }))
}

/** That something is, which a source says by one value of some of its bits. */
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
 * That there is a header of options, which goes without saying where something is asked of it.
 * @param asked what is; 0 where nothing
 */
export const presence = (header: OptionalHeader, asked: Field<number>): NativePart => {
  const test = equals({ ...header, offset: 0, length: 1, isPresence: true }, Uint8Array.of(1))
  return {
    keys: [sourceKey(test.source)],
    write: (bytes, at) => (asked.read(bytes, at) === 0 ? [test] : []),
    read: (statement) => isSameTest(statement, test),
  }
}

/** Bytes must be these, or must not. */
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

/** A field that has to hold one value, as there are no statements for others. */
export const onlyWhere = <T>(field: Field<T>, value: NoInfer<T>): NativePart => ({
  keys: [],
  write: (bytes, at) => (same(field.read(bytes, at), value) ? [] : undefined),
  read: () => false,
})

/** A part that says nothing where a field holds what it holds by itself. */
export const optional = <T>(field: Field<T>, absent: NoInfer<T>, part: NativePart): NativePart => ({
  ...part,
  write: (bytes, at) => (same(field.read(bytes, at), absent) ? [] : part.write(bytes, at)),
  read: (statement, bytes, at) => same(field.read(bytes, at), absent) && part.read(statement, bytes, at),
})

/** A part that is there where a truth says so. */
export const given = (isGiven: Field<boolean>, part: NativePart): NativePart => ({
  ...part,
  write: (bytes, at) => (isGiven.read(bytes, at) ? part.write(bytes, at) : []),
  read(statement, bytes, at) {
    if (isGiven.read(bytes, at) || !part.read(statement, bytes, at)) return false
    isGiven.write(bytes, at, true)
    return true
  },
})

/** A part that is there where a truth does not say otherwise. */
export const unlessGiven = (isGiven: Field<boolean>, part: NativePart): NativePart => ({
  ...part,
  write: (bytes, at) => (isGiven.read(bytes, at) ? [] : part.write(bytes, at)),
  read: (statement, bytes, at) => !isGiven.read(bytes, at) && part.read(statement, bytes, at),
})

/** A part that cannot say what a truth says. */
export const whereNot = (truth: Field<boolean>, part: NativePart): NativePart => ({
  ...part,
  write: (bytes, at) => (truth.read(bytes, at) ? undefined : part.write(bytes, at)),
})

/** One of two parts: what the first cannot say, the second may. */
export const either = (first: NativePart, second: NativePart): NativePart => ({
  keys: [...new Set([...first.keys, ...second.keys])],
  write: (bytes, at) => first.write(bytes, at) ?? second.write(bytes, at),
  read(statement, bytes, at) {
    const key = keyOf(statement)
    return [first, second].some(({ keys, read }) => keys.includes(key) && read(statement, bytes, at))
  },
})

/** A part of which nothing else may be said beside it. */
export const alone = (part: NativePart): NativePart => ({ ...part, isAlone: true })

/** A part of which something else has to be asked before. */
export const after = (needs: Test, part: NativePart): NativePart => ({
  ...part,
  needs,
  write(bytes, at) {
    const said = part.write(bytes, at)
    return said && [needs, ...said]
  },
})

/** Another source that says the same; it is read, never written. */
export const alsoFrom = (source: Source, part: NativePart): NativePart => ({
  ...part,
  keys: [...part.keys, sourceKey(source)],
})

/** That something has one value. */
export const equals = (source: Source, value: Uint8Array): Test => ({ kind: 'test', source, op: 'eq', value })

export const isSameTest = (a: Statement, b: Test): boolean =>
  a.kind === 'test' &&
  sourceKey(a.source) === sourceKey(b.source) &&
  a.op === b.op &&
  a.mask === b.mask &&
  a.to === b.to &&
  same(a.value, b.value)
