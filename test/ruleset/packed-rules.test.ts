/** Lists that come again: whatever becomes of them, the rules are those that were given. */
import fc from 'fast-check'
import { IPV4 } from '../../src/abi/family'
import { UnboundSets } from '../../src/backend/sets'
import { parseRule } from '../../src/language/parse'
import { packedRules } from '../../src/ruleset/packed-rules'
import { encodeRule } from '../../src/ruleset/rule'
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
  expect(packedRules(IPV4, entries).refs.every((ref) => typeof ref === 'number')).toBe(true)
})
