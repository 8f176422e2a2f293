/** Chains of a table. */
import { NotFoundError } from '../errors'
import type { Counters } from '../ruleset/entry'
import { sameRule } from '../ruleset/equal'
import type { Chain as ChainData, Entry, Ruleset } from '../ruleset/ruleset'
import { checkPosition } from './commit'
import type { CountersInput } from './counters'
import type { Policy, PolicyName } from './policy'
import { type AnyRule, storedRule } from './rule'
import { Strict } from './strict'
import type { AnyTable } from './table'

/** A name in a table: what the chain holds is asked of the table at each use. */
export class Chain extends Strict {
  readonly table: AnyTable
  #name: string

  constructor(table: AnyTable, name: string) {
    super()
    this.table = table
    this.#name = name
  }

  get name(): string {
    return this.#name
  }

  /** @throws NotFoundError where the table has no such chain; so does everything below */
  #data(ruleset?: Ruleset): ChainData {
    return this.table.chainData(this.#name, ruleset)
  }

  #edit(change: (rules: readonly Entry[]) => readonly Entry[]): void {
    this.table.edit((draft) => {
      const data = this.#data(draft)
      draft.chains.set(data.name, { ...data, rules: change(data.rules) })
    })
  }

  /** The rules as of when the table was read. They are copies: to change one in the table, replace it. */
  get rules(): AnyRule[] {
    const { family, sets } = this.table.context
    return this.#data().rules.map((entry) => storedRule(family, { entry, sets }))
  }

  isBuiltin(): boolean {
    return this.table.builtinChain(this.#name)
  }

  /** Adds a rule at the end. @throws XtablesError for one that is not complete; RuleError for one the kernel would refuse */
  appendRule(rule: AnyRule): void {
    const entry = rule.entryFor(this.table.context)
    this.#edit((rules) => [...rules, fresh(entry)])
  }

  /** Adds a rule before the one at `position`, counted from 0. */
  insertRule(rule: AnyRule, position = 0): void {
    const entry = rule.entryFor(this.table.context)
    this.#edit((rules) => {
      checkPosition(position, rules.length)
      return rules.toSpliced(position, 0, fresh(entry))
    })
  }

  /** Puts a rule in place of the one at `position`, counted from 0. Its counters are the new rule's. */
  replaceRule(rule: AnyRule, position = 0): void {
    const entry = rule.entryFor(this.table.context)
    this.#edit((rules) => {
      checkPosition(position, rules.length - 1)
      return rules.with(position, fresh(entry))
    })
  }

  /** Takes out the first rule that says the same as `rule`, or the one at a position. @throws NotFoundError */
  deleteRule(rule: AnyRule | number): void {
    if (typeof rule === 'number') {
      this.#edit((rules) => {
        checkPosition(rule, rules.length - 1)
        return rules.toSpliced(rule, 1)
      })
      return
    }
    this.#edit((rules) => rules.toSpliced(this.#find(rule, rules), 1))
  }

  #find(rule: AnyRule, rules: readonly Entry[]): number {
    const at = this.#indexIn(rule, rules)
    if (at < 0) throw new NotFoundError(`chain ${this.#name} of table ${this.table.name} has no rule ${rule}`)
    return at
  }

  #indexIn(rule: AnyRule, rules: readonly Entry[]): number {
    const entry = rule.entryFor(this.table.context)
    return rules.findIndex((other) => sameRule(this.table.context.family, entry, other))
  }

  /** Position of the first rule that says the same as `rule`, or -1. */
  indexOf(rule: AnyRule): number {
    return this.#indexIn(rule, this.#data().rules)
  }

  /** Takes out all rules. */
  flush(): void {
    this.table.flushEntries(this.#name)
  }

  rename(newName: string): void {
    this.table.renameChain(this.#name, newName)
    this.#name = newName
  }

  delete(): void {
    this.table.deleteChain(this.#name)
  }

  getPolicy(): Policy {
    return this.table.getPolicy(this.#name)
  }

  setPolicy(policy: Policy | PolicyName, counters?: CountersInput): void {
    this.table.setPolicy(this.#name, policy, counters)
  }

  /** Packets and bytes that met the policy, as of when the table was read. @throws RuleError for a chain without policy */
  getCounters(): Counters {
    return this.table.policyCounters(this.#name)
  }

  zeroCounters(): void {
    this.table.zeroEntries(this.#name)
  }

  override toString(): string {
    return this.#name
  }
}

/** An entry of its own: a rule that comes from a table must not be taken for the one that still is there. */
const fresh = (entry: Entry): Entry => ({ bytes: entry.bytes, jump: entry.jump })
