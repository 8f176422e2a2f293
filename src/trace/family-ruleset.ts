/** All tables of a family at one point in time, through which packets are traced. */
import type { FamilyName } from '../abi/family'
import { type Hook, isTableName, type TableName } from '../abi/netfilter'
import { baseChain } from '../abi/nf-tables'
import type { BackendName } from '../backend/store'
import { text as aText, check, flag } from '../check-input'
import { checkOptions } from '../check-options'
import { openTable } from '../easy/batch'
import { type EasyOptions, placeOf } from '../easy/options'
import { getTables } from '../easy/tables'
import type { Context } from '../extensions/context'
import { readParameters } from '../extensions/payload'
import { rememberedSets } from '../extensions/remembered-sets'
import { restore } from '../iptc/save-restore'
import { MemoryKernel } from '../kernel/memory/memory-kernel'
import { entryExtensions } from '../ruleset/entry-extensions'
import { type Chain, entriesOf, type Ruleset } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'
import { type CompiledRule, Compiler } from './compile'
import { Explainer } from './explain'
import type { KnownPacket } from './known-packet'
import { RuleIndex } from './rule-index'

/**
 * All tables of a family at one point in time, through which packets are traced. They are read once; later
 * changes are not seen.
 * @since 0.1.0
 * @example
 * ```ts
 * import { FamilyRuleset, MemoryKernel } from 'xtables'
 *
 * const ruleset = FamilyRuleset.parse('*filter\n:INPUT DROP\nCOMMIT\n')
 * console.log(ruleset.tables, FamilyRuleset.read({ kernel: new MemoryKernel() }).tables) // [ 'filter' ] []
 * ```
 */
export class FamilyRuleset {
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** The packet filter that the tables belong to. */
  readonly backend: BackendName
  /** @internal */
  readonly context: Context
  readonly #tables: ReadonlyMap<string, Ruleset>
  readonly #chains = new Map<string, CompiledChain>()
  readonly #compiler: Compiler
  /** @internal */
  readonly explainer: Explainer
  /** @internal Whether some rule may translate addresses or ports. */
  readonly translates: boolean

  /** @internal */
  constructor(backend: BackendName, context: Context, tables: ReadonlyMap<string, Ruleset>) {
    this.family = context.family.name
    this.backend = backend
    this.context = context
    this.#tables = tables
    this.translates = [...(tables.get('nat')?.chains.values() ?? [])].some(({ rules }) => rules.length > 0)
    this.#compiler = new Compiler(context.family)
    this.explainer = new Explainer(context, (known, bytes, at) => this.#compiler.conditions(known, bytes, at, ''))
  }

  /**
   * Reads the tables that exist, each atomically. It creates none.
   * @throws PermissionError, UnsupportedError, KernelError
   */
  static read(options: EasyOptions = {}): FamilyRuleset {
    const tables = new Map<string, Ruleset>()
    const place = placeOf(options)
    using filter = openTable('filter', place)
    const { backend } = filter
    const context = { ...filter.context, sets: rememberedSets(filter.context.sets) }
    for (const name of getTables(options)) {
      using table = openTable(name, place)
      const { ruleset } = table
      for (const entry of entriesOf(ruleset)) rememberNames(entry, context)
      tables.set(name, ruleset)
    }
    return new FamilyRuleset(backend, context, tables)
  }

  /**
   * Parses the output of iptables-save.
   * @throws RestoreError, XtablesError
   */
  static parse(text: string, options: { readonly ipv6?: boolean | undefined } = {}): FamilyRuleset {
    check('the text of tables', text, aText)
    checkOptions(options, { ipv6: flag })
    const kernel = new MemoryKernel()
    restore(text, { ...options, kernel, backend: 'legacy' })
    return FamilyRuleset.read({ ...options, kernel, backend: 'legacy' })
  }

  /** Names of the tables. */
  get tables(): string[] {
    return [...this.#tables.keys()]
  }

  /** @internal */
  table(name: string): Ruleset | undefined {
    return this.#tables.get(name)
  }

  /** @internal Undefined if there is no such chain. */
  chain(table: string, name: string): CompiledChain | undefined {
    const key = `${table} ${name}`
    const known = this.#chains.get(key)
    if (known !== undefined) return known
    const ruleset = this.#tables.get(table)
    const chain = ruleset?.chains.get(name)
    if (ruleset === undefined || chain === undefined) return undefined
    const compiled = new CompiledChain(ruleset, chain, this.#compiler)
    this.#chains.set(key, compiled)
    return compiled
  }

  /** @internal The built-in chains at a hook, in the order in which packets traverse them. */
  chainsAt(hook: Hook): CompiledChain[] {
    return this.tables
      .filter(
        (table): table is TableName => isTableName(table) && this.#tables.get(table)?.chains.get(hook)?.hook === hook,
      )
      .sort((a, b) => priority(this.backend, a, hook) - priority(this.backend, b, hook))
      .map((table) => this.chain(table, hook) as CompiledChain)
  }
}

/** Looks up the names of the ipsets that a rule refers to by index, while they can be looked up. */
function rememberNames({ bytes }: Entry, context: Context): void {
  for (const { known, at } of entryExtensions(context.family, bytes))
    if (known?.variant.isLocal) readParameters(known, bytes, at, context)
}

/** NF_IP_PRI_SECURITY, linux/netfilter_ipv4.h; iptables-nft uses another value. */
const LEGACY_SECURITY = 50

const priority = (backend: BackendName, table: TableName, hook: Hook): number =>
  backend === 'legacy' && table === 'security' ? LEGACY_SECURITY : baseChain(table, hook).priority

/** The rules of a chain as what they test and do. Each is compiled when the first packet reaches it. */
export class CompiledChain {
  readonly ruleset: Ruleset
  readonly chain: Chain
  readonly #compiler: Compiler
  readonly #rules: CompiledRule[] = []
  readonly #index: RuleIndex

  constructor(ruleset: Ruleset, chain: Chain, compiler: Compiler) {
    this.ruleset = ruleset
    this.chain = chain
    this.#compiler = compiler
    this.#index = new RuleIndex(chain.rules.length)
  }

  get length(): number {
    return this.chain.rules.length
  }

  rule(position: number): CompiledRule {
    const known = this.#rules[position]
    if (known !== undefined) return known
    const { foreign } = this.ruleset
    const { rules } = this.chain
    const isForeign = foreign?.rules.has(rules.refs[position] as never) ?? false
    const compiled = this.#compiler.compile(rules.at(position) as never, isForeign)
    this.#rules[position] = compiled
    this.#index.add(position, compiled.questions)
    return compiled
  }

  /**
   * The position of the first rule from `position` on that may match the packet, or the number of rules. The
   * rules in between certainly do not match.
   */
  candidate(position: number, packet: KnownPacket): number {
    return this.#index.candidate(position, packet)
  }
}
