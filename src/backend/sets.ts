/** Names of ipsets for rules: from a kernel, or placeholders for rules that are in no table yet. */
import { IPSET_INVALID_ID, SET_NAME_SIZE } from '../abi/ip-set'
import type { SetInfo, SetNames } from '../extensions/context'
import type { Client } from '../kernel/client'

/** The sets of a kernel, in the client's namespace. */
export const kernelSets = (client: Client): SetNames => ({
  byName: (name) => client.setByName(name),
  byIndex: (index) => client.setByIndex(index),
})

/**
 * Placeholders for the sets that a rule names before it is added to a table: only then is it known whether the set
 * exists, and which index it has. Placeholder indexes are assigned downwards from the highest valid one.
 */
export class UnboundSets implements SetNames {
  readonly #names: string[] = []

  /** @returns undefined for an invalid set name */
  byName(name: string): SetInfo | undefined {
    if (name === '' || name.includes('\0') || Buffer.byteLength(name) >= SET_NAME_SIZE) return undefined
    if (!this.#names.includes(name)) this.#names.push(name)
    return { index: IPSET_INVALID_ID - 1 - this.#names.indexOf(name), family: 'any' }
  }

  byIndex(index: number): string | undefined {
    return this.#names[IPSET_INVALID_ID - 1 - index]
  }
}
