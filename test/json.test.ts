/** JSON input of the command: nothing in it may be ignored. */

import { apply, dump } from '../src/cli/dumps'
import { IpSet, IptcError, MemoryKernel, restore, save } from '../src/index'
import { parseJson } from '../src/json'

test.each([
  '{}',
  '[]',
  'null',
  '"a:b"',
  '{"a":{"b":1},"b":{"a":1}}',
  '[{"a":1},{"a":2}]',
  '{"a":["a","a",{"a":["a"]}]}',
  '{"a":"a","\\"a\\"":"\\\\","b\\\\":"\\"","":{"":[]}}',
  '{"a" : "}", "b" : "{\\"a\\":1,\\"a\\":2}" }',
  '{"__proto__":1,"constructor":2}',
])('%s is parsed as by JSON.parse', (text) => {
  expect(parseJson(text, 'it')).toEqual(JSON.parse(text))
})

test.each([
  ['{"a":1,"a":1}', 'it: the key "a" appears twice'],
  ['{"a":1,"\\u0061":2}', 'it: the key "a" appears twice'],
  ['[0,{"x":{"":1,"":2}}]', 'it: the key "" appears twice in [1].x'],
  ['{"__proto__":1,"__proto__":2}', 'it: the key "__proto__" appears twice'],
  [
    '{"filter":{"INPUT":[{"src":"1.1.1.1"},{"tcp":{"dport":"22"},"target":"ACCEPT","tcp":{}}]}}',
    'it: the key "tcp" appears twice in filter.INPUT[1]',
  ],
  ['{"a":{"b":[{},[1,2]]},"c":{"d":{"e":"}","d":[]},"d":3}}', 'it: the key "d" appears twice in c'],
  ['{"a" : [ { "b" : 1 , "b" : 2 } ] }', 'it: the key "b" appears twice in a[0]'],
])('%s is refused', (text, message) => {
  expect(() => parseJson(text, 'it')).toThrow(new IptcError('XT_BAD_JSON', message))
})

test('a text of another kind is quoted in one line', () => {
  expect(() => parseJson('*filter\n:INPUT', 'it')).toThrow(/^it is not valid JSON: .*"\*filter\\n:INPUT"$/)
})

test('deep nesting and long strings are parsed', () => {
  const deep = `${'[{"a":'.repeat(100_000)}1${'}]'.repeat(100_000)}`
  expect(parseJson(deep, 'it')).toBeInstanceOf(Array)
  expect(parseJson(JSON.stringify({ entries: 'A'.repeat(1 << 24) }), 'it')).toHaveProperty('entries')
})

test.each([
  '{"filter":{"INPUT":[{"protocol":"tcp","tcp":{"dport":"22"},"tcp":{},"target":"ACCEPT"}]}}',
  '{"filter":{"INPUT":[{"src":"10.0.0.1","src":"0.0.0.0/0","target":"ACCEPT"}]}}',
  '{"filter":{"INPUT":[{"target":"DROP"}],"INPUT":[]}}',
  '{"filter":{"INPUT":[{"target":"DROP"}]},"filter":{}}',
])('apply --json writes nothing for %s', (text) => {
  const kernel = new MemoryKernel()
  const open = { kernel, writing: {}, save() {}, [Symbol.dispose]() {} }
  expect(() => apply(['--json'], open, { stdin: () => text, stdout() {} })).toThrow(/appears twice/)
  expect(save({ kernel })).toBe('')
})

const opened = (kernel: MemoryKernel) => ({ kernel, writing: {}, save() {}, [Symbol.dispose]() {} })

function dumped(kernel: MemoryKernel, ...words: string[]): string {
  const texts: string[] = []
  dump(['--json', ...words], opened(kernel), { stdin: () => '', stdout: (text) => void texts.push(text) })
  return texts.join('')
}

test('sets of a dump are applied first, and dumped again as they were', () => {
  const kernel = new MemoryKernel({ clock: () => 0 })
  const set = IpSet.create('blocked', 'hash:net', { counters: true, timeout: 60 }, { kernel })
  set.add([{ net: '10.0.0.0/8', packets: 2n ** 60n }, '192.0.2.1'])
  IpSet.create('all', 'list:set', {}, { kernel }).add('blocked')
  restore('*filter\n-A INPUT -m set --match-set all src -j DROP\nCOMMIT\n', { kernel })
  const text = dumped(kernel, '--sets')
  const other = new MemoryKernel({ clock: () => 0 })
  apply(['--json'], opened(other), { stdin: () => text, stdout() {} })
  expect(dumped(other, '--sets')).toBe(text)
  expect(JSON.parse(text)).toMatchObject({ sets: { blocked: { type: 'hash:net', timeout: 60 } }, filter: {} })
  expect(dumped(kernel)).not.toMatch(/hash:net/)
  expect(() => dumped(kernel, '--sets', 'filter')).toThrow(/--sets goes with a dump of all tables/)
})

test('if a set of a dump is wrong, neither sets nor tables are written', () => {
  const kernel = new MemoryKernel()
  const text = JSON.stringify({
    filter: { INPUT: [{ target: 'DROP' }] },
    sets: { good: { type: 'hash:ip', entries: ['10.0.0.1'] }, bad: { type: 'hash:ip', entries: ['10.0.0.1', '::1'] } },
  })
  expect(() => apply(['--json'], opened(kernel), { stdin: () => text, stdout() {} })).toThrow(/set bad\.entries\[1\]/)
  expect(save({ kernel })).toBe('')
  expect(IpSet.names({ kernel })).toEqual([])
})

test('if a rule of a dump is wrong, neither sets nor tables are written', () => {
  const kernel = new MemoryKernel()
  IpSet.create('old', 'hash:ip', {}, { kernel }).add('9.9.9.9')
  const good = { set: { 'match-set': ['new', 'src'] }, target: 'DROP' }
  const dumpOf = (rules: object[]): string =>
    JSON.stringify({
      filter: { INPUT: rules },
      sets: { new: { type: 'hash:ip', entries: ['10.0.0.1'] }, old: { type: 'hash:ip', entries: [] } },
    })
  const applied = (text: string): void => apply(['--json'], opened(kernel), { stdin: () => text, stdout() {} })
  expect(() => applied(dumpOf([good, { nope: 1 }]))).toThrow(/^table filter chain INPUT rule 2: .*unknown key "nope"/)
  expect(save({ kernel })).not.toMatch(/-A/)
  expect(IpSet.names({ kernel })).toEqual(['old'])
  expect(IpSet.open('old', 'hash:ip', { kernel }).list()).toEqual([{ ip: '9.9.9.9' }])
  applied(dumpOf([good]))
  expect(save({ kernel })).toMatch(/-A INPUT -m set --match-set new src -j DROP/)
  expect(IpSet.open('new', 'hash:ip', { kernel }).list()).toEqual([{ ip: '10.0.0.1' }])
})
