/** The ports of most transport protocols in native form. */
import { be16, type Field } from '../binary/codec'
import { bit, seen } from '../binary/struct'
import { type NativePart, type Source, sourceKey, type Test, transport } from './native'
import { askedRange, encoded, NETWORK16, rangeAsTest } from './native-tests'
import type { PortRange } from './values/port'
import { same } from './values/value'

const ANY_PORT: PortRange = [0, 0xffff]
const PORT = be16.size

/** The test of a port; nothing if any port matches, undefined if none does. */
function portTest(source: Source, range: PortRange, negated: boolean): readonly Test[] | undefined {
  const [first, last] = range
  if (first === 0 && last === 0xffff) return negated ? undefined : []
  if (first === 0 && last !== 0)
    return [{ kind: 'test', source, op: negated ? 'gt' : 'lte', value: encoded(be16, last) }]
  return [rangeAsTest(source, NETWORK16, range, negated)]
}

/** A port range that counts if a flag is set; otherwise every port. */
const portsGiven = (ports: Field<PortRange>, isGiven: Field<boolean>): Field<PortRange> =>
  seen(ports, {
    read: (bytes, at) => (isGiven.read(bytes, at) ? ports.read(bytes, at) : ANY_PORT),
    write(bytes, at, range) {
      ports.write(bytes, at, range)
      isGiven.write(bytes, at, true)
    },
  })

interface GivenPorts {
  readonly spts: Field<PortRange>
  readonly dpts: Field<PortRange>
  readonly flags: Field<number>
  readonly invflags: Field<number>
}

/** As {@link portTests}, for ports that count if the lowest two bits of the flags are set. */
export const givenPortTests = ({ spts, dpts, flags, invflags }: GivenPorts): NativePart =>
  portTests(
    [portsGiven(spts, bit(flags, 0x01)), portsGiven(dpts, bit(flags, 0x02))],
    [bit(invflags, 0x01), bit(invflags, 0x02)],
  )

/** Source and destination ports. Two single ports are tested in one statement, as they are adjacent. */
export function portTests(
  ports: readonly [source: Field<PortRange>, destination: Field<PortRange>],
  negations: readonly [Field<boolean>, Field<boolean>],
): NativePart {
  const both = transport(0, 2 * PORT)
  const sources = [transport(0, PORT), transport(PORT, PORT)] as const
  const isOne = ([first, last]: PortRange): boolean => first === last
  const note = (test: Test, which: number, bytes: Uint8Array, at: number): boolean => {
    const [field, negation] = [ports[which] as Field<PortRange>, negations[which] as Field<boolean>]
    const said = askedRange(test, NETWORK16)
    if (said === undefined || !same(field.read(bytes, at), ANY_PORT) || negation.read(bytes, at)) return false
    const before = bytes.slice()
    field.write(bytes, at, said.range)
    negation.write(bytes, at, said.negated)
    // A test for any port matches packets that have one, so it must be stored.
    return !same(bytes, before)
  }
  return {
    keys: [...sources, both].map(sourceKey),
    isGradual: true,
    isUniform: true,
    write(bytes, at) {
      const ranges = ports.map((field) => field.read(bytes, at))
      const negated = negations.map((field) => field.read(bytes, at))
      if (ranges.every(isOne) && !negated.some(Boolean)) {
        const value = new Uint8Array(2 * PORT)
        for (const [i, [port]] of ranges.entries()) be16.write(value, i * PORT, port)
        return [{ kind: 'test', source: both, op: 'eq', value }]
      }
      const tests = sources.map((source, i) => portTest(source, ranges[i] as PortRange, negated[i] as boolean))
      return tests.includes(undefined) ? undefined : (tests as Test[][]).flat()
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test') return false
      const { source, op, value, mask, to } = statement
      const which = sources.findIndex((one) => sourceKey(one) === sourceKey(source))
      if (which >= 0) return note(statement, which, bytes, at)
      if (op !== 'eq' || mask !== undefined || to !== undefined || value.length !== 2 * PORT) return false
      const halves = [value.subarray(0, PORT), value.subarray(PORT)]
      const copy = bytes.slice()
      const isNoted = halves.every((half, i) => note({ kind: 'test', source, op, value: half }, i, copy, at))
      if (isNoted) bytes.set(copy)
      return isNoted
    },
  }
}
