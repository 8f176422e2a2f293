/** Chains whose names have a meaning in one of the formats, in tables that refer to all of them. */
import { MemoryKernel, Rule, snapshot, Table, type TableSnapshot } from '../../src/index'

export const NAMES: readonly string[] = [
  ...['"', '\\', '\\"', "it's", '<b>', '</text>', '&', '&amp;', '&#34;', ']]>', '<!--', 'x-->', '*/'],
  ...['["x"]', '(x)', '{x}', '|x|', '#quot;', '#34;', '%%', '%%{init}%%', 'a;b', 'a=b', '`x`', '**x**', '_x_', '1.x'],
  ...[
    'end',
    'graph',
    'subgraph',
    'node',
    'n0',
    'style',
    'click',
    '__proto__',
    'constructor',
    '$&',
    '\\N',
    '\\l',
    '\\n',
  ],
  ...['😀', 'ü', '漢字', '\u200d', '\u202ex', '\x1b[2J', '\x07', '\x7f', '\u0085', '\ufffe', '\udcff\udc80'],
]

/** INPUT jumps to each chain, and each chain jumps to the next. */
export function hostileTables(kernel = new MemoryKernel()): TableSnapshot[] {
  using table = new Table('filter', { kernel })
  table.transaction(() => {
    const chains = NAMES.map((name) => table.createChain(name))
    const input = table.chains.find(({ name }) => name === 'INPUT')
    for (const [i, { name }] of chains.entries()) {
      const rule = new Rule()
      rule.createTarget(name)
      rule.counters = [10n ** BigInt(i % 19), 0n]
      input?.appendRule(rule)
      const before = chains[i - 1]
      const goto = new Rule()
      goto.createTarget(name, { goto: true })
      before?.appendRule(goto)
    }
  })
  return snapshot({ kernel })
}
