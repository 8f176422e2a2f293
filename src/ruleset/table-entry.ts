/** Entries as a ruleset holds them: their bytes, and what these do not say. */

/** One entry of a table, never changed: an edit makes another. */
export interface Entry {
  /** The whole `ipt_entry`, as the kernel lays it out. Where `jump` says more, the verdict in it means nothing. */
  readonly bytes: Uint8Array
  /** Chain that the rule goes to; `''` where it goes on to the next rule; undefined where its bytes say it all. */
  readonly jump: string | undefined
  /** The entry that this one goes on from: what that one counts until it is replaced, this one has counted. */
  readonly continues?: Ref
  /** Taken from what a kernel handed out, and put into a table again. */
  readonly isCopy?: boolean
  /** It stands elsewhere than what it goes on from: that goes and this comes, and rules between them stay what they are. */
  readonly isMoved?: boolean
  /** Of what it goes on from, it leaves out what had been counted when that was read. */
  readonly isZeroed?: boolean
}

/** An entry of the ruleset's image by its number, unchanged; or one that is new. */
export type Ref = number | Entry

export const plain = (bytes: Uint8Array): Entry => ({ bytes, jump: undefined })
