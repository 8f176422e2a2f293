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
  /** An earlier rule takes every packet that would match this one. */
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
 * A mistake in a table, or a rule or chain without effect.
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
  /** The rule concerned; absent if the finding concerns the whole chain. */
  readonly at?: RulePlaceInTable
  /** The earlier rule of the same chain that takes its packets, or is equal to it. */
  readonly by?: RulePlaceInTable
  /** An example of the packets concerned. */
  readonly packet?: PacketDescription
  /** A description of the finding. */
  readonly message: string
}
