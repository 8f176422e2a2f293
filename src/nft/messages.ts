/** The nf_tables messages about tables, chains and rules. linux/netfilter/nf_tables.h, nf_tables_compat.h */
import {
  NFNL_BATCH_GENID,
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  NFNL_MSG_COMPAT_GET,
  NFT_MSG,
  NFTA_CHAIN,
  NFTA_COMPAT,
  NFTA_COUNTER,
  NFTA_GEN,
  NFTA_HOOK,
  NFTA_RULE,
  NFTA_RULE_COMPAT,
  NFTA_TABLE,
  type NftMessage,
} from '../abi/nf-tables'
import { NFNL_SUBSYS_NFT_COMPAT, NFNL_SUBSYS_NFTABLES, nfgenmsg } from '../abi/nfnetlink'
import {
  attribute,
  attributes,
  binary,
  encoded,
  nulString,
  type Payload,
  sameString,
  unread,
  type Values,
} from '../netlink/attribute'
import { type MessageType, type NfHead, nfHead, nfMessage } from '../netlink/message'
import { expressionList, net32, net64, signed32 } from './expressions'

export const tableAttributes = attributes({
  name: attribute(NFTA_TABLE.NAME, nulString),
  flags: attribute(NFTA_TABLE.FLAGS, net32),
  use: attribute(NFTA_TABLE.USE, net32),
  handle: attribute(NFTA_TABLE.HANDLE, net64),
  owner: attribute(NFTA_TABLE.OWNER, net32),
})

const counters = attributes({
  bytes: attribute(NFTA_COUNTER.BYTES, net64),
  packets: attribute(NFTA_COUNTER.PACKETS, net64),
})

export const chainAttributes = attributes({
  table: attribute(NFTA_CHAIN.TABLE, nulString),
  handle: attribute(NFTA_CHAIN.HANDLE, net64),
  name: attribute(NFTA_CHAIN.NAME, nulString),
  hook: attribute(
    NFTA_CHAIN.HOOK,
    attributes({ number: attribute(NFTA_HOOK.HOOKNUM, net32), priority: attribute(NFTA_HOOK.PRIORITY, signed32) }),
  ),
  policy: attribute(NFTA_CHAIN.POLICY, net32),
  use: attribute(NFTA_CHAIN.USE, net32),
  type: attribute(NFTA_CHAIN.TYPE, nulString),
  counters: attribute(NFTA_CHAIN.COUNTERS, counters),
  flags: attribute(NFTA_CHAIN.FLAGS, net32),
})

const ruleAttributesWith = <T>(expressions: Payload<T>) =>
  attributes({
    table: attribute(NFTA_RULE.TABLE, nulString),
    chain: attribute(NFTA_RULE.CHAIN, nulString),
    handle: attribute(NFTA_RULE.HANDLE, net64),
    expressions: attribute(NFTA_RULE.EXPRESSIONS, expressions),
    compat: attribute(
      NFTA_RULE.COMPAT,
      attributes({ proto: attribute(NFTA_RULE_COMPAT.PROTO, net32), flags: attribute(NFTA_RULE_COMPAT.FLAGS, net32) }),
    ),
    position: attribute(NFTA_RULE.POSITION, net64),
    userdata: attribute(NFTA_RULE.USERDATA, binary),
  })

/** Leaves the expressions encoded. */
export const ruleAttributes = ruleAttributesWith(encoded(expressionList))

/** The attributes that are read from the rules of a dump, of which there may be many. */
const dumpedRule = attributes({
  table: attribute(NFTA_RULE.TABLE, sameString()),
  chain: attribute(NFTA_RULE.CHAIN, sameString()),
  handle: attribute(NFTA_RULE.HANDLE, net64),
  expressions: attribute(NFTA_RULE.EXPRESSIONS, encoded(expressionList)),
  position: attribute(NFTA_RULE.POSITION, unread),
  userdata: attribute(NFTA_RULE.USERDATA, unread),
})

const genAttributes = attributes({
  id: attribute(NFTA_GEN.ID, net32),
  pid: attribute(NFTA_GEN.PROC_PID, net32),
  program: attribute(NFTA_GEN.PROC_NAME, nulString),
})

export type TableValues = ValueOf<typeof tableAttributes>
export type ChainValues = ValueOf<typeof chainAttributes>
export type RuleValues = ValueOf<typeof ruleAttributes>
export type DumpedRule = ValueOf<typeof dumpedRule>
type ValueOf<P> = P extends Payload<infer V> ? V : never

const message = <S>(name: NftMessage, payload: Payload<Values<S>>): MessageType<NfHead, Values<S>> =>
  nfMessage(`NFT_MSG_${name}`, NFNL_SUBSYS_NFTABLES, NFT_MSG[name], payload)

/** A GET is answered with the corresponding NEW. */
export const messages = {
  newTable: message('NEWTABLE', tableAttributes),
  getTable: message('GETTABLE', tableAttributes),
  deleteTable: message('DELTABLE', tableAttributes),
  newChain: message('NEWCHAIN', chainAttributes),
  getChain: message('GETCHAIN', chainAttributes),
  deleteChain: message('DELCHAIN', chainAttributes),
  newRule: message('NEWRULE', ruleAttributes),
  /** {@link newRule} as it is read where there are many. */
  dumpedRule: message('NEWRULE', dumpedRule),
  getRule: message('GETRULE', ruleAttributes),
  deleteRule: message('DELRULE', ruleAttributes),
  newGen: message('NEWGEN', genAttributes),
  getGen: message('GETGEN', genAttributes),
  compat: nfMessage(
    'NFNL_MSG_COMPAT_GET',
    NFNL_SUBSYS_NFT_COMPAT,
    NFNL_MSG_COMPAT_GET,
    attributes({
      name: attribute(NFTA_COMPAT.NAME, nulString),
      rev: attribute(NFTA_COMPAT.REV, net32),
      type: attribute(NFTA_COMPAT.TYPE, net32),
    }),
  ),
}

const batch = attributes({ generation: attribute(NFNL_BATCH_GENID, net32) })
type BatchValues = ValueOf<typeof batch>

/** The header of the messages around a batch: the subsystem that it is for. */
export const batchHead: NfHead = { ...nfHead(0), resId: NFNL_SUBSYS_NFTABLES }

/** The messages around a batch, whose messages take effect together or not at all. */
export const batchBegin: MessageType<NfHead, BatchValues> = {
  name: 'NFNL_MSG_BATCH_BEGIN',
  type: NFNL_MSG_BATCH_BEGIN,
  head: nfgenmsg,
  attributes: batch,
}
export const batchEnd: MessageType<NfHead, BatchValues> = {
  ...batchBegin,
  name: 'NFNL_MSG_BATCH_END',
  type: NFNL_MSG_BATCH_END,
}
