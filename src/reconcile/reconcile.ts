/** From what tables hold to what they are to hold, by the fewest changes, without touching what is not ours. */

import { check, flag, instance, object } from '../check-input'
import { checkOptions } from '../check-options'
import { openTable, type Place } from '../easy/batch'
import type { Context } from '../extensions/context'
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

export interface ReconcileOptions extends Place {
  /** Which chains of the tables are yours. */
  readonly owns: Ownership
  /** By the name of a chain of others, where the jumps to yours stand in it: before all other rules unless said. */
  readonly jumps?: SaidPlaces | undefined
  /** Whether to carry the plan out at once, in the transaction that it is made in; no unless said. */
  readonly apply?: boolean | undefined
}

export interface ReconcileAsyncOptions extends ReconcileOptions {
  /** Ends the wait for the lock, and keeps from reading and writing what has not begun. */
  readonly signal?: AbortSignal | undefined
}

const OPTIONS = { ipv6: flag, ...PLACE_OPTIONS, owns: OWNERSHIP, jumps: object, apply: flag }
const ASYNC_OPTIONS = { ...OPTIONS, signal: instance(AbortSignal, 'an AbortSignal') }

/**
 * Finds out what has to be done so that the chains of yours are as desired: rules that are there already stay, with their
 * counters, at as few new places as can be. Nothing else is changed. Chains of yours that are not desired go, with the jumps to
 * them from built-in chains. The kernel is asked whether it would take it, where it can be asked.
 *
 * ```ts
 * const desired = { filter: { INPUT: ['-j web-in'], 'web-in': ['-p tcp --dport 443 -j ACCEPT'] } }
 * const plan = reconcile(desired, { owns: { prefix: 'web-' } })
 * console.log(plan.format())
 * plan.apply()
 * ```
 * @returns the plan, which has been carried out where `apply` says so
 * @throws XtablesError for what is no rule; RuleError, NotFoundError for what cannot be done; ConflictError, LockTimeoutError,
 * PermissionError, UnsupportedError; IptcError for an option that is not understood
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
 * As {@link reconcile}, with the big system calls and the waits for the lock off the main thread. The comparison of what is there
 * with what is desired is made on it.
 *
 * ```ts
 * const plan = await reconcileAsync(desired, { owns: { prefix: 'web-' }, signal: AbortSignal.timeout(5000) })
 * await plan.applyAsync()
 * ```
 * @throws as {@link reconcile}, and the reason of the signal
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
  const plans = all.flatMap(({ plan }) => (plan.chains.length > 0 ? [plan] : []))
  return new Plan(place.ipv6 ? 'ipv6' : 'ipv4', plans, place)
}

/** One table on its way to what is wanted. */
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

  get plan(): TablePlan {
    return { table: this.name, chains: this.#changes.map((change) => describeChange(change, this.#context as Context)) }
  }
}
