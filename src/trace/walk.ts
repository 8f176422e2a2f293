/** Walks a packet through the hooks of a family, table by table and rule by rule. */
import { type Hook, IFNAMSIZ } from '../abi/netfilter'
import { NFT_CT, NFT_META } from '../abi/nf-tables'
import { text } from '../binary/text'
import type { Condition, Effect, End, Seen } from '../extensions/evaluation'
import { connection, meta, type Source } from '../extensions/native'
import { encoded, equals } from '../extensions/native-tests'
import { policyOf } from '../ruleset/ruleset'
import { changedBy, hopped, translatedBefore } from './apply-effect'
import type { CompiledRule, Outcome } from './compile'
import { LOOPBACK, NO_INTERFACE } from './describe-packet'
import { evaluate, isTest } from './evaluate'
import type { CompiledChain, FamilyRuleset } from './family-ruleset'
import type { KnownPacket } from './known-packet'
import { STATES } from './packet'

export type Way = 'input' | 'forward' | 'output'

/** A packet was tested against a rule. */
export interface RuleEvent {
  readonly kind: 'rule'
  readonly hook: Hook
  readonly chain: CompiledChain
  readonly position: number
  readonly rule: CompiledRule
  readonly outcome: Outcome
  readonly before: KnownPacket
  readonly after: KnownPacket
}

/** A packet failed several rules in a row. */
export interface PassedEvent {
  readonly kind: 'passed'
  readonly hook: Hook
  readonly chain: CompiledChain
  readonly first: number
  /** The position after the last of them. */
  readonly end: number
  readonly packet: KnownPacket
  readonly circumstances: ReadonlyMap<Condition, boolean>
}

/** What happened to a packet. */
export type Event =
  | RuleEvent
  | PassedEvent
  | { readonly kind: 'policy'; readonly hook: Hook; readonly chain: CompiledChain; readonly verdict: 'ACCEPT' | 'DROP' }
  /** Its addresses are translated like those of its connection. */
  | { readonly kind: 'translated'; readonly hook: Hook; readonly chain: CompiledChain }

/** What decides which path a packet takes, if that is unknown. */
export interface Division {
  /** What holds on the first path but not on the other: a rule's condition, or text for people. */
  readonly decides: { readonly rule: RuleEvent } | string
  readonly yes: Course
  readonly no: Course
}

export interface Course {
  readonly events: readonly Event[]
  /** 'undecided' if the limit of paths is reached. */
  readonly end: End['verdict'] | 'undecided' | Division
}

type Stage =
  | { readonly kind: 'chain'; readonly hook: Hook; readonly chain: CompiledChain }
  | { readonly kind: 'tracking' }
  | { readonly kind: 'routing' }
  /** It is forwarded to another host. */
  | { readonly kind: 'hop' }

interface Frame {
  readonly hook: Hook
  readonly chain: CompiledChain
  /** The position of the next rule. */
  readonly position: number
}

/** Where a packet is. It is immutable: each step makes a new one. */
interface Standing {
  readonly packet: KnownPacket
  /** Whether this host sent it to itself: then it was tracked and translated on output, and is not again. */
  readonly isLoopedBack: boolean
  readonly way: Way | undefined
  /** The output interface, once it has been decided. */
  readonly out: Seen
  readonly stages: readonly Stage[]
  /** The current chain, and those to return to, innermost first. */
  readonly frames: readonly Frame[]
  /** The states that connection tracking may give it. */
  readonly states: readonly number[]
  readonly circumstances: ReadonlyMap<Condition, boolean>
}

const [IN, OUT] = [meta(NFT_META.IIFNAME), meta(NFT_META.OIFNAME)]

const NONE: ReadonlyMap<Condition, boolean> = new Map()

/** Packets that are already tracked stay so: rules in raw only exempt others. */
const untracked = (states: readonly number[]): number[] => [
  ...new Set(states.map((one) => (one === STATES.INVALID ? STATES.UNTRACKED : one))),
]

/** The possible states of packets that are the first of their connection, or are not. */
const MAY_BE: Readonly<Record<'true' | 'false', readonly number[]>> = {
  true: [STATES.NEW, STATES.RELATED],
  false: Object.values(STATES).filter((one) => one !== STATES.NEW),
}

const BY_LOOPBACK = equals(IN, encoded(text(IFNAMSIZ), LOOPBACK))

export class Walk {
  readonly #ruleset: FamilyRuleset
  #branches: number

  /** @param branches maximum number of paths to follow */
  constructor(ruleset: FamilyRuleset, branches: number) {
    this.#ruleset = ruleset
    this.#branches = branches
  }

  run(packet: KnownPacket, way: Way | undefined): Course {
    const isLocal = way === 'output'
    const arrival = this.#chains(isLocal ? 'OUTPUT' : 'PREROUTING')
    const isRaw = (stage: Stage): boolean => stage.kind === 'chain' && stage.chain.ruleset.table === 'raw'
    const stages: Stage[] = [
      ...arrival.filter(isRaw),
      { kind: 'tracking' },
      ...arrival.filter((stage) => !isRaw(stage)),
      ...(isLocal ? this.#chains('POSTROUTING') : [{ kind: 'routing' } as const]),
    ]
    const { states } = packet.state
    const isLoopedBack = !isLocal && packet.meets(BY_LOOPBACK) === true
    const here = (isLoopedBack ? packet : packet.untracked()).changed(isLocal ? IN : OUT, NO_INTERFACE)
    const out = packet.look(OUT) as Seen
    return this.#follow({ packet: here, isLoopedBack, way, out, stages, frames: [], states, circumstances: NONE })
  }

  #chains(hook: Hook): Stage[] {
    return this.#ruleset.chainsAt(hook).map((chain) => ({ kind: 'chain', hook, chain }))
  }

  #follow(start: Standing): Course {
    const events: Event[] = []
    let now = start
    for (;;) {
      const next = now.frames.length > 0 ? this.#step(now, events) : this.#stage(now, events)
      if ('end' in next) return { events, end: next.end }
      now = next
    }
  }

  /** Forks the path, unless the limit is reached. */
  #divide(decides: Division['decides'], follow: (yes: boolean) => Course): { end: Course['end'] } {
    if (this.#branches <= 1) return { end: 'undecided' }
    this.#branches--
    return { end: { decides, yes: follow(true), no: follow(false) } }
  }

  #stage(now: Standing, events: Event[]): Standing | { end: Course['end'] } {
    const [stage, ...stages] = now.stages
    if (stage === undefined) return { end: 'ACCEPT' }
    if (stage.kind === 'tracking')
      return { ...now, stages, packet: now.isLoopedBack ? now.packet : now.packet.tracked(now.states) }
    if (stage.kind === 'routing') return this.#route({ ...now, stages })
    if (stage.kind === 'hop') {
      const packet = hopped(now.packet)
      return packet === undefined ? { end: 'DROP' } : { ...now, stages, packet }
    }
    return stage.chain.ruleset.table === 'nat' ? this.#translate(now, stage, events) : enter(now, stage)
  }

  #route(now: Standing): Standing | { end: Course['end'] } {
    const onward = (way: 'input' | 'forward'): Standing => ({
      ...now,
      way,
      packet: way === 'input' ? now.packet : now.packet.changed(OUT, now.out),
      stages:
        way === 'input'
          ? this.#chains('INPUT')
          : [{ kind: 'hop' }, ...this.#chains('FORWARD'), ...this.#chains('POSTROUTING')],
    })
    if (now.way !== undefined && now.way !== 'output') return onward(now.way)
    return this.#divide('whether the packet is for this host', (yes) => this.#follow(onward(yes ? 'input' : 'forward')))
  }

  /** The rules of nat apply to the first packet of a connection; the others are translated alike. */
  #translate(
    now: Standing,
    stage: Extract<Stage, { kind: 'chain' }>,
    events: Event[],
  ): Standing | { end: Course['end'] } {
    const { packet } = now
    const past = { ...now, stages: now.stages.slice(1) }
    if (now.isLoopedBack) return past
    if (!this.#ruleset.translates) return packet.isFirst ? enter(now, stage) : past
    if (packet.isFirst === undefined) {
      const { states } = packet.state
      const only = (isSaidFirst: boolean): Standing => ({
        ...now,
        packet: packet.with({ isSaidFirst, states: states.filter((one) => MAY_BE[`${isSaidFirst}`].includes(one)) }),
      })
      return this.#divide('whether the packet is the first of its connection', (yes) => this.#follow(only(yes)))
    }
    if (packet.isFirst) return enter(now, stage)
    if (packet.look(STATUS_OF_CONNECTION) === 'absent') return past
    events.push({ kind: 'translated', hook: stage.hook, chain: stage.chain })
    return { ...past, packet: translatedBefore(packet, stage.hook) }
  }

  /** Passes rules that make no difference, up to one that does. */
  #step(now: Standing, events: Event[]): Standing | { end: Course['end'] } {
    const [frame, ...outer] = now.frames as [Frame, ...Frame[]]
    const { hook, chain } = frame
    const { packet } = now
    let { circumstances } = now
    // Assumptions at a rule no longer apply when the packet comes back to it: the result may differ.
    const elsewhere: Standing = circumstances.size === 0 ? now : { ...now, circumstances: NONE }
    const { length } = chain
    for (let { position } = frame; position < length; position++) {
      const first = position
      let outcome = evaluate(chain.rule(position), packet, circumstances)
      while (outcome.truth === false) {
        position = chain.candidate(position + 1, packet)
        if (position === length) break
        outcome = evaluate(chain.rule(position), packet, NONE)
      }
      if (position > first) events.push({ kind: 'passed', hook, chain, first, end: position, packet, circumstances })
      if (position === length) break
      if (position > first) circumstances = NONE
      const rule = chain.rule(position)
      const event: RuleEvent = { kind: 'rule', hook, chain, position, rule, outcome, before: packet, after: packet }
      if (outcome.truth) return this.#act(elsewhere, { ...frame, position: position + 1 }, outer, event, events)
      if (!isHarmless(rule))
        return this.#suppose({ ...now, circumstances, frames: [{ ...frame, position }, ...outer] }, event)
      events.push(event)
      circumstances = NONE
    }
    return this.#leave(elsewhere, frame, outer, events)
  }

  /** Continues with an assumption about the first unknown condition; the rule is evaluated again. */
  #suppose(now: Standing, event: RuleEvent): { end: Course['end'] } {
    const condition = event.outcome.condition as Condition
    const when = (truth: boolean): Standing =>
      isTest(condition)
        ? { ...now, packet: now.packet.supposing(condition, truth) }
        : { ...now, circumstances: new Map([...now.circumstances, [condition, truth]]) }
    return this.#divide({ rule: event }, (yes) => this.#follow(when(yes)))
  }

  /** @param next the position after the rule */
  #act(
    now: Standing,
    next: Frame,
    outer: readonly Frame[],
    event: RuleEvent,
    events: Event[],
  ): Standing | { end: Course['end'] } {
    const { target } = event.rule
    const onward: Standing = { ...now, frames: [next, ...outer] }
    if (target.kind === 'extension')
      return this.#change(onward, target.effects, (after) => void events.push({ ...event, after }))
    events.push(event)
    if (target.kind === 'none') return onward
    if (target.kind === 'verdict')
      return target.verdict === 'RETURN' ? this.#leave(now, next, outer, events) : this.#end(onward, target.verdict)
    const { hook, chain } = event
    const entered = {
      hook,
      chain: this.#ruleset.chain(chain.ruleset.table, target.chain) as CompiledChain,
      position: 0,
    }
    // A goto leaves no return address: the end of its chain is the end of this one.
    const back = !target.isGoto ? [next] : chain.chain.hook === undefined ? [] : [{ ...next, position: chain.length }]
    return { ...onward, frames: [entered, ...back, ...outer] }
  }

  /** Applies effects in order, up to one that ends or forks the path. */
  #change(
    start: Standing,
    effects: readonly Effect[],
    note: (after: KnownPacket) => void,
  ): Standing | { end: Course['end'] } {
    const { hook } = start.frames[0] as Frame
    let now = start
    for (const [i, effect] of effects.entries()) {
      if (effect.kind === 'end') {
        note(now.packet)
        return this.#end(now, effect.verdict)
      }
      if (effect.kind === 'either') {
        note(now.packet)
        const [here, rest] = [now, effects.slice(i + 1)]
        return this.#divide(effect.decides, (yes) => this.#doing(here, [...effect.effects[yes ? 0 : 1], ...rest]))
      }
      if (effect.kind === 'untracked') {
        const states = untracked(now.packet.state.states)
        now = { ...now, states, packet: now.packet.with({ states }) }
      } else
        now = {
          ...now,
          packet: changedBy(now.packet, effect, hook),
          ...(effect.kind === 'translate' && effect.isForHost && { way: 'input' }),
        }
    }
    note(now.packet)
    return now
  }

  /** Continues after some effects of the current rule. */
  #doing(now: Standing, effects: readonly Effect[]): Course {
    const next = this.#change(now, effects, () => {})
    return 'end' in next ? { events: [], end: next.end } : this.#follow(next)
  }

  /** A verdict either ends the table, and the packet goes on to the next one, or ends the whole path. */
  #end(now: Standing, verdict: End['verdict']): Standing | { end: Course['end'] } {
    return verdict === 'ACCEPT' ? { ...now, frames: [] } : { end: verdict }
  }

  /** Returns to the calling chain; at the end of a built-in chain, its policy decides. */
  #leave(
    now: Standing,
    { hook, chain }: Frame,
    outer: readonly Frame[],
    events: Event[],
  ): Standing | { end: Course['end'] } {
    if (chain.chain.hook === undefined) return { ...now, frames: outer }
    const verdict = policyOf(chain.ruleset.family, chain.chain) === 'DROP' ? 'DROP' : 'ACCEPT'
    events.push({ kind: 'policy', hook, chain, verdict })
    return this.#end(now, verdict)
  }
}

function enter(now: Standing, { hook, chain }: Extract<Stage, { kind: 'chain' }>): Standing {
  return { ...now, stages: now.stages.slice(1), frames: [{ hook, chain, position: 0 }] }
}

/** Whether a match with the rule makes no difference to a packet's path. */
const isHarmless = ({ target }: CompiledRule): boolean =>
  target.kind === 'none' || (target.kind === 'extension' && target.effects.length === 0)

const STATUS_OF_CONNECTION: Source = connection(NFT_CT.STATUS)
