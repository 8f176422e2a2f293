/** All tables of a family as they were at one time: what packets are traced through. */
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

/** Its tables are not read again: what is changed later is not seen in it. */
export class FamilyRuleset {
  readonly family: FamilyName
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
   * Reads the tables that exist, each as of one moment; asking makes none.
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
   * The tables of a text as iptables-save prints it.
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

  /** @internal Undefined where there is no such chain. */
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

  /** @internal The built-in chains at a hook, in the order in which packets meet them. */
  chainsAt(hook: Hook): CompiledChain[] {
    return this.tables
      .filter(
        (table): table is TableName => isTableName(table) && this.#tables.get(table)?.chains.get(hook)?.hook === hook,
      )
      .sort((a, b) => priority(this.backend, a, hook) - priority(this.backend, b, hook))
      .map((table) => this.chain(table, hook) as CompiledChain)
  }
}

/** Asks what the ipsets are called that a rule names by numbers, as long as somebody can say it. */
function rememberNames({ bytes }: Entry, context: Context): void {
  for (const { known, at } of entryExtensions(context.family, bytes))
    if (known?.variant.isLocal) readParameters(known, bytes, at, context)
}

/** NF_IP_PRI_SECURITY, linux/netfilter_ipv4.h; that of iptables-nft is another one. */
const LEGACY_SECURITY = 50

const priority = (backend: BackendName, table: TableName, hook: Hook): number =>
  backend === 'legacy' && table === 'security' ? LEGACY_SECURITY : baseChain(table, hook).priority

/** The rules of a chain as what they ask and do, each compiled when a packet comes to it first. */
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

  /** The position of the first rule from `position` on that a packet may meet, or the length. Rules in between surely fail. */
  candidate(position: number, packet: KnownPacket): number {
    return this.#index.candidate(position, packet)
  }
}
