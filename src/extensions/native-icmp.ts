/** The type and code of ICMP and ICMPv6 in native form. */
import { type Field, u8 } from '../binary/codec'
import { type Condition, HAS_TRANSPORT, NEVER, oneOf } from './evaluation'
import { type NativePart, sourceKey, type Test, transport } from './native'
import { askedRange, encoded, equality, NETWORK8, rangeAsTest } from './native-tests'
import { same } from './values/value'

type Codes = readonly [first: number, last: number]

const ANY_CODE: Codes = [0, 255]

const [TYPE, CODE, BOTH] = [transport(0, 1), transport(1, 1), transport(0, 2)]

/**
 * A type alone, a type and code in one test, or a type followed by its codes.
 * @param any the type that means any type
 */
export const icmpTests = (
  type: Field<number>,
  codes: Field<Codes>,
  negation: Field<boolean>,
  any?: number,
): NativePart => {
  const note = (bytes: Uint8Array, at: number, number: number, range: Codes, negated: boolean): boolean => {
    if (number === any) return false
    type.write(bytes, at, number)
    codes.write(bytes, at, range)
    negation.write(bytes, at, negated)
    return true
  }
  const isPlain = ({ op, to, mask }: Test): boolean => (op === 'eq' || op === 'neq') && to === undefined && !mask
  const readCodes = (test: Test, bytes: Uint8Array, at: number): boolean => {
    const asked = askedRange(test, NETWORK8)
    const isOpen = same(codes.read(bytes, at), ANY_CODE) && !negation.read(bytes, at)
    if (asked === undefined || asked.negated || !isOpen) return false
    codes.write(bytes, at, asked.range)
    return true
  }
  return {
    keys: [TYPE, CODE, BOTH].map(sourceKey),
    isGradual: true,
    write(bytes, at) {
      const [number, negated] = [type.read(bytes, at), negation.read(bytes, at)]
      if (number === any) return negated ? undefined : []
      return written(number, codes.read(bytes, at), negated)
    },
    read(statement, bytes, at, isMore = false) {
      if (statement.kind !== 'test') return false
      const { source, op, value } = statement
      const isCode = sourceKey(source) === sourceKey(CODE)
      if (isCode !== isMore) return false
      if (isCode) return readCodes(statement, bytes, at)
      if (!isPlain(statement)) return false
      const [number, code] = [value[0] as number, value[1]]
      if (sourceKey(source) === sourceKey(BOTH) && code === undefined) return false
      return note(bytes, at, number, code === undefined ? ANY_CODE : [code, code], op === 'neq')
    },
  }
}

function written(type: number, codes: Codes, negated: boolean): readonly Test[] | undefined {
  const [first, last] = codes
  const typeTest: Test = { kind: 'test', source: TYPE, op: equality(negated), value: encoded(u8, type) }
  if (same(codes, ANY_CODE)) return [typeTest]
  if (first === last) return [{ kind: 'test', source: BOTH, op: equality(negated), value: Uint8Array.of(type, first) }]
  return negated || first > last ? undefined : [typeTest, rangeAsTest(CODE, NETWORK8, codes, false)]
}

/** The conditions of a type and its codes, whether or not one statement expresses them. */
export function icmpConditions(type: number, codes: Codes, negated: boolean, any?: number): Condition[] {
  if (type === any) return [negated ? NEVER : HAS_TRANSPORT]
  const ofType: Test = { kind: 'test', source: TYPE, op: 'eq', value: encoded(u8, type) }
  const all = [ofType, ...(same(codes, ANY_CODE) ? [] : [rangeAsTest(CODE, NETWORK8, codes, false)])]
  return negated ? [HAS_TRANSPORT, oneOf([all], true)] : all
}
