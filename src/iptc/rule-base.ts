/** The part of a rule that its matches and targets use. */
import { instance } from '../check-input'
import type { Context } from '../extensions/context'
import { Strict } from './refuse-assignment'

/** A rule as its matches and targets see it. The only subclasses are {@link Rule} and {@link Rule6}. */
export abstract class RuleBase extends Strict {
  /** @internal */
  abstract get context(): Context
}

/** @internal */
export const A_RULE = instance(RuleBase, 'a Rule or a Rule6')
