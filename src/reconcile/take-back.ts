/** Takes back what was done, also where others have changed the same chains since: what they changed stays. */
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

/** All that a chain says once a plan is carried out, and all that it said before; null where there is none. */
interface SaidTwice {
  readonly done: Said | null
  readonly before: Said | null
}

/** All that it takes to take a plan back, as JSON has it. */
export interface TakeBack {
  /** The inverse of what was carried out. */
  readonly plan: PlanData
  /** Of each chain of each table of the plan. */
  readonly chains: readonly (readonly SaidTwice[])[]
}

/** To be called before the plan is carried out. @throws ConflictError where a chain is not as the plan found it */
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

/** What became of it. */
export interface TakenBack {
  /** For people: what was done in each table, or why it could not be. None where there was nothing to do. */
  readonly lines: readonly string[]
  /** Whether it could be done in all tables. */
  readonly isDone: boolean
}

/**
 * Takes it back, table by table. A chain that others have not changed becomes what it was; of another, only what the plan had
 * changed is changed back. Where nothing was carried out, or all has been taken back, there is nothing to do.
 */
export function takeBack({ plan, chains }: TakeBack, place: Omit<Place, 'ipv6'>): TakenBack {
  let isDone = true
  const lines = plan.tables.flatMap((table, i) => {
    try {
      return inTable(table, chains[i] as readonly SaidTwice[], { ...place, ipv6: plan.family === 'ipv6' })
    } catch (error) {
      isDone = false
      return [`table ${table.table}: NOT taken back: ${(error as Error).message}`]
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
    // A chain that is to go may be one that others go to from elsewhere.
    if (!(error instanceof RuleError)) throw error
    table.edit(merge)
  }
  return lines.map((line) => `table ${plan.table}: ${line}`)
}

/** A table of which others have changed chains that are to be changed back. */
class Merging {
  readonly #draft: Draft
  readonly #context: Context
  /** Numbers of rules, by what they say. */
  readonly #ids = new Map<string, number>()
  readonly #lines: string[] = []
  #isChanged = false

  constructor(draft: Draft, context: Context) {
    this.#draft = draft
    this.#context = context
  }

  /** @returns what was done, for people; nothing where nothing was to be done */
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

  /** A table is changed as a whole or not at all. What others have done to it since is little beside that, or is that taken back. */
  #looksDone(chains: readonly ChainPlan[], said: readonly SaidTwice[]): boolean {
    const total = (side: keyof SaidTwice): number =>
      chains.reduce((sum, { chain }, i) => sum + this.#distance(chain, said[i]?.[side] ?? null), 0)
    return total('done') <= total('before')
  }

  /** How many rules a chain has that it had not, and has not that it had. */
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
        ? `chain ${name}: taken back`
        : `chain ${name}: taken back, but what others have changed in it since stays: look at it`,
    )
  }

  /** Makes rules that come back, with the counters that they had when they went. */
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

  /** A chain that others have deleted since: an empty one lets packets go on as if the rule were not there. */
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

  /** A chain that was made, unless others use it. */
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
