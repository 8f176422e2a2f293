/** Lists that come again: whatever becomes of them, the rules are those that were given. */
import fc from 'fast-check'
import { IPV4 } from '../../src/abi/family'
import { UnboundSets } from '../../src/backend/sets'
import { parseRule } from '../../src/language/parse'
import { packedRules } from '../../src/ruleset/packed-rules'
import { encodeRule } from '../../src/ruleset/rule'
import { RulePairs } from '../../src/ruleset/rule-pairs'
import type { Entry } from '../../src/ruleset/ruleset'

const context = { family: IPV4, sets: new UnboundSets() }
const entry = (line: string): Entry => encodeRule(parseRule(line, IPV4), context)
const entries = Array.from({ length: 64 }, (_, i) => entry(`-s 10.0.0.${i} -j ${['DROP', 'own', 'other'][i % 3]}`))
entries.push(entry('-s 10.0.0.65'), entry('-p tcp --dport 22 -g own'))

const plain = (rules: Iterable<Entry>): unknown[] =>
  Array.from(rules, ({ bytes, jump }) => [Buffer.from(bytes).toString('hex'), jump])

test('what is changed in a list is seen', () => {
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
        const rules = packedRules(IPV4, list)
        expect(plain(rules)).toEqual(plain(list))
      }
    }),
    { numRuns: 200 },
  )
})

test('the second time, all of a list is in one piece', () => {
  const list = [entry('-s 10.9.9.9 -j DROP'), ...entries]
  expect(packedRules(IPV4, list).refs).toEqual(list)
  expect(packedRules(IPV4, [...list]).refs).toEqual([...list.keys()])
})

test('rules that go to other chains are others, and a jump is no goto', () => {
  const going = (target: string): Entry[] => Array.from({ length: 40 }, (_, i) => entry(`-s 10.0.0.${i} ${target}`))
  const packed = ['-j own', '-j other', '-g own', '-j DROP', ''].map((target) => {
    const list = going(target)
    packedRules(IPV4, list)
    return packedRules(IPV4, list)
  })
  for (const one of packed)
    for (const other of packed) expect(new RulePairs(IPV4, one, other).run(0, 0)).toBe(one === other ? one.length : 0)
})
