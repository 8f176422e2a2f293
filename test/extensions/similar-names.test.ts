import { similarNames } from '../../src/extensions/similar-names'
import { Chain, MemoryKernel, Rule, Rule6, Table } from '../../src/index'

test.each([
  ['tcpp', 'similar names: tcp'],
  ['hashlimt', 'similar names: hashlimit'],
  ['conmark', 'similar names: connmark'],
  ['TCP', 'similar names: tcp'],
  // Two letters that are swapped count as one.
  ['tpc', 'similar names: tcp'],
  ['conmrakk', undefined],
  // Two letters are much of a name of three.
  ['xyp', undefined],
  ['', undefined],
  ['__proto__', undefined],
  ['x'.repeat(100_000), undefined],
])('%s', (name, expected) => {
  expect(similarNames(name, ['tcp', 'connmark', 'hashlimit'])).toBe(expected)
})

test('only the nearest are named', () => {
  expect(similarNames('mack', ['mark', 'mac', 'ah'])).toBe('similar names: mark, mac')
  expect(similarNames('marke', ['markus', 'mark'])).toBe('similar names: mark')
  expect(similarNames('mrak', ['mac', 'mark'])).toBe('similar names: mark')
})

test('a match or target that there is not is refused with what may have been meant', () => {
  expect(() => Rule.parse('-m conmark --mark 1')).toThrow(/there is no match conmark for ipv4; similar names: connmark/)
  expect(() => Rule.parse('-m nosuchthing')).toThrow(/nosuchthing for ipv4; docs\/extensions\.md lists what there is$/)
  expect(() => new Rule().createMatch('REJECT')).toThrow(/there is no match REJECT for ipv4; REJECT is a target$/)
  expect(() => Rule.parse('-m log')).toThrow(/there is no match log for ipv4; LOG is a target$/)
  expect(() => Rule6.parse('-m CLUSTERIP')).toThrow(/no match CLUSTERIP for ipv6; similar names: cluster$/)
  expect(() => new Rule().createMatch('MARK')).toThrow(/MARK is a target; similar names: mark$/)
  expect(() => Rule6.parse('-m ttl --ttl-eq 1')).toThrow(/there is no match ttl for ipv6; it is for ipv4 only$/)
})

test('a chain that there is not, too', () => {
  using table = new Table('filter', { kernel: new MemoryKernel() })
  const input = new Chain(table, 'INPUT')
  table.createChain('mychain')
  expect(() => input.appendRule(Rule.parse('-j mychian'))).toThrow(
    /no chain "mychian" to go to; similar names: mychain$/,
  )
  expect(() => input.appendRule(Rule.parse('-j log'))).toThrow(/no chain "log" to go to; similar names: LOG$/)
  expect(() => input.appendRule(Rule.parse('-j elsewhere'))).toThrow(/no chain "elsewhere" to go to$/)
})
