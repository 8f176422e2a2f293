/** Input that has a special meaning in JavaScript, or none at all. */
import { Chain, easy, IptcError, LinuxKernel, MemoryKernel, Rule, ruleSchema, Table } from '../../src/index'
import { onBackends } from '../support/backends'

const kernel = new MemoryKernel()
const table = (): Table => new Table('filter', { kernel })
const cyclic: unknown[] = []
cyclic.push(cyclic)

// biome-ignore lint/suspicious/noExplicitAny: tests values that the compiler refuses.
const any = (value: unknown): any => value

onBackends(() => {
  test.each<[string, () => unknown]>([
    ...['constructor', '__proto__', 'toString', 'valueOf'].flatMap<[string, () => unknown]>((name) => [
      [`-p ${name}`, () => Rule.parse(`-p ${name} -j ACCEPT`)],
      [`--ctproto ${name}`, () => Rule.parse(`-m conntrack --ctproto ${name}`)],
      [`--dport ${name}`, () => Rule.parse(`-p tcp --dport ${name}`)],
      [`-m ${name}`, () => Rule.parse(`-m ${name}`)],
      [`{ ${name}: [] }`, () => easy.encodeRule(JSON.parse(`{"${name}": [], "target": "ACCEPT"}`))],
    ]),
    [
      'keys that are inherited',
      () => easy.encodeRule(Object.create(Object.assign(Object.create(null), { src: '10.0.0.1' }))),
    ],
    ['keys that are symbols', () => easy.encodeRule(any({ [Symbol('src')]: '10.0.0.1', target: 'ACCEPT' }))],
    ['a list in itself', () => new Rule().createMatch('tcp').setParameter('dport', cyclic)],
    ['a list in itself, in a dictionary', () => easy.encodeRule(any({ tcp: { dport: cyclic } }))],
    [
      'the name of the target that heads a chain',
      () => Rule.parse(`-j ERROR --revision 0 --payload 0x${'41'.repeat(32)}`),
    ],
    [
      'the name of the target that holds a verdict',
      () => easy.encodeRule(any({ target: { '': { revision: 0, payload: `0x${'00'.repeat(8)}` } } })),
    ],
    ['a name that is too long', () => Rule.parse(`-m ${'a'.repeat(29)} --revision 0 --payload 0x`)],
    ['a payload that is too long', () => Rule.parse(`-m foo --revision 0 --payload 0x${'00'.repeat(70_000)}`)],
    ['a rule that is too long', () => Rule.parse('-m comment --comment x '.repeat(300)).toString()],
    ['counters of 65 bits', () => Rule.parse('-c 18446744073709551616 5')],
    ['half a character', () => new Rule().createMatch('comment').setParameter('comment', 'a\ud800')],
    ['a chain without a name', () => new Chain(table(), any(undefined))],
    ['no chain to flush', () => easy.flushChain('filter', any(undefined), { kernel })],
    ['no chain to zero', () => easy.zeroChain('filter', any(undefined), { kernel })],
    ['options that are no object', () => easy.flushTable('filter', any(true))],
    ['an option of the kernel that is misspelt', () => new LinuxKernel(any({ namespce: 'blue' }))],
    ['options of the kernel that are text', () => new LinuxKernel(any('blue'))],
    ['an option of the in-process kernel that is misspelt', () => new MemoryKernel(any({ set: {} }))],
    ['a table that is a number', () => new Table(any(5), { kernel })],
    ['a rule that is none', () => new Chain(table(), 'INPUT').appendRule(any({}))],
    ['a chain that is a number', () => table().createChain(any(5))],
    ['a chain that is called like a target', () => table().createChain('REJECT')],
    ['counters that are nothing', () => table().setPolicy('INPUT', 'DROP', any(null))],
  ])('%s causes our error', (_, act) => {
    const before = easy.dumpTable('filter', { kernel })
    expect(act).toThrow(IptcError)
    expect(easy.dumpTable('filter', { kernel })).toEqual(before)
  })
})

test('the schema refuses what encodeRule refuses', () => {
  expect(ruleSchema.safeParse({ protocol: 'constructor' }).success).toBe(false)
  expect(ruleSchema.safeParse(JSON.parse('{"__proto__": [], "target": "ACCEPT"}')).success).toBe(false)
})

test('names with quotes are parsed as they are printed', () => {
  const rule = new Rule()
  rule.inInterface = 'a"b"'
  rule.createTarget('x"y"')
  expect(Rule.parse(String(rule)).equals(rule)).toBe(true)
})
