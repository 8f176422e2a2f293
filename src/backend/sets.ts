/** Names of ipsets for rules: those of a kernel, and those of rules that are in no table yet. */
import { IPSET_INVALID_ID, SET_NAME_SIZE } from '../abi/ip-set'
import type { SetInfo, SetNames } from '../extensions/context'
import type { Client } from '../kernel/client'

/** The sets of a kernel, in the namespace that a client speaks to. */
export const kernelSets = (client: Client): SetNames => ({
  byName: (name) => client.setByName(name),
  byIndex: (index) => client.setByIndex(index),
})

/**
 * Stand-ins for the sets that a rule names before it goes into a table: whether a set is there, and with what index, is
 * known only then. Indexes are handed out from the top.
 */
export class UnboundSets implements SetNames {
  readonly #names: string[] = []

  /** @returns undefined for a name that no set can have. */
  byName(name: string): SetInfo | undefined {
    if (name === '' || name.includes('\0') || Buffer.byteLength(name) >= SET_NAME_SIZE) return undefined
    if (!this.#names.includes(name)) this.#names.push(name)
    return { index: IPSET_INVALID_ID - 1 - this.#names.indexOf(name), family: 'any' }
  }

  byIndex(index: number): string | undefined {
    return this.#names[IPSET_INVALID_ID - 1 - index]
  }
}
