/** Evaluates the conditions of a rule for a packet, as far as both are known. */
import type { Condition, OneOf, Truth } from '../extensions/evaluation'
import type { Test } from '../extensions/native'
import type { Asked, CompiledRule, Outcome } from './compile'
import { not } from './known-bits'
import type { KnownPacket } from './known-packet'

/**
 * The first condition that fails, even if one before it is unknown.
 * @param circumstances what was assumed where the path forked
 */
export function evaluate(
  { questions }: CompiledRule,
  packet: KnownPacket,
  circumstances: ReadonlyMap<Condition, boolean>,
): Outcome {
  let open: Outcome | undefined
  for (let i = 0; i < questions.length; i++) {
    const { condition, failed, undecided } = questions[i] as Asked
    const truth = circumstances.get(condition) ?? meets(condition, packet, circumstances)
    if (truth === false) return failed
    if (truth === undefined) open ??= undecided
  }
  return open ?? MET
}

const MET: Outcome = { truth: true, part: undefined, condition: undefined }

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

export const isTest = (condition: Condition): condition is Test => condition.kind === 'test'
