/** Finds rules of a chain that no packet matches, that are shadowed or duplicates, or that jump to an empty chain. */
import type { Condition } from '../extensions/evaluation'
import type { Source } from '../extensions/native'
import { printEntry } from '../language/print-entry'
import { RuleIds } from '../ruleset/rule-ids'
import type { AskingPart, CompiledRule } from '../trace/compile'
import { evaluate } from '../trace/evaluate'
import type { CompiledChain, FamilyRuleset } from '../trace/family-ruleset'
import { type KnownPacket, overlaps } from '../trace/known-packet'
import { samplePacket } from '../trace/sample-packet'
import { hasCircumstance, isCircumstance, type TableChains } from './chains'
import type { Finding, RulePlaceInTable } from './finding'
import { type Taker, Takers, type TakingPart } from './shadowing-rules'
import { anyPacket, type Supposed, suppose } from './supposed-packet'

export class ChainRules {
  readonly #ruleset: FamilyRuleset
  readonly #chains: TableChains
  readonly #chain: CompiledChain

  constructor(ruleset: FamilyRuleset, chains: TableChains, chain: CompiledChain) {
    this.#ruleset = ruleset
    this.#chains = chains
    this.#chain = chain
  }

  *findings(): Generator<Finding, void, void> {
    const chain = this.#chain
    const { family } = this.#ruleset.context
    const any = anyPacket(family, this.#chains.hooksOf(chain))
    const ids = new RuleIds(family).of(chain.chain.rules)
    const first = new Map<number, number>()
    const takers = new Takers()
    for (let position = 0; position < chain.length; position++) {
      const rule = chain.rule(position)
      const supposed = suppose(rule, any)
      const twin = first.get(ids[position] as number)
      if (twin === undefined) first.set(ids[position] as number, position)
      yield* this.#finding(position, rule, supposed, takers, twin)
      if (supposed.contradiction === undefined && this.#chains.isLast(rule.target))
        takers.add({ position, rule, parts: partsOf(rule).map((part) => takingPart(part, rule)) })
    }
  }

  *#finding(
    position: number,
    rule: CompiledRule,
    { packet, contradiction }: Supposed,
    takers: Takers,
    twin: number | undefined,
  ): Generator<Finding, void, void> {
    if (contradiction !== undefined) {
      const { asks } = this.#ruleset.explainer.explain(rule, contradiction.part, contradiction.condition, packet)
      yield this.#found('never-matches', position, {
        message: `no packet meets this rule: nothing that comes to it meets ${asks} with the rest`,
      })
      return
    }
    const taker = takers.find(packet, (one) => this.#takes(one, position, rule, packet))
    if (taker !== undefined)
      yield this.#found('shadowed', position, {
        by: this.#place(taker.position),
        packet: samplePacket(packet),
        message: `rule ${taker.position + 1} takes every packet that would meet this one`,
      })
    else if (twin !== undefined && this.#isInVain(twin, position, rule))
      yield this.#found('duplicate', position, {
        by: this.#place(twin),
        packet: samplePacket(packet),
        message: `rule ${twin + 1} says the same`,
      })
    else if (rule.target.kind === 'chain' && !rule.target.isGoto && this.#chains.isEmpty(rule.target.chain))
      yield this.#found('empty-jump', position, {
        packet: samplePacket(packet),
        message: `chain ${rule.target.chain} has no rules: the packet comes back as it was`,
      })
  }

  /**
   * Whether an earlier rule takes all packets that would match a later one: each of its conditions holds for them, and no rule in
   * between changes what the conditions test.
   */
  #takes(
    { position: at, rule: earlier, parts }: Taker,
    position: number,
    later: CompiledRule,
    packet: KnownPacket,
  ): boolean {
    const isCovered = parts.every((part) => isCoveredBy(part, earlier, later, packet))
    return isCovered && !this.#mayChange(at + 1, position, earlier)
  }

  /** Whether a rule has no effect, because an equal rule comes before it. */
  #isInVain(twin: number, position: number, rule: CompiledRule): boolean {
    const isStateful = hasCircumstance(rule) || this.#chains.isStateful(rule.target)
    return !isStateful && !this.#mayChange(twin, position, rule)
  }

  /** Whether the rules at positions `from` to `to` - 1 may change what a rule tests. */
  #mayChange(from: number, to: number, { questions }: CompiledRule): boolean {
    for (let i = from; i < to; i++) {
      const changes = this.#chains.changesOf(this.#chain.rule(i).target)
      if (changes === 'anything') return true
      if (changes.length > 0 && questions.some(({ condition }) => looksAt(condition, changes))) return true
    }
    return false
  }

  #place(position: number): RulePlaceInTable {
    return { position, rule: printEntry(this.#chain.rule(position).entry, this.#ruleset.context) }
  }

  #found(kind: Finding['kind'], position: number, more: Pick<Finding, 'by' | 'packet' | 'message'>): Finding {
    const { chain, ruleset } = this.#chain
    return {
      kind,
      family: this.#ruleset.family,
      table: ruleset.table,
      chain: chain.name,
      at: this.#place(position),
      ...more,
    }
  }
}

const partsOf = ({ questions }: CompiledRule): AskingPart[] => [
  ...new Set(questions.map(({ failed }) => failed.part as AskingPart)),
]

const takingPart = (part: AskingPart, rule: CompiledRule): TakingPart => ({
  part,
  rule: { ...rule, questions: rule.questions.filter(({ failed }) => failed.part === part) },
  hasCircumstance: part.conditions.some(isCircumstance),
})

const NOTHING_TAKEN: ReadonlyMap<Condition, boolean> = new Map()

/** Whether a part of an earlier rule holds for all packets that match a later one: by what is known about them, or because both have it. */
function isCoveredBy(
  { part, rule, hasCircumstance }: TakingPart,
  earlier: CompiledRule,
  later: CompiledRule,
  packet: KnownPacket,
): boolean {
  if (hasCircumstance) return false
  const { truth } = evaluate(rule, packet, NOTHING_TAKEN)
  if (truth !== undefined) return truth
  return part.name !== undefined && partsOf(later).some((one) => isSamePart(one, later, part, earlier))
}

/** Whether two matches are the same, byte for byte. */
function isSamePart(
  one: AskingPart,
  { entry: { bytes } }: CompiledRule,
  other: AskingPart,
  { entry }: CompiledRule,
): boolean {
  const size = one.known?.variant.size
  if (size === undefined || one.known !== other.known) return false
  return Buffer.compare(bytes.subarray(one.at, one.at + size), entry.bytes.subarray(other.at, other.at + size)) === 0
}

/** Whether a condition may depend on something that is changed. A computed condition may depend on anything. */
function looksAt(condition: Condition, changes: readonly Source[]): boolean {
  if (condition.kind === 'one of') return condition.alternatives.flat().some((one) => looksAt(one, changes))
  if (condition.kind !== 'test') return true
  // Lookups of addresses and routes may depend on the mark.
  return (
    changes.some((one) => overlaps(one, condition.source)) ||
    condition.source.from === 'fib' ||
    condition.source.from === 'rt'
  )
}
