/** The messages of netfilter over netlink. linux/netfilter/nfnetlink.h */
import { be16, u8 } from '../binary/codec'
import { struct } from '../binary/struct'

/** The start of every message of netfilter, after the netlink header. */
export const nfgenmsg = struct('struct nfgenmsg', 4, { nfgenFamily: u8, version: u8, resId: be16 })

export const NFNETLINK_V0 = 0

export const NFNL_SUBSYS_IPSET = 6
export const NFNL_SUBSYS_NFTABLES = 10
export const NFNL_SUBSYS_NFT_COMPAT = 11

/** The `nlmsg_type` of a message of a subsystem. */
export const nfnlType = (subsystem: number, message: number): number => (subsystem << 8) | message

/** Multicast groups. enum nfnetlink_groups */
export const NFNLGRP = {
  CONNTRACK_NEW: 1,
  CONNTRACK_UPDATE: 2,
  CONNTRACK_DESTROY: 3,
  CONNTRACK_EXP_NEW: 4,
  CONNTRACK_EXP_UPDATE: 5,
  CONNTRACK_EXP_DESTROY: 6,
  NFTABLES: 7,
  ACCT_QUOTA: 8,
  NFTRACE: 9,
} as const
