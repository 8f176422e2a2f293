/** What a rule is called by what it says. */
import type { RuleSnapshot } from './snapshot'

/** It must not change with what the rule counts, as the words of one do that iptables has none for. */
export const nameOf = ({
  rule,
  handle,
  isIncompatible,
}: Pick<RuleSnapshot, 'rule' | 'handle' | 'isIncompatible'>): string => (isIncompatible ? `nft handle ${handle}` : rule)
