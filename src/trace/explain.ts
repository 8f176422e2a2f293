/**
 * Explains a condition in iptables' words: the parameter of the rule that it comes from, and what the packet
 * has instead.
 */
import type { Context } from '../extensions/context'
import type { Condition } from '../extensions/evaluation'
import { sourceKey } from '../extensions/native'
import { type Parameter, readParameters } from '../extensions/payload'
import type { Known } from '../extensions/registry'
import { printParameters } from '../language/print'
import { contextWithin } from '../ruleset/rule'
import type { AskingPart, CompiledRule } from './compile'
import { isWholly } from './known-bits'
import type { KnownPacket } from './known-packet'

/**
 * A parameter of a rule, and what the packet has instead.
 * @since 0.1.0
 */
export interface Explanation {
  /** The match; undefined for the head of the rule. */
  readonly match: string | undefined
  /**
   * The parameter as in the rule: `--dport 22`, `! -s 10.0.0.0/8`. If it cannot be attributed to one
   * parameter: the whole match.
   */
  readonly asks: string
  /** What the packet has, in the same words; undefined if that is unknown or cannot be expressed. */
  readonly has: string | undefined
}

type Conditions = (known: Known, bytes: Uint8Array, at: number) => readonly Condition[]

export class Explainer {
  readonly #context: Context
  readonly #conditions: Conditions

  /** @param conditions of a part, as rules are compiled */
  constructor(context: Context, conditions: Conditions) {
    this.#context = context
    this.#conditions = conditions
  }

  explain({ entry }: CompiledRule, part: AskingPart, condition: Condition, packet: KnownPacket): Explanation {
    const { name: match, known, at } = part
    if (known === undefined) return { match, asks: `-m ${match}`, has: undefined }
    const context = contextWithin(this.#context, entry.bytes)
    const parameters = readParameters(known, entry.bytes, at, context)
    const asking = parameters.find((one) => this.#isAsked(one, known, entry.bytes, at, condition))
    const asks = printParameters(known, asking === undefined ? parameters : [asking]).join(' ')
    const has = asking && this.#has(asking, known, entry.bytes, at, condition, packet)
    return { match, asks: asks === '' ? `-m ${match}` : asks, has }
  }

  /** Whether the condition disappears without the parameter. */
  #isAsked({ name }: Parameter, known: Known, rule: Uint8Array, at: number, condition: Condition): boolean {
    const bytes = rule.slice()
    known.variant.options.get(known.variant.names.get(name) ?? name)?.clear(bytes, at)
    const key = textOf(condition)
    return !this.#conditions(known, bytes, at).some((one) => textOf(one) === key)
  }

  /** The parameter as it would have to be for this packet: the packet's value is read as a native form. */
  #has({ name }: Parameter, known: Known, rule: Uint8Array, at: number, condition: Condition, packet: KnownPacket) {
    if (condition.kind !== 'test' || condition.or !== undefined) return undefined
    const { source, value, mask, isTurned } = condition
    const seen = packet.look(source)
    if (seen === undefined || seen === 'absent' || !isWholly(seen)) return undefined
    const there = seen.bytes.slice(0, value.length).map((byte, i) => byte & (mask?.[i] ?? 0xff))
    const bytes = rule.slice()
    const option = known.variant.options.get(known.variant.names.get(name) ?? name)
    option?.clear(bytes, at)
    // In host order, because no range was compared.
    const test = {
      kind: 'test',
      source,
      op: 'eq',
      value: there,
      ...(mask !== undefined && !isTurned && { mask }),
    } as const
    const key = sourceKey(source)
    if (!known.variant.native?.parts.some((one) => one.keys.includes(key) && one.read(test, bytes, at)))
      return undefined
    const context = contextWithin(this.#context, rule)
    const read = readParameters(known, bytes, at, context).find((one) => one.name === name)
    return read && printParameters(known, [read]).join(' ')
  }
}

const textOf = (condition: Condition): string =>
  JSON.stringify(condition, (_, value) => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value))
