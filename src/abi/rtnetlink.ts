/** Messages about network interfaces. linux/rtnetlink.h, linux/if_link.h, linux/if_arp.h */
import { s32, u8, u16, u32 } from '../binary/codec'
import { struct } from '../binary/struct'

export const NETLINK_ROUTE = 0
export const RTM_NEWLINK = 16
export const RTM_GETLINK = 18
export const IFLA_IFNAME = 3
export const ARPHRD_ETHER = 1
export const ARPHRD_LOOPBACK = 772

export const ifinfomsg = struct('struct ifinfomsg', 16, {
  ifiFamily: u8,
  ifiPad: u8,
  ifiType: u16,
  ifiIndex: s32,
  ifiFlags: u32,
  ifiChange: u32,
})
