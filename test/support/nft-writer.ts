/** Another program, which changes nf_tables without taking turns. */
import { NLM_F_CREATE } from '../../src/abi/netlink'
import type { NetlinkPort } from '../../src/kernel/kernel'
import { nfHead, type Request, request } from '../../src/netlink/message'
import { batchBegin, batchEnd, batchHead, messages } from '../../src/nft/messages'
import { type NftAnswer, NftAsked } from './nft-asked'

const IPV4 = nfHead(2)

/** Messages that take effect together. */
export const batch = (...changes: readonly Request[]): Request[] => [
  request(batchBegin, 0, batchHead, {}),
  ...changes,
  request(batchEnd, 0, batchHead, {}),
]

/** Sends messages that take effect together. @returns what the kernel says to them */
export function change(port: NetlinkPort, ...changes: readonly Request[]): NftAnswer[] {
  const asked = new NftAsked(port)
  const answers = asked.ask(batch(...changes))
  asked.close()
  return answers
}

/** Makes a chain in a table of IPv4 that is there. */
export const addChain = (port: NetlinkPort, name: string, table = 'filter'): NftAnswer[] =>
  change(port, request(messages.newChain, NLM_F_CREATE, IPV4, { table, name }))
