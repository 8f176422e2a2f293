/** Whether a packet meets what a rule asks, as far as both are known. */
import type { Circumstance, Condition, OneOf, Question, Truth } from '../extensions/evaluation'
import type { Test } from '../extensions/native'
import type { AskingPart, CompiledRule } from './compile'
import { not } from './known-bits'
import type { KnownPacket } from './known-packet'

/** What a rule came to: which condition of which part failed, or hangs on what is not known. */
export interface Outcome {
  readonly truth: Truth
  readonly part: AskingPart | undefined
  readonly condition: Condition | undefined
}

const MET: Outcome = { truth: true, part: undefined, condition: undefined }

/**
 * The first condition that fails, though another before it may not be known.
 * @param circumstances what was taken for granted where the way divided
 */
export function evaluate(
  { asks }: CompiledRule,
  packet: KnownPacket,
  circumstances: ReadonlyMap<Condition, boolean>,
): Outcome {
  let open: Outcome | undefined
  for (const part of asks)
    for (const condition of part.conditions) {
      const truth = circumstances.get(condition) ?? meets(condition, packet, circumstances)
      if (truth === false) return { truth, part, condition }
      if (truth === undefined) open ??= { truth, part, condition }
    }
  return open ?? MET
}

function meets(condition: Condition, packet: KnownPacket, circumstances: ReadonlyMap<Condition, boolean>): Truth {
  switch (condition.kind) {
    case 'test':
      return packet.meets(condition)
    case 'question':
      return condition.answer(packet)
    case 'one of':
      return meetsOneOf(condition, packet, circumstances)
    case 'circumstance':
      return undefined
  }
}

function meetsOneOf(
  { alternatives, negated }: OneOf,
  packet: KnownPacket,
  circumstances: ReadonlyMap<Condition, boolean>,
): Truth {
  let found: Truth = false
  for (const all of alternatives) {
    const truth = allOf(all.map((one) => circumstances.get(one) ?? meets(one, packet, circumstances)))
    if (truth === true) return !negated
    if (truth === undefined) found = undefined
  }
  return negated ? not(found) : found
}

const allOf = (truths: readonly Truth[]): Truth =>
  truths.includes(false) ? false : truths.includes(undefined) ? undefined : true

/** Conditions that packets alone do not tell: they are noted by themselves. */
export const isNoted = (condition: Condition): condition is OneOf | Question | Circumstance => condition.kind !== 'test'
export const isTest = (condition: Condition): condition is Test => condition.kind === 'test'
