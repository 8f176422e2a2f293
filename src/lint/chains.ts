/** How the chains of a table hang together. */
import type { Hook } from '../abi/netfilter'
import type { Effect } from '../extensions/evaluation'
import type { Source } from '../extensions/native'
import { orderedChains } from '../ruleset/ruleset'
import type { CompiledTarget } from '../trace/compile'
import type { CompiledChain, Snapshot } from '../trace/snapshot'

export class TableChains {
  readonly all: readonly CompiledChain[]
  readonly #byName: ReadonlyMap<string, CompiledChain>
  /** The hooks from which each chain is reached. */
  readonly #hooks = new Map<string, Set<Hook>>()
  readonly #ends = new Map<string, boolean>()
  readonly #changes = new Map<string, readonly Source[] | 'anything'>()

  constructor(snapshot: Snapshot, table: string) {
    const chains = orderedChains(snapshot.ruleset(table) as never)
    this.all = chains.map(({ name }) => snapshot.chain(table, name) as CompiledChain)
    this.#byName = new Map(this.all.map((chain) => [chain.chain.name, chain]))
    for (const { chain } of this.all) if (chain.hook !== undefined) this.#reach(chain.name, chain.hook)
  }

  #reach(name: string, hook: Hook): void {
    const hooks = this.#hooks.get(name) ?? new Set()
    if (hooks.has(hook)) return
    this.#hooks.set(name, hooks.add(hook))
    const chain = this.#byName.get(name)
    for (let i = 0; i < (chain?.length ?? 0); i++) {
      const { target } = (chain as CompiledChain).rule(i)
      if (target.kind === 'chain') this.#reach(target.chain, hook)
    }
  }

  hooksOf({ chain }: CompiledChain): ReadonlySet<Hook> {
    return this.#hooks.get(chain.name) ?? new Set()
  }

  isEmpty(name: string): boolean {
    return this.#byName.get(name)?.length === 0
  }

  /** Whether no packet that meets a rule with this target comes to the rule behind it. */
  isLast(target: CompiledTarget): boolean {
    if (target.kind === 'verdict') return true
    if (target.kind === 'extension') return target.effects.some(({ kind }) => kind === 'end')
    return target.kind === 'chain' && (target.isGoto || this.#isEnd(target.chain))
  }

  /** Whether no packet comes back from a chain. */
  #isEnd(name: string): boolean {
    const known = this.#ends.get(name)
    if (known !== undefined) return known
    // A loop, which no kernel takes, is no end.
    this.#ends.set(name, false)
    const chain = this.#byName.get(name)
    const ends =
      chain !== undefined &&
      Array.from({ length: chain.length }, (_, i) => chain.rule(i)).some(({ questions, target }) => {
        const isReturn = target.kind === 'verdict' && target.verdict === 'RETURN'
        const isLeft = target.kind === 'chain' && target.isGoto ? this.#isEnd(target.chain) : this.isLast(target)
        return questions.length === 0 && !isReturn && isLeft
      })
    // A RETURN before it may lead back.
    const returns =
      chain !== undefined &&
      Array.from({ length: chain.length }, (_, i) => chain.rule(i).target).some(
        (target) =>
          (target.kind === 'verdict' && target.verdict === 'RETURN') ||
          (target.kind === 'chain' && target.isGoto && !this.#isEnd(target.chain)),
      )
    this.#ends.set(name, ends && !returns)
    return ends && !returns
  }

  /** What rules with this target may change of a packet that goes on behind them. */
  changesOf(target: CompiledTarget): readonly Source[] | 'anything' {
    if (target.kind === 'extension') return changesOfEffects(target.effects)
    return target.kind === 'chain' ? this.#changesIn(target.chain) : []
  }

  #changesIn(name: string): readonly Source[] | 'anything' {
    const known = this.#changes.get(name)
    if (known !== undefined) return known
    this.#changes.set(name, [])
    const chain = this.#byName.get(name)
    const changes: Source[] = []
    for (let i = 0; i < (chain?.length ?? 0); i++) {
      const more = this.changesOf((chain as CompiledChain).rule(i).target)
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
