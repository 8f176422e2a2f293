/** A match of a rule. */
import { check, checkNone } from '../check-input'
import {
  ExtensionObject,
  type MatchName,
  type MatchParameters,
  newContent,
  Stored,
  storedClass,
} from './extension-object'
import { A_RULE, type RuleBase } from './rule-base'

class MatchObject extends ExtensionObject {
  get kind(): 'match' {
    return 'match'
  }

  /** @internal */
  constructor(rule: RuleBase, source: string | Stored, ...none: unknown[]) {
    check('the rule of a match', rule, A_RULE)
    checkNone('a match besides its name', none, 'parameters are properties of the match')
    super(rule, source instanceof Stored ? source : newContent('match', source, rule))
  }
}

/** @typeParam N the extension, whose parameters are properties: `match.dport = '80'` on a match `tcp`. */
export type Match<N extends string = string> = MatchObject & (N extends MatchName ? MatchParameters[N] : unknown)

interface MatchConstructor {
  /**
   * A match for `rule`, which `rule.addMatch` puts there.
   * @throws XtablesError for a name that the rule's family does not have
   */
  new <N extends MatchName>(rule: RuleBase, name: N): Match<N>
  new (rule: RuleBase, name: string): Match
  readonly prototype: Match
}

export const Match = MatchObject as unknown as MatchConstructor

/** @internal */
export const storedMatch = (rule: RuleBase, source: Stored): Match =>
  new (storedClass(MatchObject, source))(rule, source)
