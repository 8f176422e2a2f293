/** Tables as plain data: chains, policies, rules as text, and counters. */
import type { FamilyName } from '../abi/family'
import { isTableName, TABLES } from '../abi/netfilter'
import type { BackendName } from '../backend/store'
import { flag, names } from '../check-input'
import { checkOptions } from '../check-options'
import { openTable, type Place } from '../easy/batch'
import { getTables } from '../easy/tables'
import { NotFoundError } from '../errors'
import type { Context } from '../extensions/context'
import type { AnyTable } from '../iptc/table'
import { PLACE_OPTIONS } from '../iptc/table-handle'
import { entryPrinter } from '../language/print-entry'
import { type Counters, isGoto } from '../ruleset/entry'
import { describeRule, isOpaque } from '../ruleset/rule'
import { type Chain, countersOf, jumpOf, orderedChains, policyOf, type Ruleset } from '../ruleset/ruleset'
import type { Entry, Ref } from '../ruleset/table-entry'
import { atOnce, inSlices, type Sliced } from '../time-slices'

/**
 * A rule as it was read.
 * @since 0.1.0
 */
export interface RuleSnapshot {
  /** Its position in the chain, from 1. */
  readonly position: number
  /** The rule in iptables syntax, without the chain: `-p tcp -m tcp --dport 22 -j ACCEPT`. */
  readonly rule: string
  /** Packets and bytes. */
  readonly counters: Counters
  /** The chain that it jumps to (`-j`), which returns. */
  readonly jump?: string
  /** The chain that it goes to (`-g`), which does not return. */
  readonly goto?: string
  /** The text of `-m comment`; several are joined with blanks. */
  readonly comment?: string
  /** The rule's handle in nf_tables, which is unique in the table and never reused. */
  readonly handle?: number
  /** The rule has no form in iptables: `rule` shows its expressions, which include its counters. */
  readonly isIncompatible?: true
}

/**
 * A chain as it was read.
 * @since 0.1.0
 */
export interface ChainSnapshot {
  /** The name of the chain. */
  readonly name: string
  /** Only of a built-in chain. */
  readonly policy?: string
  /** Packets and bytes that the policy applied to. */
  readonly counters?: Counters
  /** All of its rules, in order. */
  readonly rules: readonly RuleSnapshot[]
}

/**
 * A table at one point in time.
 * @since 0.1.0
 */
export interface TableSnapshot {
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** As in `filter`. */
  readonly table: string
  /** The packet filter that contains it. */
  readonly backend: BackendName
  /** When it was read, in milliseconds since 1970. Within a process, this clock never goes backwards. */
  readonly time: number
  /** The table's handle in nf_tables, as digits. A table that is created again under the same name has another. */
  readonly handle?: string
  /** Built-in chains in the order of their hooks, then the others in order. */
  readonly chains: readonly ChainSnapshot[]
  /** Descriptions of what the nf_tables table contains that iptables cannot express. */
  readonly incompatible: readonly string[]
}

/**
 * Options of {@link snapshot}.
 * @since 0.1.0
 */
export interface SnapshotOptions extends Place {
  /** Only these tables; one that does not exist yet is left out. Default: all that exist. */
  readonly tables?: readonly string[] | undefined
}

const OPTIONS = { ipv6: flag, ...PLACE_OPTIONS, tables: names }

/**
 * Reads the existing tables of one family, each at one moment. It takes no lock and creates no table.
 * @throws {@link NotFoundError} for a name that no table can have
 * @throws {@link PermissionError}, {@link UnsupportedError}; {@link IptcError} for an unknown or invalid option
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, restore, snapshot } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * restore('*filter\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n', { kernel })
 * const [filter] = snapshot({ kernel, tables: ['filter'] })
 * console.log(filter?.chains[0]?.rules[0]?.rule) // -p tcp -m tcp --dport 22 -j ACCEPT
 * ```
 */
export const snapshot = (options: SnapshotOptions = {}): TableSnapshot[] =>
  namesIn(options).map((name) => {
    using table = openTable(name, placeOf(options))
    return atOnce(snapshotOf(table))
  })

/**
 * As {@link snapshot}, with the large system calls off the main thread, and the other work in short slices.
 * @throws {@link NotFoundError}, {@link PermissionError}, {@link UnsupportedError}, {@link IptcError}
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, snapshotAsync } from 'xtables'
 *
 * console.log(await snapshotAsync({ kernel: new MemoryKernel() })) // []
 * ```
 */
export async function snapshotAsync(options: SnapshotOptions = {}): Promise<TableSnapshot[]> {
  const snapshots: TableSnapshot[] = []
  for (const name of namesIn(options)) {
    using table = openTable(name, placeOf(options))
    await table.refreshAsync()
    snapshots.push(await inSlices(snapshotOf(table)))
  }
  return snapshots
}

const placeOf = ({ tables: _, ...place }: SnapshotOptions): Place => place

function namesIn(options: SnapshotOptions): string[] {
  checkOptions(options, OPTIONS)
  const stray = options.tables?.find((name) => !isTableName(name))
  if (stray !== undefined)
    throw new NotFoundError(
      'XT_NO_TABLE',
      `there is no table ${JSON.stringify(stray)}; the tables are ${Object.keys(TABLES).join(', ')}`,
    )
  return getTables(placeOf(options)).filter((name) => options.tables?.includes(name) ?? true)
}

function* snapshotOf(table: AnyTable): Sliced<TableSnapshot> {
  const { ruleset, context, name, backend } = table
  const time = performance.timeOrigin + performance.now()
  const view = new View(ruleset, context)
  const chains: ChainSnapshot[] = []
  for (const chain of orderedChains(ruleset)) chains.push(yield* view.chain(chain))
  const handle = ruleset.handles?.table
  return {
    ...{ family: context.family.name, table: name, backend, time },
    ...(handle !== undefined && { handle: String(handle) }),
    chains,
    incompatible: table.incompatible,
  }
}

/** How many rules are processed in a slice. */
const SLICE = 256

class View {
  readonly #ruleset: Ruleset
  readonly #context: Context
  readonly #printer: ReturnType<typeof entryPrinter>

  constructor(ruleset: Ruleset, context: Context) {
    this.#ruleset = ruleset
    this.#context = context
    this.#printer = entryPrinter(ruleset.image, context)
  }

  *chain(chain: Chain): Sliced<ChainSnapshot> {
    const { family } = this.#context
    const policy = policyOf(family, chain)
    const rules: RuleSnapshot[] = []
    for (const [index, ref] of chain.rules.refs.entries()) {
      rules.push(this.#rule(ref, chain.rules.at(index) as Entry, index + 1))
      if (rules.length % SLICE === 0) yield
    }
    return {
      name: chain.name,
      ...(policy !== undefined && { policy, counters: countersOf(family, chain.tail as Entry) }),
      rules,
    }
  }

  #rule(ref: Ref, entry: Entry, position: number): RuleSnapshot {
    const { family } = this.#context
    const rule = this.#printer.make(ref)
    const to = jumpOf(this.#ruleset, ref)
    const handle = typeof ref === 'number' ? this.#ruleset.handles?.rules[ref] : undefined
    return {
      ...{ position, rule, counters: countersOf(family, entry) },
      ...(to && (isGoto(family, entry.bytes) ? { goto: to } : { jump: to })),
      ...this.#comment(rule, entry),
      ...(handle !== undefined && { handle }),
      ...(this.#ruleset.foreign?.rules.has(ref) && { isIncompatible: true as const }),
    }
  }

  /** Most rules can be seen to have no comment from their text. */
  #comment(rule: string, entry: Entry): Pick<RuleSnapshot, 'comment'> {
    if (!rule.includes('-m comment ')) return {}
    const words = describeRule(entry, this.#context).matches.flatMap((part) =>
      part.name === 'comment' && !isOpaque(part) ? part.parameters.flatMap((parameter) => parameter.words) : [],
    )
    return words.length === 0 ? {} : { comment: words.join(' ') }
  }
}
