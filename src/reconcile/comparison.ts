/** Compares the rules of a chain with the desired ones. */
import { packedRules } from '../ruleset/packed-rules'
import { RuleIds } from '../ruleset/rule-ids'
import { RulePairs } from '../ruleset/rule-pairs'
import { Rules } from '../ruleset/rules'
import { canonicalOf, type Ruleset } from '../ruleset/ruleset'
import { longestCommon, longestCommonOfLike } from '../ruleset/subsequence'
import type { Entry, Ref } from '../ruleset/table-entry'
import { type Comparison, numbersTo } from './alignment'

/** With more differences than this, numbering all rules is cheaper than comparing pairs. */
const FEW = 100

/** For rules in the bytes of one table. */
export class RuleComparison implements Comparison {
  readonly #ruleset: Ruleset
  readonly #rules: Rules
  readonly #wanted: readonly Entry[]
  /** Desired rules as they will read back from the table, computed on demand. */
  readonly #canonical: Entry[] = []
  readonly #ids: RuleIds

  /** @param ids numbers of rules of the same table */
  constructor(ruleset: Ruleset, rules: Rules, wanted: readonly Entry[], ids = new RuleIds(ruleset.family)) {
    this.#ruleset = ruleset
    this.#rules = rules
    this.#wanted = wanted
    this.#ids = ids
  }

  #canonicalOf(index: number): Entry {
    this.#canonical[index] ??= canonicalOf(this.#ruleset, this.#wanted[index] as Entry)
    return this.#canonical[index] as Entry
  }

  common(old: Int32Array): Int32Array {
    return this.#commonOfLike(old) ?? this.#commonOfAny(old)
  }

  #commonOfLike(old: Int32Array): Int32Array | undefined {
    const { family, canonical } = this.#ruleset
    // The positions are in order.
    const rules = old.length === this.#rules.length ? this.#rules : this.#rulesAt(old)
    const pairs = new RulePairs(family, rules, packedRules(family, this.#wanted, rules))
    const isAsRead = (i: number, k: number): boolean =>
      canonical !== undefined &&
      i < rules.length &&
      k < this.#wanted.length &&
      new RulePairs(family, Rules.of(rules.at(i) as Entry), Rules.of(this.#canonicalOf(k))).run(0, 0) === 1
    const run = (i: number, k: number): number => {
      let count = pairs.run(i, k)
      while (isAsRead(i + count, k + count)) count += 1 + pairs.run(i + count + 1, k + count + 1)
      return count
    }
    return longestCommonOfLike(old.length, this.#wanted.length, run, FEW)
  }

  #rulesAt(positions: Int32Array): Rules {
    const { image, refs } = this.#rules
    return new Rules(
      image,
      Array.from(positions, (position) => refs[position] as Ref),
    )
  }

  #commonOfAny(old: Int32Array): Int32Array {
    return longestCommon(...this.idsOf(old, numbersTo(this.#wanted.length)))
  }

  idsOf(positions: Int32Array, indexes: Int32Array): readonly [Int32Array, Int32Array] {
    return [
      this.#ids.of(this.#rulesAt(positions)),
      this.#ids.of(Rules.from(Array.from(indexes, (index) => this.#canonicalOf(index)))),
    ]
  }
}
