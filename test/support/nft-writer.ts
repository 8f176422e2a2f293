/** Another program that changes nf_tables without waiting for others. */
import { NLM_F_CREATE } from '../../src/abi/netlink'
import type { NetlinkPort } from '../../src/kernel/kernel'
import { nfHead, type Request, request } from '../../src/netlink/message'
import { batchBegin, batchEnd, batchHead, messages } from '../../src/nft/messages'
import { type NftAnswer, NftAsked } from './nft-asked'

const IPV4 = nfHead(2)

/** Messages of one transaction. */
export const batch = (...changes: readonly Request[]): Request[] => [
  request(batchBegin, 0, batchHead, {}),
  ...changes,
  request(batchEnd, 0, batchHead, {}),
]

/** Sends messages as one transaction. @returns the answers of the kernel */
export function change(port: NetlinkPort, ...changes: readonly Request[]): NftAnswer[] {
  const asked = new NftAsked(port)
  const answers = asked.ask(batch(...changes))
  asked.close()
  return answers
}

/** Creates a chain in an existing IPv4 table. */
export const addChain = (port: NetlinkPort, name: string, table = 'filter'): NftAnswer[] =>
  change(port, request(messages.newChain, NLM_F_CREATE, IPV4, { table, name }))
