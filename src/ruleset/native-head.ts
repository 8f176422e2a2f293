/** The head of a rule as nf_tables expressions, for tests that the matches do not have. */
import type { Field } from '../binary/codec'
import { keyOf, type NativePart, type Source, type Test } from '../extensions/native'
import { equality, isZero } from '../extensions/native-tests'
import { same } from '../extensions/values/value'

const WILDCARD = '+'.charCodeAt(0)
/** A name that no interface can have, because it contains a slash: never matches. */
const NO_INTERFACE = encodedName('INVAL/D')

function encodedName(name: string): Uint8Array {
  return new TextEncoder().encode(`${name}\0`)
}

/** The prefix length of a mask; undefined if it is not contiguous. */
export function countOf(mask: Uint8Array): number | undefined {
  let count = 0
  while (count < mask.length && mask[count] === 0xff) count++
  return isZero(mask, count) ? count : undefined
}

/** Whether a field is zero, as most fields of most rules are. */
function isBlank({ offset, size }: Field<Uint8Array>, bytes: Uint8Array, at: number): boolean {
  for (let i = at + offset; i < at + offset + size; i++) if (bytes[i] !== 0) return false
  return true
}

/** The name of an interface up to its NUL, or a prefix of it. */
export function interfaceTest(
  source: Source,
  name: Field<Uint8Array>,
  mask: Field<Uint8Array>,
  negation: Field<boolean>,
): NativePart {
  return {
    keys: [keyOf({ kind: 'look', source })],
    write(bytes, at) {
      if (isBlank(mask, bytes, at) && isBlank(name, bytes, at)) return []
      const [text, count] = [name.read(bytes, at), countOf(mask.read(bytes, at))]
      const negated = negation.read(bytes, at)
      if (count === undefined) return undefined
      if (count > 0) return [{ kind: 'test', source, op: equality(negated), value: text.slice(0, count) }]
      return negated ? [{ kind: 'test', source, op: 'eq', value: NO_INTERFACE }] : [{ kind: 'look', source }]
    },
    read(statement, bytes, at) {
      if (statement.kind === 'look') return true
      if (statement.kind !== 'test' || !isZero(name.read(bytes, at))) return false
      const { op, value, to, mask: bits } = statement
      if ((op !== 'eq' && op !== 'neq') || to !== undefined || bits !== undefined) return false
      const isNone = same(value, NO_INTERFACE)
      const text = isNone ? new Uint8Array() : value
      if (text.length > name.size || (op === 'neq' && isNone)) return false
      const end = text.indexOf(0)
      // The kernel's registers include the NULs after a name. Every interface has a name.
      if (end >= 0 && (!isZero(text, end) || (end === 0 && !isNone))) return false
      // In text, a trailing + stands for any suffix.
      if (end > 0 && text[end - 1] === WILDCARD) return false
      const count = end < 0 ? text.length : end + 1
      if (end < 0 && count === name.size) return false
      const stored = new Uint8Array(name.size)
      stored.set(text)
      if (end < 0) stored[count] = WILDCARD
      name.write(bytes, at, stored)
      mask.write(bytes, at, new Uint8Array(mask.size).fill(0xff, 0, count))
      negation.write(bytes, at, op === 'neq' || isNone)
      return true
    },
  }
}

/** The name of an interface under any mask. */
export const underMask = (
  source: Source,
  name: Field<Uint8Array>,
  mask: Field<Uint8Array>,
  negation: Field<boolean>,
  bytes: Uint8Array,
  at: number,
): Test => {
  const [value, bits] = [name.read(bytes, at), mask.read(bytes, at).slice()]
  const op = equality(negation.read(bytes, at))
  return { kind: 'test', source, mask: bits, op, value: value.map((byte, i) => byte & (bits[i] as number)) }
}

/** The position of an address in a packet. */
export interface Place {
  readonly base: number
  readonly offset: number
}

/** An address under a mask: only its significant bytes if they are whole, else all of it. */
export function addressTest(
  place: Place,
  address: Field<Uint8Array>,
  mask: Field<Uint8Array>,
  negation: Field<boolean>,
): NativePart {
  const { size } = address
  const sources = Array.from({ length: size + 1 }, (_, length): Source => ({ from: 'payload', ...place, length }))
  const source = (length: number): Source => sources[length] as Source
  return {
    keys: sources.slice(1).map((one) => keyOf({ kind: 'look', source: one })),
    isUniform: true,
    write(bytes, at) {
      const op = equality(negation.read(bytes, at))
      if (op === 'eq' && isBlank(mask, bytes, at) && isBlank(address, bytes, at)) return []
      const [value, bits] = [address.read(bytes, at), mask.read(bytes, at)]
      if (isZero(bits)) return undefined
      const count = countOf(bits)
      const isPlain = count !== undefined && isZero(value, count)
      return isPlain
        ? [{ kind: 'test', source: source(count), op, value: value.slice(0, count) }]
        : [{ kind: 'test', source: source(size), mask: bits.slice(), op, value: value.slice() }]
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test' || !isZero(mask.read(bytes, at))) return false
      const { op, value, to, mask: bits } = statement
      if ((op !== 'eq' && op !== 'neq') || to !== undefined || (bits !== undefined && isZero(bits))) return false
      const all = bits ?? new Uint8Array(value.length).fill(0xff)
      // In text, the bits outside the mask are zero; if one is set, no packet matches.
      if (value.length > size || value.some((byte, i) => byte & ~(all[i] as number))) return false
      address.write(bytes, at, widened(value, size))
      mask.write(bytes, at, widened(all, size))
      negation.write(bytes, at, op === 'neq')
      return true
    },
  }
}

function widened(bytes: Uint8Array, size: number): Uint8Array {
  const wide = new Uint8Array(size)
  wide.set(bytes)
  return wide
}

/** A test that any of some bits is set; negated, that none is. */
export function bitsTest(
  source: Source,
  mask: Uint8Array,
  given: Field<boolean>,
  negation: Field<boolean>,
): NativePart {
  const test = (negated: boolean): Test => ({
    kind: 'test',
    source,
    mask,
    op: equality(!negated),
    value: new Uint8Array(mask.length),
  })
  return {
    keys: [keyOf({ kind: 'look', source })],
    write: (bytes, at) => (given.read(bytes, at) ? [test(negation.read(bytes, at))] : []),
    read(statement, bytes, at) {
      if (statement.kind !== 'test' || given.read(bytes, at)) return false
      const { op, value, to, mask: bits = new Uint8Array() } = statement
      if ((op !== 'eq' && op !== 'neq') || to !== undefined || !same(bits, mask) || !isZero(value)) return false
      given.write(bytes, at, true)
      negation.write(bytes, at, op === 'eq')
      return true
    },
  }
}
