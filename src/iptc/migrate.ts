/** Migration between ip_tables and nf_tables: moves rules, chains, policies and counters. */
import { FAMILIES, type FamilyName } from '../abi/family'
import { isTableName, TABLES } from '../abi/netfilter'
import { checkFaithful } from '../backend/check-lossless'
import { aBackend, tableNames } from '../backend/open'
import type { BackendName } from '../backend/store'
import { check, duration, flag, names } from '../check-input'
import { checkOptions } from '../check-options'
import type { CodeOf } from '../error-codes'
import { IptcError } from '../errors'
import { aKernel, type Kernel } from '../kernel/kernel'
import { LinuxKernel } from '../kernel/linux/linux-kernel'
import { aNamespace, type NetworkNamespace } from '../kernel/linux/namespace'
import { RestoreText } from '../language/restore'
import { tableText } from '../language/save'
import { type Draft, holdsAny, type Ruleset } from '../ruleset/ruleset'
import { type AnyTable, Table, Table6 } from './table'
import type { TableOptions } from './table-handle'

type Sides = Pick<MigrateOptions, 'from' | 'to'>
type Place = { readonly kernel: Kernel; readonly lockTimeoutMs: number | undefined }

/**
 * The source and destination of {@link migrate}, and its options.
 * @since 0.1.0
 */
export interface MigrateOptions {
  /** The backend that holds the tables now. */
  readonly from: BackendName
  /** The backend to move them to. */
  readonly to: BackendName
  /** Only this family; by default both. */
  readonly family?: FamilyName | undefined
  /** Only these tables; by default all that hold anything. */
  readonly tables?: readonly string[] | undefined
  /** Overwrite what the destination holds. Without it, a destination that holds anything is an error. */
  readonly replace?: boolean | undefined
  /** Clear the source once all tables are written to the destination. */
  readonly clear?: boolean | undefined
  /** Make the plan without writing anything. */
  readonly dryRun?: boolean | undefined
  /**
   * Network namespace: a name as in `ip netns`, a path, a process id, or an open one. Defaults to that of the process.
   */
  readonly namespace?: string | number | NetworkNamespace | undefined
  /** A kernel other than Linux, such as a {@link MemoryKernel}. */
  readonly kernel?: Kernel | undefined
  /** How long to wait for the xtables lock, in milliseconds. Defaults to 60,000. */
  readonly lockTimeoutMs?: number | undefined
}

/**
 * One table of a {@link MigrationPlan}.
 * @since 0.1.0
 */
export interface TableMove {
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** Name of the table, such as `filter`. */
  readonly table: string
  /** Number of rules in the table. */
  readonly rules: number
  /** Number of user-defined chains in the table. */
  readonly chains: number
  /** What the destination holds and would lose. */
  readonly replaces: {
    /** Number of rules. */
    readonly rules: number
    /** Number of user-defined chains. */
    readonly chains: number
  }
  /** Reasons why the table cannot be moved; empty if it can. */
  readonly obstacles: readonly string[]
  /** Whether the table has been written to the destination. */
  readonly isWritten: boolean
  /** Whether the table has been cleared at the source. */
  readonly isCleared: boolean
}

/**
 * What {@link migrate} has done, or would do with `dryRun`.
 * @since 0.1.0
 */
export interface MigrationPlan {
  /** The source backend. */
  readonly from: BackendName
  /** The destination backend. */
  readonly to: BackendName
  /** One element per table that holds anything. */
  readonly tables: readonly TableMove[]
}

/**
 * {@link migrate} failed, and nothing has been cleared. The plan says what has been written.
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, MigrationError, migrate, Table } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * new Table('filter', { kernel, backend: 'legacy' }).createChain('web')
 * new Table('filter', { kernel, backend: 'nft' }).createChain('other')
 * try {
 *   migrate({ from: 'legacy', to: 'nft', kernel })
 * } catch (error) {
 *   if (error instanceof MigrationError) console.log(error.plan.tables[0]?.isWritten) // false
 * }
 * ```
 */
export class MigrationError extends IptcError {
  declare readonly code: CodeOf<'MigrationError'>
  /** What was to be done, and how much of it has been written. */
  readonly plan: MigrationPlan

  /** Thrown by the library only. */
  constructor(code: CodeOf<'MigrationError'>, message: string, plan: MigrationPlan, options?: ErrorOptions) {
    super(code, message, options)
    this.plan = plan
  }
}

const A_FAMILY = { accepts: (value: unknown) => Object.hasOwn(FAMILIES, String(value)), expected: 'ipv4 or ipv6' }
const OPTIONS = {
  ...{ from: aBackend, to: aBackend, family: A_FAMILY, tables: names, replace: flag, clear: flag, dryRun: flag },
  ...{ namespace: aNamespace, kernel: aKernel, lockTimeoutMs: duration },
}

/**
 * Moves the iptables tables from one kernel backend to the other, including the counters of rules and policies. Each
 * table is written atomically, then read back and compared. The source is cleared only after all tables have been
 * written. Empty tables are not moved.
 * @returns what has been done, or with `dryRun` what would be done
 * @throws {@link MigrationError} if a table cannot be moved, or the destination already holds rules
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, migrate, Rule, Chain, Table } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const table = new Table('filter', { kernel, backend: 'legacy' })
 * new Chain(table, 'INPUT').appendRule(Rule.parse('-i lo -j ACCEPT'))
 * const { tables } = migrate({ from: 'legacy', to: 'nft', family: 'ipv4', kernel })
 * console.log(tables.map(({ table, rules }) => `${table} ${rules}`)) // [ 'filter 1' ]
 * ```
 */
export function migrate(options: MigrateOptions): MigrationPlan {
  checkOptions(options, OPTIONS)
  const { from, to, family, kernel, namespace, tables, lockTimeoutMs } = options
  check('the option from', from, aBackend)
  check('the option to', to, aBackend)
  if (from === to)
    throw new IptcError(
      'XT_BAD_OPTION',
      `the options from and to are both ${from}; they must name different backends: legacy and nft`,
    )
  if (kernel !== undefined && namespace !== undefined)
    throw new IptcError(
      'XT_BAD_OPTION',
      'the options kernel and namespace exclude each other: a kernel has its own namespace; give one of them',
    )
  const place = kernel ?? new LinuxKernel({ namespace })
  const families = family === undefined ? (Object.keys(FAMILIES) as FamilyName[]) : [family]
  const open = { kernel: place, lockTimeoutMs }
  const all = families.flatMap((name) =>
    namesOf(from, place, name, tables).map((table) => new Move(name, table, { from, to }, open)),
  )
  try {
    // An empty table must not overwrite what the destination holds.
    const moves = all.filter((move) => move.holdsAny)
    return carryOut(moves, options)
  } finally {
    for (const move of all) move.close()
  }
}

/** The requested tables that exist. */
function namesOf(
  from: BackendName,
  kernel: Kernel,
  family: FamilyName,
  asked: readonly string[] | undefined,
): readonly string[] {
  const unknown = asked?.find((name) => !isTableName(name))
  if (unknown !== undefined)
    throw new IptcError(
      'XT_BAD_OPTION',
      `the option tables: iptables has no table ${unknown}; accepted: ${Object.keys(TABLES).join(', ')}`,
    )
  const there = tableNames(from, kernel, family)
  return asked === undefined ? there : there.filter((name) => asked.includes(name))
}

function carryOut(moves: readonly Move[], options: MigrateOptions): MigrationPlan {
  const { from, to, dryRun = false, clear = false, replace = false } = options
  const plan = (): MigrationPlan => ({ from, to, tables: moves.map((move) => move.state) })
  const forEach = (step: (move: Move) => void): void => {
    for (const move of moves)
      try {
        step(move)
      } catch (cause) {
        if (!(cause instanceof IptcError)) throw cause
        const code = cause.code === 'XT_MIGRATION_BLOCKED' ? cause.code : 'XT_MIGRATION_FAILED'
        throw new MigrationError(code, `${move.name}: ${cause.message}`, plan(), { cause })
      }
  }
  for (const move of moves) move.examine()
  if (dryRun) return plan()
  for (const move of moves) {
    const [obstacle] = move.state.obstacles
    if (obstacle !== undefined) throw new MigrationError('XT_MIGRATION_BLOCKED', `${move.name}: ${obstacle}`, plan())
  }
  forEach((move) => move.checkFree(move.state.replaces, replace))
  forEach((move) => move.write(replace))
  if (clear) forEach((move) => move.clear())
  return plan()
}

const openTable = (family: FamilyName, name: string, options: TableOptions): AnyTable =>
  family === 'ipv4' ? new Table(name, options) : new Table6(name, options)

/** A table without its counters, which change all the time. */
const structureOf = ({ ruleset, context }: AnyTable): string =>
  tableText(ruleset, context, { counters: false }).replace(/^(:\S+ \S+) \[\d+:\d+\]$/gm, '$1')

const countOf = ({ chains }: Ruleset | Draft) => {
  const all = [...chains.values()]
  return {
    rules: all.reduce((sum, { rules }) => sum + rules.length, 0),
    chains: all.filter(({ hook }) => hook === undefined).length,
  }
}

const NOTHING = { rules: 0, chains: 0 }
const isSome = ({ rules, chains }: TableMove['replaces']): boolean => rules + chains > 0

/** The migration of one table. */
class Move {
  readonly name: string
  readonly #kernel: Kernel
  readonly #from: AnyTable
  readonly #to: AnyTable
  #state: TableMove

  constructor(family: FamilyName, table: string, { from, to }: Sides, open: Place) {
    this.name = `${family} table ${table}`
    this.#kernel = open.kernel
    this.#from = openTable(family, table, { ...open, backend: from })
    this.#to = openTable(family, table, { ...open, backend: to })
    const done = { isWritten: false, isCleared: false }
    this.#state = { family, table, ...NOTHING, replaces: NOTHING, obstacles: [], ...done }
  }

  close(): void {
    this.#from.close()
    this.#to.close()
  }

  get holdsAny(): boolean {
    return holdsAny(this.#from.ruleset)
  }

  get state(): TableMove {
    return this.#state
  }

  /** Reads both sides, and collects obstacles. */
  examine(): void {
    const { family, table } = this.#state
    // With ip_tables, reading a table creates it.
    const isThere = tableNames(this.#to.backend, this.#kernel, family).includes(table)
    const replaces = isThere ? countOf(this.#to.ruleset) : NOTHING
    this.#state = { ...this.#state, ...countOf(this.#from.ruleset), replaces, obstacles: this.#obstacles() }
  }

  #obstacles(): string[] {
    const foreign = [this.#from, this.#to].flatMap((table) =>
      table.incompatible.map((what) => `the table of ${table.backend} has ${what}, which iptables cannot express`),
    )
    if (foreign.length > 0) return foreign
    try {
      // Rules that the kernel does not hand out completely would be changed by the move.
      checkFaithful(() => true, this.#from.ruleset, [])
      this.#to.rehearse((draft) => this.#restore(draft))
      return []
    } catch (error) {
      if (!(error instanceof IptcError)) throw error
      return [error.message]
    }
  }

  /** Rebuilds the rules: the encoded rules of one backend are of no use to the other. */
  #restore(draft: Draft): boolean {
    const text = tableText(this.#from.ruleset, this.#from.context, { counters: true })
    const options = { counters: true, noflush: false, tables: undefined, verbose: false, describe: () => '' }
    const source = new RestoreText(text, options)
    source.nextTable()
    try {
      return source.apply(draft, this.#to.context)
    } catch (error) {
      throw source.explain(error, draft)
    }
  }

  /** @throws IptcError if the destination holds anything and `replace` is false */
  checkFree(there: TableMove['replaces'], replace: boolean): void {
    if (isSome(there) && !replace)
      throw new IptcError(
        'XT_MIGRATION_BLOCKED',
        `the table of ${this.#to.backend} is not empty (rules: ${there.rules}, chains: ${there.chains}); the option replace overwrites it`,
      )
  }

  write(replace: boolean): void {
    this.#from.refresh()
    this.#to.edit((draft) => {
      // The destination may have changed since it was examined.
      this.checkFree(countOf(draft), replace)
      return this.#restore(draft)
    })
    this.#to.refresh()
    this.#state = { ...this.#state, isWritten: true }
    if (structureOf(this.#to) !== structureOf(this.#from))
      throw new IptcError(
        'XT_MIGRATION_FAILED',
        `the table written to ${this.#to.backend} does not read back as it was in ${this.#from.backend}; nothing has been cleared`,
      )
  }

  /** Clears the source table, unless it has changed meanwhile. */
  clear(): void {
    const moved = structureOf(this.#to)
    this.#from.transaction((table) => {
      if (structureOf(table) !== moved)
        throw new IptcError(
          'XT_MIGRATION_FAILED',
          `another program has changed the table of ${table.backend} since it was moved; it has not been cleared`,
        )
      table.flush()
      for (const chain of table.chains) table.setPolicy(chain, 'ACCEPT', [0, 0])
    })
    this.#state = { ...this.#state, isCleared: true }
  }
}
