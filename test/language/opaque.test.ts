/** Unknown matches and targets as text. */
import { Rule } from '../../src/index'

test.each([
  ['a space', '-m "a b" --revision 0 --payload 0x0400000000000000'],
  ['a quote', '-m "a\\"b" --revision 1 --payload 0x0000000000000000'],
])('%s in a name is printed so that it can be parsed', (_, text) => {
  const rule = Rule.parse(text)
  expect(String(rule)).toBe(text)
  expect(Rule.parse(String(rule)).equals(rule)).toBe(true)
})
