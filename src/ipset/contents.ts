/** Reads sets with all their entries from the kernel. */
import { IPSET_FLAG_LIST_HEADER } from '../abi/ip-set'
import type { Encoded } from '../netlink/attribute'
import { readMessage } from '../netlink/message'
import { headerOf, type SetHeader } from './ip-set'
import { bulk } from './messages'
import { ask, type SetPlace, Sets } from './sets'

export interface SetContents {
  readonly header: SetHeader
  /** The entries, in the kernel's order. */
  readonly parts: readonly Encoded[]
}

/**
 * One set, or all sets.
 * @param headersOnly omits the entries
 * @throws NotFoundError, UnsupportedError for an unknown type, PermissionError
 */
export function contentsOf(place: SetPlace, setname: string | undefined, headersOnly: boolean): SetContents[] {
  const sets = new Sets(place)
  const request = ask(bulk.list, { setname, ...(headersOnly && { flags: IPSET_FLAG_LIST_HEADER }) })
  const found: { header: SetHeader; parts: Encoded[] }[] = []
  for (const message of sets.dumpAll(request, { operation: 'list', set: setname ?? 'all' })) {
    const { values } = readMessage(bulk.list, message)
    // A set that does not fit into one message continues in others, which do not repeat its header.
    if (values.data !== undefined) found.push({ header: headerOf(values), parts: [] })
    if (values.adt !== undefined) found.at(-1)?.parts.push(values.adt)
  }
  return found
}
