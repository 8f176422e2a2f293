/** Brings a table to its desired state, and reports the changes. */
import { shown } from '../check-input'
import type { CodeOf } from '../error-codes'
import { NotFoundError, RuleError } from '../errors'
import { checkNewName } from '../iptc/chain-edits'
import type { PolicyName } from '../iptc/policy'
import { Editor } from '../ruleset/editor'
import { RuleIds } from '../ruleset/rule-ids'
import { type Chain, canonicalOf, type Draft, jumpOf, newChain, orderedChains, policyOf } from '../ruleset/ruleset'
import type { Entry, Ref } from '../ruleset/table-entry'
import { type Alignment, align, alignedRules, isUnchanged, left, numbersTo } from './alignment'
import { RuleComparison } from './comparison'
import type { WantedChain } from './desired'
import { alignJumps, type JumpPlace } from './jumps'
import { isOwned, type Ownership } from './ownership'

/** The change of one chain. */
export interface ChainChange {
  readonly name: string
  /** Undefined for a chain that is created or deleted. */
  readonly before: Chain | undefined
  readonly after: Chain | undefined
  /** The new rules; empty if the chain is deleted. */
  readonly alignment: Alignment
}

export interface Wishes {
  readonly wanted: ReadonlyMap<string, WantedChain>
  readonly owns: Ownership
  readonly placeOf: (chain: string) => JumpPlace<Entry>
}

/**
 * Edits a draft. Staying rules remain the same objects.
 * @returns the changes; nothing for chains that are as desired
 * @throws NotFoundError, RuleError, XtablesError
 */
export function changeTable(draft: Draft, wishes: Wishes): ChainChange[] {
  return new TableWork(draft, wishes).carryOut()
}

const NONE = new Int32Array()
const FOREIGN =
  'iptables cannot express this rule, so a plan does not delete it; change it with nft, or flush its chain'

class TableWork {
  readonly #draft: Draft
  readonly #wishes: Wishes
  readonly #before: ReadonlyMap<string, Chain>
  readonly #ids: RuleIds

  constructor(draft: Draft, wishes: Wishes) {
    this.#draft = draft
    this.#wishes = wishes
    this.#before = new Map(draft.chains)
    this.#ids = new RuleIds(draft.family)
  }

  carryOut(): ChainChange[] {
    for (const [name, chain] of this.#wishes.wanted) this.#check(name, chain)
    const names = new Set([...orderedChains(this.#draft).map(({ name }) => name), ...this.#wishes.wanted.keys()])
    const gone = this.#gone()
    for (const name of names) if (this.#isNew(name)) this.#draft.chains.set(name, newChain(this.#draft.family, name))
    const changes = [...names].flatMap((name) => (gone.has(name) ? [] : this.#change(name)))
    return [...changes, ...this.#remove(gone)]
  }

  #isOurs(name: string): boolean {
    return isOwned(this.#wishes.owns, this.#before.get(name) ?? { name })
  }

  #isNew(name: string): boolean {
    return this.#wishes.wanted.has(name) && !this.#before.has(name)
  }

  #fail(code: CodeOf<'RuleError'>, chain: string, reason: string, position?: number): never {
    throw new RuleError(code, { table: this.#draft.table, chain, position }, reason)
  }

  #check(name: string, { rules, policy }: WantedChain): void {
    const chain = this.#before.get(name)
    if (policy !== undefined && chain?.hook === undefined)
      this.#fail('XT_BAD_POLICY', name, 'the chain has no policy, as it is not built in')
    if (this.#isOurs(name)) {
      if (chain === undefined) checkNewName(name)
      return
    }
    if (chain === undefined)
      throw new NotFoundError(
        'XT_NO_CHAIN',
        `table ${this.#draft.table} has no chain ${shown(name)}, and it is not yours to create: the option owns does not name it`,
      )
    if (policy !== undefined && policy !== policyOf(this.#draft.family, chain))
      this.#fail('XT_NOT_OWNED', name, 'its policy is not yours to set: the option owns does not name the chain')
    const stray = rules.findIndex(({ jump }) => jump === undefined || jump === '' || !this.#isOurs(jump))
    if (stray >= 0)
      this.#fail('XT_NOT_OWNED', name, 'the chain is not yours: it can only get jumps to chains that are yours', stray)
  }

  /** Owned chains that are not desired. Built-in ones only lose their rules. */
  #gone(): Set<string> {
    const users = [...this.#before.values()].filter(({ hook }) => hook === undefined)
    return new Set(users.map(({ name }) => name).filter((name) => this.#isOurs(name) && !this.#wishes.wanted.has(name)))
  }

  #change(name: string): ChainChange[] {
    const chain = this.#draft.chains.get(name) as Chain
    const { rules = [], policy } = this.#wishes.wanted.get(name) ?? {}
    const alignment = this.#alignment(chain, rules)
    if (alignment === undefined) return []
    this.#checkForeign(chain, alignment)
    const isSame = isUnchanged(alignment, chain.rules.length)
    if (!isSame) {
      // The rule as it will read back: the plan shows this, and its inverse refers to it.
      const made = (rule: Entry): Entry => ({ ...canonicalOf(this.#draft, rule) })
      const rules = alignedRules(chain.rules, alignment, made)
      this.#draft.chains.set(name, { ...chain, rules, isUnused: false })
    }
    const isPolicy = policy === undefined || policy === policyOf(this.#draft.family, chain)
    if (!isPolicy) new Editor(this.#draft).setPolicy(name, policy as PolicyName, undefined)
    if (isSame && isPolicy && !this.#isNew(name)) return []
    return [{ name, before: this.#before.get(name), after: this.#draft.chains.get(name), alignment }]
  }

  /** Undefined for a chain that does not concern us. */
  #alignment(chain: Chain, wanted: readonly Entry[]): Alignment | undefined {
    if (this.#isOurs(chain.name))
      return align(
        numbersTo(chain.rules.length),
        NONE,
        wanted,
        new RuleComparison(this.#draft, chain.rules, wanted, this.#ids),
      )
    if (chain.hook === undefined && !this.#wishes.wanted.has(chain.name)) return undefined
    return alignJumps(this.#draft, chain, wanted, this.#wishes.placeOf(chain.name), (name) => this.#isOurs(name))
  }

  /** Rules that iptables cannot express cannot be desired, and nobody asked to delete them. */
  #checkForeign({ name, rules }: Chain, { from }: Alignment): void {
    const { foreign } = this.#draft
    if (foreign === undefined || foreign.rules.size === 0) return
    const kept = new Set(from)
    const position = rules.refs.findIndex((ref, i) => foreign.rules.has(ref) && !kept.has(i))
    if (position >= 0) this.#fail('XT_FOREIGN_RULE', name, FOREIGN, position)
  }

  #remove(gone: ReadonlySet<string>): ChainChange[] {
    if (gone.size === 0) return []
    for (const { name: chain, rules } of this.#draft.chains.values()) {
      if (gone.has(chain)) continue
      const position = rules.refs.findIndex((ref) => gone.has(jumpOf(rules, ref) ?? ''))
      if (position >= 0)
        this.#fail(
          'XT_CHAIN_IN_USE',
          chain,
          `it goes to chain ${jumpOf(rules, rules.refs[position] as Ref)}, which is no more wanted`,
          position,
        )
    }
    return [...gone].map((name) => {
      this.#checkForeign(this.#draft.chains.get(name) as Chain, left(NONE))
      this.#draft.chains.delete(name)
      return { name, before: this.#before.get(name), after: undefined, alignment: left(NONE) }
    })
  }
}
