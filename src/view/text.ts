/** Prints tables for people: as lists, and as trees of jumps. */
import { flag } from '../check-input'
import { checkOptions } from '../check-options'
import { type Paint, paintOf } from '../terminal-style'
import { visible } from './escape'
import type { ChainSnapshot, RuleSnapshot, TableSnapshot } from './snapshot'

/**
 * How tables are printed.
 * @since 0.1.0
 */
export interface ListOptions {
  /** Colours for terminals. Default: no. */
  readonly colours?: boolean | undefined
}

const OPTIONS = { colours: flag }

const FAMILY_WORDS = { ipv4: 'IPv4', ipv6: 'IPv6' } as const
const BACKEND_WORDS = { legacy: 'ip_tables', nft: 'nf_tables' } as const

/** The chain that a rule goes to. */
export const destinationOf = ({ jump, goto }: RuleSnapshot): string | undefined => jump ?? goto

/** How each part of a listing is printed. */
export class Words {
  readonly #paint: Paint

  constructor(options: ListOptions) {
    checkOptions(options, OPTIONS)
    this.#paint = paintOf(options.colours ?? false)
  }

  *table({ family, table, backend, incompatible }: TableSnapshot): Generator<string> {
    yield this.#paint('bold', `${table} (${FAMILY_WORDS[family]}, ${BACKEND_WORDS[backend]})`)
    for (const what of incompatible) yield this.#paint('yellow', `# not in the words of iptables: ${visible(what)}`)
  }

  chain({ name, policy, counters }: ChainSnapshot): string {
    const said = this.#paint('bold', visible(name))
    if (policy === undefined) return said
    return `${said} policy ${this.#paint(policy === 'ACCEPT' ? 'green' : 'red', policy)} ${this.#counters(counters)}`
  }

  rule({ position, counters, rule }: RuleSnapshot): string {
    return `${position} ${this.#counters(counters)} ${visible(rule)}`.trimEnd()
  }

  note(text: string): string {
    return this.#paint('dim', text)
  }

  /** Counters of zero are dimmed. */
  #counters(counters: RuleSnapshot['counters'] = [0n, 0n]): string {
    return this.#paint(counters[0] === 0n ? 'dim' : 'yellow', `[${counters.join(':')}]`)
  }
}

/** A list of lines per table, with a blank line between tables. */
export const linesOf = (tables: readonly TableSnapshot[], lines: (table: TableSnapshot) => Iterable<string>): string =>
  tables.map((table) => [...lines(table), ''].join('\n')).join('\n')

/** @internal Chain by chain, in order. */
export function printList(tables: readonly TableSnapshot[], options: ListOptions = {}): string {
  const words = new Words(options)
  return linesOf(tables, function* (table) {
    yield* words.table(table)
    for (const chain of table.chains) {
      yield words.chain(chain)
      for (const rule of chain.rules) yield `  ${words.rule(rule)}`
    }
  })
}
