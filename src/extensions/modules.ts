/** Where each extension is declared: its module is loaded when it is first asked for, and exports it by its name. */
const MATCHES = {
  addrtype: () => require('./matches/addrtype') as typeof import('./matches/addrtype'),
  ah: () => require('./matches/ah') as typeof import('./matches/ah'),
  bpf: () => require('./matches/bpf') as typeof import('./matches/bpf'),
  cgroup: () => require('./matches/cgroup') as typeof import('./matches/cgroup'),
  cluster: () => require('./matches/cluster') as typeof import('./matches/cluster'),
  comment: () => require('./matches/comment') as typeof import('./matches/comment'),
  connbytes: () => require('./matches/connbytes') as typeof import('./matches/connbytes'),
  connlabel: () => require('./matches/connlabel') as typeof import('./matches/connlabel'),
  connlimit: () => require('./matches/connlimit') as typeof import('./matches/connlimit'),
  connmark: () => require('./matches/connmark') as typeof import('./matches/connmark'),
  conntrack: () => require('./matches/conntrack') as typeof import('./matches/conntrack'),
  cpu: () => require('./matches/cpu') as typeof import('./matches/cpu'),
  dccp: () => require('./matches/dccp') as typeof import('./matches/dccp'),
  devgroup: () => require('./matches/devgroup') as typeof import('./matches/devgroup'),
  dscp: () => require('./matches/dscp') as typeof import('./matches/dscp'),
  ecn: () => require('./matches/ecn') as typeof import('./matches/ecn'),
  esp: () => require('./matches/esp') as typeof import('./matches/esp'),
  hashlimit: () => require('./matches/hashlimit') as typeof import('./matches/hashlimit'),
  helper: () => require('./matches/helper') as typeof import('./matches/helper'),
  hl: () => require('./matches/hl') as typeof import('./matches/hl'),
  icmp: () => require('./matches/icmp') as typeof import('./matches/icmp'),
  icmp6: () => require('./matches/icmp6') as typeof import('./matches/icmp6'),
  ipcomp: () => require('./matches/ipcomp') as typeof import('./matches/ipcomp'),
  iprange: () => require('./matches/iprange') as typeof import('./matches/iprange'),
  ipvs: () => require('./matches/ipvs') as typeof import('./matches/ipvs'),
  length: () => require('./matches/length') as typeof import('./matches/length'),
  limit: () => require('./matches/limit') as typeof import('./matches/limit'),
  mac: () => require('./matches/mac') as typeof import('./matches/mac'),
  mark: () => require('./matches/mark') as typeof import('./matches/mark'),
  multiport: () => require('./matches/multiport') as typeof import('./matches/multiport'),
  nfacct: () => require('./matches/nfacct') as typeof import('./matches/nfacct'),
  osf: () => require('./matches/osf') as typeof import('./matches/osf'),
  owner: () => require('./matches/owner') as typeof import('./matches/owner'),
  physdev: () => require('./matches/physdev') as typeof import('./matches/physdev'),
  pkttype: () => require('./matches/pkttype') as typeof import('./matches/pkttype'),
  policy: () => require('./matches/policy') as typeof import('./matches/policy'),
  quota: () => require('./matches/quota') as typeof import('./matches/quota'),
  rateest: () => require('./matches/rateest') as typeof import('./matches/rateest'),
  realm: () => require('./matches/realm') as typeof import('./matches/realm'),
  recent: () => require('./matches/recent') as typeof import('./matches/recent'),
  rpfilter: () => require('./matches/rpfilter') as typeof import('./matches/rpfilter'),
  sctp: () => require('./matches/sctp') as typeof import('./matches/sctp'),
  set: () => require('./matches/set') as typeof import('./matches/set'),
  socket: () => require('./matches/socket') as typeof import('./matches/socket'),
  state: () => require('./matches/state') as typeof import('./matches/state'),
  statistic: () => require('./matches/statistic') as typeof import('./matches/statistic'),
  string: () => require('./matches/string') as typeof import('./matches/string'),
  tcp: () => require('./matches/tcp') as typeof import('./matches/tcp'),
  tcpmss: () => require('./matches/tcpmss') as typeof import('./matches/tcpmss'),
  time: () => require('./matches/time') as typeof import('./matches/time'),
  tos: () => require('./matches/tos') as typeof import('./matches/tos'),
  ttl: () => require('./matches/ttl') as typeof import('./matches/ttl'),
  u32: () => require('./matches/u32') as typeof import('./matches/u32'),
  udp: () => require('./matches/udp') as typeof import('./matches/udp'),
}

const TARGETS = {
  AUDIT: () => require('./targets/AUDIT') as typeof import('./targets/AUDIT'),
  CHECKSUM: () => require('./targets/CHECKSUM') as typeof import('./targets/CHECKSUM'),
  CLASSIFY: () => require('./targets/CLASSIFY') as typeof import('./targets/CLASSIFY'),
  CONNMARK: () => require('./targets/CONNMARK') as typeof import('./targets/CONNMARK'),
  CONNSECMARK: () => require('./targets/CONNSECMARK') as typeof import('./targets/CONNSECMARK'),
  CT: () => require('./targets/CT') as typeof import('./targets/CT'),
  DNAT: () => require('./targets/DNAT') as typeof import('./targets/DNAT'),
  DNPT: () => require('./targets/DNPT') as typeof import('./targets/DNPT'),
  DSCP: () => require('./targets/DSCP') as typeof import('./targets/DSCP'),
  ECN: () => require('./targets/ECN') as typeof import('./targets/ECN'),
  HL: () => require('./targets/HL') as typeof import('./targets/HL'),
  LOG: () => require('./targets/LOG') as typeof import('./targets/LOG'),
  MARK: () => require('./targets/MARK') as typeof import('./targets/MARK'),
  MASQUERADE: () => require('./targets/MASQUERADE') as typeof import('./targets/MASQUERADE'),
  NETMAP: () => require('./targets/NETMAP') as typeof import('./targets/NETMAP'),
  NFLOG: () => require('./targets/NFLOG') as typeof import('./targets/NFLOG'),
  NFQUEUE: () => require('./targets/NFQUEUE') as typeof import('./targets/NFQUEUE'),
  NOTRACK: () => require('./targets/NOTRACK') as typeof import('./targets/NOTRACK'),
  RATEEST: () => require('./targets/RATEEST') as typeof import('./targets/RATEEST'),
  REDIRECT: () => require('./targets/REDIRECT') as typeof import('./targets/REDIRECT'),
  REJECT: () => require('./targets/REJECT') as typeof import('./targets/REJECT'),
  SECMARK: () => require('./targets/SECMARK') as typeof import('./targets/SECMARK'),
  SET: () => require('./targets/SET') as typeof import('./targets/SET'),
  SNAT: () => require('./targets/SNAT') as typeof import('./targets/SNAT'),
  SNPT: () => require('./targets/SNPT') as typeof import('./targets/SNPT'),
  SYNPROXY: () => require('./targets/SYNPROXY') as typeof import('./targets/SYNPROXY'),
  TCPMSS: () => require('./targets/TCPMSS') as typeof import('./targets/TCPMSS'),
  TCPOPTSTRIP: () => require('./targets/TCPOPTSTRIP') as typeof import('./targets/TCPOPTSTRIP'),
  TEE: () => require('./targets/TEE') as typeof import('./targets/TEE'),
  TOS: () => require('./targets/TOS') as typeof import('./targets/TOS'),
  TPROXY: () => require('./targets/TPROXY') as typeof import('./targets/TPROXY'),
  TRACE: () => require('./targets/TRACE') as typeof import('./targets/TRACE'),
  TTL: () => require('./targets/TTL') as typeof import('./targets/TTL'),
}

export const MODULES = { match: MATCHES, target: TARGETS } as const

/** Other names that text may use. They stand here, and not in the modules, so that none is loaded to look for them. */
export const ALIASES: Readonly<Record<'match' | 'target', Readonly<Record<string, string>>>> = {
  match: { icmpv6: 'icmp6', 'ipv6-icmp': 'icmp6' },
  target: {},
}

/** Extensions that are faces of another, which is what the kernel calls them. */
export const FACES: typeof ALIASES = { match: { state: 'conntrack' }, target: { NOTRACK: 'CT' } }

type Exported<M> = {
  readonly [N in keyof M]: M[N] extends () => infer Exports ? (N extends keyof Exports ? Exports[N] : never) : never
}
/** Every match by its name, as it is declared. */
export type Matches = Exported<typeof MATCHES>
export type Targets = Exported<typeof TARGETS>
