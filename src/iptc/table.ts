/** Tables and their chains. */
import { IPV4, IPV6 } from '../abi/family'
import { TABLES, type TableName } from '../abi/netfilter'
import { check, checkNone, text } from '../check-input'
import { IptcError } from '../errors'
import { checkClearable, orderedChains } from '../ruleset/ruleset'
import { Chain } from './chain'
import {
  changeChain,
  changeChains,
  createChain,
  deleteChain,
  emptied,
  getPolicy,
  isBuiltin,
  renameChain,
  setPolicy,
  zeroedChain,
} from './chain-edits'
import type { CountersInput } from './counters'
import type { Policy, PolicyName } from './policy'
import type { Rule, Rule6 } from './rule'
import { TableHandle, type TableOptions } from './table-handle'
import type { TableEvent, WatchOptions } from './watch'

/** What {@link Table} and {@link Table6} have in common. */
export abstract class AnyTable extends TableHandle {
  static readonly FILTER = 'filter'
  static readonly NAT = 'nat'
  static readonly MANGLE = 'mangle'
  static readonly RAW = 'raw'
  static readonly SECURITY = 'security'
  static readonly ALL: readonly TableName[] = Object.keys(TABLES) as TableName[]

  /** @internal */
  static override readonly instead = {
    chains: 'createChain, deleteChain or renameChain',
  }

  /** Built-in chains in the order of their hooks, then the others by name. */
  get chains(): readonly Chain<this>[] {
    return orderedChains(this.ruleset).map(({ name }) => new Chain(this, name))
  }

  /** @throws IptcError for a Chain of another table or family; so does all below that takes a Chain */
  isChain(chain: string | Chain): boolean {
    return this.ruleset.chains.has(nameIn(this, chain))
  }

  /** Whether there is a chain of this name and the kernel itself calls it. */
  builtinChain(chain: string | Chain): boolean {
    return isBuiltin(this, nameIn(this, chain))
  }

  /** @throws RuleError where there is such a chain already; XtablesError for a name that no chain can have */
  createChain(chain: string | Chain): Chain<this> {
    const name = nameIn(this, chain)
    createChain(this, name)
    return new Chain(this, name)
  }

  /** @throws RuleError for a built-in chain, one with rules in it, or one that rules go to */
  deleteChain(chain: string | Chain): void {
    deleteChain(this, nameIn(this, chain))
  }

  /** Rules that go to the chain follow it. @throws RuleError for a built-in chain, or a name that is taken */
  renameChain(chain: string | Chain, newName: string): void {
    renameChain(this, nameIn(this, chain), newName)
  }

  /** Takes out all rules, then all chains that are not built in. */
  flush(): void
  flush(...none: unknown[]): void {
    checkNone('flush of a table', none, 'flushEntries takes a chain')
    this.edit((draft) => {
      checkClearable(draft)
      for (const { name, hook } of draft.chains.values()) if (hook === undefined) draft.chains.delete(name)
      changeChains(draft, emptied)
    })
  }

  /** Takes out the rules of one chain, or of all. */
  flushEntries(): void
  flushEntries(chain: string | Chain): void
  flushEntries(...chain: [] | [chain: string | Chain]): void {
    this.#change(chain, emptied)
  }

  /** Sets the counters of one chain's rules and of its policy to zero, or those of all. */
  zeroEntries(): void
  zeroEntries(chain: string | Chain): void
  zeroEntries(...chain: [] | [chain: string | Chain]): void {
    this.#change(chain, zeroedChain)
  }

  /** Changes one chain, or all where none is given; one that is given and undefined is not all. */
  #change(chain: readonly (string | Chain)[], change: typeof emptied): void {
    const [name] = chain.map((one) => nameIn(this, one))
    if (name !== undefined) changeChain(this, name, change)
    else
      this.edit((draft) => {
        if (change === emptied) checkClearable(draft)
        changeChains(draft, change)
      })
  }

  /** @throws NotFoundError; RuleError for a chain that is not built in, which has no policy */
  getPolicy(chain: string | Chain): Policy {
    return getPolicy(this, nameIn(this, chain))
  }

  /** @param counters packets and bytes that the policy begins with; what it had stays where none are given. */
  setPolicy(chain: string | Chain, policy: Policy | PolicyName, counters?: CountersInput): void {
    setPolicy(this, nameIn(this, chain), policy, counters)
  }
}

/** The name of a chain in `table`. Whoever hands over a Chain of another table mistakes one for the other. */
function nameIn(table: AnyTable, chain: string | Chain): string {
  if (chain instanceof Chain) {
    if (!isSameTable(table, chain.table))
      throw new IptcError(
        `${chain.name} is a chain of ${titleOf(chain.table)}, not of ${titleOf(table)}; to mean the chain of that name here, give the name`,
      )
    return chain.name
  }
  check('a chain', chain, { ...text, expected: 'a Chain or its name' })
  return chain
}

/** Whether they are one table by name and family: handles of it there may be many, in as many namespaces. */
const isSameTable = (one: TableHandle, other: TableHandle): boolean =>
  one.name === other.name && one.context.family === other.context.family

const titleOf = ({ name, context }: TableHandle): string => `table ${name} of ${context.family.name}`

/** A table of IPv4: `filter`, `nat`, `mangle`, `raw` or `security`. */
export class Table extends AnyTable {
  constructor(name: string, options: TableOptions = {}) {
    super(IPV4, name, options)
  }

  override watch(options: WatchOptions = {}): AsyncGenerator<TableEvent<Rule>, void, void> {
    return super.watch(options) as AsyncGenerator<TableEvent<Rule>, void, void>
  }
}

/** A table of IPv6. */
export class Table6 extends AnyTable {
  constructor(name: string, options: TableOptions = {}) {
    super(IPV6, name, options)
  }

  override watch(options: WatchOptions = {}): AsyncGenerator<TableEvent<Rule6>, void, void> {
    return super.watch(options) as AsyncGenerator<TableEvent<Rule6>, void, void>
  }
}
