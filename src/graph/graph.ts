/** The chains of tables and the jumps between them, as a graph. */
import type { FamilyName } from '../abi/family'
import { check, shown } from '../check-input'
import { IptcError } from '../errors'
import { SNAPSHOTS } from '../view/check-snapshots'
import type { ChainSnapshot, RuleSnapshot, TableSnapshot } from '../view/snapshot'

/**
 * A chain.
 * @since 0.1.0
 */
export interface GraphNode {
  /** Family, table and chain, separated by blanks. */
  readonly id: string
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** As in `filter`. */
  readonly table: string
  /** The name of the chain. */
  readonly chain: string
  /** Only of a built-in chain. */
  readonly policy?: string
  /** Packets and bytes that the policy applied to. */
  readonly counters?: readonly [packets: bigint, bytes: bigint]
  /** How many rules it has. */
  readonly rules: number
}

/**
 * All rules of one chain that go to the same other chain, by the same kind of jump.
 * @since 0.1.0
 */
export interface GraphEdge {
  /** The id of the node with the rules. */
  readonly from: string
  /** The id of the node that they go to. */
  readonly to: string
  /** `goto` does not return. */
  readonly kind: 'jump' | 'goto'
  /** The positions of the rules, from 1. */
  readonly positions: readonly number[]
  /** The sum of their packet counters. */
  readonly packets: bigint
  /** The sum of their byte counters. */
  readonly bytes: bigint
}

/**
 * The chains of tables and the jumps between them.
 * @since 0.1.0
 */
export interface ChainGraph {
  /** The chains, table by table. */
  readonly nodes: readonly GraphNode[]
  /** The jumps, table by table. */
  readonly edges: readonly GraphEdge[]
}

/**
 * The chains of tables, with the jumps between them.
 * @throws {@link IptcError} for what is no list of snapshots, and for a rule that goes to a chain which is not there
 * @since 0.1.0
 * @example
 * ```ts
 * import { chainGraph, MemoryKernel, restore, snapshot } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * restore('*filter\n:web - [0:0]\n-A INPUT -j web\nCOMMIT\n', { kernel })
 * console.log(chainGraph(snapshot({ kernel })).edges[0]?.to) // ipv4 filter web
 * ```
 */
export function chainGraph(tables: readonly TableSnapshot[]): ChainGraph {
  check('what a graph is made of', tables, SNAPSHOTS)
  return {
    nodes: tables.flatMap((table) => table.chains.map((chain) => nodeOf(table, chain))),
    edges: tables.flatMap((table) => [...edgesIn(table)]),
  }
}

const idOf = ({ family, table }: TableSnapshot, chain: string): string => `${family} ${table} ${chain}`

const nodeOf = (
  table: TableSnapshot,
  { name: chain, policy, counters = [0n, 0n], rules }: ChainSnapshot,
): GraphNode => ({
  ...{ id: idOf(table, chain), family: table.family, table: table.table, chain },
  ...(policy !== undefined && { policy, counters }),
  rules: rules.length,
})

function* edgesIn(table: TableSnapshot): Generator<GraphEdge> {
  const names = new Set(table.chains.map(({ name }) => name))
  for (const chain of table.chains) yield* edgesFrom(table, chain, names)
}

function* edgesFrom(table: TableSnapshot, chain: ChainSnapshot, names: ReadonlySet<string>): Generator<GraphEdge> {
  const from = idOf(table, chain.name)
  for (const kind of ['jump', 'goto'] as const)
    for (const [name, rules] of byDestination(chain.rules, kind)) {
      const [first] = rules as [RuleSnapshot]
      if (!names.has(name))
        throw new IptcError(
          'XT_BAD_ARGUMENT',
          `table ${table.table} chain ${chain.name} rule ${first.position} jumps to chain ${shown(name)}, which does not exist`,
        )
      const positions = rules.map(({ position }) => position)
      const sum = (at: 0 | 1): bigint => rules.reduce((all, { counters }) => all + counters[at], 0n)
      yield { from, to: idOf(table, name), kind, positions, packets: sum(0), bytes: sum(1) }
    }
}

function byDestination(rules: readonly RuleSnapshot[], kind: 'jump' | 'goto'): Map<string, RuleSnapshot[]> {
  const found = new Map<string, RuleSnapshot[]>()
  for (const rule of rules) {
    const to = rule[kind]
    if (to === undefined) continue
    const others = found.get(to)
    if (others === undefined) found.set(to, [rule])
    else others.push(rule)
  }
  return found
}
