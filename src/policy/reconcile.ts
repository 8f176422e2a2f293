/** From what tables hold to what they are to hold, by the fewest changes, without touching what is not ours. */
import { openTable, type Place } from '../easy/batch'
import { IptcError } from '../errors'
import type { Context } from '../extensions/context'
import { check, flag, isObject, object, shown } from '../input'
import type { Edit } from '../iptc/session'
import { type AnyTable, PLACE_OPTIONS } from '../iptc/table'
import { checkOptions } from '../options'
import type { Entry } from '../ruleset/ruleset'
import { describeChange } from './describe'
import { type Desired, type DesiredRule, entryOf, type Wanted, wantedOf } from './desired'
import type { JumpPlace } from './jumps'
import { OWNERSHIP, type Ownership } from './ownership'
import { applyAll, Plan } from './plan'
import type { TablePlan } from './plan-data'
import { type ChainChange, changeTable } from './table-changes'

export interface ReconcileOptions extends Place {
  /** Which chains of the tables are yours. */
  readonly owns: Ownership
  /** By the name of a chain of others, where the jumps to yours stand in it: before all other rules unless said. */
  readonly jumps?: Readonly<Record<string, JumpPlace<DesiredRule>>> | undefined
  /** Whether to carry the plan out at once, in the transaction that it is made in; no unless said. */
  readonly apply?: boolean | undefined
}

const OPTIONS = { ipv6: flag, ...PLACE_OPTIONS, owns: OWNERSHIP, jumps: object, apply: flag }

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
  const { owns, jumps = {}, apply = false, ...place } = options
  check('the option owns', owns, OWNERSHIP)
  const all = [...wantedOf(desired)].map(([name, wanted]) => new Reconciled(name, wanted, owns, jumps))
  if (apply)
    applyAll(
      place,
      all.map((one) => [one.name, (table) => one.edit(table)]),
    )
  else for (const one of all) one.rehearse(place)
  const tables = all.flatMap(({ plan }) => (plan.chains.length > 0 ? [plan] : []))
  return new Plan(place.ipv6 ? 'ipv6' : 'ipv4', tables, place)
}

/** One table on its way to what is wanted. */
class Reconciled {
  readonly name: string
  readonly #wanted: Wanted
  readonly #owns: Ownership
  readonly #jumps: NonNullable<ReconcileOptions['jumps']>
  #changes: readonly ChainChange[] = []
  #context: Context | undefined

  constructor(name: string, wanted: Wanted, owns: Ownership, jumps: NonNullable<ReconcileOptions['jumps']>) {
    this.name = name
    this.#wanted = wanted
    this.#owns = owns
    this.#jumps = jumps
  }

  edit({ context }: AnyTable): Edit {
    const placeOf = (chain: string): JumpPlace<Entry> =>
      placeIn(Object.hasOwn(this.#jumps, chain) ? this.#jumps[chain] : 'first', chain, context)
    return (draft) => {
      this.#context = context
      this.#changes = changeTable(draft, { wanted: this.#wanted(draft, context), owns: this.#owns, placeOf })
      return this.#changes.length > 0
    }
  }

  rehearse(place: Place): void {
    using table = openTable(this.name, place)
    table.rehearse(this.edit(table))
  }

  get plan(): TablePlan {
    return { table: this.name, chains: this.#changes.map((change) => describeChange(change, this.#context as Context)) }
  }
}

/** @throws IptcError, XtablesError */
function placeIn(place: JumpPlace<DesiredRule> | undefined, chain: string, context: Context): JumpPlace<Entry> {
  if (place === 'first' || place === 'last') return place
  const [[side, rule] = ['', undefined], ...others] = isObject(place) ? Object.entries(place) : []
  if (others.length > 0 || (side !== 'before' && side !== 'after'))
    throw new IptcError(
      `the place of jumps in ${chain} is 'first', 'last', { before: rule } or { after: rule }, not ${shown(place)}`,
    )
  const entry = entryOf(rule as DesiredRule, context, ['jumps', chain, side])
  return side === 'before' ? { before: entry } : { after: entry }
}
