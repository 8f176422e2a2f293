/** Tables as trees of jumps. */
import { printTree, type TableSnapshot } from '../../src/index'
import { filterOf, tablesOf } from './tables'

const treeOf = (tables: readonly TableSnapshot[]): string[] => printTree(tables).trimEnd().split('\n')

test('each chain is below the first rule that jumps to it; unreachable ones are at the end', () => {
  expect(treeOf(tablesOf())).toEqual([
    'filter (IPv4, ip_tables)',
    'INPUT policy DROP [3:4]',
    '├─ 1 [5:6] -p tcp -m tcp --dport 22 -m comment --comment "the shell" -j user',
    '│  ├─ 1 [1:2] -s 10.0.0.1/32 -j ACCEPT',
    '│  └─ 2 [1:2] -j deep',
    '│     └─ 1 [18446744073709551615:7] -j LOG',
    '├─ 2 [0:0] -g deep (above)',
    '└─ 3 [0:0] -j empty (empty)',
    'FORWARD policy ACCEPT [0:0]',
    'OUTPUT policy ACCEPT [0:0]',
    'not reached from a built-in chain:',
    'alone2',
    '└─ 1 [0:0] -j alone',
    '   └─ 1 [0:0] -j DROP',
  ])
})

/** Tables that no kernel would accept. */
function withJumps(jumps: Readonly<Record<string, readonly string[]>>): TableSnapshot[] {
  const [table] = tablesOf(filterOf()) as [TableSnapshot]
  const chains = Object.entries(jumps).map(([name, to]) => ({
    name,
    ...(name === 'INPUT' && { policy: 'ACCEPT', counters: [0n, 0n] as const }),
    rules: to.map((jump, i) => ({ position: i + 1, rule: `-j ${jump}`, counters: [0n, 0n] as const, jump })),
  }))
  return [{ ...table, chains }]
}

test('loops are printed once', () => {
  expect(treeOf(withJumps({ INPUT: ['a'], a: ['b', 'a'], b: ['a'], c: ['d'], d: ['c'], e: ['e', 'gone'] }))).toEqual([
    'filter (IPv4, ip_tables)',
    'INPUT policy ACCEPT [0:0]',
    '└─ 1 [0:0] -j a',
    '   ├─ 1 [0:0] -j b',
    '   │  └─ 1 [0:0] -j a (goes round)',
    '   └─ 2 [0:0] -j a (goes round)',
    'not reached from a built-in chain:',
    'c',
    '└─ 1 [0:0] -j d',
    '   └─ 1 [0:0] -j c (goes round)',
    'e',
    '├─ 1 [0:0] -j e (goes round)',
    '└─ 2 [0:0] -j gone',
  ])
})

test('chains may be nested deeper than the call stack', () => {
  const depth = 3000
  const names = Array.from({ length: depth }, (_, i) => `c${i}`)
  const jumps = Object.fromEntries(names.map((name, i) => [name, i + 1 < depth ? [`c${i + 1}`] : []]))
  expect(treeOf(withJumps({ INPUT: ['c0'], ...jumps }))).toHaveLength(depth + 2)
})

test('colours are for terminals, and names cannot move the cursor', () => {
  const [table] = tablesOf() as [TableSnapshot]
  const name = 'x\x1b[2J\u009b\udcff\u202e😀'
  const tables = [{ ...table, chains: [{ name, rules: [] }], incompatible: ['\x07'] }]
  expect(treeOf(tables).slice(1)).toEqual([
    '# not in the words of iptables: \\x07',
    'not reached from a built-in chain:',
    'x\\x1b[2J\\u009b\\xff\\u202e😀',
  ])
  const coloured = printTree(tablesOf(), { colours: true })
  expect(coloured).toContain('\x1b[1mINPUT\x1b[22m policy \x1b[31mDROP\x1b[39m \x1b[33m[3:4]\x1b[39m\n')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences contain them.
  expect(coloured.replaceAll(/\x1b\[\d+m/g, '')).toBe(printTree(tablesOf()))
})

test('several tables are separated by a blank line', () => {
  const text = `${filterOf()}*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n`
  expect(printTree(tablesOf(text, 'nft'))).toBe(
    'filter (IPv4, nf_tables)\nINPUT policy ACCEPT [0:0]\nFORWARD policy ACCEPT [0:0]\nOUTPUT policy ACCEPT [0:0]\n\n' +
      'raw (IPv4, nf_tables)\nPREROUTING policy ACCEPT [0:0]\nOUTPUT policy ACCEPT [0:0]\n',
  )
})
