/** Rules that are read and written with the templates of others give the same result as without. */
import fc from 'fast-check'
import { FAMILIES } from '../../src/abi/family'
import { Rule } from '../../src/index'
import type { Encoded } from '../../src/netlink/attribute'
import { type Expression, expressionList } from '../../src/nft/expressions'
import { type ReadRule, readRule, writeRule } from '../../src/nft/rule'
import { RuleReader, RuleWriter } from '../../src/nft/rule-template'
import type { Counters } from '../../src/ruleset/entry'
import { entryExtensions } from '../../src/ruleset/entry-extensions'
import { nftFixtures } from '../support/nft-fixtures'

const encoded = (bytes: Uint8Array): Encoded => ({ bytes, at: 0, end: bytes.length })

const shown = ({ bytes, jump }: ReadRule): string => `${Buffer.from(bytes).toString('hex')} ${jump}`

const rules = nftFixtures().flatMap(({ family, name, rules: all }) =>
  all.map(({ expressions }) => ({ family: FAMILIES[family], name, expressions })),
)

test.each(Object.values(FAMILIES))('rules of iptables-nft, one after the other: $name', (family) => {
  const reader = new RuleReader(family)
  const different = rules
    .filter((rule) => rule.family === family)
    .filter(
      ({ expressions }) => shown(reader.read(encoded(expressions))) !== shown(readRule(family, encoded(expressions))),
    )
  expect(different.map(({ name }) => name)).toEqual([])
})

test('any byte of a rule may differ', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...rules),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      (rule, changes) => {
        const reader = new RuleReader(rule.family)
        reader.read(encoded(rule.expressions))
        const bytes = rule.expressions.slice()
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        const outcome = (read: () => ReadRule): string => {
          try {
            return shown(read())
          } catch (error) {
            return String(error)
          }
        }
        expect(outcome(() => reader.read(encoded(bytes)))).toBe(outcome(() => readRule(rule.family, encoded(bytes))))
      },
    ),
    { numRuns: 4_000 },
  )
})

test('bits outside the mask of an address are not part of the address', () => {
  const family = FAMILIES.ipv4
  const reader = new RuleReader(family)
  const data = (...bytes: number[]) => ({ value: Uint8Array.from(bytes) })
  const rule = (...address: number[]): Encoded => {
    const expressions: Expression[] = [
      { name: 'payload', data: { dreg: 1, base: 1, offset: 12, len: 4 } },
      {
        name: 'bitwise',
        data: { sreg: 1, dreg: 1, op: 0, len: 4, mask: data(0xfb, 255, 255, 255), xor: data(0, 0, 0, 0) },
      },
      { name: 'cmp', data: { sreg: 1, op: 0, data: data(...address) } },
      { name: 'counter', data: { packets: 0n, bytes: 0n } },
    ]
    const bytes = new Uint8Array(expressionList.size(expressions))
    expressionList.write(bytes, 0, expressions)
    return encoded(bytes)
  }
  for (const one of [rule(10, 0, 0, 1), rule(14, 0, 0, 1), rule(11, 0, 0, 1)])
    expect(shown(reader.read(one))).toBe(shown(readRule(family, one)))
})

test('similar rules are read with one template', () => {
  const family = FAMILIES.ipv4
  const [first] = rules.filter(({ name, expressions }) => name === 'tcp-0' && expressions.length > 100)
  const reader = new RuleReader(family)
  const bytes = reader.read(encoded(first?.expressions as Uint8Array)).bytes.slice()
  let asked = 0
  const counting = new Proxy(first?.expressions as Uint8Array, {
    get: (target, key) => {
      if (key === 'byteOffset') asked++
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  expect(reader.read(encoded(counting)).bytes).toEqual(bytes)
  // The template was used: only reading without it accesses the offset.
  expect(asked).toBe(0)
})

const entries = rules.map((rule) => ({ ...rule, entry: readRule(rule.family, encoded(rule.expressions)) }))
const COUNTED: Counters = [3n, 1n << 40n]

const shownBytes = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const outcomeOf = (write: () => Uint8Array): string => {
  try {
    return shownBytes(write())
  } catch (error) {
    return String(error)
  }
}

test.each(Object.values(FAMILIES))('the rules that were read, written one after the other: $name', (family) => {
  const writer = new RuleWriter(family)
  const different = entries
    .filter((rule) => rule.family === family)
    .filter(({ entry }) => shownBytes(writer.write(entry, COUNTED)) !== shownBytes(writeRule(family, entry, COUNTED)))
  expect(different.map(({ name }) => name)).toEqual([])
})

/** Offsets of arbitrary bytes: those of the head before its sizes, and those of payloads. */
const freePlaces = ({ family, entry: { bytes } }: (typeof entries)[number]): number[] => {
  const head = family.entry.fields.targetOffset.offset
  const payloads = entryExtensions(family, bytes).flatMap(({ at, size }) =>
    Array.from({ length: size }, (_, i) => at + i),
  )
  return [...Array.from({ length: head }, (_, i) => i), ...payloads]
}

test('any byte of an entry may differ', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...entries),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      (rule, changes) => {
        const { family, entry } = rule
        const places = freePlaces(rule)
        const writer = new RuleWriter(family)
        writer.write(entry, COUNTED)
        const bytes = entry.bytes.slice()
        for (const [at, byte] of changes) bytes[places[at % places.length] as number] = byte
        const other = { ...entry, bytes }
        expect(outcomeOf(() => writer.write(other, [0n, 7n]))).toBe(outcomeOf(() => writeRule(family, other, [0n, 7n])))
      },
    ),
    { numRuns: 4_000 },
  )
})

/** Few values, so that there are equal ones, and also values with a different encoding. */
const address = fc.tuple(fc.constantFrom('10.0.0', '192.168.7'), fc.nat(3)).map(([net, host]) => `${net}.${host}`)
const port = fc.constantFrom(0, 1, 22, 256, 65535)
const line = fc
  .record({
    source: address,
    prefix: fc.constantFrom(32, 31, 24, 12, 8),
    not: fc.constantFrom('', '! '),
    from: port,
    to: port,
    mark: fc.nat(2),
  })
  .map(({ source, prefix, not, from, to, mark }) => {
    const ports = from < to ? `${from}:${to}` : `${from}`
    return `${not}-s ${source}/${prefix} -p tcp -m tcp --sport ${to} ${not}--dport ${ports} -m connmark --mark ${mark} -j DROP`
  })

test('rules with the same text', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 2, maxLength: 30 }), (lines) => {
      const writer = new RuleWriter(FAMILIES.ipv4)
      for (const one of lines) {
        const { entry } = Rule.parse(one)
        const written = outcomeOf(() => writer.write(entry, COUNTED))
        expect(written).toBe(outcomeOf(() => writeRule(FAMILIES.ipv4, entry, COUNTED)))
      }
    }),
    { numRuns: 200 },
  )
})

test('rules that only differ in addresses, ports, comments and counters are written with one template', () => {
  const writer = new RuleWriter(FAMILIES.ipv4)
  const written = [1, 2, 3].map((n) => {
    const { entry } = Rule.parse(
      `-s 10.0.0.${n} -p tcp -m tcp --dport ${n} -m comment --comment "number ${n}" -j ACCEPT`,
    )
    return writer.write(entry, [BigInt(n), 0n])
  })
  const [first, second, third] = written.map(({ buffer }) => buffer)
  expect(second).not.toBe(first)
  // Rules with the same template are written into the same buffer.
  expect(third).toBe(second)
})
