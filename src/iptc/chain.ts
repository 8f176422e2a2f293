/** Chains of a table. */

import { checkPosition } from '../backend/legacy/commit'
import { check, checkNone, instance, text } from '../check-input'
import { NotFoundError } from '../errors'
import type { Counters } from '../ruleset/entry'
import { findRule } from '../ruleset/equal'
import type { KernelEntries } from '../ruleset/kernel-entries'
import type { OwnRules, Rules } from '../ruleset/rules'
import { type Chain as ChainData, ownRules, type Ruleset } from '../ruleset/ruleset'
import type { Entry } from '../ruleset/table-entry'
import {
  changeChain,
  deleteChain,
  emptied,
  getPolicy,
  isBuiltin,
  policyCounters,
  renameChain,
  setPolicy,
  zeroedChain,
} from './chain-edits'
import type { CountersInput } from './counters'
import type { Policy, PolicyName } from './policy'
import { Strict } from './refuse-assignment'
import { type AnyRule, copiedRule, storedRule } from './rule'
import { A_RULE } from './rule-base'
import { TableHandle } from './table-handle'

/**
 * A name in a table: what the chain holds is asked of the table at each use.
 * @typeParam T the kind of table
 */
export class Chain<T extends TableHandle = TableHandle> extends Strict {
  /** @internal */
  static override readonly instead = {
    name: 'rename',
    rules: 'appendRule, insertRule, replaceRule or deleteRule',
    table: 'another Chain',
  }

  readonly #table: T
  #name: string

  constructor(table: T, name: string) {
    super()
    check('the table of a chain', table, instance(TableHandle, 'a Table or a Table6'))
    check('the name of a chain', name, text)
    this.#table = table
    this.#name = name
  }

  get table(): T {
    return this.#table
  }

  get name(): string {
    return this.#name
  }

  /** @throws NotFoundError where the table has no such chain; so does everything below */
  #data(ruleset?: Ruleset): ChainData {
    return this.table.chainData(this.#name, ruleset)
  }

  #edit(change: (rules: OwnRules) => void): void {
    this.table.edit((draft) => change(ownRules(draft, this.#data(draft))))
  }

  /** The rules as of when the table was read. List and rules are copies: to change the table, use the methods below. */
  get rules(): readonly AnyRule[] {
    const { context } = this.table
    const { refs, image } = this.#data().rules
    return refs.map((ref) =>
      typeof ref === 'number'
        ? copiedRule(image as KernelEntries, ref, context)
        : storedRule(context.family, { entry: { ...ref, isCopy: true }, sets: context.sets }),
    )
  }

  /** The rule's bytes as they are in this table. */
  #entry(rule: AnyRule): Entry {
    check('a rule', rule, A_RULE)
    return rule.entryFor(this.table.context)
  }

  isBuiltin(): boolean {
    return isBuiltin(this.table, this.#name)
  }

  /** Adds a rule at the end. @throws XtablesError for one that is not complete; RuleError for one the kernel would refuse */
  appendRule(rule: AnyRule): void {
    const entry = this.#entry(rule)
    this.#edit((rules) => rules.push(fresh(entry)))
  }

  /** Adds a rule before the one at `position`, counted from 0. */
  insertRule(rule: AnyRule, position = 0): void {
    const entry = this.#entry(rule)
    this.#edit((rules) => {
      checkPosition(position, rules.length)
      rules.insert(position, fresh(entry))
    })
  }

  /** Puts a rule in place of the one at `position`, counted from 0. Its counters are the new rule's. */
  replaceRule(rule: AnyRule, position = 0): void {
    const entry = this.#entry(rule)
    this.#edit((rules) => {
      checkPosition(position, rules.length - 1)
      rules.replace(position, fresh(entry))
    })
  }

  /** Takes out the first rule that says the same as `rule`, or the one at a position. @throws NotFoundError */
  deleteRule(rule: AnyRule | number): void {
    if (typeof rule === 'number') {
      this.#edit((rules) => {
        checkPosition(rule, rules.length - 1)
        rules.remove(rule)
      })
      return
    }
    this.table.edit((draft) => {
      const rules = ownRules(draft, this.#data(draft))
      rules.remove(this.#find(rule, rules, draft))
    })
  }

  #find(rule: AnyRule, rules: Rules, ruleset: Ruleset): number {
    const at = this.#indexIn(rule, rules, ruleset)
    if (at < 0) throw new NotFoundError(`chain ${this.#name} of table ${this.table.name} has no rule ${rule}`)
    return at
  }

  #indexIn(rule: AnyRule, rules: Rules, ruleset: Ruleset): number {
    return findRule(ruleset, rules, this.#entry(rule))
  }

  /** Position of the first rule that says the same as `rule`, or -1. */
  indexOf(rule: AnyRule): number {
    const { ruleset } = this.table
    return this.#indexIn(rule, this.#data(ruleset).rules, ruleset)
  }

  /** Takes out all rules. */
  flush(): void
  flush(...none: unknown[]): void {
    checkNone('flush of a chain', none, 'deleteRule takes out one rule')
    changeChain(this.table, this.#name, emptied)
  }

  rename(newName: string): void {
    renameChain(this.table, this.#name, newName)
    this.#name = newName
  }

  delete(): void
  delete(...none: unknown[]): void {
    checkNone('delete of a chain', none, 'deleteRule takes out one rule')
    deleteChain(this.table, this.#name)
  }

  getPolicy(): Policy {
    return getPolicy(this.table, this.#name)
  }

  setPolicy(policy: Policy | PolicyName, counters?: CountersInput): void {
    setPolicy(this.table, this.#name, policy, counters)
  }

  /** Packets and bytes that met the policy, as of when the table was read. @throws RuleError for a chain without policy */
  getCounters(): Counters {
    return policyCounters(this.table, this.#name)
  }

  zeroCounters(): void
  zeroCounters(...none: unknown[]): void {
    checkNone('zeroCounters', none, 'replaceRule gives one rule other counters')
    changeChain(this.table, this.#name, zeroedChain)
  }

  override toString(): string {
    return this.#name
  }
}

/** An entry of its own: a rule that comes from a table must not be taken for the one that still is there. */
const fresh = ({ bytes, jump, isCopy = false }: Entry): Entry => ({ bytes, jump, isCopy })
