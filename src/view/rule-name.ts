/** Names a rule by its text. */
import type { RuleSnapshot } from './snapshot'

/** The name must not depend on counters, which are part of the text of a rule without a form in iptables. */
export const nameOf = ({
  rule,
  handle,
  isIncompatible,
}: Pick<RuleSnapshot, 'rule' | 'handle' | 'isIncompatible'>): string => (isIncompatible ? `nft handle ${handle}` : rule)
