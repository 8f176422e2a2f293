/** Looking up ipsets over getsockopt(SOL_IP, SO_IP_SET), for rules of both families. linux/netfilter/ipset/ip_set.h */
import { u32 } from '../binary/codec'
import { struct } from '../binary/struct'
import { text } from '../binary/text'

export const SO_IP_SET = 83
/** Bytes that the name of a set takes, its NUL included. */
export const SET_NAME_SIZE = 32
/** An index that stands for no set. */
export const IPSET_INVALID_ID = 0xffff

export const IP_SET_OP_VERSION = 0x100
export const IP_SET_OP_GET_BYINDEX = 0x07
export const IP_SET_OP_GET_FNAME = 0x08

export const setVersion = struct('struct ip_set_req_version', 8, { op: u32, version: u32 })

/** `set` is a union of the set's name (asked) and its u16 index (answered); `family` comes back. */
export const getSetFamily = struct('struct ip_set_req_get_set_family', 44, {
  op: u32,
  version: u32,
  family: u32,
  set: text(SET_NAME_SIZE),
})

/** `set` is a union of the set's u16 index (asked) and its name (answered). */
export const getSet = struct('struct ip_set_req_get_set', 40, { op: u32, version: u32, set: text(SET_NAME_SIZE) })
