/** Rules that the kernel does not return as they were given are not silently written back. */

import { FAMILIES } from '../../src/abi/family'
import { TABLES, type TableName } from '../../src/abi/netfilter'
import { mayLose } from '../../src/backend/check-lossless'
import { allExtensions } from '../../src/extensions/registry'
import { Chain, easy, IptcError, MemoryKernel, Rule, RuleError, restore, save, Table } from '../../src/index'
import { emptyRuleset } from '../ruleset/tables'
import { onBackends } from '../support/backends'

const kernelWith = (...lines: string[]): MemoryKernel => {
  const kernel = new MemoryKernel()
  restore(['*raw', ...lines, 'COMMIT', ''].join('\n'), { kernel })
  return kernel
}

const LONG = '-A PREROUTING -p tcp -j CT --timeout longtimeout'
const OTHER = Rule.parse('-s 10.0.0.1 -j ACCEPT')
const REFUSED =
  'table raw chain PREROUTING rule 1: target CT: --timeout cannot be written back: the kernel returns only 4 ' +
  'bytes of the name, so writing the rule back would bind the policy of that shorter name; replace or delete the rule in ' +
  "the same edit, or allow it by the option rewrite, with the name 'CT --timeout'"

onBackends((backend) => {
  test('the name is returned truncated, and writing it back is refused', () => {
    const kernel = kernelWith(LONG)
    restore(`*raw\n[3:4] ${LONG}\nCOMMIT\n`, { kernel, counters: true })
    expect(save({ kernel })).toContain('-A PREROUTING -p tcp -j CT --timeout long\n')
    using table = new Table('raw', { kernel })
    const edits: (() => void)[] = [
      () => table.zeroEntries(),
      () => new Chain(table, 'OUTPUT').appendRule(OTHER),
      () => table.setPolicy('OUTPUT', 'DROP'),
      () => restore('*raw\n-A OUTPUT -j ACCEPT\nCOMMIT\n', { kernel, noflush: true }),
      () => easy.addRule('raw', 'OUTPUT', { target: 'ACCEPT' }, 0, { kernel }),
    ]
    // On nf_tables, only edited rules are written.
    const [refused, taken] = backend === 'legacy' ? [edits, []] : [edits.slice(0, 1), edits.slice(1)]
    for (const edit of refused) expect(edit).toThrow('cannot be written back')
    expect(edits[0]).toThrow(RuleError)
    try {
      edits[0]?.()
    } catch (error) {
      expect(error).toMatchObject({ chain: 'PREROUTING', position: 0, extension: 'CT', parameter: 'timeout' })
      expect((error as Error).message).toBe(REFUSED)
    }
    expect(new Chain(table, 'OUTPUT').rules).toEqual([])
    for (const edit of taken) edit()
    expect(new Chain(table, 'PREROUTING').rules.map(({ counters }) => counters)).toEqual([[3n, 4n]])
  })

  test('an edit that deletes or replaces the rule is accepted', () => {
    using table = new Table('raw', { kernel: kernelWith(LONG) })
    const chain = new Chain(table, 'PREROUTING')
    chain.replaceRule(Rule.parse('-p tcp -j CT --timeout longtimeout'), 0)
    table.transaction(() => {
      chain.deleteRule(0)
      chain.appendRule(OTHER)
    })
    expect(chain.rules.map(String)).toEqual(['-s 10.0.0.1/32 -j ACCEPT'])
  })

  test('a rule that was read and added again counts as read', async () => {
    using table = new Table('raw', { kernel: kernelWith(LONG) })
    const chain = new Chain(table, 'PREROUTING')
    const [read] = chain.rules as [Rule]
    const again = (): void => {
      chain.flush()
      chain.appendRule(read)
    }
    expect(() => table.transaction(again)).toThrow(REFUSED)
    expect(read.target?.name).toBe('CT')
    read.src = '10.0.0.1'
    expect(() => table.transaction(again)).toThrow(REFUSED)
    await expect(table.transactionAsync(again)).rejects.toThrow(REFUSED)
  })

  test.each([
    ['a shorter name', '-A PREROUTING -p tcp -j CT --timeout abc'],
    ['no name', '-A PREROUTING -p tcp -j CT --helper ftp'],
    ['a name that does not count', '-A PREROUTING -p tcp -j CT --notrack --timeout longtimeout'],
  ])('%s loses nothing', (_, line) => {
    using table = new Table('raw', { kernel: kernelWith(line) })
    new Chain(table, 'OUTPUT').appendRule(OTHER)
    expect(new Chain(table, 'OUTPUT').rules).toHaveLength(1)
  })

  test('it is written back if allowed by name', () => {
    const kernel = kernelWith(LONG)
    const rewrite = ['CT --timeout']
    using table = new Table('raw', { kernel, rewrite })
    new Chain(table, 'OUTPUT').appendRule(OTHER)
    easy.addRule('raw', 'OUTPUT', { target: 'ACCEPT' }, 0, { kernel, rewrite })
    restore('*raw\n-A OUTPUT -j ACCEPT\nCOMMIT\n', { kernel, rewrite, noflush: true })
    expect(new Chain(new Table('raw', { kernel }), 'OUTPUT').rules).toHaveLength(3)
  })

  test.each([
    ['what is handed out whole', ['CT --helper']],
    ['what there is not', ['NOSUCH --timeout']],
    ['no name', ['']],
    ['no list', 'CT --timeout'],
  ])('%s cannot be allowed', (_, rewrite) => {
    expect(() => new Table('raw', { kernel: new MemoryKernel(), rewrite: rewrite as never })).toThrow(IptcError)
  })
})

test('only if no extension in a table can lose something, the table is assumed to be lossless', () => {
  const families = Object.values(FAMILIES)
  const lossy = [...allExtensions('match'), ...allExtensions('target')].filter((one) =>
    families.some(({ name }) => one.variants(name).some(({ losses }) => losses.length > 0)),
  )
  expect(lossy.length).toBeGreaterThan(0)
  const tables = new Set(lossy.flatMap(({ demands }) => demands.tables ?? (Object.keys(TABLES) as TableName[])))
  for (const family of families)
    for (const table of tables) expect([table, mayLose(emptyRuleset(family, table))]).toEqual([table, true])
})
