/** IPv4 and IPv6 as data: all differences between the two interfaces. */

import * as ip4 from './ip-tables'
import * as ip6 from './ip6-tables'

/**
 * `'ipv4'`, the tables of iptables, or `'ipv6'`, those of ip6tables.
 * @since 0.1.0
 */
export type FamilyName = 'ipv4' | 'ipv6'

export interface Family {
  readonly name: FamilyName
  /** `AF_INET` or `AF_INET6`. */
  readonly domain: number
  /** `SOL_IP` or `SOL_IPV6`. */
  readonly level: number
  /** Option numbers of getsockopt and setsockopt. They overlap, because the two calls have separate numbers. */
  readonly sockopt: {
    readonly replace: number
    readonly addCounters: number
    readonly getInfo: number
    readonly getEntries: number
    readonly getRevisionMatch: number
    readonly getRevisionTarget: number
  }
  /** The kernel module of the interface, and the file of /proc/net that lists the tables of a namespace. */
  readonly module: string
  readonly tableNames: string
  readonly entry: typeof ip4.iptEntry | typeof ip6.ip6tEntry
  /** Bytes before the first match of an entry. */
  readonly entrySize: number
  /** Bytes of an address. */
  readonly addressSize: number
  /** All flags and inversions that the kernel knows, and the flag of `-g`. */
  readonly flagsMask: number
  readonly invflagsMask: number
  readonly gotoFlag: number
}

export const IPV4: Family = {
  name: 'ipv4',
  domain: 2,
  level: 0,
  sockopt: { replace: 64, addCounters: 65, getInfo: 64, getEntries: 65, getRevisionMatch: 66, getRevisionTarget: 67 },
  module: 'ip_tables',
  tableNames: 'ip_tables_names',
  entry: ip4.iptEntry,
  entrySize: ip4.iptEntry.size,
  addressSize: 4,
  flagsMask: ip4.IPT_F_MASK,
  invflagsMask: ip4.IPT_INV_MASK,
  gotoFlag: ip4.IPT_F_GOTO,
}

export const IPV6: Family = {
  name: 'ipv6',
  domain: 10,
  level: 41,
  sockopt: { replace: 64, addCounters: 65, getInfo: 64, getEntries: 65, getRevisionMatch: 68, getRevisionTarget: 69 },
  module: 'ip6_tables',
  tableNames: 'ip6_tables_names',
  entry: ip6.ip6tEntry,
  entrySize: ip6.ip6tEntry.size,
  addressSize: 16,
  flagsMask: ip6.IP6T_F_MASK,
  invflagsMask: ip6.IP6T_INV_MASK,
  gotoFlag: ip6.IP6T_F_GOTO,
}

export const FAMILIES: Readonly<Record<FamilyName, Family>> = { ipv4: IPV4, ipv6: IPV6 }
