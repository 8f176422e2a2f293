/** What the meaning of a word depends on besides the word itself. */
import type { Family, FamilyName } from '../abi/family'

/** A set as the kernel reports it. Type `any` is a list of sets. */
export interface SetInfo {
  readonly index: number
  readonly family: FamilyName | 'any'
}

/** Names of sets and the indexes by which rules refer to them, in one network namespace. */
export interface SetNames {
  byName(name: string): SetInfo | undefined
  byIndex(index: number): string | undefined
}

/** Used where nothing refers to a namespace. */
export const NO_SETS: SetNames = { byName: () => undefined, byIndex: () => undefined }

export interface Context {
  readonly family: Family
  readonly sets: SetNames
  /** Number of the rule's protocol, which decides what service names mean. Undefined if the rule has none. */
  readonly protocol?: number | undefined
}

/**
 * What the words of a listing (`iptables -L`) depend on. A listing is for people, who may want names instead
 * of numbers.
 */
export interface Listing extends Context {
  /** Numbers stay numbers. */
  readonly numeric: boolean
  /** The name of the host with this address, if known. Never called if `numeric` is true. */
  hostName(address: string): string | undefined
}
