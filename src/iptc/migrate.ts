/** From one of the kernel's packet filters to the other: rules, chains, policies, and what they have counted. */
import { FAMILIES, type FamilyName } from '../abi/family'
import { isTableName } from '../abi/netfilter'
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
 * From where to where {@link migrate} moves tables, and how.
 * @since 0.1.0
 */
export interface MigrateOptions {
  /** The packet filter that holds the tables. */
  readonly from: BackendName
  /** The packet filter that is to hold them. */
  readonly to: BackendName
  /** One family; both unless said. */
  readonly family?: FamilyName | undefined
  /** These tables only; all that hold something unless said. */
  readonly tables?: readonly string[] | undefined
  /** Take out what the other side holds, where it holds anything. Without it, that is refused. */
  readonly replace?: boolean | undefined
  /** Take out the rules of the first side once those of the other stand. */
  readonly clear?: boolean | undefined
  /** Plan, and write nothing. */
  readonly dryRun?: boolean | undefined
  /** Network namespace: a name of `ip netns`, a path, a process id, or an open one. The process's own unless said. */
  readonly namespace?: string | number | NetworkNamespace | undefined
  /** Another packet filter than that of Linux, such as a {@link MemoryKernel}. */
  readonly kernel?: Kernel | undefined
  /** How long to wait for the xtables lock, in milliseconds; 60,000 unless said. */
  readonly lockTimeoutMs?: number | undefined
}

/**
 * What is to become of a table, or has become of it.
 * @since 0.1.0
 */
export interface TableMove {
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** As in `filter`. */
  readonly table: string
  /** How many rules it has. */
  readonly rules: number
  /** How many chains it has that are not built in. */
  readonly chains: number
  /** How many rules and chains of its own the other side holds, which go. */
  readonly replaces: {
    /** How many rules. */
    readonly rules: number
    /** How many chains that are not built in. */
    readonly chains: number
  }
  /** Why it cannot be moved, each in words; none where it can be. */
  readonly obstacles: readonly string[]
  /** Whether the other side holds it now. */
  readonly isWritten: boolean
  /** Whether its rules were taken out of the first side. */
  readonly isCleared: boolean
}

/**
 * What {@link migrate} has done, or would do.
 * @since 0.1.0
 */
export interface MigrationPlan {
  /** The packet filter that holds the tables, or held them. */
  readonly from: BackendName
  /** The packet filter that they are moved to. */
  readonly to: BackendName
  /** One for each table that holds something. */
  readonly tables: readonly TableMove[]
}

/**
 * Something stands in the way of {@link migrate}, and nothing has been cleared. What has been written by then, the plan says.
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
  /** What was to be done, and what has been written of it. */
  readonly plan: MigrationPlan

  /** Made by the library. */
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
 * Moves the tables of iptables from one of the kernel's packet filters to the other, with the counters of rules and
 * policies. Each table is written at once or not at all, and read again and compared; nothing is cleared before all stand.
 * A table in which there is nothing is not moved.
 * @returns what has been done, or with `dryRun` what would be
 * @throws {@link MigrationError} where a table cannot be moved, or the other side holds rules already
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
  if (from === to) throw new IptcError('XT_BAD_OPTION', `from ${from} to ${to} there is nothing to move`)
  if (kernel !== undefined && namespace !== undefined)
    throw new IptcError(
      'XT_BAD_OPTION',
      'the option kernel brings its own namespace, and excludes the option namespace',
    )
  const place = kernel ?? new LinuxKernel({ namespace })
  const families = family === undefined ? (Object.keys(FAMILIES) as FamilyName[]) : [family]
  const open = { kernel: place, lockTimeoutMs }
  const all = families.flatMap((name) =>
    namesOf(from, place, name, tables).map((table) => new Move(name, table, { from, to }, open)),
  )
  try {
    // In the place of what the other side holds, nothing is not put.
    const moves = all.filter((move) => move.holdsAny)
    return carryOut(moves, options)
  } finally {
    for (const move of all) move.close()
  }
}

/** Tables that are there, of those that are asked for. */
function namesOf(
  from: BackendName,
  kernel: Kernel,
  family: FamilyName,
  asked: readonly string[] | undefined,
): readonly string[] {
  const unknown = asked?.find((name) => !isTableName(name))
  if (unknown !== undefined) throw new IptcError('XT_BAD_OPTION', `iptables has no table ${unknown}`)
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

/** A table without what it has counted, which goes on while one looks. */
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

/** One table on its way. */
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

  /** Finds out what there is, and what stands in the way. */
  examine(): void {
    const { family, table } = this.#state
    // Of ip_tables, to look at a table makes it.
    const isThere = tableNames(this.#to.backend, this.#kernel, family).includes(table)
    const replaces = isThere ? countOf(this.#to.ruleset) : NOTHING
    this.#state = { ...this.#state, ...countOf(this.#from.ruleset), replaces, obstacles: this.#obstacles() }
  }

  #obstacles(): string[] {
    const foreign = [this.#from, this.#to].flatMap((table) =>
      table.incompatible.map((what) => `the table of ${table.backend} has ${what}, which is none of iptables`),
    )
    if (foreign.length > 0) return foreign
    try {
      // What the kernel does not tell in full would come out another.
      checkFaithful(() => true, this.#from.ruleset, [])
      this.#to.rehearse((draft) => this.#restore(draft))
      return []
    } catch (error) {
      if (!(error instanceof IptcError)) throw error
      return [error.message]
    }
  }

  /** Makes the rules anew: those of one side are nothing that the other could take. */
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

  /** @throws IptcError where the other side holds something and that is not to go */
  checkFree(there: TableMove['replaces'], replace: boolean): void {
    if (isSome(there) && !replace)
      throw new IptcError(
        'XT_MIGRATION_BLOCKED',
        `the table of ${this.#to.backend} holds ${there.rules} rules and ${there.chains} chains already, which the option replace takes out`,
      )
  }

  write(replace: boolean): void {
    this.#from.refresh()
    this.#to.edit((draft) => {
      // Somebody may have come since it was looked at.
      this.checkFree(countOf(draft), replace)
      return this.#restore(draft)
    })
    this.#to.refresh()
    this.#state = { ...this.#state, isWritten: true }
    if (structureOf(this.#to) !== structureOf(this.#from))
      throw new IptcError(
        'XT_MIGRATION_FAILED',
        `what has been written to ${this.#to.backend} reads otherwise than what was to be moved`,
      )
  }

  /** Takes out what has been moved, unless it is another by now. */
  clear(): void {
    const moved = structureOf(this.#to)
    this.#from.transaction((table) => {
      if (structureOf(table) !== moved)
        throw new IptcError(
          'XT_MIGRATION_FAILED',
          `the table of ${table.backend} has been changed since it was moved, and is left as it is`,
        )
      table.flush()
      for (const chain of table.chains) table.setPolicy(chain, 'ACCEPT', [0, 0])
    })
    this.#state = { ...this.#state, isCleared: true }
  }
}
