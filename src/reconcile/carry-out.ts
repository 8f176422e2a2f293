/** Applies the plan for a table to a draft of it. */
import { ConflictError, XtablesError } from '../errors'
import type { Context } from '../extensions/context'
import { parseRule } from '../language/parse'
import { Editor } from '../ruleset/editor'
import { type Counters, writeCounters } from '../ruleset/entry'
import { encodeRule } from '../ruleset/rule'
import { Rules } from '../ruleset/rules'
import { type Chain, type Draft, moved, newChain } from '../ruleset/ruleset'
import type { Entry, Ref } from '../ruleset/table-entry'
import { digestOf } from './describe'
import type { ChainPlan, PlannedRule, TablePlan } from './plan-data'

/** @throws ConflictError if a chain has changed since the plan was made; XtablesError for an invalid plan */
export function carryOut({ table, chains }: TablePlan, draft: Draft, context: Context): void {
  for (const { chain, before } of chains)
    if (digestOf(draft.chains.get(chain), context) !== before)
      throw new ConflictError(
        'XT_PLAN_OUTDATED',
        `chain ${chain} of table ${table} has changed since the plan was made; make a new plan`,
      )
  for (const { chain, change, ...plan } of chains) {
    const { hook, rules } = draft.chains.get(chain) ?? {}
    if ((change === 'delete' && hook !== undefined) || lastOf(plan) > (rules?.length ?? 0)) throw fault(table, chain)
  }
  for (const { chain, change } of chains)
    if (change === 'create') draft.chains.set(chain, newChain(draft.family, chain))
  for (const plan of chains) {
    if (plan.change === 'delete') draft.chains.delete(plan.chain)
    else edit(plan, draft, context)
  }
}

/** Checks that the result is what the plan says: a stored plan may have been edited. @throws XtablesError */
export function checkOutcome({ table, chains }: TablePlan, draft: Draft, context: Context): void {
  for (const { chain, after } of chains)
    if (digestOf(draft.chains.get(chain), context) !== after) throw fault(table, chain)
}

const fault = (table: string, chain: string): XtablesError =>
  new XtablesError(
    'XT_BAD_PLAN',
    `the plan contradicts itself in chain ${chain} of table ${table}: it has been edited, or is damaged; make a new plan`,
    {
      extension: 'plan',
    },
  )

function edit(plan: ChainPlan, draft: Draft, context: Context): void {
  const chain = draft.chains.get(plan.chain) as Chain
  const rules = rulesAfter(plan, chain, context)
  if (rules !== undefined) draft.chains.set(plan.chain, { ...chain, rules })
  if (plan.policy !== undefined) new Editor(draft).setPolicy(plan.chain, plan.policy.to, undefined)
}

/** The last position, from 1, at which a rule is deleted, moved from or replaced; 0 if there is none. */
const lastOf = ({ deleted, moved, replaced }: Pick<ChainPlan, 'deleted' | 'moved' | 'replaced'>): number =>
  [...deleted, ...replaced.map((one) => one.deleted), ...moved.map(({ from }) => ({ position: from }))].reduce(
    (last, { position }) => Math.max(last, position),
    0,
  )

/** Undefined if the rules do not change. */
function rulesAfter(
  { deleted, added, moved: movings, replaced }: ChainPlan,
  { rules }: Chain,
  context: Context,
): Rules | undefined {
  const gone = [...deleted, ...replaced.map((one) => one.deleted)].map(({ position }) => position)
  const leaving = new Set([...gone, ...movings.map(({ from }) => from)])
  const coming: [number, Ref][] = [
    ...[...added, ...replaced.map((one) => one.added)].map((one): [number, Ref] => [
      one.position,
      entryOf(one, context),
    ]),
    ...movings.map(({ from, to }): [number, Ref] => [to, moved(rules.at(from - 1) as Entry, rules.refs[from - 1])]),
  ]
  if (leaving.size === 0 && coming.length === 0) return undefined
  const refs = rules.refs.filter((_, i) => !leaving.has(i + 1))
  // Insert at lower positions first, so that each rule ends up at its position.
  for (const [position, ref] of coming.sort(([a], [b]) => a - b)) refs.splice(position - 1, 0, ref)
  return new Rules(rules.image, refs)
}

/** @internal */
export function entryOf({ rule, counters }: PlannedRule, context: Context): Entry {
  const entry = encodeRule(parseRule(rule, context.family), context)
  writeCounters(context.family, entry.bytes, counters.map(BigInt) as unknown as Counters)
  return entry
}
