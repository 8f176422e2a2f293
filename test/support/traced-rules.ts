/** Rulesets with every extension that depends only on the packet, for packets from `tracedPacket`. */
import type { FamilyName } from '../../src/abi/family'
import type { Random } from '../kernel/random'
import {
  ACCOUNTS,
  addressBytes,
  FLAGS,
  HOST_MAC,
  ICMP_TYPES,
  LOCAL,
  PORTS,
  REMOTE,
  SEGMENTS,
  SOURCE_MACS,
  TOS,
  WORDS,
} from './traced-packets'

export interface RulesetOptions {
  readonly family: FamilyName
  /** Whether rules match connections. Each packet then begins one. */
  readonly isTracked: boolean
  /** The hooks with rules. Default: those of incoming packets. */
  readonly hooks?: keyof typeof TABLES
}

interface Place extends RulesetOptions {
  readonly table: string
  readonly hook: string
}

type Words = (random: Random, place: Place) => string

const TABLES: Readonly<Record<'arrival' | 'departure' | 'loopback', Readonly<Record<string, readonly string[]>>>> = {
  arrival: {
    raw: ['PREROUTING'],
    mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING'],
    nat: ['PREROUTING', 'INPUT', 'POSTROUTING'],
    filter: ['INPUT', 'FORWARD'],
    security: ['INPUT', 'FORWARD'],
  },
  departure: {
    raw: ['OUTPUT'],
    mangle: ['OUTPUT', 'POSTROUTING'],
    nat: ['OUTPUT', 'POSTROUTING'],
    filter: ['OUTPUT'],
    security: ['OUTPUT'],
  },
  loopback: {
    raw: ['PREROUTING'],
    mangle: ['PREROUTING', 'INPUT'],
    nat: ['PREROUTING', 'INPUT'],
    filter: ['INPUT'],
    security: ['INPUT'],
  },
}
/** Hooks at which packets have no input interface, as far as rules may say; and those without an output interface. */
const WITHOUT_IN: readonly string[] = ['OUTPUT', 'POSTROUTING']
const WITHOUT_OUT: readonly string[] = ['PREROUTING', 'INPUT']

const not = (random: Random): string => (random.below(4) === 0 ? '! ' : '')
const addresses = (family: FamilyName): string[] =>
  [...LOCAL, ...REMOTE]
    .flat()
    .map((one) => one.split('/')[0] as string)
    .filter((one) => one.includes(':') === (family === 'ipv6'))
const address = (random: Random, family: FamilyName): string => random.pick(addresses(family))
const network: Words = (random, { family }) =>
  `${address(random, family)}${random.pick(family === 'ipv4' ? ['', '/32', '/24', '/16', '/255.0.255.0', '/8', '/31'] : ['', '/128', '/64', '/32', '/112', '/ffff::ffff'])}`
const range = (random: Random, values: readonly number[], separator = ':'): string => {
  const [first, last] = [random.pick(values), random.pick(values)].sort((a, b) => (a as number) - (b as number))
  return first === last || random.below(2) === 0 ? String(first) : `${first}${separator}${last}`
}
const hexOf = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
const some = <T>(random: Random, values: readonly T[]): T[] => values.filter(() => random.below(3) === 0)
/** At most two values, because more are rarely matched together. */
const few = <T>(random: Random, values: readonly T[]): T[] =>
  random.below(2) === 0 ? some(random, values).slice(0, 1) : some(random, values).slice(-2)
const atLeast = <T>(list: T[], one: T): T[] => (list.length === 0 ? [one] : list)
const mark = (random: Random): string => random.pick(['0', '1', '2', '3', '0x10', '0x101'])
const masked = (random: Random): string => `${mark(random)}${random.pick(['', '', '/1', '/0xf', '/0x100'])}`

/**
 * BPF programs for: the protocol; a port; the length; the data after the header of the first fragment; a sum in memory.
 */
const PROGRAMS: Readonly<Record<FamilyName, readonly string[]>> = {
  ipv4: [
    '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0',
    '5,177 0 0 0,72 0 0 2,21 0 1 80,6 0 0 65535,6 0 0 0',
    '4,128 0 0 0,53 0 1 60,6 0 0 1,6 0 0 0',
    '6,40 0 0 6,69 3 0 8191,177 0 0 0,72 0 0 0,22 0 0 0,6 0 0 0',
  ],
  ipv6: [
    '4,48 0 0 6,21 0 1 6,6 0 0 1,6 0 0 0',
    '4,40 0 0 42,21 0 1 80,6 0 0 1,6 0 0 0',
    '4,128 0 0 0,53 0 1 80,6 0 0 1,6 0 0 0',
    '6,48 0 0 7,84 0 0 31,2 0 0 3,97 0 0 3,12 0 0 0,22 0 0 0',
  ],
}

/** Matches for packets of any protocol. */
const GENERAL: Readonly<Record<string, Words>> = {
  source: (random, place) => `${not(random)}-s ${network(random, place)}`,
  destination: (random, place) => `${not(random)}-d ${network(random, place)}`,
  in: (random, { hook }) =>
    WITHOUT_IN.includes(hook) ? '' : `${not(random)}-i ${random.pick(['v0', 'w0', 'v+', 'lo', 'eth1'])}`,
  out: (random, { hook }) =>
    WITHOUT_OUT.includes(hook) ? '' : `${not(random)}-o ${random.pick(['v0', 'w0', 'w+', 'eth1'])}`,
  fragment: (random, { family }) => (family === 'ipv4' ? `${not(random)}-f` : ''),
  iprange: (random, { family }) => {
    const order = (a: string, b: string): number =>
      Buffer.compare(Buffer.from(addressBytes(a)), Buffer.from(addressBytes(b)))
    const two = [address(random, family), address(random, family)].sort(order)
    return `-m iprange ${not(random)}--${random.pick(['src', 'dst'])}-range ${two.join('-')}`
  },
  mark: (random) => `-m mark ${not(random)}--mark ${masked(random)}`,
  dscp: (random) => `-m dscp ${not(random)}--dscp ${random.pick(TOS) >>> 2}`,
  tos: (random) => `-m tos ${not(random)}--tos ${random.pick(TOS)}${random.pick(['', '/0xff', '/0x0f', '/3'])}`,
  ecn: (random) => `-m ecn ${not(random)}--ecn-ip-ect ${random.below(4)}`,
  length: (random) => `-m length ${not(random)}--length ${range(random, [20, 28, 40, 44, 60, 64, 80, 100, 120])}`,
  pkttype: (random) => `-m pkttype ${not(random)}--pkt-type ${random.pick(['unicast', 'broadcast', 'multicast'])}`,
  mac: (random, { hook }) =>
    WITHOUT_IN.includes(hook) ? '' : `-m mac ${not(random)}--mac-source ${random.pick([...SOURCE_MACS, HOST_MAC])}`,
  owner: (random, { hook }) =>
    WITHOUT_IN.includes(hook)
      ? `-m owner ${atLeast(
          some(random, [
            `${not(random)}--uid-owner ${range(random, ACCOUNTS, '-')}`,
            `${not(random)}--gid-owner ${range(random, ACCOUNTS, '-')}`,
            `${not(random)}--socket-exists`,
          ]),
          '--socket-exists',
        ).join(' ')}`
      : '',
  comment: () => '-m comment --comment "of every packet"',
  hops: (random, { family }) => {
    const name = family === 'ipv4' ? 'ttl' : 'hl'
    const [how, sign] = random.pick([
      ['eq', not(random)],
      ['lt', ''],
      ['gt', ''],
    ] as const)
    return `-m ${name} ${sign}--${name}-${how} ${random.pick([1, 2, 30, 31, 63, 64, 254])}`
  },
  string: (random) => {
    const word = random.pick([...WORDS, 'a', 'E'])
    const to = random.below(2) === 0 ? ` --to ${random.pick([29, 31, 32, 33, 34, 44, 46, 50, 64, 70, 90])}` : ''
    const from = random.below(3) === 0 ? ` --from ${to === '' ? random.pick([20, 28, 29, 30, 41, 48, 60]) : 20}` : ''
    const sign = not(random)
    const text = random.below(3) === 0 ? `--hex-string "|${hexOf([...Buffer.from(word)])}|"` : `--string ${word}`
    return `-m string ${sign}${text} --algo ${random.pick(['bm', 'kmp'])}${from}${to}${random.below(3) === 0 ? ' --icase' : ''}`
  },
  u32: (random, { family }) =>
    `-m u32 ${not(random)}--u32 "${random.pick(
      family === 'ipv4'
        ? [
            '6&0xFF=1',
            '6&0xFF=6,17',
            '0>>22&0x3C@0>>16=22,53:81',
            '0>>22&0x3C@12>>26&0x3C@0=0',
            '2&0xFFFF=0:44',
            '4&0x1FFF=0&&0>>22&0x3C@0&0xFFFF=80,443',
            '12=0x0a090002',
            '0x100=0',
            '8>>24=64&&9&0xff=6',
            '0<<4>>28=5',
          ]
        : [
            '4&0xFF00=0x600',
            '4>>8&0xFF=6,17',
            '40>>16=22,53:81',
            '40&0xFFFF=80,443',
            '4&0xFF=64',
            '8=0xfd000009',
            '20=2,0x82',
            '0x100=0',
            '0>>20&0xff=0:16',
          ],
    )}"`,
  bpf: (random, { family }) => `-m bpf --bytecode "${random.pick(PROGRAMS[family])}"`,
}

const HEADERS_OF_IPV6 = ['hop', 'dst', 'route', 'frag', 'auth', 'esp', 'none', 'prot']

/** Matches for IPv6 extension headers. */
const OF_IPV6: Readonly<Record<string, Words>> = {
  frag: (random) =>
    `-m frag ${some(random, [`${not(random)}--fragid ${range(random, [1, 5, 6, 1000])}`, '--fragres', '--fragfirst', random.pick(['--fragmore', '--fraglast'])]).join(' ')}`,
  hbh: (random) => `-m hbh ${optionsOf(random, 'hbh')}`,
  dst: (random) => `-m dst ${optionsOf(random, 'dst')}`,
  rt: (random) => {
    const type = random.pick([0, 0, 2, 4])
    const list = some(random, SEGMENTS)
    const ofType0 = [
      ...(random.below(3) === 0 ? ['--rt-0-res'] : []),
      ...(random.below(2) === 0 && list.length > 0
        ? [`--rt-0-addrs ${list.join(',')}${random.below(2) === 0 ? ' --rt-0-not-strict' : ''}`]
        : []),
    ]
    const sign = not(random)
    return `-m rt ${[
      ...(random.below(3) > 0 ? [`${sign}--rt-type ${type}`, ...(type === 0 && sign === '' ? ofType0 : [])] : []),
      ...some(random, [
        `${not(random)}--rt-segsleft ${range(random, [0, 1, 2, 3])}`,
        `${not(random)}--rt-len ${random.pick([24, 40, 56])}`,
      ]),
    ].join(' ')}`
  },
  srh: (random) =>
    `-m srh ${few(random, [
      `${not(random)}--srh-next-hdr ${random.pick([6, 17, 60, 44])}`,
      `${not(random)}--srh-hdr-len-${random.pick(['eq', 'gt', 'lt'])} ${random.pick([2, 4, 6])}`,
      `${not(random)}--srh-segs-left-${random.pick(['eq', 'gt', 'lt'])} ${random.below(3)}`,
      `${not(random)}--srh-last-entry-${random.pick(['eq', 'gt', 'lt'])} ${random.below(3)}`,
      `${not(random)}--srh-tag ${random.pick([0, 5, 0x500])}`,
      `${not(random)}--srh-psid ${random.pick(SEGMENTS)}${random.pick(['', '/32'])}`,
      `${not(random)}--srh-nsid ${random.pick(SEGMENTS)}${random.pick(['', '/32'])}`,
      `${not(random)}--srh-lsid ${random.pick(SEGMENTS)}${random.pick(['', '/32'])}`,
    ]).join(' ')}`,
  ipv6header: (random) =>
    `-m ipv6header ${random.below(2) === 0 ? '--soft ' : ''}${not(random)}--header ${atLeast(some(random, HEADERS_OF_IPV6), 'prot').join(',')}`,
  ah: (random) =>
    `-m ah ${some(random, [`${not(random)}--ahspi ${range(random, [0, 5, 6, 256])}`, `${not(random)}--ahlen ${random.pick([12, 16])}`, '--ahres']).join(' ')}`,
  eui64: (_, { hook }) => (WITHOUT_IN.includes(hook) ? '' : '-m eui64'),
}

const optionsOf = (random: Random, name: string): string =>
  some(random, [
    `${not(random)}--${name}-len ${random.pick([8, 16])}`,
    `--${name}-opts ${random.pick(['1', '1:4', '0', '0,1:3', '5:2,1', '30,1', '1:255', '30:2,0,0'])}`,
  ]).join(' ')

const multiport: Words = (random) => {
  const items = Array.from({ length: 1 + random.below(4) }, () => range(random, PORTS))
  return `-m multiport ${not(random)}--${random.pick(['sports', 'dports', 'ports'])} ${items.join(',')}`
}
const ports = (random: Random): string =>
  some(random, [`${not(random)}--sport ${range(random, PORTS)}`, `${not(random)}--dport ${range(random, PORTS)}`]).join(
    ' ',
  )
const flags = (random: Random): string => some(random, Object.keys(FLAGS)).join(',') || 'NONE'
const icmp =
  (family: FamilyName): Words =>
  (random) => {
    const type = random.pick([...ICMP_TYPES[family]])
    const word = random.pick([String(type), `${type}/${random.below(3)}`])
    return family === 'ipv4'
      ? `-m icmp ${not(random)}--icmp-type ${word}`
      : `-m icmp6 ${not(random)}--icmpv6-type ${word}`
  }
const spis = (random: Random): string => range(random, [0, 5, 6, 256, 4294967295])

/** Fragments without a TCP header: their data is taken for one. */
const WITH_HEADER = '-m tcp --dport 1:65535'

/** Matches for packets of one protocol. */
const OF_PROTOCOL: Readonly<Record<string, readonly Words[]>> = {
  tcp: [
    (random) =>
      `-m tcp ${[ports(random), ...some(random, [`${not(random)}--tcp-flags ${flags(random)} ${flags(random)}`, `${not(random)}--tcp-option ${random.pick([1, 2, 3, 8, 254])}`])].join(' ')}`,
    (random) => `-m tcp ${not(random)}--syn`,
    (random) => `${WITH_HEADER} -m tcpmss ${not(random)}--mss ${range(random, [536, 537, 1460, 1461])}`,
    (random) =>
      `${WITH_HEADER} -m ecn ${atLeast(some(random, [`${not(random)}--ecn-tcp-ece`, `${not(random)}--ecn-tcp-cwr`]), '--ecn-tcp-cwr').join(' ')}`,
    multiport,
  ],
  udp: [(random) => `-m udp ${ports(random)}`, multiport],
  udplite: [multiport],
  sctp: [
    multiport,
    (random) => `-m sctp ${ports(random)}`,
    (random) => {
      const chunks = atLeast(
        some(random, ['INIT', 'DATA', 'DATA:be', 'DATA:Ui', 'SACK', 'ABORT', 'ABORT:T', 'ABORT:t', 'COOKIE_ECHO']),
        'DATA',
      )
      const once = chunks.filter(
        (one, i) => chunks.findIndex((other) => other.split(':')[0] === one.split(':')[0]) === i,
      )
      return `-m sctp ${not(random)}--chunk-types ${random.pick(['any', 'all', 'only'])} ${once.join(',')}`
    },
  ],
  dccp: [
    (random) =>
      `-m dccp ${[ports(random), ...some(random, [`${not(random)}--dccp-types ${atLeast(some(random, ['REQUEST', 'RESPONSE', 'DATA', 'ACK', 'RESET', 'SYNC', 'INVALID']), 'DATA').join(',')}`, `${not(random)}--dccp-option ${random.pick([1, 2, 32, 38])}`])].join(' ')}`,
    multiport,
  ],
  esp: [(random) => `-m esp ${not(random)}--espspi ${spis(random)}`],
  ipcomp: [
    (random) =>
      `-m ipcomp ${not(random)}--ipcompspi ${range(random, [0, 5, 6, 255])}${random.below(4) === 0 ? ' --compres' : ''}`,
  ],
}
const OF_FAMILY: Readonly<Record<FamilyName, typeof OF_PROTOCOL>> = {
  ipv4: { ...OF_PROTOCOL, icmp: [icmp('ipv4')], ah: [(random) => `-m ah ${not(random)}--ahspi ${spis(random)}`] },
  ipv6: {
    ...OF_PROTOCOL,
    icmpv6: [icmp('ipv6')],
    'mobility-header': [(random) => `-m mh ${not(random)}--mh-type ${range(random, [0, 1, 3, 5, 8])}`],
  },
}

/** Matches for connections that have just begun. */
const OF_CONNECTIONS: Readonly<Record<string, Words>> = {
  state: (random) =>
    `-m state ${not(random)}--state ${atLeast(some(random, ['NEW', 'INVALID', 'UNTRACKED', 'ESTABLISHED']), 'NEW').join(',')}`,
  conntrack: (random, place) =>
    `-m conntrack ${atLeast(
      some(random, [
        `${not(random)}--ctstate ${atLeast(some(random, ['NEW', 'INVALID', 'UNTRACKED', 'ESTABLISHED', 'SNAT', 'DNAT']), 'NEW').join(',')}`,
        `${not(random)}--ctproto ${random.pick([6, 17])}`,
        `${not(random)}--ctorigsrc ${network(random, place)}`,
        `${not(random)}--ctorigdst ${network(random, place)}`,
        `${not(random)}--ctreplsrc ${network(random, place)}`,
        `${not(random)}--ctorigdstport ${range(random, PORTS)}`,
        `${not(random)}--ctorigsrcport 1000:1${random.below(10)}00`,
        `--ctdir ${random.pick(['ORIGINAL', 'REPLY'])}`,
      ]),
      '--ctstate NEW',
    ).join(' ')}`,
  connmark: (random) => `-m connmark ${not(random)}--mark ${masked(random)}`,
}

const shift = (random: Random): string => random.pick(['', '', ' --left-shift-mark 1', ' --right-shift-mark 1'])

/** Targets that change packets or end their traversal, by table. */
const TARGETS: Readonly<Record<string, readonly Words[]>> = {
  raw: [(_, { isTracked }) => (isTracked ? 'NOTRACK' : ''), (_, { isTracked }) => (isTracked ? 'CT --notrack' : '')],
  mangle: [
    (random) =>
      `TOS ${random.pick([`--set-tos ${random.pick(TOS)}${random.pick(['', '/0x0f'])}`, '--and-tos 0xf0', '--or-tos 2', '--xor-tos 0x28'])}`,
    (random) => `DSCP --set-dscp ${random.pick(TOS) >>> 2}`,
    (random, { family }) =>
      `${family === 'ipv4' ? 'TTL --ttl' : 'HL --hl'}-${random.pick(['set 31', 'inc 1', 'dec 1', 'set 64', 'inc 200'])}`,
    (random, { family }) => (family === 'ipv4' ? `ECN --ecn-ip-ect ${random.below(4)}` : ''),
    (_, { family, hook, isTracked }) =>
      family === 'ipv4' || isTracked || hook === 'FORWARD' || hook === 'OUTPUT'
        ? ''
        : hook === 'PREROUTING'
          ? 'DNPT --src-pfx fd00:1::/64 --dst-pfx fd00:1::/64'
          : 'SNPT --src-pfx fd00:9::/64 --dst-pfx fd00:9::/64',
    () => 'CHECKSUM --checksum-fill',
    (random, { family }) =>
      random.pick([
        `TCPOPTSTRIP --strip-options ${random.pick(['mss', 'timestamp,254', 'wscale,4'])}`,
        ...(family === 'ipv4'
          ? [`ECN ${random.pick(['--ecn-tcp-remove', '--ecn-tcp-ece 1', '--ecn-tcp-cwr 1'])}`]
          : []),
      ]),
  ],
  nat: [
    (random, { family, hook }) => {
      const other = family === 'ipv4' ? '10.9.0.7' : 'fd00:9::7'
      const withPort = family === 'ipv4' ? `${other}:8080` : `[${other}]:8080`
      return hook === 'PREROUTING' || hook === 'OUTPUT'
        ? `DNAT --to-destination ${random.pick([other, withPort])}`
        : random.pick([`SNAT --to-source ${other}`, `NETMAP --to ${family === 'ipv4' ? '10.7.0.0/16' : 'fd00:7::/64'}`])
    },
  ],
  filter: [() => 'REJECT'],
  security: [],
}
const MARKS: readonly Words[] = [
  (random) =>
    `MARK ${random.pick([`--set-xmark ${masked(random)}`, `--set-mark ${masked(random)}`, '--or-mark 2', '--and-mark 0xfffffffd', '--xor-mark 1'])}`,
  (random, { isTracked }) =>
    isTracked
      ? `CONNMARK ${random.pick([`--set-xmark ${masked(random)}${shift(random)}`, `--save-mark${random.pick(['', ' --nfmask 0xf --ctmask 0xf', ' --nfmask 3 --ctmask 0xff'])}${shift(random)}`, `--restore-mark${random.pick(['', ' --nfmask 0xf --ctmask 0xf', ' --nfmask 0xff --ctmask 3'])}${shift(random)}`])}`
      : '',
  () => 'NFLOG --nflog-group 1',
  (_, { hook }) => (hook === 'FORWARD' || WITHOUT_IN.includes(hook) ? 'CLASSIFY --set-class 1:2' : ''),
]

/** The matches of a rule: few, so that it matches often. */
function matches(random: Random, place: Place): string {
  const { family, isTracked } = place
  const some = [GENERAL, ...(family === 'ipv6' ? [OF_IPV6] : []), ...(isTracked ? [OF_CONNECTIONS] : [])]
  const general = (most: number): string[] =>
    Array.from({ length: random.below(most + 1) }, () => random.pick(Object.values(random.pick(some)))(random, place))
  if (random.below(2) === 0) return once(general(2))
  const of = OF_FAMILY[family]
  const names = Object.keys(of)
  const protocol = random.pick([...names, ...names.filter((name) => COMMON.includes(name)), 'tcp', 'tcp'])
  if (random.below(6) === 0) return once([`${not(random)}-p ${random.pick([protocol, '253', '47'])}`, ...general(1)])
  return once([
    `-p ${protocol}`,
    random.pick(of[protocol] as readonly Words[])(random, place),
    ...general(1).slice(random.below(2)),
  ])
}
const COMMON = ['tcp', 'udp', 'icmp', 'icmpv6', 'sctp', 'dccp']

/** An option of the head cannot occur twice. */
const once = (parts: readonly string[]): string => {
  const heads = parts.map((part) => /^(?:! )?(-[sdiopf])/.exec(part)?.[1])
  return parts.filter((part, i) => part !== '' && (heads[i] === undefined || heads.indexOf(heads[i]) === i)).join(' ')
}

interface Chain {
  readonly name: string
  readonly place: Place
  /** Chains that it may jump to. */
  readonly onward: readonly string[]
  readonly isBuiltIn: boolean
}

function jump(random: Random, { place, onward }: Chain): string {
  const kind = random.below(20)
  const other = random.pick([...MARKS, ...(TARGETS[place.table] ?? [])])
  const isNat = place.table === 'nat'
  if (kind < 6) return ''
  if (kind < 10 && onward.length > 0) return ` ${random.pick(['-j', '-j', '-g'])} ${random.pick(onward)}`
  if (kind < 11) return ' -j RETURN'
  if (kind < 12) return ' -j ACCEPT'
  if (kind < 13) return isNat ? '' : ' -j DROP'
  const target = other(random, place)
  return target === '' ? '' : ` -j ${target}`
}

function line(random: Random, chain: Chain): string {
  const { place } = chain
  const target = jump(random, chain)
  if (target.includes('DNPT')) return `-A ${chain.name} -d fd00:1::/64${target}`
  // A translated packet goes the same way as before: to this host, or through it.
  const local = place.family === 'ipv4' ? '10.9.0.1' : 'fd00:9::1'
  if (/TCPOPTSTRIP|ECN --ecn-tcp/.test(target)) return `-A ${chain.name} -p tcp ${WITH_HEADER}${target}`
  const asked = target.includes('DNAT')
    ? `-d ${local}${target.includes('8080') ? ' -p tcp' : ''}`
    : matches(random, place)
  return `-A ${chain.name} ${asked}${target}`.replace(/ +/g, ' ').trim()
}

/** A text for iptables-restore. */
export function tracedRuleset(random: Random, options: RulesetOptions): string[] {
  const tables = TABLES[options.hooks ?? 'arrival']
  const names = Object.keys(tables).filter((table) => (table === 'nat' ? options.isTracked : true))
  return names.flatMap((table) => {
    const chains = (tables[table] as readonly string[]).flatMap((hook): Chain[] => {
      const place = { ...options, table, hook }
      const own = [0, 1, 2].map((i) => `${hook.slice(0, 4).toLowerCase()}-${i}`)
      return [
        { name: hook, place, onward: own, isBuiltIn: true },
        ...own.map((name, i) => ({ name, place, onward: own.slice(i + 1), isBuiltIn: false })),
      ]
    })
    const policy = (): string => (table !== 'nat' && random.below(8) === 0 ? 'DROP' : 'ACCEPT')
    const rules = chains.flatMap((chain) =>
      Array.from({ length: 2 + random.below(chain.isBuiltIn ? 7 : 4) }, () => line(random, chain)),
    )
    return [
      `*${table}`,
      ...chains.map(({ name, isBuiltIn }) => `:${name} ${isBuiltIn ? policy() : '-'} [0:0]`),
      ...rules,
      'COMMIT',
    ]
  })
}
