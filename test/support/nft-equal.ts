/** Compares rulesets of nf_tables without starting `nft`, which takes much longer than a command of iptables. */

import { NETLINK_NETFILTER } from '../../src/abi/netlink'
import { NFT_MSG, NFTA_CHAIN, NFTA_RULE, NFTA_TABLE } from '../../src/abi/nf-tables'
import { NFNL_SUBSYS_NFTABLES, nfgenmsg } from '../../src/abi/nfnetlink'
import type { NetlinkPort } from '../../src/kernel/kernel'
import { attributes, walk } from '../../src/netlink/attribute'
import { NetlinkClient } from '../../src/netlink/client'
import { type Message, nfHead, nfMessage, request } from '../../src/netlink/message'
import { messages } from '../../src/nft/messages'

const ALL = nfHead(0)

/** The dumps of a ruleset, and the attributes that depend on what was there before. */
const DUMPS = [
  { dump: request(messages.getTable, 0, ALL, {}), numbering: [NFTA_TABLE.HANDLE] },
  { dump: request(messages.getChain, 0, ALL, {}), numbering: [NFTA_CHAIN.HANDLE] },
  { dump: request(messages.getRule, 0, ALL, {}), numbering: [NFTA_RULE.HANDLE, NFTA_RULE.POSITION] },
]
const getSet = nfMessage('NFT_MSG_GETSET', NFNL_SUBSYS_NFTABLES, NFT_MSG.GETSET, attributes({}))
const SETS = request(getSet, 0, ALL, {})

/** The family and the attributes of a message, in hexadecimal. */
function shown({ bytes, at, end }: Message, numbering: readonly number[]): string {
  const kept = [...walk(bytes, at + nfgenmsg.size, end)].filter(({ type }) => !numbering.includes(type))
  const attributesOf = kept.map((one) => Buffer.from(bytes.subarray(one.at, one.attributeEnd)).toString('hex'))
  return [nfgenmsg.fields.nfgenFamily.read(bytes, at), ...attributesOf].join(' ')
}

/** Tables, chains and rules. Undefined if there are sets, whose elements are not dumped here. */
function rulesetOf(port: NetlinkPort): string | undefined {
  const client = new NetlinkClient(port, NETLINK_NETFILTER)
  if (client.dumpAll(SETS).length > 0) return undefined
  return DUMPS.flatMap(({ dump, numbering }) => client.dumpAll(dump).map((one) => shown(one, numbering))).join('\n')
}

/**
 * Whether the tables, chains and rules of two rulesets are the same for certain. If not, `nft list ruleset` may still print
 * the same for both. Stateful objects and flow tables, which no command of iptables makes, are not compared.
 */
export function areSurelyEqual(one: NetlinkPort, other: NetlinkPort): boolean {
  const ruleset = rulesetOf(one)
  return ruleset !== undefined && ruleset === rulesetOf(other)
}
