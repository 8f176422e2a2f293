/** What is wrong, or at least of no use, in a set of tables. */
import type { PacketDescription } from '../trace/packet'

/**
 * What kind of fault {@link lint} found: `'never-matches'`, `'shadowed'`, `'duplicate'`, `'unused-chain'`, `'empty-jump'`, `'lockout'`
 * or `'families-differ'`.
 * @since 0.1.0
 */
export type FindingKind =
  /** No packet ever meets the rule: what it asks contradicts itself, or the hooks from which it is reached. */
  | 'never-matches'
  /** Every packet that would meet the rule is taken by an earlier one. */
  | 'shadowed'
  /** The same rule stands before it, and to meet it again changes nothing. */
  | 'duplicate'
  /** No rule leads to the chain from a built-in one. */
  | 'unused-chain'
  /** The rule jumps to a chain without rules, and goes on behind it. */
  | 'empty-jump'
  /** The connection that one works through would be cut off. */
  | 'lockout'
  /** Packets that differ in nothing but the family have another end in the other one. */
  | 'families-differ'

/**
 * Where a rule stands.
 * @since 0.1.0
 */
export interface RulePlaceInTable {
  /** From 0. */
  readonly position: number
  /** As iptables prints it. */
  readonly rule: string
}

/**
 * What is wrong in tables, or of no use.
 * @since 0.1.0
 */
export interface Finding {
  /** What kind of fault it is. */
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
