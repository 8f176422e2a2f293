/**
 * The edits of iptables commands, on a draft of a table. Made for many edits: none takes time proportional to the
 * number of chains, and adding a rule first or last takes constant time.
 */
import type { Hook } from '../abi/netfilter'
import type { CodeOf } from '../error-codes'
import { NotFoundError, RuleError } from '../errors'
import type { Counters } from './entry'
import { findRule } from './equal'
import { type OwnRules, Rules } from './rules'
import {
  type Chain,
  chainOf,
  changedRules,
  checkClearable,
  type Draft,
  jumpOf,
  newChain,
  ownRules,
  policyEntry,
  policyOf,
  redirected,
  setRules,
  zeroed,
} from './ruleset'
import type { Entry, Ref } from './table-entry'

/** Rule numbers count from 1, as in iptables. The edits are in the draft after {@link finish}. */
export class Editor {
  readonly #draft: Draft
  /** Rules inserted at the start of their chains, the first of them last. */
  readonly #firsts = new Map<string, Entry[]>()
  /** Number of jumps to each chain; counted on first use. */
  #references: Map<string, number> | undefined
  #edits = 0

  constructor(draft: Draft) {
    this.#draft = draft
  }

  /** Number of edits so far. */
  get edits(): number {
    return this.#edits
  }

  has(chain: string): boolean {
    return this.#draft.chains.has(chain)
  }

  /** Whether there is a built-in chain of this name. */
  isBuiltin(chain: string): boolean {
    return this.#draft.chains.get(chain)?.hook !== undefined
  }

  /** Completes the draft: puts rules that are still pending in place. */
  finish(): void {
    for (const name of this.#firsts.keys()) this.#settle(name)
  }

  #settle(name: string): void {
    const firsts = this.#firsts.get(name)
    if (firsts === undefined) return
    this.#firsts.delete(name)
    const chain = this.#chain(name)
    setRules(this.#draft, chain, chain.rules.behind(firsts.reverse()))
  }

  /** @throws NotFoundError */
  #chain(name: string): Chain {
    return chainOf(this.#draft, name)
  }

  /** The complete rules of a chain, to be changed in place. @throws NotFoundError */
  #rules(name: string): OwnRules {
    this.#settle(name)
    return ownRules(this.#draft, this.#chain(name))
  }

  #fail(code: CodeOf<'RuleError'>, chain: string, reason: string): never {
    throw new RuleError(code, { table: this.#draft.table, chain }, reason)
  }

  #count(rule: Ref, change: 1 | -1): void {
    if (this.#references === undefined) return
    const jump = jumpOf(this.#draft, rule)
    if (jump === undefined) return
    this.#references.set(jump, (this.#references.get(jump) ?? 0) + change)
  }

  /** The number of jumps to a chain. */
  #referencesTo(name: string): number {
    if (this.#references === undefined) {
      this.finish()
      this.#references = new Map()
      for (const { rules } of this.#draft.chains.values()) for (const rule of rules.refs) this.#count(rule, 1)
    }
    return this.#references.get(name) ?? 0
  }

  // Rules

  append(chain: string, rule: Entry): void {
    // Rules pending at the start need not be in place for this.
    ownRules(this.#draft, this.#chain(chain)).push(rule)
    this.#count(rule, 1)
    this.#edits++
  }

  /** @throws RuleError for a number greater than that of the last rule plus one */
  insert(chain: string, number: number, rule: Entry): void {
    if (number === 1) this.#putFirst(chain, rule)
    else {
      const rules = this.#rules(chain)
      if (number > rules.length + 1)
        this.#fail(
          'XT_NO_POSITION',
          chain,
          `there is no position ${number}; accepted: 1${rules.length === 0 ? '' : ` to ${rules.length + 1}`}`,
        )
      rules.insert(number - 1, rule)
    }
    this.#count(rule, 1)
    this.#edits++
  }

  #putFirst(chain: string, rule: Entry): void {
    const firsts = this.#firsts.get(chain)
    if (firsts !== undefined) firsts.push(rule)
    else {
      this.#chain(chain)
      this.#firsts.set(chain, [rule])
    }
  }

  /** The rule with this number. @throws RuleError if there is none */
  #at(chain: string, number: number): Ref {
    const rules = this.#rules(chain)
    const accepted = rules.length === 0 ? 'the chain has no rules' : `accepted: 1 to ${rules.length}`
    return rules.refs[number - 1] ?? this.#fail('XT_NO_POSITION', chain, `there is no rule ${number}; ${accepted}`)
  }

  replace(chain: string, number: number, rule: Entry): void {
    this.#count(this.#at(chain, number), -1)
    this.#rules(chain).replace(number - 1, rule)
    this.#count(rule, 1)
    this.#edits++
  }

  deleteNumber(chain: string, number: number): void {
    this.#count(this.#at(chain, number), -1)
    this.#rules(chain).remove(number - 1)
    this.#edits++
  }

  /** Deletes the first equal rule. @throws NotFoundError if there is none */
  delete(chain: string, rule: Entry): void {
    this.deleteNumber(chain, this.find(chain, rule))
  }

  /** The number of the first equal rule. @throws NotFoundError if there is none */
  find(chain: string, rule: Entry): number {
    const at = findRule(this.#draft, this.#rules(chain), rule)
    if (at < 0) throw new NotFoundError('XT_NO_RULE', `chain ${chain} of table ${this.#draft.table} has no such rule`)
    return at + 1
  }

  /** Deletes the rules of one chain, or of all. */
  flush(chain?: string): void {
    if (chain === undefined) checkClearable(this.#draft)
    else this.use(chain)
    for (const { name } of this.#these(chain)) {
      for (const rule of this.#rules(name).refs) this.#count(rule, -1)
      this.#draft.chains.set(name, { ...this.#chain(name), rules: Rules.of() })
      this.#edits++
    }
  }

  #these(chain: string | undefined): Chain[] {
    return chain === undefined ? [...this.#draft.chains.values()] : [this.#chain(chain)]
  }

  /** Zeroes the counters of one rule, or of one chain or all, policies included. */
  zero(chain?: string, number?: number): void {
    this.#edits++
    if (chain === undefined || number === undefined) for (const { name } of this.#these(chain)) this.#zeroChain(name)
    else {
      const from = this.#at(chain, number)
      const rules = this.#rules(chain)
      rules.replace(number - 1, zeroed(rules.at(number - 1) as Entry, from))
    }
  }

  #zeroChain(name: string): void {
    const rules = changedRules(this.#rules(name), zeroed)
    const chain = this.#chain(name)
    setRules(this.#draft, { ...chain, tail: chain.tail && zeroed(chain.tail) }, rules)
  }

  // Chains

  /** Makes sure that the kernel has a chain, even if it is empty. @throws NotFoundError */
  use(name: string): void {
    const chain = this.#chain(name)
    if (!chain.isUnused) return
    this.#draft.chains.set(name, { ...chain, isUnused: false })
    this.#edits++
  }

  /** @throws RuleError if the name is in use */
  create(name: string): void {
    if (this.has(name)) this.#fail('XT_CHAIN_EXISTS', name, 'the chain exists already')
    this.#draft.chains.set(name, newChain(this.#draft.family, name))
    this.#edits++
  }

  /** @throws RuleError for a chain that has rules, is the target of a jump, or is a built-in one that must exist */
  remove(name: string): void {
    const { hook } = this.#chain(name)
    if (hook !== undefined && this.#draft.unusedChain !== undefined) {
      this.#unuse(name, hook)
      return
    }
    this.#userChain(name)
    if (this.#rules(name).length > 0) this.#fail('XT_CHAIN_NOT_EMPTY', name, 'the chain is not empty')
    const references = this.#referencesTo(name)
    if (references > 0) this.#fail('XT_CHAIN_IN_USE', name, `the chain is in use (${references} references)`)
    this.#draft.chains.delete(name)
    this.#edits++
  }

  /** Removes a built-in chain from the kernel, with its policy, which must be the default one. */
  #unuse(name: string, hook: Hook): void {
    const chain = this.#chain(name)
    if (this.#rules(name).length > 0) this.#fail('XT_CHAIN_NOT_EMPTY', name, 'the chain is not empty')
    if (policyOf(this.#draft.family, chain) !== 'ACCEPT')
      this.#fail('XT_CHAIN_NOT_EMPTY', name, 'the policy of the chain is not ACCEPT')
    if (chain.isUnused) return
    this.#draft.chains.set(name, this.#draft.unusedChain?.(hook) as Chain)
    this.#edits++
  }

  #userChain(name: string): Chain {
    const chain = this.#chain(name)
    return chain.hook === undefined ? chain : this.#fail('XT_BUILTIN_CHAIN', name, 'the chain is built in')
  }

  get userChains(): Chain[] {
    return [...this.#draft.chains.values()].filter(({ hook }) => hook === undefined)
  }

  /** Deletes all user-defined chains, and the built-in ones that need not exist. @throws as {@link remove} */
  removeAll(): void {
    for (const { name } of this.userChains) this.remove(name)
    for (const { name, hook } of [...this.#draft.chains.values()])
      if (hook !== undefined && this.#isDispensable(name)) this.#unuse(name, hook)
  }

  #isDispensable(name: string): boolean {
    const chain = this.#chain(name)
    const { unusedChain, family } = this.#draft
    if (unusedChain === undefined || chain.isUnused) return false
    return this.#rules(name).length === 0 && policyOf(family, chain) === 'ACCEPT'
  }

  /** Jumps to the chain are updated. @throws RuleError for a built-in chain, or a name that is in use */
  rename(name: string, newName: string): void {
    this.finish()
    const chain = this.#userChain(name)
    if (this.has(newName)) this.#fail('XT_CHAIN_EXISTS', newName, 'the chain exists already')
    this.#draft.chains.delete(name)
    this.#draft.chains.set(newName, { ...chain, name: newName, head: newChain(this.#draft.family, newName).head })
    for (const { name: from } of this.#these(undefined)) this.#redirect(from, name, newName)
    this.#references = undefined
    this.#edits++
  }

  #redirect(chain: string, from: string, to: string): void {
    const { rules } = this.#chain(chain)
    if (!rules.refs.some((ref) => jumpOf(rules, ref) === from)) return
    setRules(
      this.#draft,
      this.#chain(chain),
      changedRules(rules, (rule, ref) => redirected(rule, ref, to), from),
    )
  }

  /**
   * Deletes all rules and all user-defined chains. Policies stay if the built-in chains always exist; otherwise these
   * chains return to their unused state.
   * @throws RuleError
   */
  clear(): void {
    checkClearable(this.#draft)
    this.#draft.isCleared = true
    this.#firsts.clear()
    this.#references = undefined
    for (const chain of [...this.#draft.chains.values()])
      if (chain.hook === undefined) this.#draft.chains.delete(chain.name)
      else this.#draft.chains.set(chain.name, this.#draft.unusedChain?.(chain.hook) ?? { ...chain, rules: Rules.of() })
    this.#edits++
  }

  /** @param counters initial counters of the policy; if absent, they stay as they are. @throws RuleError */
  setPolicy(name: string, policy: 'ACCEPT' | 'DROP', counters: Counters | undefined): void {
    this.#settle(name)
    const chain = this.#chain(name)
    if (chain.hook === undefined || chain.tail === undefined)
      this.#fail('XT_BAD_POLICY', name, 'the chain has no policy, as it is not built in')
    if (counters === undefined && policyOf(this.#draft.family, chain) === policy) {
      this.use(name)
      return
    }
    const tail = policyEntry(this.#draft.family, chain.tail, policy, counters)
    this.#draft.chains.set(name, { ...chain, tail, isUnused: false })
    this.#edits++
  }
}
