/** docs/extensions.md is up to date, and the three notations of each example are the same rule. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { extensionsPage } from '../scripts/extensions-page'
import { setsPage } from '../scripts/sets-page'
import { allExtensions } from '../src/extensions/registry'
import { easy, IpSet, MemoryKernel, Rule, Rule6 } from '../src/index'
import { SET_TYPES } from '../src/ipset/types'

const page = readFileSync(join(__dirname, '../docs/extensions.md'), 'utf8')
const EXAMPLE = /```sh\n(ip6?tables) -A \S+ (.*?)\n```\n\n```ts\n(.*?)\n```\n\n```json\n(.*?)\n```/gs

test('docs/extensions.md is current: `npm run docs` makes it', () => {
  expect(page === extensionsPage()).toBe(true)
})

test('there is an example of every extension', () => {
  const without = page
    .split(/^### /m)
    .slice(1)
    .filter((section) => !section.includes('```json'))
  expect(without.map((section) => section.split('\n')[0])).toEqual([])
  expect(page.match(/^### /gm)).toHaveLength([...allExtensions('match'), ...allExtensions('target')].length)
})

const examples = Array.from(page.matchAll(EXAMPLE), ([, program, text, objects, json]) => ({
  program,
  text,
  objects,
  json,
}))

test.each(examples)('$program $text', ({ program, text, objects, json }) => {
  const ipv6 = program === 'ip6tables'
  const made = new Function('Rule', 'Rule6', `${objects}\nreturn rule`)(Rule, Rule6)
  expect(String(made)).toBe(text)
  expect(String(easy.encodeRule(JSON.parse(json as string), { ipv6 }))).toBe(text)
})

const sets = readFileSync(join(__dirname, '../docs/sets.md'), 'utf8')
const SET_EXAMPLE = /```ts\nIpSet\.create\('example', ('.*?')(?:, (.*?))?\)\.add\((.*)\)\n```/g

test('docs/sets.md is current: `npm run docs` makes it', () => {
  expect(sets === setsPage()).toBe(true)
})

test('each set type has an example, which works', () => {
  const evaluated = (text: string): unknown => new Function(`return (${text})`)()
  const shown = Array.from(sets.matchAll(SET_EXAMPLE), ([, type = '', options = '{}', entry = '']) => {
    const kernel = new MemoryKernel({ sets: { one: 'ipv4', two: 'ipv4', three: 'ipv4' } })
    const set = IpSet.create('example', evaluated(type) as 'hash:ip', evaluated(options) as object, { kernel })
    set.add(evaluated(entry) as never)
    expect(set.header().elements).toBeGreaterThan(0)
    return set.type
  })
  expect(shown).toEqual(Object.keys(SET_TYPES))
})
