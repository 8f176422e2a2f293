/** Plans: the changes that bring tables to the desired state, to be inspected, stored, applied and reverted. */

import { flag } from '../check-input'
import { checkOptions } from '../check-options'
import { Batch, openTable, type Place } from '../easy/batch'
import { ConflictError, XtablesError } from '../errors'
import { checkWait, type WaitOptions } from '../iptc/lock-wait'
import type { Edit } from '../iptc/session'
import type { AnyTable } from '../iptc/table'
import { PLACE_OPTIONS } from '../iptc/table-handle'
import { paintOf } from '../terminal-style'
import { carryOut, checkOutcome } from './carry-out'
import { diffOf } from './diff'
import { type PlanData, planData, type TablePlan } from './plan-data'

/** How often a plan is applied again after a conflict with another program. It is checked each time. */
const MAX_ATTEMPTS = 8

/**
 * The options of {@link Plan.format}.
 * @since 0.1.0
 */
export interface FormatOptions {
  /** Use terminal colours; off by default. */
  readonly colours?: boolean | undefined
}

/**
 * The changes that bring tables to the desired state. A plan can be inspected, stored as JSON, applied and reverted.
 * {@link reconcile} makes it.
 * @since 0.1.0
 * @example
 * ```ts
 * import { MemoryKernel, Plan, reconcile } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * const plan = reconcile({ filter: { INPUT: ['-i lo -j ACCEPT'] } }, { owns: 'tables', kernel })
 * const kept = JSON.stringify(plan)
 * Plan.fromJSON(JSON.parse(kept), { kernel }).apply()
 * plan.inverse.apply()
 * console.log(plan.tables[0]?.chains[0]?.added.length) // 1
 * ```
 */
export class Plan {
  /** Family of the tables. */
  readonly family: PlanData['family']
  /** The tables that change. */
  readonly tables: readonly TablePlan[]
  readonly #place: Place

  /** @internal */
  constructor(family: PlanData['family'], tables: readonly TablePlan[], place: Place) {
    this.family = family
    this.tables = tables
    this.#place = { ...place, ipv6: family === 'ipv6' }
  }

  /**
   * Reads a plan that was stored as JSON.
   * @param json - the result of `JSON.parse`
   * @param place - where its tables are
   * @throws {@link XtablesError} for an invalid plan
   */
  static fromJSON(json: unknown, place: Omit<Place, 'ipv6'> = {}): Plan {
    checkOptions(place, PLACE_OPTIONS)
    const { success, data, error } = planData.safeParse(json)
    if (success) return new Plan(data.family, data.tables, place)
    const [issue] = error.issues
    const path = (issue?.path ?? []) as (string | number)[]
    throw new XtablesError(
      'XT_BAD_PLAN',
      `this is not a plan that xtables can read: ${[path.join(' '), issue?.message].filter(Boolean).join(': ')}; make a new plan`,
      {
        extension: 'plan',
        path,
      },
    )
  }

  /** Whether there is nothing to do. */
  get isEmpty(): boolean {
    return this.tables.length === 0
  }

  /** Returns the plan as data, for `JSON.stringify`. */
  toJSON(): PlanData {
    return { version: 1, family: this.family, tables: this.tables }
  }

  /** The plan that reverts this one. Deleted rules return with the counters that they had when this plan was made. */
  get inverse(): Plan {
    return new Plan(this.family, this.tables.map(inverseOf), this.#place)
  }

  /**
   * Applies the plan: each table in one transaction. If there are several, all are checked before the first is written.
   * @throws {@link ConflictError} if a chain has changed since the plan was made
   * @throws {@link XtablesError} if a stored plan has been edited
   * @throws {@link RuleError}, {@link KernelError}
   */
  apply(): void {
    applyAll(this.#place, this.#edits())
  }

  /** Applies the plan with the large system calls and the waits for the lock off the main thread. See {@link apply}. */
  async applyAsync(options: WaitOptions = {}): Promise<void> {
    await applyAllAsync(this.#place, this.#edits(), options)
  }

  #edits(): TableEdit[] {
    return this.tables.map((plan) => [
      plan.table,
      ({ context }) =>
        (draft) => {
          carryOut(plan, draft, context)
          checkOutcome(plan, draft, context)
        },
    ])
  }

  /** Prints the plan as a diff; `''` if there is nothing to do. */
  format(options: FormatOptions = {}): string {
    checkOptions(options, { colours: flag })
    return diffOf(this.tables, paintOf(options.colours ?? false))
  }

  /** Returns {@link Plan.format} without colours. */
  toString(): string {
    return this.format()
  }
}

function inverseOf({ table, chains }: TablePlan): TablePlan {
  const opposite = { create: 'delete', delete: 'create', edit: 'edit' } as const
  return {
    table,
    chains: chains.map(({ chain, change, policy, deleted, added, moved, replaced, before, after }) => ({
      chain,
      change: opposite[change],
      ...(policy && { policy: { from: policy.to, to: policy.from } }),
      deleted: added,
      added: deleted,
      moved: moved.map(({ from, to, rule }) => ({ from: to, to: from, rule })),
      replaced: replaced.map(({ deleted, added }) => ({ deleted: added, added: deleted })),
      before: after,
      after: before,
    })),
  }
}

/** @internal A table by name, and the edit to make. */
export type TableEdit = readonly [name: string, edit: (table: AnyTable) => Edit]

/** @internal Makes one edit per table. All are checked before the first is written. */
export function applyAll(place: Place, edits: readonly TableEdit[]): void {
  const [only, ...others] = edits
  if (only === undefined) return
  if (others.length === 0) {
    using table = openTable(only[0], place)
    // A transaction keeps the snapshot of a single edit, which a plan may still refer to.
    table.transaction(() => table.edit(only[1](table)))
    return
  }
  for (let attempt = 1; ; attempt++)
    try {
      using batch = new Batch(undefined, place)
      for (const [name, edit] of edits) {
        const table = batch.table(name)
        table.edit(edit(table))
      }
      batch.end()
      return
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === MAX_ATTEMPTS) throw error
    }
}

/** @internal As {@link applyAll}, with the large system calls and the waits for the lock off the main thread. */
export async function applyAllAsync(place: Place, edits: readonly TableEdit[], options: WaitOptions): Promise<void> {
  checkWait(options)
  const [only, ...others] = edits
  if (only === undefined) return
  if (others.length === 0) {
    using table = openTable(only[0], place)
    await table.transactionAsync(() => table.edit(only[1](table)), options)
    return
  }
  for (let attempt = 1; ; attempt++)
    try {
      using batch = new Batch(undefined, place)
      for (const [name, edit] of edits) {
        const table = batch.table(name)
        await table.refreshAsync({ signal: options.signal })
        table.edit(edit(table))
      }
      await batch.endAsync(options)
      return
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === MAX_ATTEMPTS) throw error
    }
}
