/** Findings of the linter. */
import type { PacketDescription } from '../trace/packet'

/**
 * What kind of fault {@link lint} found: `'never-matches'`, `'shadowed'`, `'duplicate'`, `'unused-chain'`, `'empty-jump'`, `'lockout'`
 * or `'families-differ'`.
 * @since 0.1.0
 */
export type FindingKind =
  /** No packet ever matches the rule: its conditions contradict each other, or the hooks from which it is reached. */
  | 'never-matches'
  /** Every packet that would match the rule is taken by an earlier one. */
  | 'shadowed'
  /** The same rule comes earlier, and matching it again changes nothing. */
  | 'duplicate'
  /** No rule leads from a built-in chain to this chain. */
  | 'unused-chain'
  /** The rule jumps to a chain without rules, which returns at once. */
  | 'empty-jump'
  /** The administrator's own connection would be cut off. */
  | 'lockout'
  /** Packets that differ only in the family get a different verdict in the other family. */
  | 'families-differ'

/**
 * The place of a rule.
 * @since 0.1.0
 */
export interface RulePlaceInTable {
  /** From 0. */
  readonly position: number
  /** As iptables prints it. */
  readonly rule: string
}

/**
 * A finding: something wrong in tables, or useless.
 * @since 0.1.0
 */
export interface Finding {
  /** The kind of fault. */
  readonly kind: FindingKind
  /** The family of the table. */
  readonly family: 'ipv4' | 'ipv6'
  /** As in `filter`. */
  readonly table: string
  /** The name of the chain. */
  readonly chain: string
  /** The rule that it is about; absent where it is about the whole chain. */
  readonly at?: RulePlaceInTable
  /** The rule of the same chain that takes its packets, or says the same. */
  readonly by?: RulePlaceInTable
  /** A packet that shows it. */
  readonly packet?: PacketDescription
  /** In words. */
  readonly message: string
}
