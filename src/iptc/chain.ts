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
 * A chain of a table, by its name. It holds no rules itself: each use asks the table.
 *
 * Methods that edit write at once, unless the table's `autocommit` is off or a transaction runs. What every call can throw is
 * not repeated below: {@link NotFoundError} where the table has no such chain (any more); and, of edits, {@link RuleError} for what
 * the kernel would refuse, {@link LockTimeoutError}, {@link ConflictError}, {@link PermissionError} and {@link KernelError}.
 * @typeParam T - the kind of table
 * @since 0.1.0
 * @example
 * ```ts
 * import { Chain, MemoryKernel, Rule, Table } from 'xtables'
 *
 * using table = new Table('filter', { kernel: new MemoryKernel() })
 * const input = new Chain(table, 'INPUT')
 * input.appendRule(Rule.parse('-p tcp --dport 22 -j ACCEPT'))
 * input.setPolicy('DROP')
 * console.log(input.rules.length, String(input.getPolicy())) // 1 DROP
 * ```
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

  /**
   * Whether the table has such a chain is not asked before the first use.
   * @param table - the table of the chain
   * @param name - as in `INPUT`
   * @throws {@link IptcError} for what is no table, or no text
   */
  constructor(table: T, name: string) {
    super()
    check('the table of a chain', table, instance(TableHandle, 'a Table or a Table6'))
    check('the name of a chain', name, text)
    this.#table = table
    this.#name = name
  }

  /** The table that the chain is in. */
  get table(): T {
    return this.#table
  }

  /** As in `INPUT`. {@link Chain.rename} changes it. */
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

  /** Whether the kernel itself calls the chain: then it has a policy, and can be neither renamed nor deleted. */
  isBuiltin(): boolean {
    return isBuiltin(this.table, this.#name)
  }

  /**
   * Adds a rule at the end.
   * @param rule - a {@link Rule} for a {@link Table}, a {@link Rule6} for a {@link Table6}; it is copied
   * @throws {@link XtablesError} for a rule that is not complete, or is of the other family
   * @throws {@link RuleError} for a rule that the kernel would refuse
   */
  appendRule(rule: AnyRule): void {
    const entry = this.#entry(rule)
    this.#edit((rules) => rules.push(fresh(entry)))
  }

  /**
   * Adds a rule before another.
   * @param position - of the rule that it stands before, from 0; at most the number of rules
   * @throws {@link XtablesError} for a rule that is not complete
   * @throws {@link RuleError} for a rule that the kernel would refuse, or a position that is not there
   */
  insertRule(rule: AnyRule, position = 0): void {
    const entry = this.#entry(rule)
    this.#edit((rules) => {
      checkPosition(position, rules.length)
      rules.insert(position, fresh(entry))
    })
  }

  /**
   * Puts a rule in the place of another. Its counters are those of the new rule.
   * @param position - of the rule that is replaced, from 0
   * @throws {@link XtablesError} for a rule that is not complete
   * @throws {@link RuleError} for a rule that the kernel would refuse, or a position that is not there
   */
  replaceRule(rule: AnyRule, position = 0): void {
    const entry = this.#entry(rule)
    this.#edit((rules) => {
      checkPosition(position, rules.length - 1)
      rules.replace(position, fresh(entry))
    })
  }

  /**
   * Deletes a rule.
   * @param rule - the first rule that says the same is deleted, whatever its counters; or the position of one, from 0
   * @throws {@link NotFoundError} where there is no such rule
   */
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
    if (at < 0)
      throw new NotFoundError('XT_NO_RULE', `chain ${this.#name} of table ${this.table.name} has no rule ${rule}`)
    return at
  }

  #indexIn(rule: AnyRule, rules: Rules, ruleset: Ruleset): number {
    return findRule(ruleset, rules, this.#entry(rule))
  }

  /**
   * Finds a rule by what it says; counters do not matter.
   * @returns the position of the first that says the same, from 0; -1 where there is none
   */
  indexOf(rule: AnyRule): number {
    const { ruleset } = this.table
    return this.#indexIn(rule, this.#data(ruleset).rules, ruleset)
  }

  /** Deletes all rules of the chain. */
  flush(): void
  flush(...none: unknown[]): void {
    checkNone('flush of a chain', none, 'deleteRule takes out one rule')
    changeChain(this.table, this.#name, emptied)
  }

  /**
   * Gives the chain another name. Rules that go to it follow, and this object stands for the chain under its new name.
   * @throws {@link RuleError} for a built-in chain, or a name that is taken
   * @throws {@link XtablesError} for a name that no chain can have
   */
  rename(newName: string): void {
    renameChain(this.table, this.#name, newName)
    this.#name = newName
  }

  /**
   * Deletes the chain from its table.
   * @throws {@link RuleError} for a built-in chain, one with rules in it, or one that rules go to
   */
  delete(): void
  delete(...none: unknown[]): void {
    checkNone('delete of a chain', none, 'deleteRule takes out one rule')
    deleteChain(this.table, this.#name)
  }

  /**
   * What becomes of packets that no rule of the chain decides on.
   * @throws {@link RuleError} for a chain that is not built in, which has no policy
   */
  getPolicy(): Policy {
    return getPolicy(this.table, this.#name)
  }

  /**
   * Sets the policy of a built-in chain.
   * @param policy - `'ACCEPT'` or `'DROP'`
   * @param counters - packets and bytes that the policy begins with; unless given, those that it had stay
   * @throws {@link RuleError} for a chain that is not built in
   * @throws {@link XtablesError} for any other policy
   */
  setPolicy(policy: Policy | PolicyName, counters?: CountersInput): void {
    setPolicy(this.table, this.#name, policy, counters)
  }

  /**
   * Packets and bytes that met the policy, as of when the table was read.
   * @throws {@link RuleError} for a chain that is not built in, which has no policy
   */
  getCounters(): Counters {
    return policyCounters(this.table, this.#name)
  }

  /** Sets the counters of the chain's rules and of its policy to zero. */
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
