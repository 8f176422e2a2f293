/**
 * The entries of a table as the kernel returned them, with an index. Entries are referred to by number and become
 * objects only on demand, because an edit leaves most of a large table alone.
 */
import type { Family } from '../abi/family'
import type { Entry } from './table-entry'

/** In {@link KernelEntries.destinations}: the entry does not jump. */
export const STAYS = -1
/** The entry always continues with the next one, by an explicit verdict. */
export const GOES_ON = -2
/** Every packet that reaches the entry leaves the chain: the entries after it are never reached. */
export const ENDS = -3

export interface KernelEntries {
  readonly family: Family
  /** The entries, back to back. Never changed. */
  readonly bytes: Uint8Array
  /** Offset of each entry, and finally of the end of the table. */
  readonly starts: Uint32Array
  /** For each entry, the chain that it jumps to as an index of `names`, or one of the constants above. */
  readonly destinations: Int32Array
  readonly names: readonly string[]
  /** The numbers of the entries that the ruleset holds as objects: the starts and ends of chains. */
  readonly objects: ReadonlyMap<Entry, number>
}

export const countOf = ({ starts }: KernelEntries): number => starts.length - 1

export const entryBytes = ({ bytes, starts }: KernelEntries, number: number): Uint8Array =>
  bytes.subarray(starts[number], starts[number + 1])

/** The destination by name; `''` for the next rule, undefined if the bytes are complete. */
export function jumpIn({ destinations, names }: KernelEntries, number: number): string | undefined {
  const destination = destinations[number] as number
  return destination >= 0 ? names[destination] : destination === GOES_ON ? '' : undefined
}

export const entryIn = (image: KernelEntries, number: number): Entry => ({
  bytes: entryBytes(image, number),
  jump: jumpIn(image, number),
})
