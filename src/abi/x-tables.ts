/** The part of the interface that both families share. linux/netfilter/x_tables.h */
import { array, raw, s32, u8, u16, u32, u64 } from '../binary/codec'
import { struct } from '../binary/struct'
import { text } from '../binary/text'

/** Size of a name in bytes, with its NUL. */
export const TABLE_NAME_SIZE = 32
export const EXTENSION_NAME_SIZE = 29
/** The `errorname` of a chain's head entry: the name of the chain. */
export const CHAIN_NAME_SIZE = 30

/** XT_ALIGN: the size of every match, target and entry is a multiple of this. */
export const XT_ALIGN = 8
export const align = (size: number): number => (size + XT_ALIGN - 1) & -XT_ALIGN

export const counters = struct('struct xt_counters', 16, { pcnt: u64, bcnt: u64 })

/** The header of every match and target; `matchSize` is the size of the header and the payload. */
export const entryMatch = struct('struct xt_entry_match', 32, {
  matchSize: u16,
  name: text(EXTENSION_NAME_SIZE),
  revision: u8,
})

/** Name and payload of the two targets that are built into the kernel. */
export const STANDARD_TARGET = ''
export const ERROR_TARGET = 'ERROR'
export const standardTarget = struct('struct xt_standard_target', 40, { target: raw(32, 8), verdict: s32, pad: raw(4) })
export const errorTarget = struct('struct xt_error_target', 64, {
  target: raw(32, 8),
  errorname: text(CHAIN_NAME_SIZE),
  pad: raw(2),
})

export const getRevision = struct('struct xt_get_revision', 30, { name: text(EXTENSION_NAME_SIZE), revision: u8 })

/** The head of SET_ADD_COUNTERS, followed by an array of `struct xt_counters`. */
export const countersInfo = struct('struct xt_counters_info', 40, {
  name: text(TABLE_NAME_SIZE),
  numCounters: u32,
  pad: raw(4, 4),
})

/** `struct ipt_getinfo` and `struct ip6t_getinfo`. */
export const getInfo = struct('struct ipt_getinfo', 84, {
  name: text(TABLE_NAME_SIZE),
  validHooks: u32,
  hookEntry: array(u32, 5),
  underflow: array(u32, 5),
  numEntries: u32,
  size: u32,
})

/** The head of GET_ENTRIES, followed by the entries. */
export const getEntries = struct('struct ipt_get_entries', 40, {
  name: text(TABLE_NAME_SIZE),
  size: u32,
  pad: raw(4, 4),
})

/** The head of SET_REPLACE, followed by the entries. The kernel writes the counters of the old entries to the address `counters`. */
export const replace = struct('struct ipt_replace', 96, {
  name: text(TABLE_NAME_SIZE),
  validHooks: u32,
  numEntries: u32,
  size: u32,
  hookEntry: array(u32, 5),
  underflow: array(u32, 5),
  numCounters: u32,
  counters: u64,
})
