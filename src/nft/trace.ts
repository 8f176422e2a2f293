/** The nf_tables trace messages about a packet, step by step. */
import { NFT_MSG, NFTA_TRACE, NFTA_VERDICT } from '../abi/nf-tables'
import { NFNL_SUBSYS_NFTABLES } from '../abi/nfnetlink'
import { be16 } from '../binary/codec'
import { attribute, attributes, binary, fixed, nulString } from '../netlink/attribute'
import { nfMessage } from '../netlink/message'
import { net32, net64, signed32 } from './expressions'

export const traceMessage = nfMessage(
  'NFT_MSG_TRACE',
  NFNL_SUBSYS_NFTABLES,
  NFT_MSG.TRACE,
  attributes({
    table: attribute(NFTA_TRACE.TABLE, nulString),
    chain: attribute(NFTA_TRACE.CHAIN, nulString),
    ruleHandle: attribute(NFTA_TRACE.RULE_HANDLE, net64),
    type: attribute(NFTA_TRACE.TYPE, net32),
    verdict: attribute(
      NFTA_TRACE.VERDICT,
      attributes({
        code: attribute(NFTA_VERDICT.CODE, signed32),
        chain: attribute(NFTA_VERDICT.CHAIN, nulString),
      }),
    ),
    id: attribute(NFTA_TRACE.ID, net32),
    linkHeader: attribute(NFTA_TRACE.LL_HEADER, binary),
    networkHeader: attribute(NFTA_TRACE.NETWORK_HEADER, binary),
    transportHeader: attribute(NFTA_TRACE.TRANSPORT_HEADER, binary),
    iif: attribute(NFTA_TRACE.IIF, net32),
    iifType: attribute(NFTA_TRACE.IIFTYPE, fixed(be16)),
    oif: attribute(NFTA_TRACE.OIF, net32),
    oifType: attribute(NFTA_TRACE.OIFTYPE, fixed(be16)),
    mark: attribute(NFTA_TRACE.MARK, net32),
    nfproto: attribute(NFTA_TRACE.NFPROTO, net32),
    policy: attribute(NFTA_TRACE.POLICY, net32),
  }),
)
export type TraceValues = ReturnType<(typeof traceMessage)['attributes']['read']>
