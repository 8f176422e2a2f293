/** Protocol numbers. linux/in.h, linux/in6.h; names as in protocols(5) */
export const PROTOCOLS = {
  ip: 0,
  icmp: 1,
  igmp: 2,
  ipencap: 4,
  tcp: 6,
  udp: 17,
  dccp: 33,
  ipv6: 41,
  'ipv6-route': 43,
  'ipv6-frag': 44,
  gre: 47,
  esp: 50,
  ah: 51,
  'ipv6-icmp': 58,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  ospf: 89,
  ipip: 94,
  ipcomp: 108,
  vrrp: 112,
  sctp: 132,
  'mobility-header': 135,
  udplite: 136,
} as const
export type ProtocolName = keyof typeof PROTOCOLS

/** The hop-by-hop options header of IPv6, IPPROTO_HOPOPTS in linux/in6.h. It has the number of `ip` in IPv4. */
export const HOP_BY_HOP = 0
