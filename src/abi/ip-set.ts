/**
 * ipset: lookups over getsockopt(SOL_IP, SO_IP_SET), for rules of both families, and the constants of its
 * netlink messages. linux/netfilter/ipset/ip_set.h, ip_set_bitmap.h, ip_set_hash.h, ip_set_list.h
 */
import { array, u8, u16, u32, u64 } from '../binary/codec'
import { struct } from '../binary/struct'
import { text } from '../binary/text'

export const SO_IP_SET = 83
/** Size of the name of a set in bytes, with its NUL. */
export const SET_NAME_SIZE = 32
/** The index that means no set. */
export const IPSET_INVALID_ID = 0xffff

export const IP_SET_OP_VERSION = 0x100
export const IP_SET_OP_GET_BYINDEX = 0x07
export const IP_SET_OP_GET_FNAME = 0x08

export const setVersion = struct('struct ip_set_req_version', 8, { op: u32, version: u32 })

/** `set` is a union: the request has the name of the set, the reply its u16 index and `family`. */
export const getSetFamily = struct('struct ip_set_req_get_set_family', 44, {
  op: u32,
  version: u32,
  family: u32,
  set: text(SET_NAME_SIZE),
})

/** `set` is a union: the request has the u16 index of the set, the reply its name. */
export const getSet = struct('struct ip_set_req_get_set', 40, { op: u32, version: u32, set: text(SET_NAME_SIZE) })

/** How a rule refers to a set. linux/netfilter/xt_set.h */
export const setInfo = struct('struct xt_set_info', 4, { index: u16, dim: u8, flags: u8 })

/** The form of revision 0: one word per dimension, and 0 after the last. The kernel stores its own values after them. */
export const setInfo0 = struct('struct xt_set_info_v0', 32, {
  index: u16,
  first: u32,
  others: array(u32, 5),
  dim: u8,
  flags: u8,
})

/** A comparison of an element's counter: the operator and the value. */
export const setCounter = struct('struct ip_set_counter_match', 16, { value: u64, op: u8 })
export const setCounter0 = struct('struct ip_set_counter_match0', 16, { op: u8, value: u64 })

/** The family of the addresses in a set: NFPROTO_UNSPEC if the set has none, NFPROTO_IPV4, NFPROTO_IPV6. linux/netfilter.h */
export const SET_FAMILIES = { any: 0, ipv4: 2, ipv6: 10 } as const

/** `any` for every number that has no name. */
export const setFamily = (number: number | undefined): keyof typeof SET_FAMILIES =>
  number === SET_FAMILIES.ipv4 ? 'ipv4' : number === SET_FAMILIES.ipv6 ? 'ipv6' : 'any'

/** The version of the netlink protocol that we use. */
export const IPSET_PROTOCOL = 7
/** The oldest version that the kernel still accepts. */
export const IPSET_PROTOCOL_MIN = 6
/** Maximum size of a comment in bytes, without its NUL. */
export const IPSET_MAX_COMMENT_SIZE = 255

/** enum ipset_cmd */
export const IPSET_CMD = {
  PROTOCOL: 1,
  CREATE: 2,
  DESTROY: 3,
  FLUSH: 4,
  RENAME: 5,
  SWAP: 6,
  LIST: 7,
  ADD: 9,
  DEL: 10,
  TEST: 11,
  HEADER: 12,
  TYPE: 13,
} as const
export type IpsetCommand = keyof typeof IPSET_CMD

/** Attributes of every command. */
export const IPSET_ATTR = {
  PROTOCOL: 1,
  SETNAME: 2,
  TYPENAME: 3,
  SETNAME2: 3,
  REVISION: 4,
  FAMILY: 5,
  FLAGS: 6,
  DATA: 7,
  ADT: 8,
  LINENO: 9,
  PROTOCOL_MIN: 10,
  REVISION_MIN: 10,
  INDEX: 11,
} as const

/** The attributes (CADT) that both a whole set and an entry can have. */
const CADT = {
  IP: 1,
  IP_TO: 2,
  CIDR: 3,
  PORT: 4,
  PORT_TO: 5,
  TIMEOUT: 6,
  PROTO: 7,
  CADT_FLAGS: 8,
  LINENO: 9,
  MARK: 10,
  MARKMASK: 11,
  /** Older headers lack it, but keep the number free. */
  BITMASK: 12,
} as const

/** Attributes about a whole set. */
export const IPSET_ATTR_CREATE = {
  ...CADT,
  INITVAL: 17,
  HASHSIZE: 18,
  MAXELEM: 19,
  NETMASK: 20,
  BUCKETSIZE: 21,
  SIZE: 23,
  ELEMENTS: 24,
  REFERENCES: 25,
  MEMSIZE: 26,
} as const

/** Attributes of an entry. */
export const IPSET_ATTR_ADT = {
  ...CADT,
  ETHER: 17,
  NAME: 18,
  NAMEREF: 19,
  IP2: 20,
  CIDR2: 21,
  IP2_TO: 22,
  IFACE: 23,
  BYTES: 24,
  PACKETS: 25,
  COMMENT: 26,
  SKBMARK: 27,
  SKBPRIO: 28,
  SKBQUEUE: 29,
} as const

export const IPSET_ATTR_IPADDR_IPV4 = 1
export const IPSET_ATTR_IPADDR_IPV6 = 2

/** enum ipset_cmd_flags */
export const IPSET_FLAG_LIST_SETNAME = 0x02
export const IPSET_FLAG_LIST_HEADER = 0x04

/** enum ipset_cadt_flags */
export const IPSET_FLAG = {
  BEFORE: 0x01,
  PHYSDEV: 0x02,
  NOMATCH: 0x04,
  WITH_COUNTERS: 0x08,
  WITH_COMMENT: 0x10,
  WITH_FORCEADD: 0x20,
  WITH_SKBINFO: 0x40,
  IFACE_WILDCARD: 0x80,
} as const

/** enum ipset_errno: the errors of ipset, in addition to errno values. */
export const IPSET_ERR = {
  PRIVATE: 4096,
  PROTOCOL: 4097,
  FIND_TYPE: 4098,
  MAX_SETS: 4099,
  BUSY: 4100,
  EXIST_SETNAME2: 4101,
  TYPE_MISMATCH: 4102,
  EXIST: 4103,
  INVALID_CIDR: 4104,
  INVALID_NETMASK: 4105,
  INVALID_FAMILY: 4106,
  TIMEOUT: 4107,
  REFERENCED: 4108,
  IPADDR_IPV4: 4109,
  IPADDR_IPV6: 4110,
  COUNTER: 4111,
  COMMENT: 4112,
  INVALID_MARKMASK: 4113,
  SKBINFO: 4114,
  /** Headers before 6.2 lack it. */
  BITMASK_NETMASK_EXCL: 4115,
} as const

/** For sets of the type hash:ip,mac, Linux returns this positive number in place of some of these errors. */
export const IPSET_ERR_UNSAID = -1

/** As {@link IPSET_ERR}, of the sets of each method; the numbers overlap. */
export const IPSET_ERR_OF = {
  bitmap: { BITMAP_RANGE: 4352, BITMAP_RANGE_SIZE: 4353 },
  hash: {
    HASH_FULL: 4352,
    HASH_ELEM: 4353,
    INVALID_PROTO: 4354,
    MISSING_PROTO: 4355,
    HASH_RANGE_UNSUPPORTED: 4356,
    HASH_RANGE: 4357,
  },
  list: { NAME: 4352, LOOP: 4353, BEFORE: 4354, NAMEREF: 4355, LIST_FULL: 4356, REF_EXIST: 4357 },
} as const
