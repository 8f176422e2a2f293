/** What the meaning of a word depends on besides the word. */
import type { Family, FamilyName } from '../abi/family'

/** An ipset as the kernel tells of it; `any` is a list of sets. */
export interface SetInfo {
  readonly index: number
  readonly family: FamilyName | 'any'
}

/** Names of ipsets and the indexes by which rules refer to them, in one network namespace. */
export interface SetNames {
  byName(name: string): SetInfo | undefined
  byIndex(index: number): string | undefined
}

/** Where nothing is named that lives in a namespace. */
export const NO_SETS: SetNames = { byName: () => undefined, byIndex: () => undefined }

export interface Context {
  readonly family: Family
  readonly sets: SetNames
  /** Number of the rule's protocol, whose services the names of ports are; left out where there is none to ask for. */
  readonly protocol?: number | undefined
}

/** What the words of a listing (`iptables -L`) depend on: it is for people, who may want names in place of numbers. */
export interface Listing extends Context {
  /** Numbers stay numbers. */
  readonly numeric: boolean
  /** The name of the host with this address, if it is known; never asked for where numbers stay numbers. */
  hostName(address: string): string | undefined
}
