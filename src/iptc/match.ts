/** A match of a rule as an object. */
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
 * The members of every {@link Match}, whatever its extension. Use `new Match` or {@link AnyRule.createMatch} to make
 * one.
 * @since 0.1.0
 * @example
 * ```ts
 * import { Rule } from 'xtables'
 *
 * const [match] = Rule.parse('-p tcp ! --dport 22 -j ACCEPT').matches
 * console.log(match?.name, match?.parameters['dport'], match?.getParameter('dport')) // tcp !22 !22
 * ```
 */
export class MatchObject extends ExtensionObject {
  /** Distinguishes a match from a target. */
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
 * A match of a rule. Its parameters are properties: `match.dport = '80'` for a match `tcp`.
 * @typeParam N - the extension; without it, use `getParameter` and `setParameter`
 * @since 0.1.0
 */
export type Match<N extends string = string> = MatchObject & (N extends MatchName ? MatchParameters[N] : unknown)

/**
 * The constructor of {@link Match}.
 * @since 0.1.0
 */
export interface MatchConstructor {
  /**
   * Makes a match for `rule`. Add it with {@link AnyRule.addMatch}.
   * @throws {@link XtablesError} for a name that the family of the rule does not have
   */
  new <N extends MatchName>(rule: RuleBase, name: N): Match<N>
  /**
   * Makes a match whose name is known only at run time.
   * @throws {@link XtablesError} for a name that the family of the rule does not have
   */
  new (rule: RuleBase, name: string): Match
  /** The prototype of all matches, for `instanceof`. */
  readonly prototype: Match
}

/**
 * A match of a rule: `-m NAME` with its parameters.
 *
 * Parameters are properties in camel case. Assigning an invalid value, or a parameter that the extension does not have,
 * throws an {@link XtablesError} and leaves the match unchanged. A parameter reads as iptables' canonical string,
 * `true` for a flag, or undefined if it is not given.
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
