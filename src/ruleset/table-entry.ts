/** Entries of a ruleset: their bytes, and what the bytes do not contain. */

/** An entry of a table. Immutable: an edit makes a new one. */
export interface Entry {
  /** The whole `ipt_entry` in the kernel's layout. If `jump` is set, the verdict in it is meaningless. */
  readonly bytes: Uint8Array
  /** The chain that the rule jumps to; `''` if it continues with the next rule; undefined if the bytes are complete. */
  readonly jump: string | undefined
  /** The entry that this one continues: its counters are carried over until it is replaced. */
  readonly continues?: Ref
  /** Copied from a table that was read, and added to a table again. */
  readonly isCopy?: boolean
  /**
   * It has another place than the entry it continues: that one is deleted and this one added; the rules between them
   * stay.
   */
  readonly isMoved?: boolean
  /** It leaves out the counters that the continued entry had when it was read. */
  readonly isZeroed?: boolean
}

/** An unchanged entry of the ruleset's image by number, or a new one. */
export type Ref = number | Entry

export const plain = (bytes: Uint8Array): Entry => ({ bytes, jump: undefined })
