/** Prints a table as a tree of jumps: below each rule the chain that it goes to, once. */
import { check } from '../check-input'
import { SNAPSHOTS } from './check-snapshots'
import type { ChainSnapshot, RuleSnapshot, TableSnapshot } from './snapshot'
import { destinationOf, type ListOptions, linesOf, Words } from './text'

/**
 * Prints tables as trees that start at their built-in chains, with policies and counters. A chain that several rules go to is
 * printed below the first of them; the others refer to it. Chains that no packet can reach come last.
 * @throws {@link IptcError} if `tables` is not a list of snapshots, or for an unknown or invalid option
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, printTree, restore, snapshot } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * restore('*filter\n:web - [0:0]\n-A INPUT -j web\n-A web -j ACCEPT\nCOMMIT\n', { kernel })
 * console.log(printTree(snapshot({ kernel })).includes('web')) // true
 * ```
 */
export function printTree(tables: readonly TableSnapshot[], options: ListOptions = {}): string {
  check('what is printed', tables, SNAPSHOTS)
  const words = new Words(options)
  return linesOf(tables, (table) => new Tree(table, words).lines())
}

/** A chain whose rules are being printed. */
interface Open {
  readonly chain: ChainSnapshot
  readonly indent: string
  /** How many of its rules have been printed. */
  printed: number
}

class Tree {
  readonly #table: TableSnapshot
  readonly #words: Words
  readonly #chains: ReadonlyMap<string, ChainSnapshot>
  readonly #shown = new Set<ChainSnapshot>()

  constructor(table: TableSnapshot, words: Words) {
    this.#table = table
    this.#words = words
    this.#chains = new Map(table.chains.map((chain) => [chain.name, chain]))
  }

  *lines(): Generator<string> {
    yield* this.#words.table(this.#table)
    const { chains } = this.#table
    for (const chain of chains) if (chain.policy !== undefined) yield* this.#root(chain)
    const unreached = chains.filter((chain) => !this.#shown.has(chain))
    if (unreached.length === 0) return
    yield this.#words.note('not reached from a built-in chain:')
    const targets = new Set(unreached.flatMap(({ rules }) => rules.map(destinationOf)))
    // After the chains that no rule goes to, only cycles are left.
    for (const chain of unreached) if (!targets.has(chain.name)) yield* this.#root(chain)
    for (const chain of unreached) if (!this.#shown.has(chain)) yield* this.#root(chain)
  }

  /** Iterative, because chains may be nested deeper than the call stack. */
  *#root(root: ChainSnapshot): Generator<string> {
    this.#shown.add(root)
    yield this.#words.chain(root)
    const open: Open[] = [{ chain: root, indent: '', printed: 0 }]
    for (let at = open.at(-1); at !== undefined; at = open.at(-1)) {
      const rule = at.chain.rules[at.printed++]
      if (rule === undefined) {
        open.pop()
        continue
      }
      const isLast = at.printed === at.chain.rules.length
      const to = this.#chains.get(destinationOf(rule) ?? '')
      yield `${at.indent}${isLast ? '└─' : '├─'} ${this.#line(rule, to, open)}`
      if (to === undefined || this.#shown.has(to)) continue
      this.#shown.add(to)
      open.push({ chain: to, indent: `${at.indent}${isLast ? '   ' : '│  '}`, printed: 0 })
    }
  }

  #line(rule: RuleSnapshot, to: ChainSnapshot | undefined, open: readonly Open[]): string {
    const said = this.#words.rule(rule)
    if (to === undefined) return said
    if (to.rules.length === 0) return `${said} ${this.#words.note('(empty)')}`
    if (open.some(({ chain }) => chain === to)) return `${said} ${this.#words.note('(goes round)')}`
    return this.#shown.has(to) ? `${said} ${this.#words.note('(above)')}` : said
  }
}
