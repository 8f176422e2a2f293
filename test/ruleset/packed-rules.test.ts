/** Lists that occur repeatedly: whatever happens to them, the rules are those that were given. */
import fc from 'fast-check'
import { IPV4 } from '../../src/abi/family'
import { UnboundSets } from '../../src/backend/sets'
import { parseRule } from '../../src/language/parse'
import { packedRules } from '../../src/ruleset/packed-rules'
import { encodeRule } from '../../src/ruleset/rule'
import { RulePairs } from '../../src/ruleset/rule-pairs'
import { Rules } from '../../src/ruleset/rules'
import type { Entry } from '../../src/ruleset/table-entry'

const context = { family: IPV4, sets: new UnboundSets() }
const entry = (line: string): Entry => encodeRule(parseRule(line, IPV4), context)
const entries = Array.from({ length: 64 }, (_, i) => entry(`-s 10.0.0.${i} -j ${['DROP', 'own', 'other'][i % 3]}`))
entries.push(entry('-s 10.0.0.65'), entry('-p tcp --dport 22 -g own'))

const NONE = Rules.of()

const plain = (rules: Iterable<Entry>): unknown[] =>
  Array.from(rules, ({ bytes, jump }) => [Buffer.from(bytes).toString('hex'), jump])

test('changes of a list are noticed', () => {
  const edit = fc.tuple(fc.constantFrom('set', 'insert', 'remove', 'reverse', 'same'), fc.nat(100), fc.nat(65))
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 12 }), (edits) => {
      let list = entries.slice()
      for (const [kind, at, which] of edits) {
        const one = entries[which] as Entry
        if (kind === 'set') list[at % list.length] = one
        if (kind === 'insert') list = list.toSpliced(at, 0, one)
        if (kind === 'remove') list = list.toSpliced(at, 1)
        if (kind === 'reverse') list = list.toReversed()
        const rules = packedRules(IPV4, list, NONE)
        expect(plain(rules)).toEqual(plain(list))
      }
    }),
    { numRuns: 200 },
  )
})

test('the second time, the rules of a list are in one buffer', () => {
  const list = [entry('-s 10.9.9.9 -j DROP'), ...entries]
  expect(packedRules(IPV4, list, NONE).refs).toEqual(list)
  expect(packedRules(IPV4, [...list], NONE).refs).toEqual([...list.keys()])
})

test('jumps to other chains differ, and a jump differs from a goto', () => {
  const going = (target: string): Entry[] => Array.from({ length: 40 }, (_, i) => entry(`-s 10.0.0.${i} ${target}`))
  const packed = ['-j own', '-j other', '-g own', '-j DROP', ''].map((target) => {
    const list = going(target)
    packedRules(IPV4, list, NONE)
    return packedRules(IPV4, list, NONE)
  })
  for (const one of packed)
    for (const other of packed) expect(new RulePairs(IPV4, one, other).run(0, 0)).toBe(one === other ? one.length : 0)
})

/** The entries in one buffer. */
const packed = (list: readonly Entry[], beside = NONE): Rules => {
  packedRules(IPV4, list, beside)
  return packedRules(IPV4, list, beside)
}

/** The entry as a kernel returns it, with notes and counters. */
const noted = ({ bytes, jump }: Entry, packets: number): Entry => {
  const { comefrom, pcnt } = IPV4.entry.fields
  const copy = bytes.slice()
  comefrom.write(copy, comefrom.offset, 2)
  pcnt.write(copy, pcnt.offset, BigInt(packets))
  return { bytes: copy, jump }
}

test('copies contain the notes of the kernel, and later counts do not make rules differ', () => {
  const plainRules = Array.from({ length: 64 }, (_, i) => entry(`-s 10.0.0.${i} -j DROP`))
  const ofKernel = (packets: (i: number) => number): Rules => packed(plainRules.map((one, i) => noted(one, packets(i))))
  const beside = ofKernel((i) => i)
  const copies = packed(plainRules, beside)
  expect(plain(copies)).toEqual(plain(beside))
  for (const read of [beside, ofKernel(() => 0), ofKernel((i) => (i < 20 ? i : 7))])
    expect(new RulePairs(IPV4, read, copies).run(0, 0)).toBe(64)
})

test('a rule among many equal ones is found, wherever it is', () => {
  const lines = Array.from({ length: 50 }, (_, i) => `-s 10.0.0.${i} -j DROP`)
  const all = packed(lines.map(entry))
  for (let at = 0; at < 50; at++) {
    const other = packed(lines.with(at, `-s 10.0.0.${at} -j ACCEPT`).map(entry))
    expect(new RulePairs(IPV4, all, other).run(0, 0)).toBe(at)
    expect(new RulePairs(IPV4, all, other).run(at + 1, at + 1)).toBe(49 - at)
  }
})
