/** Entries of the IPv4 tables. linux/netfilter_ipv4/ip_tables.h */
import { raw, u8, u16, u32, u64 } from '../binary/codec'
import { struct } from '../binary/struct'

/** `struct ipt_entry` with the members of its `struct ipt_ip`: everything in a rule except its matches and target. */
export const iptEntry = struct('struct ipt_entry', 112, {
  src: raw(4, 4),
  dst: raw(4, 4),
  smsk: raw(4, 4),
  dmsk: raw(4, 4),
  iniface: raw(16),
  outiface: raw(16),
  inifaceMask: raw(16),
  outifaceMask: raw(16),
  proto: u16,
  flags: u8,
  invflags: u8,
  nfcache: u32,
  targetOffset: u16,
  nextOffset: u16,
  comefrom: u32,
  pcnt: u64,
  bcnt: u64,
})

export const IPT_F_FRAG = 0x01
export const IPT_F_GOTO = 0x02
export const IPT_F_MASK = 0x03

/** Inversions, IPT_INV_*. IPv6 has the same ones except FRAG. */
export const INV_VIA_IN = 0x01
export const INV_VIA_OUT = 0x02
export const INV_SRCIP = 0x08
export const INV_DSTIP = 0x10
export const INV_FRAG = 0x20
export const INV_PROTO = 0x40
export const IPT_INV_MASK = 0x7f
