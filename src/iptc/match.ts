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

/**
 * What every {@link Match} has, whichever extension it is of. Objects are made by `new Match` and {@link AnyRule.createMatch}.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Rule } from 'xtables'
 *
 * const [match] = Rule.parse('-p tcp ! --dport 22 -j ACCEPT').matches
 * console.log(match?.name, match?.parameters, match?.getAllParameters()) // tcp { dport: '!22' } { dport: [ '!', '22' ] }
 * ```
 */
export class MatchObject extends ExtensionObject {
  /** Tells a match from a target. */
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

/**
 * A match of a rule, whose parameters are properties: `match.dport = '80'` on a match `tcp`.
 * @typeParam N - the extension; without it, parameters are reached by `getParameter` and `setParameter`
 * @since 0.1.0
 */
export type Match<N extends string = string> = MatchObject & (N extends MatchName ? MatchParameters[N] : unknown)

/**
 * What makes a {@link Match}.
 * @since 0.1.0
 */
export interface MatchConstructor {
  /**
   * A match for `rule`, which {@link AnyRule.addMatch} puts there.
   * @throws {@link XtablesError} for a name that the family of the rule does not have
   */
  new <N extends MatchName>(rule: RuleBase, name: N): Match<N>
  /**
   * A match by a name that is not known before the program runs.
   * @throws {@link XtablesError} for a name that the family of the rule does not have
   */
  new (rule: RuleBase, name: string): Match
  /** What all matches inherit from, for `instanceof`. */
  readonly prototype: Match
}

/**
 * A match of a rule: one of `-m NAME` with its parameters.
 *
 * Parameters are properties in camel case. A bad value, or a name that the extension does not have, throws an {@link XtablesError}
 * at the assignment and leaves the match as it was. What is read is iptables' canonical string, `true` for a flag, or undefined.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Match, Rule } from 'xtables'
 *
 * const rule = new Rule()
 * const match = new Match(rule, 'iprange')
 * match.srcRange = '10.0.0.1-10.0.0.9'
 * rule.addMatch(match)
 * console.log(String(rule)) // -m iprange --src-range 10.0.0.1-10.0.0.9
 * ```
 */
export const Match = MatchObject as unknown as MatchConstructor

/** @internal */
export const storedMatch = (rule: RuleBase, source: Stored): Match =>
  new (storedClass(MatchObject, source))(rule, source)
