/**
 * nf_tables over netlink: messages and attributes. linux/netfilter/nf_tables.h, nf_tables_compat.h,
 * nfnetlink.h. Numbers in attributes are in network order.
 */
import type { Hook, TableName } from './netfilter'

/** enum nf_tables_msg_types */
export const NFT_MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  GETSET: 10,
  DELSET: 11,
  NEWGEN: 15,
  GETGEN: 16,
  TRACE: 17,
} as const
export type NftMessage = keyof typeof NFT_MSG

/** The messages that begin and end a batch, in every subsystem. A batch takes effect as a whole or not at all. linux/netfilter/nfnetlink.h */
export const NFNL_MSG_BATCH_BEGIN = 0x10
export const NFNL_MSG_BATCH_END = 0x11
export const NFNL_BATCH_GENID = 1

export const NFTA_LIST_ELEM = 1
export const NFT_TABLE_F_DORMANT = 1
export const NFT_TABLE_F_OWNER = 2
export const NFTA_TABLE = { NAME: 1, FLAGS: 2, USE: 3, HANDLE: 4, USERDATA: 6, OWNER: 7 } as const
export const NFTA_CHAIN = {
  TABLE: 1,
  HANDLE: 2,
  NAME: 3,
  HOOK: 4,
  POLICY: 5,
  USE: 6,
  TYPE: 7,
  COUNTERS: 8,
  FLAGS: 10,
  ID: 11,
  USERDATA: 12,
} as const
export const NFTA_HOOK = { HOOKNUM: 1, PRIORITY: 2, DEV: 3, DEVS: 4 } as const
export const NFTA_RULE = {
  TABLE: 1,
  CHAIN: 2,
  HANDLE: 3,
  EXPRESSIONS: 4,
  COMPAT: 5,
  POSITION: 6,
  USERDATA: 7,
  ID: 9,
  POSITION_ID: 10,
  CHAIN_ID: 11,
} as const
export const NFTA_RULE_COMPAT = { PROTO: 1, FLAGS: 2 } as const
export const NFT_RULE_COMPAT_F_INV = 2
export const NFTA_SET = { TABLE: 1, NAME: 2, FLAGS: 3, HANDLE: 16 } as const
export const NFTA_GEN = { ID: 1, PROC_PID: 2, PROC_NAME: 3 } as const
export const NFTA_TRACE = {
  TABLE: 1,
  CHAIN: 2,
  RULE_HANDLE: 3,
  TYPE: 4,
  VERDICT: 5,
  ID: 6,
  LL_HEADER: 7,
  NETWORK_HEADER: 8,
  TRANSPORT_HEADER: 9,
  IIF: 10,
  IIFTYPE: 11,
  OIF: 12,
  OIFTYPE: 13,
  MARK: 14,
  NFPROTO: 15,
  POLICY: 16,
} as const
export const NFT_TRACETYPE = { POLICY: 1, RETURN: 2, RULE: 3 } as const

/** Attributes of a request to nft_compat about an extension: nf_tables_compat.h */
export const NFNL_MSG_COMPAT_GET = 0
export const NFTA_COMPAT = { NAME: 1, REV: 2, TYPE: 3 } as const
export const NFT_COMPAT_TYPES = { match: 0, target: 1 } as const

export const NFTA_EXPR = { NAME: 1, DATA: 2 } as const
export const NFTA_DATA = { VALUE: 1, VERDICT: 2 } as const
export const NFTA_VERDICT = { CODE: 1, CHAIN: 2 } as const
/** The maximum number of expressions in a rule, and of jumps in a row from a base chain. No header has these numbers: they were found by trying. */
export const MAX_EXPRESSIONS = 128
export const MAX_JUMPS = 15

/** Verdict codes in addition to those of netfilter (NF_DROP 0, NF_ACCEPT 1, NF_QUEUE 3). enum nft_verdicts */
export const NFT_VERDICT = {
  DROP: 0,
  ACCEPT: 1,
  QUEUE: 3,
  CONTINUE: -1,
  BREAK: -2,
  JUMP: -3,
  GOTO: -4,
  RETURN: -5,
} as const

/** Registers: the one of the verdict, and the first data register. */
export const NFT_REG_VERDICT = 0
export const NFT_REG_1 = 1
/** The first register of four bytes. It shares its memory with the start of NFT_REG_1. */
export const NFT_REG32_00 = 8
/** The second register of four bytes, which iptables-nft uses for values that it sets. */
export const NFT_REG32_01 = 9

export const NFTA_IMMEDIATE = { DREG: 1, DATA: 2 } as const
export const NFTA_META = { DREG: 1, KEY: 2, SREG: 3 } as const
/** enum nft_meta_keys */
export const NFT_META = {
  LEN: 0,
  PROTOCOL: 1,
  PRIORITY: 2,
  MARK: 3,
  IIF: 4,
  OIF: 5,
  IIFNAME: 6,
  OIFNAME: 7,
  IIFTYPE: 8,
  OIFTYPE: 9,
  SKUID: 10,
  SKGID: 11,
  NFTRACE: 12,
  RTCLASSID: 13,
  SECMARK: 14,
  NFPROTO: 15,
  L4PROTO: 16,
  PKTTYPE: 19,
  CPU: 20,
  IIFGROUP: 21,
  OIFGROUP: 22,
  CGROUP: 23,
  PRANDOM: 24,
  SECPATH: 25,
  IIFKIND: 26,
  OIFKIND: 27,
  TIME_NS: 30,
  TIME_DAY: 31,
  TIME_HOUR: 32,
  SDIF: 33,
  SDIFNAME: 34,
} as const
export const NFTA_PAYLOAD = {
  DREG: 1,
  BASE: 2,
  OFFSET: 3,
  LEN: 4,
  SREG: 5,
  CSUM_TYPE: 6,
  CSUM_OFFSET: 7,
  CSUM_FLAGS: 8,
} as const
/** enum nft_payload_bases */
export const NFT_PAYLOAD = { LL: 0, NETWORK: 1, TRANSPORT: 2 } as const
export const NFTA_BITWISE = { SREG: 1, DREG: 2, LEN: 3, MASK: 4, XOR: 5, OP: 6, DATA: 7 } as const
/** enum nft_bitwise_ops */
export const NFT_BITWISE = { BOOL: 0, LSHIFT: 1, RSHIFT: 2 } as const
export const NFTA_BYTEORDER = { SREG: 1, DREG: 2, OP: 3, LEN: 4, SIZE: 5 } as const
/** enum nft_byteorder_ops */
export const NFT_BYTEORDER = { NTOH: 0, HTON: 1 } as const
export const NFTA_CMP = { SREG: 1, OP: 2, DATA: 3 } as const
/** enum nft_cmp_ops */
export const NFT_CMP = { EQ: 0, NEQ: 1, LT: 2, LTE: 3, GT: 4, GTE: 5 } as const
export const NFTA_RANGE = { SREG: 1, OP: 2, FROM_DATA: 3, TO_DATA: 4 } as const
/** enum nft_range_ops */
export const NFT_RANGE = { EQ: 0, NEQ: 1 } as const
export const NFTA_CT = { DREG: 1, KEY: 2, DIRECTION: 3, SREG: 4 } as const
/** enum nft_ct_keys */
export const NFT_CT = {
  STATE: 0,
  DIRECTION: 1,
  STATUS: 2,
  MARK: 3,
  EXPIRATION: 5,
  HELPER: 6,
  SRC: 8,
  DST: 9,
  PROTOCOL: 10,
  PROTO_SRC: 11,
  PROTO_DST: 12,
  LABELS: 13,
  PKTS: 14,
  BYTES: 15,
  AVGPKT: 16,
  SRC_IP: 19,
  DST_IP: 20,
  SRC_IP6: 21,
  DST_IP6: 22,
} as const
/** enum ip_conntrack_dir, linux/netfilter/nf_conntrack_tuple_common.h */
export const IP_CT_DIR = { ORIGINAL: 0, REPLY: 1 } as const
export const NFTA_RT = { DREG: 1, KEY: 2 } as const
/** enum nft_rt_keys */
export const NFT_RT = { CLASSID: 0 } as const
export const NFTA_FIB = { DREG: 1, RESULT: 2, FLAGS: 3 } as const
/** enum nft_fib_result */
export const NFT_FIB_RESULT = { OIF: 1, OIFNAME: 2, ADDRTYPE: 3 } as const
/** enum nft_fib_flags */
export const NFTA_FIB_F = { SADDR: 0x01, DADDR: 0x02, MARK: 0x04, IIF: 0x08, OIF: 0x10, PRESENT: 0x20 } as const
/** enum nft_payload_csum_types */
export const NFT_PAYLOAD_CSUM = { NONE: 0, INET: 1 } as const
export const NFTA_EXTHDR = { DREG: 1, TYPE: 2, OFFSET: 3, LEN: 4, FLAGS: 5, OP: 6, SREG: 7 } as const
/** enum nft_exthdr_op */
export const NFT_EXTHDR_OP = { IPV6: 0, TCPOPT: 1, IPV4: 2, SCTP: 3, DCCP: 4 } as const
/** Load whether the header is present, instead of its contents. enum nft_exthdr_flags */
export const NFT_EXTHDR_F_PRESENT = 1
export const NFTA_SYNPROXY = { MSS: 1, WSCALE: 2, FLAGS: 3 } as const
export const NFTA_DUP = { SREG_ADDR: 1, SREG_DEV: 2 } as const
export const NFTA_QUEUE = { NUM: 1, TOTAL: 2, FLAGS: 3, SREG_QNUM: 4 } as const
export const NFTA_LIMIT = { RATE: 1, UNIT: 2, BURST: 3, TYPE: 4, FLAGS: 5 } as const
export const NFT_LIMIT_PKTS = 0
export const NFT_LIMIT_F_INV = 1
export const NFTA_COUNTER = { BYTES: 1, PACKETS: 2 } as const
export const NFTA_LOG = { GROUP: 1, PREFIX: 2, SNAPLEN: 3, QTHRESHOLD: 4, LEVEL: 5, FLAGS: 6 } as const
export const NFTA_REJECT = { TYPE: 1, ICMP_CODE: 2 } as const
/** enum nft_reject_types */
export const NFT_REJECT = { ICMP_UNREACH: 0, TCP_RST: 1, ICMPX_UNREACH: 2 } as const
export const NFTA_NAT = {
  TYPE: 1,
  FAMILY: 2,
  REG_ADDR_MIN: 3,
  REG_ADDR_MAX: 4,
  REG_PROTO_MIN: 5,
  REG_PROTO_MAX: 6,
  FLAGS: 7,
} as const
export const NFT_NAT = { SNAT: 0, DNAT: 1 } as const
export const NFTA_MASQ = { FLAGS: 1, REG_PROTO_MIN: 2, REG_PROTO_MAX: 3 } as const
export const NFTA_REDIR = { REG_PROTO_MIN: 1, REG_PROTO_MAX: 2, FLAGS: 3 } as const
export const NFTA_LOOKUP = { SET: 1, SREG: 2, DREG: 3, SET_ID: 4, FLAGS: 5 } as const
export const NFTA_MATCH = { NAME: 1, REV: 2, INFO: 3 } as const
export const NFTA_TARGET = { NAME: 1, REV: 2, INFO: 3 } as const

/** How `iptables-nft` hooks the base chain of an iptables table. */
export interface BaseChain {
  readonly type: 'filter' | 'nat' | 'route'
  readonly priority: number
}

/** The priority of each table at its hooks, as in `iptables-nft`. The one of security differs from ip_tables. */
const PRIORITY: Readonly<Record<TableName, number>> = { raw: -300, mangle: -150, nat: -100, filter: 0, security: 150 }
const SOURCE_NAT: readonly Hook[] = ['INPUT', 'POSTROUTING']
const NF_IP_PRI_NAT_SRC = 100

/** The base chain of a table at a hook. Its type is `route` if a changed mark can change the route of a packet. */
export const baseChain = (table: TableName, hook: Hook): BaseChain => ({
  type: table === 'nat' ? 'nat' : table === 'mangle' && hook === 'OUTPUT' ? 'route' : 'filter',
  priority: table === 'nat' && SOURCE_NAT.includes(hook) ? NF_IP_PRI_NAT_SRC : PRIORITY[table],
})
