/** Netlink messages and attributes. linux/netlink.h */
import { s32, u16, u32 } from '../binary/codec'
import { struct } from '../binary/struct'

export const AF_NETLINK = 16
/** The netlink protocol of netfilter. */
export const NETLINK_NETFILTER = 12

export const sockaddrNl = struct('struct sockaddr_nl', 12, { nlFamily: u16, nlPad: u16, nlPid: u32, nlGroups: u32 })

/** The header of every message. `nlmsgLen` is the size of the header and the payload, without the padding after it. */
export const nlmsghdr = struct('struct nlmsghdr', 16, {
  nlmsgLen: u32,
  nlmsgType: u16,
  nlmsgFlags: u16,
  nlmsgSeq: u32,
  nlmsgPid: u32,
})

/** The header of every attribute. `nlaLen` is the size of the header and the payload, without the padding after it. */
export const nlattr = struct('struct nlattr', 4, { nlaLen: u16, nlaType: u16 })

/** The start of NLMSG_ERROR, followed by the header of the message to which it replies. `error` is 0 or -errno. */
export const nlmsgerr = struct('struct nlmsgerr', 20, {
  error: s32,
  msgLen: u32,
  msgType: u16,
  msgFlags: u16,
  msgSeq: u32,
  msgPid: u32,
})

/** NLMSG_ALIGNTO and NLA_ALIGNTO: messages and attributes start at multiples of this. */
export const NL_ALIGNTO = 4
export const nlAlign = (size: number): number => (size + NL_ALIGNTO - 1) & -NL_ALIGNTO

/** The message types of netlink itself. */
export const NLMSG_NOOP = 1
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
export const NLMSG_OVERRUN = 4

export const NLM_F_REQUEST = 0x01
export const NLM_F_MULTI = 0x02
export const NLM_F_ACK = 0x04
/** The kernel also sends the notifications of a request to the socket that made it. */
export const NLM_F_ECHO = 0x08
export const NLM_F_DUMP_INTR = 0x10
/** For requests that read. */
export const NLM_F_DUMP = 0x300
/** For requests that create something. */
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
/** For requests that delete something: only if it is empty. */
export const NLM_F_NONREC = 0x100
/** In acknowledgements. */
export const NLM_F_CAPPED = 0x100
export const NLM_F_ACK_TLVS = 0x200

export const NLA_F_NESTED = 0x8000
export const NLA_F_NET_BYTEORDER = 0x4000
export const NLA_TYPE_MASK = 0x3fff

/** enum nlmsgerr_attrs */
export const NLMSGERR_ATTR_MSG = 1
export const NLMSGERR_ATTR_OFFS = 2
export const NLMSGERR_ATTR_MISS_TYPE = 5
export const NLMSGERR_ATTR_MISS_NEST = 6

/** The level of socket options, and the options. */
export const SOL_NETLINK = 270
export const NETLINK_ADD_MEMBERSHIP = 1
export const NETLINK_EXT_ACK = 11
