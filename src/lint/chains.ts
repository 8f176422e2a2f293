/** How the chains of a table are connected. */
import type { Hook } from '../abi/netfilter'
import type { Condition, Effect } from '../extensions/evaluation'
import { type Source, sourceKey } from '../extensions/native'
import { orderedChains } from '../ruleset/ruleset'
import type { CompiledRule, CompiledTarget } from '../trace/compile'
import type { CompiledChain, FamilyRuleset } from '../trace/family-ruleset'

export class TableChains {
  readonly all: readonly CompiledChain[]
  readonly #byName: ReadonlyMap<string, CompiledChain>
  /** The hooks from which each chain is reached. */
  readonly #hooks = new Map<string, Set<Hook>>()
  readonly #ends = new Map<string, boolean>()
  readonly #stateful = new Map<string, boolean>()
  readonly #changes = new Map<string, readonly Source[] | 'anything'>()

  constructor(ruleset: FamilyRuleset, table: string) {
    const chains = orderedChains(ruleset.table(table) as never)
    this.all = chains.map(({ name }) => ruleset.chain(table, name) as CompiledChain)
    this.#byName = new Map(this.all.map((chain) => [chain.chain.name, chain]))
    for (const { chain } of this.all) if (chain.hook !== undefined) this.#reach(chain.name, chain.hook)
  }

  #reach(name: string, hook: Hook): void {
    const hooks = this.#hooks.get(name) ?? new Set()
    if (hooks.has(hook)) return
    this.#hooks.set(name, hooks.add(hook))
    for (const { target } of this.#rulesOf(name)) if (target.kind === 'chain') this.#reach(target.chain, hook)
  }

  hooksOf({ chain }: CompiledChain): ReadonlySet<Hook> {
    return this.#hooks.get(chain.name) ?? new Set()
  }

  isEmpty(name: string): boolean {
    return this.#byName.get(name)?.length === 0
  }

  /** Whether no packet that matches a rule with this target reaches the next rule. */
  isLast(target: CompiledTarget): boolean {
    if (target.kind === 'verdict') return true
    if (target.kind === 'extension') return target.effects.some(({ kind }) => kind === 'end')
    return target.kind === 'chain' && (target.isGoto || this.#isEnd(target.chain))
  }

  /** Whether no packet returns from a chain. */
  #isEnd(name: string): boolean {
    const known = this.#ends.get(name)
    if (known !== undefined) return known
    // A loop is not an end; no kernel accepts one.
    this.#ends.set(name, false)
    const rules = this.#rulesOf(name)
    const returns = rules.some(({ target }) => this.#returns(target))
    const ends = !returns && rules.some(({ questions, target }) => questions.length === 0 && this.isLast(target))
    this.#ends.set(name, ends)
    return ends
  }

  /** Whether a rule with this target may return a packet to the calling chain. */
  #returns(target: CompiledTarget): boolean {
    if (target.kind === 'verdict') return target.verdict === 'RETURN'
    return target.kind === 'chain' && target.isGoto && !this.#isEnd(target.chain)
  }

  /** Whether it matters how often a packet matches a rule with this target. */
  isStateful(target: CompiledTarget): boolean {
    if (target.kind === 'extension') return target.effects.some((effect) => !isFinal(effect))
    if (target.kind !== 'chain') return false
    const known = this.#stateful.get(target.chain)
    if (known !== undefined) return known
    this.#stateful.set(target.chain, false)
    const isStateful = this.#rulesOf(target.chain).some(
      (rule) => hasCircumstance(rule) || this.isStateful(rule.target) || this.changesOf(rule.target).length > 0,
    )
    this.#stateful.set(target.chain, isStateful)
    return isStateful
  }

  #rulesOf(name: string): CompiledRule[] {
    const chain = this.#byName.get(name)
    return chain === undefined ? [] : Array.from({ length: chain.length }, (_, i) => chain.rule(i))
  }

  /** The parts of a packet that a rule with this target may change before the packet continues. */
  changesOf(target: CompiledTarget): readonly Source[] | 'anything' {
    if (target.kind === 'extension') return changesOfEffects(target.effects)
    return target.kind === 'chain' ? this.#changesIn(target.chain) : []
  }

  #changesIn(name: string): readonly Source[] | 'anything' {
    const known = this.#changes.get(name)
    if (known !== undefined) return known
    this.#changes.set(name, [])
    const changes: Source[] = []
    for (const { target } of this.#rulesOf(name)) {
      const more = this.changesOf(target)
      if (more === 'anything') {
        this.#changes.set(name, more)
        return more
      }
      changes.push(...more)
    }
    this.#changes.set(name, changes)
    return changes
  }
}

function changesOfEffects(effects: readonly Effect[]): readonly Source[] | 'anything' {
  const changes: Source[] = []
  for (const effect of effects) {
    if (effect.kind === 'set' || effect.kind === 'change' || effect.kind === 'update') changes.push(effect.to)
    else if (effect.kind !== 'end') return 'anything'
  }
  return changes
}

/** Whether repeating the effect changes nothing. Inverted bits and adjusted numbers change every time. */
function isFinal(effect: Effect): boolean {
  if (effect.kind === 'change')
    return (
      sourceKey(effect.to) === sourceKey(effect.from) &&
      (effect.shift ?? 0) === 0 &&
      effect.xor.every((bits, i) => (bits & (effect.mask[i] as number)) === 0)
    )
  return effect.kind === 'set' || effect.kind === 'end' || effect.kind === 'untracked'
}

export const isCircumstance = (condition: Condition): boolean =>
  condition.kind === 'circumstance' ||
  (condition.kind === 'one of' && condition.alternatives.flat().some(isCircumstance))

/** Whether something besides the packet decides whether it matches the rule. */
export const hasCircumstance = ({ questions }: CompiledRule): boolean =>
  questions.some(({ condition }) => isCircumstance(condition))
