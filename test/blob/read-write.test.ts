import { HOOKS, TABLES, type TableName, VERDICTS } from '../../src/abi/netfilter'
import { type Layout, readRuleset } from '../../src/blob/read'
import { verify } from '../../src/blob/verify'
import { writeRuleset } from '../../src/blob/write'
import { BlobError, RuleError } from '../../src/errors'
import {
  buildErrorEntry,
  buildVerdict,
  buildVerdictEntry,
  errorName,
  readVerdict,
  targetPart,
} from '../../src/ruleset/entry'
import { entriesOf, type Ruleset } from '../../src/ruleset/ruleset'
import { plain } from '../../src/ruleset/table-entry'
import {
  accept,
  emptyRuleset,
  families,
  jump,
  laidOut,
  richRuleset,
  ruleBytes,
  type Table,
  withChain,
  withoutChain,
  withRules,
} from '../ruleset/tables'

const read = ({ family, table, layout, bytes }: Table): Ruleset => readRuleset(family, table, layout, bytes)

/** A table of these entries. The INPUT chain ranges from `first` to `policy`. */
function filterOf(entries: readonly Uint8Array[], input: [number, number], changes: Partial<Layout> = {}): Table {
  const family = families[0] as Table['family']
  const places = entries.map((_, i) => entries.slice(0, i).reduce((sum, { length }) => sum + length, 0))
  const hooks = [[0, 0], input, [input[1] + 1, input[1] + 1], [input[1] + 2, input[1] + 2], [0, 0]] as const
  const at = (end: 0 | 1): number[] => hooks.map((hook) => places[hook[end]] as number)
  const layout = { validHooks: 0x0e, hookEntry: at(0), underflow: at(1), numEntries: entries.length, ...changes }
  return { family, table: 'filter', layout, bytes: new Uint8Array(Buffer.concat(entries)) }
}

describe.each(families)('$name', (family) => {
  test.each(Object.keys(TABLES) as TableName[])('the empty table %s', (table) => {
    const laid = laidOut(emptyRuleset(family, table))
    const ruleset = read(laid)
    expect([...ruleset.chains.keys()]).toEqual(TABLES[table])
    expect([...ruleset.chains.values()].every(({ rules, tail }) => rules.length === 0 && tail !== undefined)).toBe(true)
    expect(laidOut(ruleset)).toEqual(laid)
    verify(family, table, laid.layout, laid.bytes, { knownOnly: true })
  })

  test('a written table is read as it was', () => {
    const laid = laidOut(richRuleset(family))
    const ruleset = read(laid)
    expect([...ruleset.chains.keys()]).toEqual(['INPUT', 'FORWARD', 'OUTPUT', 'empty', 'one', 'two'])
    const jumps = [...ruleset.chains].map(([name, { rules }]) => [name, rules.map((rule) => rule.jump)])
    expect(Object.fromEntries(jumps)).toEqual({
      INPUT: [undefined, 'one', '', undefined, undefined],
      FORWARD: ['two', 'empty'],
      OUTPUT: [],
      empty: [],
      one: ['two', ''],
      two: [undefined],
    })
    expect(laidOut(ruleset)).toEqual(laid)
    verify(family, 'filter', laid.layout, laid.bytes)
  })

  test('rules are views of the blob, not copies', () => {
    const laid = laidOut(richRuleset(family))
    for (const { bytes } of entriesOf(read(laid))) expect(bytes.buffer).toBe(laid.bytes.buffer)
  })

  test('jumps keep their chain when other chains are added and removed', () => {
    const changed = withRules(withoutChain(read(laidOut(richRuleset(family))), 'empty'), 'FORWARD', [
      jump(family, 'two'),
    ])
    const { layout, bytes } = laidOut(withRules(changed, 'aaa', [accept(family), accept(family)]))
    const again = readRuleset(family, 'filter', layout, bytes)
    const [rule] = again.chains.get('FORWARD')?.rules ?? []
    if (rule === undefined) throw new Error('no rule')
    const to = readVerdict(bytes, targetPart(family, bytes, rule.bytes.byteOffset))
    const head = to - buildErrorEntry(family, 'two').length
    expect(errorName(bytes, targetPart(family, bytes, head))).toBe('two')
  })

  test('user-defined chains are sorted as by strcmp', () => {
    const names = ['b', 'B', 'a', 'ab', '\u00e9', 'Z']
    const ruleset = names.reduce((all, name) => withRules(all, name, []), emptyRuleset(family, 'raw'))
    expect([...read(laidOut(ruleset)).chains.keys()].slice(2)).toEqual(['B', 'Z', 'a', 'ab', 'b', '\u00e9'])
  })

  test('a jump to a missing chain', () => {
    const ruleset = withRules(emptyRuleset(family, 'filter'), 'INPUT', [accept(family), jump(family, 'gone')])
    expect(() => writeRuleset(ruleset)).toThrow(RuleError)
    expect(() => writeRuleset(ruleset)).toThrow('table filter chain INPUT rule 2: there is no chain "gone" to go to')
  })

  test('a user-defined chain may have the name of a hook that the table does not have', () => {
    const laid = laidOut(withRules(emptyRuleset(family, 'raw'), 'INPUT', [accept(family)]))
    expect(laid.layout.validHooks).toBe((1 << HOOKS.indexOf('PREROUTING')) | (1 << HOOKS.indexOf('OUTPUT')))
    expect(read(laid).chains.get('INPUT')?.hook).toBeUndefined()
    expect(laidOut(read(laid))).toEqual(laid)
  })

  test('a RETURN with a match is a rule; one without ends the chain', () => {
    const returning = plain(ruleBytes(family, { target: buildVerdict(VERDICTS.RETURN) }))
    const chain = read(laidOut(withRules(emptyRuleset(family, 'raw'), 'user', [returning]))).chains.get('user')
    expect(chain?.rules).toHaveLength(1)
    expect(chain?.tail).toBeDefined()
  })

  test('a user-defined chain without its RETURN stays unchanged', () => {
    const ruleset = withRules(emptyRuleset(family, 'raw'), 'user', [accept(family)])
    const user = ruleset.chains.get('user')
    if (user === undefined) throw new Error('no chain')
    const laid = laidOut(withChain(ruleset, { ...user, tail: undefined }))
    expect(read(laid).chains.get('user')?.tail).toBeUndefined()
    expect(laidOut(read(laid))).toEqual(laid)
  })

  test('a table without its last entry', () => {
    const laid = laidOut({ ...emptyRuleset(family, 'nat'), end: undefined })
    expect(read(laid).end).toBeUndefined()
    expect(laidOut(read(laid))).toEqual(laid)
    verify(family, 'nat', laid.layout, laid.bytes, { knownOnly: true })
  })
})

describe('entries that do not form chains', () => {
  const family = families[0] as Table['family']
  const policy = (): Uint8Array => buildVerdictEntry(family, VERDICTS.ACCEPT)
  const end = buildErrorEntry(family, 'ERROR')
  const user = (name: string): Uint8Array => buildErrorEntry(family, name)
  const goto = (verdict: number): Uint8Array => ruleBytes(family, { target: buildVerdict(verdict) })
  const three = [policy(), policy(), policy()]

  test.each<[string, Table, RegExp]>([
    ['fewer than said', filterOf([...three, end], [0, 0], { numEntries: 5 }), /4 entries where the header says 5/],
    ['more than said', filterOf([...three, end], [0, 0], { numEntries: 3 }), /4 entries where the header says 3/],
    [
      'two hooks in one place',
      filterOf([...three, end], [0, 0], { hookEntry: [0, 0, 0, 304, 0] }),
      /share their rules/,
    ],
    [
      'a hook that begins within an entry',
      filterOf([...three, end], [0, 0], { hookEntry: [0, 8, 152, 304, 0] }),
      /no chain|no entry begins/,
    ],
    [
      'a hook without a policy',
      filterOf([...three, end], [0, 0], { underflow: [0, 152, 152, 304, 0] }),
      /INPUT has no policy/,
    ],
    ['a hook that begins with a name', filterOf([user('x'), ...three, end], [0, 1]), /INPUT begins with a chain/],
    [
      'a jump to a chain without a name',
      filterOf([goto(784), ...three, user(''), goto(-5), end], [0, 1]),
      /byte 784 goes to a chain without a name/,
    ],
    ['a jump to nowhere', filterOf([goto(8), ...three, end], [0, 1]), /jump to byte 8 meets no chain/],
    [
      'a jump into a chain',
      filterOf([goto(304), goto(-1), goto(-1), ...three, end], [0, 3]),
      /byte 304 meets no chain/,
    ],
    ['two of one name', filterOf([...three, user('x'), policy(), user('x'), policy(), end], [0, 0]), /two chains x/],
    ['a chain with the name of a hook', filterOf([...three, user('INPUT'), policy(), end], [0, 0]), /two chains INPUT/],
    ['entries of no chain', filterOf([policy(), ...three, end], [1, 1]), /belongs to no chain/],
  ])('%s', (_, table, reason) => {
    expect(() => read(table)).toThrow(BlobError)
    expect(() => read(table)).toThrow(reason)
  })
})
