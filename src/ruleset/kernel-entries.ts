/**
 * The entries of a table as a kernel handed them out, with an index over them. Its entries are known by their numbers,
 * and made objects only where someone looks: most of what is edited in a big table is what stays.
 */
import type { Family } from '../abi/family'
import type { Entry } from './table-entry'

/** What is noted instead of a chain's number in {@link KernelEntries.destinations}. */
export const STAYS = -1
/** The entry goes on to the next one whatever comes, by a verdict that says so. */
export const GOES_ON = -2
/** Every packet that meets the entry leaves the chain: what stands behind it is never reached. */
export const ENDS = -3

export interface KernelEntries {
  readonly family: Family
  /** The entries, one behind the other. Never changed. */
  readonly bytes: Uint8Array
  /** Where each entry begins, and at last where the table ends. */
  readonly starts: Uint32Array
  /** Of each entry the chain that it goes to, as an index of `names`; or one of the numbers above. */
  readonly destinations: Int32Array
  readonly names: readonly string[]
  /** The numbers of those that its ruleset holds as objects: what begins and ends its chains. */
  readonly objects: ReadonlyMap<Entry, number>
}

export const countOf = ({ starts }: KernelEntries): number => starts.length - 1

export const entryBytes = ({ bytes, starts }: KernelEntries, number: number): Uint8Array =>
  bytes.subarray(starts[number], starts[number + 1])

/** By name; `''` for the next rule, undefined where the bytes say it all. */
export function jumpIn({ destinations, names }: KernelEntries, number: number): string | undefined {
  const destination = destinations[number] as number
  return destination >= 0 ? names[destination] : destination === GOES_ON ? '' : undefined
}

export const entryIn = (image: KernelEntries, number: number): Entry => ({
  bytes: entryBytes(image, number),
  jump: jumpIn(image, number),
})
