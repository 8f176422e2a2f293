/** Which rules a packet would match, and what would happen to it. */
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

/**
 * Options of {@link trace}.
 * @since 0.1.0
 */
export interface TraceOptions {
  /** The maximum number of paths to follow where something is unknown. Default: 64. */
  readonly branches?: number | undefined
}

/**
 * What happens to the packet. `QUEUE`: a program decides. `STOLEN`: the target replies to it or sends it
 * elsewhere.
 * @since 0.1.0
 */
export type TraceVerdict = 'ACCEPT' | 'DROP' | 'REJECT' | 'QUEUE' | 'STOLEN'

/**
 * A rule that the packet was tested against.
 * @since 0.1.0
 */
export interface RuleStep {
  /** Distinguishes it from other steps. */
  readonly kind: 'rule'
  /** The hook, which is also the name of the built-in chain. */
  readonly hook: Hook
  /** As in `filter`. */
  readonly table: string
  /** The chain of the rule. */
  readonly chain: string
  /** From 0. */
  readonly position: number
  /** As iptables prints it. */
  readonly rule: string
  /** Undefined if it is unknown but makes no difference to the path. */
  readonly matches: boolean | undefined
  /** The first parameter that failed, or depends on something unknown. */
  readonly because: Explanation | undefined
  /** What the rule changed. */
  readonly changes: readonly PacketChange[]
}

/**
 * The end of a built-in chain.
 * @since 0.1.0
 */
export interface PolicyStep {
  /** Distinguishes it from other steps. */
  readonly kind: 'policy'
  /** The hook, which is also the name of the built-in chain. */
  readonly hook: Hook
  /** As in `filter`. */
  readonly table: string
  /** The name of the chain, which equals the hook. */
  readonly chain: string
  /** The policy. */
  readonly verdict: 'ACCEPT' | 'DROP'
}

/**
 * The packet belongs to a known connection: its addresses are translated like those of the first packet.
 * @since 0.1.0
 */
export interface TranslatedStep {
  /** Distinguishes it from other steps. */
  readonly kind: 'translated'
  /** The hook where that happens. */
  readonly hook: Hook
}

/**
 * One step on a packet's path.
 * @since 0.1.0
 */
export type TraceStep = RuleStep | PolicyStep | TranslatedStep

/**
 * Something unknown, or different for each packet, decides.
 * @since 0.1.0
 */
export interface TraceFork {
  /** In words: `-m limit`, `whether the packet is for this host`. */
  readonly decides: string
  /** The rule that tests it, if any. */
  readonly rule: RuleStep | undefined
  /** The path if it holds. */
  readonly yes: Trace
  /** The path if it does not. */
  readonly no: Trace
}

/**
 * The path of a packet to its end, or to a fork.
 * @since 0.1.0
 */
export interface Trace {
  /** The steps, in order. */
  readonly steps: readonly TraceStep[]
  /** Undefined if the path forks, or if the limit of paths is reached. */
  readonly verdict: TraceVerdict | undefined
  /** The fork, if the path forks. */
  readonly fork: TraceFork | undefined
}

const OPTIONS = {
  branches: {
    accepts: (value: unknown) => Number.isInteger(value) && (value as number) >= 1,
    expected: 'a whole number from 1',
  },
}

/**
 * Traces a packet through the tables of a family, in the order of the kernel. What the description does not
 * say is unknown: where that decides, both paths are followed. The same applies to conditions that do not
 * depend on the packet, such as `limit`.
 * @throws {@link IptcError} if the description is not a packet of the family
 * @since 0.1.0
 * @example
 * ```ts
 * import { FamilyRuleset, trace } from 'xtables'
 *
 * const ruleset = FamilyRuleset.parse('*filter\n:INPUT DROP\n-A INPUT -p tcp --dport 22 -j ACCEPT\nCOMMIT\n')
 * const packet = { protocol: 'tcp', destinationPort: 22, in: 'eth0', way: 'input', state: 'NEW' } as const
 * console.log(trace(packet, ruleset).verdict) // ACCEPT
 * ```
 */
export function trace(packet: PacketDescription, ruleset: FamilyRuleset, options: TraceOptions = {}): Trace {
  check('the ruleset of trace', ruleset, instance(FamilyRuleset, 'a FamilyRuleset'))
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

/** Texts are made on demand: most rules of a long table are never looked at. */
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

/** Expands skipped rules to one step each, and finds out again why each failed. */
function passedRules({ hook, chain, first, end, packet, circumstances }: PassedEvent): RuleEvent[] {
  return Array.from({ length: end - first }, (_, i) => {
    const rule = chain.rule(first + i)
    const outcome = evaluate(rule, packet, circumstances)
    return { kind: 'rule', hook, chain, position: first + i, rule, outcome, before: packet, after: packet }
  })
}

/** Evaluated once, on first use. */
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
