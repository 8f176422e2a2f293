/** docs/from-python-iptables.md: all our names on the page exist, and its examples compile. */
import * as xtables from '../src/index'
import { Chain, MemoryKernel, Policy, Rule, Table } from '../src/index'
import { blocksOf, complaintsOf, IMPORTS, pageText } from './support/programs'

const page = pageText('docs/from-python-iptables.md')
const [, lists = ''] = page.split('\n## Every name\n')
const [names = ''] = lists.split(/^## /m)
const ours = Array.from(names.matchAll(/^\| .*? \| (.*) \|$/gm), ([, cell]) => cell as string).flatMap((cell) =>
  Array.from(cell.matchAll(/`([\w.]+)`/g), ([, name]) => name as string),
)

const table = new Table('filter', { kernel: new MemoryKernel() })
const rule = new Rule()
const [match, target] = [rule.createMatch('tcp'), rule.createTarget('ACCEPT')]
const objects = { table, chain: new Chain(table, 'INPUT'), rule, match, target, policy: Policy.DROP }

/** Words that are not exported names. */
const ELSEWHERE = ['using']

test.each([...new Set(ours)].filter((name) => !ELSEWHERE.includes(name)))('%s exists', (name) => {
  const [first = '', last] = name.split('.')
  const scope: Record<string, unknown> = { ...xtables, ...objects }
  expect(Object.keys(scope)).toContain(first)
  if (last !== undefined) expect(last in (scope[first] as object)).toBe(true)
})

test('the page contains names', () => {
  expect(ours.length).toBeGreaterThan(100)
})

test('every example compiles', () => {
  const examples = blocksOf(page, 'ts')
  expect(examples.length).toBeGreaterThan(20)
  expect(complaintsOf(examples.map((example) => IMPORTS + example))).toEqual([])
}, 300_000)
