/** Netlink messages and attributes. linux/netlink.h */
import { s32, u16, u32 } from '../binary/codec'
import { struct } from '../binary/struct'

export const AF_NETLINK = 16
/** Netfilter's protocol among those of netlink. */
export const NETLINK_NETFILTER = 12

export const sockaddrNl = struct('struct sockaddr_nl', 12, { nlFamily: u16, nlPad: u16, nlPid: u32, nlGroups: u32 })

/** The head of every message; `nlmsgLen` counts itself and what follows, without the padding behind. */
export const nlmsghdr = struct('struct nlmsghdr', 16, {
  nlmsgLen: u32,
  nlmsgType: u16,
  nlmsgFlags: u16,
  nlmsgSeq: u32,
  nlmsgPid: u32,
})

/** The head of every attribute; `nlaLen` counts itself and the payload, without the padding behind. */
export const nlattr = struct('struct nlattr', 4, { nlaLen: u16, nlaType: u16 })

/** What NLMSG_ERROR begins with, before the head of the message that it answers. `error` is 0 or -errno. */
export const nlmsgerr = struct('struct nlmsgerr', 20, {
  error: s32,
  msgLen: u32,
  msgType: u16,
  msgFlags: u16,
  msgSeq: u32,
  msgPid: u32,
})

/** NLMSG_ALIGNTO and NLA_ALIGNTO: messages and attributes begin at multiples of this. */
export const NL_ALIGNTO = 4
export const nlAlign = (size: number): number => (size + NL_ALIGNTO - 1) & -NL_ALIGNTO

/** Types of messages that are the protocol's own. */
export const NLMSG_NOOP = 1
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
export const NLMSG_OVERRUN = 4

export const NLM_F_REQUEST = 0x01
export const NLM_F_MULTI = 0x02
export const NLM_F_ACK = 0x04
/** What was done is to be told to whoever asked for it, as it is to others. */
export const NLM_F_ECHO = 0x08
export const NLM_F_DUMP_INTR = 0x10
/** Of requests that read. */
export const NLM_F_DUMP = 0x300
/** Of requests that make something. */
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
/** Of requests that delete something: not what is in it. */
export const NLM_F_NONREC = 0x100
/** Of acknowledgements. */
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

/** Level of socket options, and the options. */
export const SOL_NETLINK = 270
export const NETLINK_ADD_MEMBERSHIP = 1
export const NETLINK_EXT_ACK = 11
