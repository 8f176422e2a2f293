/** The chains of a table as objects. */

import { check, checkNone, instance } from '../check-input'
import { NotFoundError, type RulePlace } from '../errors'
import type { Counters } from '../ruleset/entry'
import { findRule } from '../ruleset/equal'
import type { KernelEntries } from '../ruleset/kernel-entries'
import { checkPosition } from '../ruleset/positions'
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
import { ChainHandle, chainName } from './chain-handle'
import type { CountersInput } from './counters'
import type { Policy, PolicyName } from './policy'
import { type AnyRule, copiedRule, storedRule } from './rule'
import { A_RULE } from './rule-base'
import { TableHandle } from './table-handle'

/**
 * A chain of a table, identified by name. It holds no rules itself: every call reads the table.
 *
 * Edits are written at once, unless the table's `autocommit` is off or a transaction is running. Every call can throw
 * {@link NotFoundError} if the table does not have the chain (any more). Edits can also throw {@link RuleError} for
 * what the kernel would refuse, {@link LockTimeoutError}, {@link ConflictError}, {@link PermissionError} and
 * {@link KernelError}. These are not repeated below.
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
export class Chain<T extends TableHandle = TableHandle> extends ChainHandle {
  /** @internal */
  static override readonly instead = {
    name: 'rename',
    rules: 'appendRule, insertRule, replaceRule or deleteRule',
    table: 'another Chain',
  }

  readonly #table: T
  #name: string

  /**
   * Does not check that the table has the chain; the first use does.
   * @param table - the table of the chain
   * @param chain - the name, such as `INPUT`, or a chain of another handle of this table
   * @throws {@link IptcError} if `table` is not a table, or `chain` neither a name nor a chain of this table
   */
  constructor(table: T, chain: string | ChainHandle) {
    super()
    check('the table of a chain', table, instance(TableHandle, 'a Table or a Table6'))
    this.#table = table
    this.#name = chainName(table, chain)
  }

  /** The table of the chain. */
  get table(): T {
    return this.#table
  }

  /** The name, such as `INPUT`. {@link Chain.rename} changes it. */
  get name(): string {
    return this.#name
  }

  /** @throws NotFoundError if the table does not have the chain; this applies to everything below */
  #data(ruleset?: Ruleset): ChainData {
    return this.table.chainData(this.#name, ruleset)
  }

  #edit(change: (rules: OwnRules) => void): void {
    this.table.edit((draft) => change(ownRules(draft, this.#data(draft))))
  }

  /**
   * The rules as of the last read of the table. The list and its rules are copies: to change the table, use the methods
   * below.
   */
  get rules(): readonly AnyRule[] {
    const { context } = this.table
    const { refs, image } = this.#data().rules
    return refs.map((ref) =>
      typeof ref === 'number'
        ? copiedRule(image as KernelEntries, ref, context)
        : storedRule(context.family, { entry: { ...ref, isCopy: true }, sets: context.sets }),
    )
  }

  /** The entry bytes of the rule in this table. */
  #entry(rule: AnyRule): Entry {
    check('a rule', rule, A_RULE)
    return rule.entryFor(this.table.context)
  }

  /** Tells whether the chain is built in. A built-in chain has a policy, and can be neither renamed nor deleted. */
  isBuiltin(): boolean {
    return isBuiltin(this.table, this.#name)
  }

  /**
   * Appends a rule.
   * @param rule - a {@link Rule} for a {@link Table}, a {@link Rule6} for a {@link Table6}; it is copied
   * @throws {@link XtablesError} for a rule that is incomplete or of the other family
   * @throws {@link RuleError} for a rule that the kernel would refuse
   */
  appendRule(rule: AnyRule): void {
    const entry = this.#entry(rule)
    this.#edit((rules) => rules.push(fresh(entry)))
  }

  /**
   * Inserts a rule before another.
   * @param position - position of the rule to insert before, from 0; at most the number of rules
   * @throws {@link XtablesError} for a rule that is incomplete
   * @throws {@link RuleError} for a rule that the kernel would refuse, or a position out of range
   */
  insertRule(rule: AnyRule, position = 0): void {
    const entry = this.#entry(rule)
    this.#edit((rules) => {
      checkPosition(this.#place, position, rules.length)
      rules.insert(position, fresh(entry))
    })
  }

  /**
   * Replaces a rule. The counters are those of the new rule.
   * @param position - position of the rule to replace, from 0
   * @throws {@link XtablesError} for a rule that is incomplete
   * @throws {@link RuleError} for a rule that the kernel would refuse, or a position out of range
   */
  replaceRule(rule: AnyRule, position = 0): void {
    const entry = this.#entry(rule)
    this.#edit((rules) => {
      checkPosition(this.#place, position, rules.length - 1)
      rules.replace(position, fresh(entry))
    })
  }

  /**
   * Deletes a rule.
   * @param rule - a rule, of which the first equal one is deleted (counters are ignored), or a position from 0
   * @throws {@link NotFoundError} if there is no such rule
   */
  deleteRule(rule: AnyRule | number): void {
    if (typeof rule === 'number') {
      this.#edit((rules) => {
        checkPosition(this.#place, rule, rules.length - 1)
        rules.remove(rule)
      })
      return
    }
    this.table.edit((draft) => {
      const rules = ownRules(draft, this.#data(draft))
      rules.remove(this.#find(rule, rules, draft))
    })
  }

  get #place(): RulePlace {
    return { table: this.table.name, chain: this.#name }
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
   * Finds an equal rule. Counters are ignored.
   * @returns the position of the first equal rule, from 0; -1 if there is none
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
   * Renames the chain. Jumps to it are updated, and this object refers to the chain under its new name.
   * @throws {@link RuleError} for a built-in chain, or a name that is in use
   * @throws {@link XtablesError} for an invalid name
   */
  rename(newName: string | ChainHandle): void {
    const name = chainName(this.table, newName, 'the new name')
    renameChain(this.table, this.#name, name)
    this.#name = name
  }

  /**
   * Deletes the chain from its table.
   * @throws {@link RuleError} for a chain that is built in, has rules, or is the target of a jump
   */
  delete(): void
  delete(...none: unknown[]): void {
    checkNone('delete of a chain', none, 'deleteRule takes out one rule')
    deleteChain(this.table, this.#name)
  }

  /**
   * Returns the policy: what happens to packets that reach the end of the chain.
   * @throws {@link RuleError} for a user-defined chain, which has no policy
   */
  getPolicy(): Policy {
    return getPolicy(this.table, this.#name)
  }

  /**
   * Sets the policy of a built-in chain.
   * @param policy - `'ACCEPT'` or `'DROP'`
   * @param counters - initial packet and byte counters of the policy; if absent, they stay as they are
   * @throws {@link RuleError} for a user-defined chain
   * @throws {@link XtablesError} for any other policy
   */
  setPolicy(policy: Policy | PolicyName, counters?: CountersInput): void {
    setPolicy(this.table, this.#name, policy, counters)
  }

  /**
   * Returns the packet and byte counters of the policy, as of the last read of the table.
   * @throws {@link RuleError} for a user-defined chain, which has no policy
   */
  getCounters(): Counters {
    return policyCounters(this.table, this.#name)
  }

  /** Sets the counters of the chain's rules and policy to zero. */
  zeroCounters(): void
  zeroCounters(...none: unknown[]): void {
    checkNone('zeroCounters', none, 'replaceRule gives one rule other counters')
    changeChain(this.table, this.#name, zeroedChain)
  }

  override toString(): string {
    return this.#name
  }
}

/** A new entry: a rule that was read from a table must not be mistaken for the entry that is still in it. */
const fresh = ({ bytes, jump, isCopy = false }: Entry): Entry => ({ bytes, jump, isCopy })
