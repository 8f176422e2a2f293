/** Reverts an applied plan even if others have changed the same chains since. Their changes are kept. */
import { openTable, type Place } from '../easy/batch'
import { RuleError } from '../errors'
import type { Context } from '../extensions/context'
import type { PolicyName } from '../iptc/policy'
import { Editor } from '../ruleset/editor'
import { type Chain, type Draft, draftOf, newChain, policyOf, referencesTo } from '../ruleset/ruleset'
import { longestCommon } from '../ruleset/subsequence'
import type { Entry } from '../ruleset/table-entry'
import { align, alignedRules, type Comparison, numbersTo } from './alignment'
import { carryOut, entryOf } from './carry-out'
import { digestOf, type Said, saidOf } from './describe'
import { merged } from './merge'
import type { Plan } from './plan'
import type { ChainPlan, PlanData, PlannedRule, TablePlan } from './plan-data'

/** The contents of a chain after and before the plan; null if it did not exist. */
interface SaidTwice {
  readonly done: Said | null
  readonly before: Said | null
}

/** Everything needed to revert a plan, as JSON data. */
export interface TakeBack {
  /** The inverse of the applied plan. */
  readonly plan: PlanData
  /** For each chain of each table of the plan. */
  readonly chains: readonly (readonly SaidTwice[])[]
}

/** Call it before the plan is applied. @throws ConflictError if a chain has changed since the plan was made */
export function takeBackOf(plan: Plan, place: Place): TakeBack {
  const chains = plan.tables.map((one) => {
    using table = openTable(one.table, { ...place, ipv6: plan.family === 'ipv6' })
    const { ruleset, context } = table
    const draft = draftOf(ruleset)
    carryOut(one, draft, context)
    const said = (chain: Chain | undefined): Said | null => (chain === undefined ? null : saidOf(chain, context))
    return one.chains.map(({ chain }) => ({
      done: said(draft.chains.get(chain)),
      before: said(ruleset.chains.get(chain)),
    }))
  })
  return { plan: plan.inverse.toJSON(), chains }
}

/** The result of reverting. */
export interface TakenBack {
  /** For people: what was done in each table, or why it could not be done. Empty if there was nothing to do. */
  readonly lines: readonly string[]
  /** Whether all tables were reverted. */
  readonly isDone: boolean
}

/**
 * Reverts the plan table by table. A chain that others have not changed becomes what it was; in any other, only the
 * plan's changes are reverted. A table in which the plan was not applied, or has been reverted, is left alone.
 */
export function takeBack({ plan, chains }: TakeBack, place: Omit<Place, 'ipv6'>): TakenBack {
  let isDone = true
  const lines = plan.tables.flatMap((table, i) => {
    try {
      return inTable(table, chains[i] as readonly SaidTwice[], { ...place, ipv6: plan.family === 'ipv6' })
    } catch (error) {
      isDone = false
      return [`table ${table.table}: NOT rolled back: ${(error as Error).message}`]
    }
  })
  return { lines, isDone }
}

function inTable(plan: TablePlan, said: readonly SaidTwice[], place: Place): string[] {
  using table = openTable(plan.table, place)
  const { context } = table
  let lines: string[] = []
  const merge = (draft: Draft): boolean => {
    lines = new Merging(draft, context).carryOut(plan, said)
    return lines.length > 0
  }
  try {
    table.edit((draft) => {
      lines = []
      const now = plan.chains.map(({ chain }) => digestOf(draft.chains.get(chain), context))
      if (plan.chains.every(({ after }, i) => now[i] === after)) return false
      if (!plan.chains.every(({ before }, i) => now[i] === before)) return merge(draft)
      carryOut(plan, draft, context)
      lines = ['all is as it was']
      return true
    })
  } catch (error) {
    // Others may have added a jump to a chain that is to be deleted.
    if (!(error instanceof RuleError)) throw error
    table.edit(merge)
  }
  return lines.map((line) => `table ${plan.table}: ${line}`)
}

/** A table in which others have changed chains that are to be reverted. */
class Merging {
  readonly #draft: Draft
  readonly #context: Context
  /** Ids of rules, by their text. */
  readonly #ids = new Map<string, number>()
  readonly #lines: string[] = []
  #isChanged = false

  constructor(draft: Draft, context: Context) {
    this.#draft = draft
    this.#context = context
  }

  /** @returns descriptions of what was done; empty if there was nothing to do */
  carryOut({ chains }: TablePlan, said: readonly SaidTwice[]): string[] {
    if (!this.#looksDone(chains, said)) return []
    chains.forEach((plan, i) => {
      const { done, before } = said[i] as SaidTwice
      this.#mergeRules(plan, done, before)
      this.#mergePolicy(plan.chain, done, before)
    })
    chains.forEach(({ chain }, i) => {
      if (said[i]?.before === null) this.#remove(chain)
    })
    return this.#isChanged ? this.#lines : []
  }

  #idsOf(said: Said | null | undefined): number[] {
    return (said?.rules ?? []).map((rule) => {
      const id = this.#ids.get(rule) ?? this.#ids.size
      this.#ids.set(rule, id)
      return id
    })
  }

  /**
   * A table is written atomically: its state is either close to the one after the plan or to the one before, apart from
   * others' changes.
   */
  #looksDone(chains: readonly ChainPlan[], said: readonly SaidTwice[]): boolean {
    const total = (side: keyof SaidTwice): number =>
      chains.reduce((sum, { chain }, i) => sum + this.#distance(chain, said[i]?.[side] ?? null), 0)
    return total('done') <= total('before')
  }

  /** Number of differences between a chain and a state of it: in its rules, and one for its existence or policy. */
  #distance(name: string, said: Said | null): number {
    const chain = this.#draft.chains.get(name)
    const now = chain === undefined ? null : saidOf(chain, this.#context)
    const [one, other] = [this.#idsOf(now), this.#idsOf(said)]
    const common = longestCommon(one, other).filter((place) => place >= 0).length
    const isOther = (now === null) !== (said === null) || now?.policy !== said?.policy
    return one.length + other.length - 2 * common + (isOther ? 1 : 0)
  }

  #mergeRules(plan: ChainPlan, done: Said | null, before: Said | null): void {
    const { chain: name } = plan
    const found = this.#draft.chains.get(name)
    const [base, now] = [this.#idsOf(done), this.#idsOf(found && saidOf(found, this.#context))]
    const wanted = merged(base, now, this.#idsOf(before))
    if (isSame(wanted, now) && (found !== undefined || wanted.length === 0)) return
    const chain = found ?? newChain(this.#draft.family, name)
    const aligned = align(numbersTo(now.length), new Int32Array(), wanted, comparisonOf(now, wanted))
    const rules = alignedRules(chain.rules, aligned, this.#maker(plan))
    this.#draft.chains.set(name, { ...chain, rules, isUnused: false })
    this.#isChanged = true
    this.#lines.push(
      isSame(base, now)
        ? `chain ${name}: rolled back`
        : `chain ${name}: rolled back, but later changes by other programs stay: check it`,
    )
  }

  /** Makes the rules that come back, with the counters that they had before the plan. */
  #maker({ added, replaced }: ChainPlan): (id: number) => Entry {
    const planned = [...added, ...replaced.map((one) => one.added)]
    const texts = [...this.#ids.keys()]
    return (id) => {
      const rule = texts[id] as string
      const at = planned.findIndex((one) => one.rule === rule)
      const { counters = ZERO } = at < 0 ? {} : (planned.splice(at, 1)[0] ?? {})
      const entry = entryOf({ position: 1, rule, counters }, this.#context)
      this.#makeWay(entry)
      return entry
    }
  }

  /** Creates the chain that a rule jumps to, if others have deleted it. It is empty, so a jump to it has no effect. */
  #makeWay({ jump }: Entry): void {
    if (jump === undefined || jump === '' || this.#draft.chains.has(jump)) return
    this.#draft.chains.set(jump, newChain(this.#draft.family, jump))
    this.#lines.push(
      `chain ${jump}: others have deleted it, and a rule that comes back goes to it: it is there, and empty`,
    )
  }

  #mergePolicy(name: string, done: Said | null, before: Said | null): void {
    const chain = this.#draft.chains.get(name)
    if (chain?.hook === undefined || !before?.policy || before.policy === done?.policy) return
    const now = policyOf(this.#draft.family, chain)
    if (now === before.policy) return
    new Editor(this.#draft).setPolicy(name, before.policy as PolicyName, undefined)
    this.#isChanged = true
    this.#lines.push(`chain ${name}: policy ${before.policy} again`)
  }

  /** Deletes a chain that the plan created, unless others use it. */
  #remove(name: string): void {
    const chain = this.#draft.chains.get(name)
    if (chain === undefined || chain.hook !== undefined) return
    const [reference] = referencesTo(this.#draft, name)
    if (chain.rules.length === 0 && reference === undefined) {
      this.#draft.chains.delete(name)
      this.#isChanged = true
    } else this.#lines.push(`chain ${name}: stays, as others have rules in it or go to it: look at it`)
  }
}

const comparisonOf = (now: readonly number[], wanted: readonly number[]): Comparison => ({
  common: () => longestCommon(now, wanted),
  idsOf: (positions, indexes) => [positions.map((at) => now[at] as number), indexes.map((at) => wanted[at] as number)],
})

const ZERO: PlannedRule['counters'] = ['0', '0']

const isSame = (one: readonly number[], other: readonly number[]): boolean =>
  one.length === other.length && one.every((id, i) => id === other[i])
