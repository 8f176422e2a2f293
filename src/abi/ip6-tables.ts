/** Entries of the IPv6 tables. linux/netfilter_ipv6/ip6_tables.h */
import { raw, u8, u16, u32, u64 } from '../binary/codec'
import { struct } from '../binary/struct'

/** `struct ip6t_entry` with the members of its `struct ip6t_ip6`. */
export const ip6tEntry = struct('struct ip6t_entry', 168, {
  src: raw(16, 4),
  dst: raw(16, 4),
  smsk: raw(16, 4),
  dmsk: raw(16, 4),
  iniface: raw(16),
  outiface: raw(16),
  inifaceMask: raw(16),
  outifaceMask: raw(16),
  proto: u16,
  tos: u8,
  flags: u8,
  invflags: u8,
  pad: raw(3),
  nfcache: u32,
  targetOffset: u16,
  nextOffset: u16,
  comefrom: u32,
  pad2: raw(4),
  pcnt: u64,
  bcnt: u64,
})

/** Set for every `-p`: without this flag, the kernel ignores the protocol. */
export const IP6T_F_PROTO = 0x01
export const IP6T_F_GOTO = 0x04
export const IP6T_F_MASK = 0x07
export const IP6T_INV_MASK = 0x7f
