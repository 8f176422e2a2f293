/** What a match or a target needs of the rule that it belongs to. */
import { instance } from '../check-input'
import type { Context } from '../extensions/context'
import { Strict } from './refuse-assignment'

/** A rule as its matches and targets see it. {@link Rule} and {@link Rule6} are the only ones. */
export abstract class RuleBase extends Strict {
  /** @internal */
  abstract get context(): Context
}

/** @internal */
export const A_RULE = instance(RuleBase, 'a Rule or a Rule6')
