/** A match of a rule. */
import { check, checkNone } from '../input'
import { type MatchName, type MatchParameters, newContent, Part, Stored, storedClass } from './part'
import { A_RULE, type AnyRule } from './rule'

class MatchObject extends Part {
  get kind(): 'match' {
    return 'match'
  }

  /** @internal */
  constructor(rule: AnyRule, source: string | Stored, ...none: unknown[]) {
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
  new <N extends MatchName>(rule: AnyRule, name: N): Match<N>
  new (rule: AnyRule, name: string): Match
  readonly prototype: Match
}

export const Match = MatchObject as unknown as MatchConstructor

/** @internal */
export const storedMatch = (rule: AnyRule, source: Stored): Match =>
  new (storedClass(MatchObject, source))(rule, source)
