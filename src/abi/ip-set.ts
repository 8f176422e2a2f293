/** Looking up ipsets over getsockopt(SOL_IP, SO_IP_SET), for rules of both families. linux/netfilter/ipset/ip_set.h */
import { array, u8, u16, u32, u64 } from '../binary/codec'
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

/** How a rule refers to a set. linux/netfilter/xt_set.h */
export const setInfo = struct('struct xt_set_info', 4, { index: u16, dim: u8, flags: u8 })

/** As it once did: a word for each dimension, 0 behind the last. What the kernel makes of them it writes behind them. */
export const setInfo0 = struct('struct xt_set_info_v0', 32, {
  index: u16,
  first: u32,
  others: array(u32, 5),
  dim: u8,
  flags: u8,
})

/** What a counter of an element is compared with, and how. */
export const setCounter = struct('struct ip_set_counter_match', 16, { value: u64, op: u8 })
export const setCounter0 = struct('struct ip_set_counter_match0', 16, { op: u8, value: u64 })
