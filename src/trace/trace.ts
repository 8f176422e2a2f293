/** Which rules a packet would meet, and what would become of it. */
import type { Hook } from '../abi/netfilter'
import { check, instance } from '../check-input'
import { checkOptions } from '../check-options'
import type { Context } from '../extensions/context'
import { printEntry } from '../language/print-entry'
import { knownPacket } from './describe-packet'
import { evaluate } from './evaluate'
import type { Explainer, Explanation } from './explain'
import { FamilyRuleset } from './family-ruleset'
import type { PacketDescription } from './packet'
import { type PacketChange, packetChanges } from './packet-changes'
import { type Course, type Division, type Event, type PassedEvent, type RuleEvent, Walk, type Way } from './walk'

export interface TraceOptions {
  /** How many ways are followed at most where something is not known; 64 unless said. */
  readonly branches?: number | undefined
}

/** What becomes of the packet. QUEUE: a program decides. STOLEN: it is answered or sent elsewhere by the target. */
export type TraceVerdict = 'ACCEPT' | 'DROP' | 'REJECT' | 'QUEUE' | 'STOLEN'

/** A rule that the packet was held against. */
export interface RuleStep {
  readonly kind: 'rule'
  readonly hook: Hook
  readonly table: string
  readonly chain: string
  /** From 0. */
  readonly position: number
  /** As iptables prints it. */
  readonly rule: string
  /** Undefined where it is not known, and makes no difference to the way. */
  readonly matches: boolean | undefined
  /** The first parameter that failed, or hangs on what is not known. */
  readonly because: Explanation | undefined
  /** What the rule changed. */
  readonly changes: readonly PacketChange[]
}

/** The end of a built-in chain. */
export interface PolicyStep {
  readonly kind: 'policy'
  readonly hook: Hook
  readonly table: string
  readonly chain: string
  readonly verdict: 'ACCEPT' | 'DROP'
}

/** The packet is of a connection that is known: its addresses are translated as those of the first packet were. */
export interface TranslatedStep {
  readonly kind: 'translated'
  readonly hook: Hook
}

export type TraceStep = RuleStep | PolicyStep | TranslatedStep

/** What is not known, or changes from packet to packet, decides. */
export interface TraceFork {
  /** In words: `-m limit`, `whether the packet is for this host`. */
  readonly decides: string
  /** The rule that asks, if one does. */
  readonly rule: RuleStep | undefined
  /** Where it holds. */
  readonly yes: Trace
  /** Where it does not. */
  readonly no: Trace
}

/** The way of a packet up to its end, or to where it divides. */
export interface Trace {
  readonly steps: readonly TraceStep[]
  /** Undefined where the way divides, or where there are more ways than are followed. */
  readonly verdict: TraceVerdict | undefined
  readonly fork: TraceFork | undefined
}

const OPTIONS = {
  branches: {
    accepts: (value: unknown) => Number.isInteger(value) && (value as number) >= 1,
    expected: 'a whole number from 1',
  },
}

/**
 * Follows a packet through the tables of a family, in the order of the kernel. What is not said of the packet is not known:
 * where that decides, both ways are followed. So are those of conditions that no packet tells, such as `limit`.
 *
 * ```ts
 * const ruleset = FamilyRuleset.parse('*filter\n:INPUT DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n')
 * trace({ protocol: 'tcp', destinationPort: 22, in: 'eth0', way: 'input', state: 'NEW' }, ruleset).verdict // 'ACCEPT'
 * ```
 * @throws IptcError for what is no packet of the family
 */
export function trace(packet: PacketDescription, ruleset: FamilyRuleset, options: TraceOptions = {}): Trace {
  check('what a packet is traced through', ruleset, instance(FamilyRuleset, 'a FamilyRuleset'))
  checkOptions(options, OPTIONS)
  const { branches = 64 } = options
  const known = knownPacket(packet, ruleset.context.family, ruleset.backend)
  const way = wayOf(packet)
  const view = new View(ruleset)
  return view.trace(new Walk(ruleset, branches).run(known, way))
}

function wayOf({ way, in: input, out }: PacketDescription): Way | undefined {
  if (way !== undefined) return way
  if (input !== undefined) return out === undefined ? undefined : 'forward'
  return out === undefined ? undefined : 'output'
}

/** Texts are made when somebody looks at them: most rules of a long table are of no interest. */
class View {
  readonly #context: Context
  readonly #explainer: Explainer

  constructor(ruleset: FamilyRuleset) {
    this.#context = ruleset.context
    this.#explainer = ruleset.explainer
  }

  trace({ events, end }: Course): Trace {
    const steps = lazily(() => events.flatMap((event) => this.#steps(event)))
    return {
      get steps() {
        return steps()
      },
      verdict: typeof end === 'string' && end !== 'undecided' ? end : undefined,
      fork: typeof end === 'string' ? undefined : this.#fork(end),
    }
  }

  #fork({ decides, yes, no }: Division): TraceFork {
    const ways = { yes: this.trace(yes), no: this.trace(no) }
    if (typeof decides === 'string') return { decides, rule: undefined, ...ways }
    const rule = new Step(decides.rule, this.#context, this.#explainer)
    return { decides: rule.because?.asks ?? rule.rule, rule, ...ways }
  }

  #steps(event: Event): TraceStep[] {
    const { kind, hook, chain } = event
    if (kind === 'rule') return [new Step(event, this.#context, this.#explainer)]
    if (kind === 'passed') return passedRules(event).map((one) => new Step(one, this.#context, this.#explainer))
    if (kind === 'translated') return [{ kind, hook }]
    return [{ kind, hook, table: chain.ruleset.table, chain: chain.chain.name, verdict: event.verdict }]
  }
}

/** Each rule that failed, by itself: why it did is found out again. */
function passedRules({ hook, chain, first, end, packet, circumstances }: PassedEvent): RuleEvent[] {
  return Array.from({ length: end - first }, (_, i) => {
    const rule = chain.rule(first + i)
    const outcome = evaluate(rule, packet, circumstances)
    return { kind: 'rule', hook, chain, position: first + i, rule, outcome, before: packet, after: packet }
  })
}

/** Made once, when it is asked for. */
function lazily<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

class Step implements RuleStep {
  readonly kind = 'rule'
  readonly #event: RuleEvent
  readonly #context: Context
  readonly #explainer: Explainer

  constructor(event: RuleEvent, context: Context, explainer: Explainer) {
    this.#event = event
    this.#context = context
    this.#explainer = explainer
  }

  get hook(): Hook {
    return this.#event.hook
  }
  get table(): string {
    return this.#event.chain.ruleset.table
  }
  get chain(): string {
    return this.#event.chain.chain.name
  }
  get position(): number {
    return this.#event.position
  }
  get matches(): boolean | undefined {
    return this.#event.outcome.truth
  }
  get rule(): string {
    return printEntry(this.#event.rule.entry, this.#context)
  }
  get because(): Explanation | undefined {
    const { rule, outcome, before } = this.#event
    const { part, condition } = outcome
    return part && condition && this.#explainer.explain(rule, part, condition, before)
  }
  get changes(): readonly PacketChange[] {
    return packetChanges(this.#context.family, this.#event.before, this.#event.after)
  }
  toJSON(): object {
    const { kind, hook, table, chain, position, matches, rule, because, changes } = this
    return { kind, hook, table, chain, position, matches, rule, because, changes }
  }
}
