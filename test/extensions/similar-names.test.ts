import { similarNames } from '../../src/extensions/similar-names'
import { Chain, MemoryKernel, Rule, Rule6, Table } from '../../src/index'

test.each([
  ['tcpp', 'similar names: tcp'],
  ['hashlimt', 'similar names: hashlimit'],
  ['conmark', 'similar names: connmark'],
  ['TCP', 'similar names: tcp'],
  // Two different letters are too many for a name of three.
  ['xyp', undefined],
  ['', undefined],
  ['__proto__', undefined],
  ['x'.repeat(100_000), undefined],
])('%s', (name, expected) => {
  expect(similarNames(name, ['tcp', 'connmark', 'hashlimit'])).toBe(expected)
})

test('the most similar names come first', () => {
  expect(similarNames('mack', ['mark', 'mac', 'ah'])).toBe('similar names: mark, mac')
  expect(similarNames('marke', ['markus', 'mark'])).toBe('similar names: mark, markus')
})

test('the error for an unknown match or target suggests similar names', () => {
  expect(() => Rule.parse('-m conmark --mark 1')).toThrow(/there is no match conmark for ipv4; similar names: connmark/)
  expect(() => Rule.parse('-m nosuchthing')).toThrow(/nosuchthing for ipv4; docs\/extensions\.md lists what there is$/)
  expect(() => Rule6.parse('-m ttl --ttl-eq 1')).toThrow(/there is no match ttl for ipv6; it is for ipv4 only$/)
})

test('the error for a missing chain does, too', () => {
  using table = new Table('filter', { kernel: new MemoryKernel() })
  const input = new Chain(table, 'INPUT')
  table.createChain('mychain')
  expect(() => input.appendRule(Rule.parse('-j mychian'))).toThrow(/no chain mychian to go to; similar names: mychain$/)
  expect(() => input.appendRule(Rule.parse('-j log'))).toThrow(/no chain log to go to; similar names: LOG, /)
  expect(() => input.appendRule(Rule.parse('-j elsewhere'))).toThrow(/no chain elsewhere to go to$/)
})
