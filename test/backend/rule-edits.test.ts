/**
 * The edits from the current rules of a chain to the desired ones. As few rules as possible are deleted and inserted.
 */
import fc from 'fast-check'
import { IPV4 } from '../../src/abi/family'
import { type RuleEdits, ruleEdits } from '../../src/backend/nft/rule-edits'
import type { KernelEntries } from '../../src/ruleset/kernel-entries'
import { OwnRules, type Rules } from '../../src/ruleset/rules'
import { newChain } from '../../src/ruleset/ruleset'
import { longestIncreasing } from '../../src/ruleset/subsequence'
import type { Entry, Ref } from '../../src/ruleset/table-entry'

const COUNT = 12
const entry = newChain(IPV4, 'x').tail as Entry
const image: KernelEntries = {
  family: IPV4,
  bytes: new Uint8Array(entry.bytes.length * COUNT),
  starts: Uint32Array.from({ length: COUNT + 1 }, (_, i) => i * entry.bytes.length),
  destinations: new Int32Array(COUNT).fill(-1),
  names: [],
  objects: new Map(),
}
const rulesOf = (refs: readonly Ref[]): Rules => new OwnRules(image, [...refs])
const handleOf = (ref: Ref): number | undefined => (typeof ref === 'number' ? 100 + ref : undefined)

/** The rules after the kernel has applied the edits. */
function carriedOut(old: readonly number[], { removed, added }: RuleEdits): (number | Entry)[] {
  const rules: (number | Entry)[] = old.map((n) => 100 + n).filter((handle) => !removed.includes(handle))
  for (const { entry, before } of added)
    rules.splice(before === undefined ? rules.length : rules.indexOf(before), 0, entry)
  return rules
}

test('rules that change places are deleted and inserted again, as few as possible', () => {
  const old = [...Array(COUNT).keys()]
  fc.assert(
    fc.property(fc.shuffledSubarray(old), fc.array(fc.nat(COUNT)), (kept, news) => {
      const refs: Ref[] = [...kept]
      for (const at of news) refs.splice(at, 0, { ...entry })
      const edits = ruleEdits(IPV4, rulesOf(old), rulesOf(refs), handleOf, new Set())
      const stay = longestIncreasing(kept).length
      expect([edits.removed.length, edits.added.length]).toEqual([COUNT - stay, refs.length - stay])
      expect(carriedOut(old, edits).length).toBe(refs.length)
      const told = carriedOut(old, edits).map((one, i) => (typeof one === 'number' ? one - 100 === refs[i] : true))
      expect(told.includes(false)).toBe(false)
    }),
    { numRuns: 1_000 },
  )
})

test('if the last rule becomes the first, only that rule is written', () => {
  const edits = ruleEdits(IPV4, rulesOf([0, 1, 2, 3]), rulesOf([3, 0, 1, 2]), handleOf, new Set())
  expect([edits.removed, edits.added.map(({ position, before }) => [position, before])]).toEqual([[103], [[0, 100]]])
})
