/** Brings tables to their desired state with the fewest changes, leaving chains of others alone. */

import { check, flag, instance, object } from '../check-input'
import { checkOptions } from '../check-options'
import { openTable, type Place } from '../easy/batch'
import type { Context, SetNames } from '../extensions/context'
import { rememberedSets } from '../extensions/remembered-sets'
import type { Edit } from '../iptc/session'
import type { AnyTable } from '../iptc/table'
import { PLACE_OPTIONS } from '../iptc/table-handle'
import { describeChange } from './describe'
import { type Desired, type Wanted, wantedOf } from './desired'
import { JumpPlaces, type SaidPlaces } from './jump-places'
import { OWNERSHIP, type Ownership } from './ownership'
import { applyAll, applyAllAsync, Plan, type TableEdit } from './plan'
import type { TablePlan } from './plan-data'
import { type ChainChange, changeTable } from './table-changes'

/**
 * The options of {@link reconcile}.
 * @since 0.1.0
 */
export interface ReconcileOptions extends Place {
  /** Which chains of the tables you own. */
  readonly owns: Ownership
  /**
   * Where the jumps to your chains stand in chains of others, by the names of the latter; by default before all other
   * rules.
   */
  readonly jumps?: SaidPlaces | undefined
  /** Apply the plan at once, in the transaction that it is made in; off by default. */
  readonly apply?: boolean | undefined
}

export interface ReconcileAsyncOptions extends ReconcileOptions {
  /** Aborts the wait for the lock, and any read or write that has not started. */
  readonly signal?: AbortSignal | undefined
}

const OPTIONS = { ipv6: flag, ...PLACE_OPTIONS, owns: OWNERSHIP, jumps: object, apply: flag }
const ASYNC_OPTIONS = { ...OPTIONS, signal: instance(AbortSignal, 'an AbortSignal') }

/**
 * Computes the plan that brings your chains to the desired state. Equal rules stay, with their counters, and as few as
 * possible move. Nothing else is changed. Your chains that are not desired are deleted, with the jumps to them from
 * built-in chains. If the kernel can check the result without writing it, it is asked to.
 * @returns the plan, which has been applied if `apply` is set
 * @throws {@link XtablesError} for an invalid rule
 * @throws {@link RuleError}, {@link NotFoundError} for a state that cannot be reached
 * @throws {@link ConflictError}, {@link LockTimeoutError}, {@link PermissionError}, {@link UnsupportedError};
 *   {@link IptcError} for an unknown option
 * @since 0.1.0
 * @example
 * ```ts
 * import { easy, MemoryKernel, reconcile } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const desired = { filter: { INPUT: ['-j web-in'], 'web-in': ['-p tcp --dport 443 -j ACCEPT'] } }
 * const plan = reconcile(desired, { owns: { prefix: 'web-' }, kernel })
 * plan.apply()
 * console.log(easy.hasChain('filter', 'web-in', { kernel })) // true
 * console.log(reconcile(desired, { owns: { prefix: 'web-' }, kernel }).isEmpty) // true
 * ```
 */
export function reconcile(desired: Desired, options: ReconcileOptions): Plan {
  checkOptions(options, OPTIONS)
  const { owns, jumps, apply = false, ...place } = options
  const all = reconciledTables(desired, owns, jumps)
  if (apply) applyAll(place, all.map(editOf))
  else
    for (const one of all) {
      using table = openTable(one.name, place)
      table.rehearse(one.edit(table))
    }
  return planOf(all, place)
}

/**
 * As {@link reconcile}, with the large system calls and the waits for the lock off the main thread. The comparison runs
 * on the main thread.
 * @returns the plan, which has been applied if `apply` is set
 * @throws as {@link reconcile}, and the reason of the signal
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, reconcileAsync } from 'xtables'
 *
 * const desired = { filter: { INPUT: ['-i lo -j ACCEPT'] } }
 * const plan = await reconcileAsync(desired, { owns: 'tables', kernel: new MemoryKernel(), signal: AbortSignal.timeout(5000) })
 * await plan.applyAsync()
 * console.log(plan.isEmpty) // false
 * ```
 */
export async function reconcileAsync(desired: Desired, options: ReconcileAsyncOptions): Promise<Plan> {
  checkOptions(options, ASYNC_OPTIONS)
  const { owns, jumps, apply = false, signal, ...place } = options
  const all = reconciledTables(desired, owns, jumps)
  if (apply) await applyAllAsync(place, all.map(editOf), { signal })
  else
    for (const one of all) {
      using table = openTable(one.name, place)
      await table.rehearseAsync(one.edit(table), { signal })
    }
  return planOf(all, place)
}

function reconciledTables(desired: Desired, owns: Ownership, jumps: SaidPlaces = {}): Reconciled[] {
  check('the option owns', owns, OWNERSHIP)
  const tables = wantedOf(desired)
  const places = new JumpPlaces(jumps, tables.keys())
  return [...tables].map(([name, wanted]) => new Reconciled(name, wanted, owns, places))
}

const editOf = (one: Reconciled): TableEdit => [one.name, (table) => one.edit(table)]

function planOf(all: readonly Reconciled[], place: Place): Plan {
  const plans = all.map((one) => one.planAt(place)).filter(({ chains }) => chains.length > 0)
  return new Plan(place.ipv6 ? 'ipv6' : 'ipv4', plans, place)
}

/** Names of sets for a plan, which is used after the handle that it was made with has been closed. */
function setsAt(place: Place, table: string): SetNames {
  const ask = <T>(question: (sets: SetNames) => T): T => {
    using handle = openTable(table, place)
    return question(handle.context.sets)
  }
  return rememberedSets({
    byName: (name) => ask((sets) => sets.byName(name)),
    byIndex: (index) => ask((sets) => sets.byIndex(index)),
  })
}

/** One table and its desired state. */
class Reconciled {
  readonly name: string
  readonly #wanted: Wanted
  readonly #owns: Ownership
  readonly #places: JumpPlaces
  #changes: readonly ChainChange[] = []
  #context: Context | undefined

  constructor(name: string, wanted: Wanted, owns: Ownership, places: JumpPlaces) {
    this.name = name
    this.#wanted = wanted
    this.#owns = owns
    this.#places = places
  }

  edit({ context }: AnyTable): Edit {
    const placeOf = (chain: string) => this.#places.of(chain, context)
    return (draft) => {
      this.#context = context
      this.#changes = changeTable(draft, { wanted: this.#wanted(draft, context), owns: this.#owns, placeOf })
      this.#places.leave(this.name)
      return this.#changes.length > 0
    }
  }

  planAt(place: Place): TablePlan {
    const context = { ...(this.#context as Context), sets: setsAt(place, this.name) }
    return { table: this.name, chains: this.#changes.map((change) => describeChange(change, context)) }
  }
}
