/** Two ways from bytes to text: straight, and by way of a description. */
import { printRule } from '../../src/language/print'
import { printEntry } from '../../src/language/print-entry'
import { describeRule } from '../../src/ruleset/rule'
import { contextOf, fixtures, rulesetOf } from '../support/fixtures'

const named = fixtures().map(
  (fixture) => [`${fixture.capture.family} ${fixture.capture.table} ${fixture.name}`, fixture] as const,
)

test.each(named)('%s', (_, fixture) => {
  const context = contextOf(fixture)
  for (const { rules } of rulesetOf(fixture).chains.values())
    for (const rule of rules) {
      const text = printRule(describeRule(rule, context), context.family.name)
      expect(printEntry(rule, context)).toBe(text === '' ? '' : ` ${text}`)
    }
})
