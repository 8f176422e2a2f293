/**
 * The rules of a chain that stay are found by comparing pairs if few differ, and with ids if many do. Both ways must
 * keep equally many rules.
 */
import fc from 'fast-check'
import { MemoryKernel, Rule, restore, Table } from '../../src/index'
import { numbersTo } from '../../src/reconcile/alignment'
import { RuleComparison } from '../../src/reconcile/comparison'
import { longestCommon } from '../../src/ruleset/subsequence'
import { onBackends } from '../support/backends'

/** On nf_tables, the last one is read differently from how it is written. */
const RULES = [
  ...[1, 2, 3].map((i) => `-s 10.0.0.${i}/32 -j ACCEPT`),
  '-m limit --limit 5/sec -j DROP',
  '-p tcp -m tcp -j ACCEPT',
  '-p tcp -m tcp --sport 1 -m tcp --dport 2 -j ACCEPT',
]

onBackends((backend) => {
  const rules = RULES.map((line) => Rule.parse(line))
  const list = fc.array(fc.nat(RULES.length - 1), { maxLength: 80 })
  const edits = fc.array(fc.tuple(fc.nat(80), fc.nat(2), fc.nat(RULES.length - 1)), { maxLength: 30 })
  const edited = (old: number[], all: [number, number, number][]): number[] =>
    all.reduce((now, [at, gone, rule]) => now.toSpliced(at % (now.length + 1), gone, rule), old)
  const count = (common: Int32Array): number => common.filter((place) => place >= 0).length

  test.each([
    ['few', list.chain((old) => edits.map((all) => [old, edited(old, all)] as const))],
    ['many', fc.tuple(list, list)],
  ])('%s differences', (_, lists) => {
    fc.assert(
      fc.property(lists, ([old, now]) => {
        const kernel = new MemoryKernel()
        const lines = old.map((i) => `-A own ${RULES[i]}\n`).join('')
        restore(`*filter\n:own - [0:0]\n${lines}COMMIT\n`, { kernel, backend })
        using table = new Table('filter', { kernel, backend })
        const { ruleset, context } = table
        const chain = table.chainData('own')
        const wanted = now.map((i) => (rules[i] as Rule).entryFor(context))
        const comparison = new RuleComparison(ruleset, chain.rules, wanted)
        const [all, indexes] = [numbersTo(old.length), numbersTo(now.length)]
        const common = comparison.common(all)
        common.forEach((place, k) => {
          if (place >= 0) expect(old[place]).toBe(now[k])
        })
        expect(count(common)).toBe(count(longestCommon(...comparison.idsOf(all, indexes))))
        expect(count(common)).toBe(count(longestCommon(old, now)))
      }),
      { numRuns: 150 },
    )
  })
})
