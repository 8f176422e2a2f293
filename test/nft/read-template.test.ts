/** Rules that are read by the template of others are what they are read as by themselves. */
import fc from 'fast-check'
import { FAMILIES } from '../../src/abi/family'
import type { Encoded } from '../../src/netlink/attribute'
import { type Expression, expressionList } from '../../src/nft/expressions'
import { RuleReader } from '../../src/nft/read-template'
import { type ReadRule, readRule } from '../../src/nft/rule'
import { nftFixtures } from '../support/nft-fixtures'

const encoded = (bytes: Uint8Array): Encoded => ({ bytes, at: 0, end: bytes.length })

const shown = ({ bytes, jump }: ReadRule): string => `${Buffer.from(bytes).toString('hex')} ${jump}`

const rules = nftFixtures().flatMap(({ family, name, rules: all }) =>
  all.map(({ expressions }) => ({ family: FAMILIES[family], name, expressions })),
)

test.each(Object.values(FAMILIES))('what iptables-nft wrote, one after the other: $name', (family) => {
  const reader = new RuleReader(family)
  const different = rules
    .filter((rule) => rule.family === family)
    .filter(
      ({ expressions }) => shown(reader.read(encoded(expressions))) !== shown(readRule(family, encoded(expressions))),
    )
  expect(different.map(({ name }) => name)).toEqual([])
})

test('any byte of a rule may be another', () => {
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

test('what a mask leaves out of an address is no address', () => {
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

test('rules that are alike are read by one template', () => {
  const family = FAMILIES.ipv4
  const [first] = rules.filter(({ name, expressions }) => name === 'tcp-0' && expressions.length > 100)
  const reader = new RuleReader(family)
  const { bytes } = reader.read(encoded(first?.expressions as Uint8Array))
  let asked = 0
  const counting = new Proxy(first?.expressions as Uint8Array, {
    get: (target, key) => {
      if (key === 'byteOffset') asked++
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  expect(reader.read(encoded(counting)).bytes).toEqual(bytes)
  // Only who reads it anew asks where it lies.
  expect(asked).toBe(0)
})
