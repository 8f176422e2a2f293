/** Listings without a kernel: those of the fixtures, and cases that are in no fixture. */
import { IPV4 } from '../../src/abi/family'
import { NotFoundError } from '../../src/errors'
import { fill } from '../../src/extensions/listing'
import { option } from '../../src/extensions/option'
import { integer } from '../../src/extensions/values/integer'
import { type ListOptions, listTable } from '../../src/language/list'
import { parseRule } from '../../src/language/parse'
import { encodeRule } from '../../src/ruleset/rule'
import { Rules } from '../../src/ruleset/rules'
import { type Chain, newChain, type Ruleset } from '../../src/ruleset/ruleset'
import { explained } from '../support/deviations'
import { contextOf, fixtures, rulesetOf } from '../support/fixtures'

const named = fixtures().map(
  (fixture) => [`${fixture.capture.family} ${fixture.capture.table} ${fixture.name}`, fixture] as const,
)

test.each(named)('%s', (_, fixture) => {
  const ours = listTable(rulesetOf(fixture), contextOf(fixture), { numeric: true, verbose: true }).split('\n')
  const deviating = fixture.lines.filter((line) => explained('listed', line))
  expect(ours.filter((line, i) => line !== fixture.shown[i])).toHaveLength(deviating.length)
  expect(ours).toHaveLength(fixture.shown.length)
})

const context = { family: IPV4, sets: { byName: () => undefined, byIndex: () => undefined } }

/** A table with user-defined chains of these rules. */
function tableOf(chains: Readonly<Record<string, readonly string[]>>): Ruleset {
  const made = Object.entries(chains).map(([name, rules]): [string, Chain] => [
    name,
    { ...newChain(IPV4, name), rules: Rules.of(...rules.map((rule) => encodeRule(parseRule(rule, IPV4), context))) },
  ])
  return { family: IPV4, table: 'filter', chains: new Map(made), isSorted: true, end: undefined }
}

const list = (rules: readonly string[], options: ListOptions = {}): string[] =>
  listTable(tableOf({ a: rules }), context, { chain: 'a', ...options }).split('\n')

test('chains are separated by an empty line, in the order of their names', () => {
  expect(listTable(tableOf({ b: ['-j a', '-g a'], a: [] }), context)).toBe(
    [
      'Chain a (2 references)',
      'target     prot opt source               destination         ',
      '',
      'Chain b (0 references)',
      'target     prot opt source               destination         ',
      'a          all  --  anywhere             anywhere            ',
      'a          all  --  anywhere             anywhere            [goto] ',
      '',
    ].join('\n'),
  )
})

test.each([
  ['0', '    0'],
  ['99999', '99999'],
  ['100000', ' 100K'],
  ['100500', ' 101K'],
  ['9999499', '9999K'],
  ['9999500', '  10M'],
  ['9999499999', '  10G'],
  ['9999499999999', '  10T'],
  ['99999999999999999', '100000T'],
  ['18446744073709551615', '18446744T'],
])('a counter of %s', (count, column) => {
  const [, , line] = list([`-c ${count} 0`], { verbose: true })
  expect(line?.startsWith(`${column}     0 `)).toBe(true)
  const [, , exact] = list([`-c ${count} 0`], { verbose: true, exact: true })
  expect(exact?.startsWith(`${count.padStart(8)}        0 `)).toBe(true)
})

test('a single rule has no heading, and a missing one is empty', () => {
  expect(list(['-j ACCEPT', '-j DROP'], { rule: 2, lineNumbers: true, numeric: true })).toEqual([
    '2    DROP       0    --  0.0.0.0/0            0.0.0.0/0           ',
    '',
  ])
  expect(list(['-j ACCEPT'], { rule: 2 })).toEqual([''])
  expect(() => list([], { chain: 'b' })).toThrow(NotFoundError)
})

test('unknown extensions are shown as bytes, or as an unknown revision', () => {
  const opaque = '--revision 7 --payload 0x0000000000000001'
  const [, , match, target] = list([`-m nobody ${opaque}`, `-j MARK ${opaque}`], { numeric: true })
  expect(match).toMatch(/0\.0\.0\.0\/0 {12}nobody --revision 7 --payload 0x0000000000000001$/)
  expect(target).toMatch(/^MARK .*0\.0\.0\.0\/0 {11}MARK \[unsupported revision\] $/)
})

test('a range of ICMP codes, which only other programs write', () => {
  const [, , line] = list(['-m icmp --revision 0 --payload 0x0301050100000000'])
  expect(line).toMatch(/icmp !type 3 codes 1-5$/)
})

test('without -n, numbers are names', () => {
  const lines = ['-p tcp -m tcp --dport 22 ! --tcp-flags SYN,ACK SYN', '-p icmp --icmp-type 3/1', '-j LOG --log-uid']
  const [, , tcp, icmp, log] = list(lines)
  expect(tcp).toMatch(/^ {11}tcp .*tcp dpt:ssh flags:!SYN,ACK\/SYN$/)
  expect(icmp).toMatch(/^ {11}icmp .*icmp host-unreachable$/)
  expect(log).toMatch(/LOG level warn uid$/)
})

test('a template has a placeholder for each word, and for the negation', () => {
  const reading = { words: ['a$', '[b]'], negated: false }
  expect(fill('flags:[!]$/$', reading)).toBe('flags:a$/[b]')
  expect(fill('flags:[!]$/$', { ...reading, negated: true })).toBe('flags:!a$/[b]')
  const field = { offset: 0, size: 1, read: () => 0, write: () => undefined } as never
  expect(() => option(integer(5), field, { list: 'none' })).toThrow('none is no template for 1 words')
})
