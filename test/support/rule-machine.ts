/** An interpreter of iptables rules in text form, written after the man pages. */
import type { Family } from '../../src/abi/family'
import { NFT_CT, NFT_META, NFTA_FIB_F } from '../../src/abi/nf-tables'
import { HOP_BY_HOP, PROTOCOLS } from '../../src/abi/protocols'
import { be16, be32, u16, u32 } from '../../src/binary/codec'
import { parseRule } from '../../src/language/parse'
import { splitWords } from '../../src/language/quoting'
import type { Packet } from './packets'

/** Tests a packet for an option with its arguments. Undefined if the packet has nothing to test. */
type Ask = (packet: Packet, words: readonly string[]) => boolean | undefined

const within = (value: number, text: string, separator = ':'): boolean => {
  const [first, last = first] = text.split(separator).map(Number)
  return value >= (first as number) && value <= (last as number)
}
const maskedBy = (value: number, text: string): boolean => {
  const [wanted, mask = 0xffff_ffff] = text.split('/').map(Number)
  return (value & mask) >>> 0 === (wanted as number) >>> 0
}
const number = (bytes: Uint8Array | undefined, codec = u32): number | undefined => bytes && codec.read(bytes, 0)
const asked = <T>(value: T | undefined, ask: (value: T) => boolean): boolean | undefined =>
  value === undefined ? undefined : ask(value)

/** The bytes of an address. */
function addressOf(text: string): number[] {
  if (!text.includes(':')) return text.split('.').map(Number)
  const [before = '', after] = text.split('::')
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const [first, last] = [groups(before), groups(after ?? '')]
  const middle = after === undefined ? [] : new Array(8 - first.length - last.length).fill(0)
  return [...first, ...middle, ...last].flatMap((group) => [group >>> 8, group & 0xff])
}
function maskOf(text: string | undefined, size: number): number[] {
  if (text !== undefined && !/^\d+$/.test(text)) return addressOf(text)
  const length = text === undefined ? 8 * size : Number(text)
  return Array.from({ length: size }, (_, i) => (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff)
}
const isIn = (address: Uint8Array, text: string): boolean => {
  const [wanted = '', length] = text.split('/')
  const [bytes, mask] = [addressOf(wanted), maskOf(length, address.length)]
  return address.every((byte, i) => (byte & (mask[i] as number)) === ((bytes[i] as number) & (mask[i] as number)))
}
const isBetween = (address: Uint8Array, text: string): boolean => {
  const [first, last] = text.split('-').map((one) => Uint8Array.from(addressOf(one)))
  return Buffer.compare(address, first as Uint8Array) >= 0 && Buffer.compare(address, last as Uint8Array) <= 0
}

const source = (packet: Packet): Uint8Array => packet.address(packet.choice.source)
const destination = (packet: Packet): Uint8Array => packet.address(packet.choice.destination)
const isDevice: Ask = ({ choice: { device } }, [text = '']) =>
  text.endsWith('+') ? device.startsWith(text.slice(0, -1)) : device === text

const port =
  (offset: number): Ask =>
  ({ transport }, [text = '']) =>
    asked(transport, (header) => within(be16.read(header, offset), text))

const FLAGS: Readonly<Record<string, number>> = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ALL: 63, NONE: 0 }
const flagsOf = (text = ''): number => text.split(',').reduce((all, word) => all | (FLAGS[word] ?? Number.NaN), 0)

const icmp: Ask = ({ transport }, [text = '']) =>
  asked(transport, ([type, code]) => {
    const [wanted, codes] = text.split('/')
    return text === 'any' || (type === Number(wanted) && (codes === undefined || within(code as number, codes)))
  })

const meta =
  (key: number, ask: (value: number, text: string) => boolean, codec = u32): Ask =>
  (packet, [text = '']) =>
    asked(number(packet.meta(key), codec), (value) => ask(value, text))
const connection =
  (key: number, ask: (value: Uint8Array, text: string) => boolean, direction?: number): Ask =>
  (packet, [text = '']) =>
    asked(packet.connection(key, direction), (value) => ask(value, text))
const bitsOf = (names: Readonly<Record<string, number>>, text: string): number =>
  text.split(',').reduce((all, word) => all | (names[word] ?? Number.NaN), 0)

const STATES = { INVALID: 1, ESTABLISHED: 2, RELATED: 4, NEW: 8, UNTRACKED: 64 } as const
const NAT = { SNAT: 16, DNAT: 32 } as const
const STATUSES = { EXPECTED: 1, SEEN_REPLY: 2, ASSURED: 4, CONFIRMED: 8 } as const

/** A packet without a connection has a state, but nothing else to match. */
const state: Ask = (packet, [text = '']) => {
  const words = text.split(',')
  const of = (names: Readonly<Record<string, number>>): number =>
    bitsOf(names, words.filter((word) => word in names).join(',') || (Object.keys(names)[0] as string))
  const has = (names: Readonly<Record<string, number>>, bits: number): boolean =>
    words.some((word) => word in names) && (of(names) & bits) !== 0
  return (
    has(STATES, number(packet.connection(NFT_CT.STATE, undefined)) ?? 0) ||
    has(NAT, number(packet.connection(NFT_CT.STATUS, undefined)) ?? 0)
  )
}

const hops: Readonly<Record<string, Ask>> = Object.fromEntries(
  ['ttl', 'hl'].flatMap((name) => [
    [`${name} --${name}-eq`, ({ choice }: Packet, [text]: readonly string[]) => choice.hops === Number(text)],
    [`${name} --${name}-lt`, ({ choice }: Packet, [text]: readonly string[]) => choice.hops < Number(text)],
    [`${name} --${name}-gt`, ({ choice }: Packet, [text]: readonly string[]) => choice.hops > Number(text)],
  ]),
)
const ports: Readonly<Record<string, Ask>> = Object.fromEntries(
  ['tcp', 'udp', 'dccp', 'sctp'].flatMap((name) => [
    [`${name} --sport`, port(0)],
    [`${name} --dport`, port(2)],
  ]),
)
const PACKET_TYPES = ['unicast', 'broadcast', 'multicast']
const ADDRESS_TYPES = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
]
const addressType =
  (flag: number): Ask =>
  (packet, [text = '']) =>
    text.split(',').includes(ADDRESS_TYPES[u32.read(packet.addressType(flag), 0)] as string)
const DCCP_TYPES = ['REQUEST', 'RESPONSE', 'DATA', 'ACK', 'DATAACK', 'CLOSEREQ', 'CLOSE', 'RESET', 'SYNC', 'SYNCACK']

const [FRAGMENT, ROUTING, DESTINATION] = [PROTOCOLS['ipv6-frag'], PROTOCOLS['ipv6-route'], PROTOCOLS['ipv6-opts']]
const HEADERS: Readonly<Record<string, number>> = { frag: FRAGMENT, rt: ROUTING, hbh: HOP_BY_HOP, dst: DESTINATION }
const ofHeader =
  (type: number, ask: (header: Uint8Array, text: string) => boolean): Ask =>
  (packet, [text = '']) =>
    asked(packet.optional(type, 0, 8), (header) => ask(header, text))

const ASKED: Readonly<Record<string, Ask>> = {
  ' -s': (packet, [text = '']) => isIn(source(packet), text),
  ' -d': (packet, [text = '']) => isIn(destination(packet), text),
  ' -i': isDevice,
  ' -o': isDevice,
  ' -p': ({ choice }, [text = '']) => text === 'all' || choice.protocol === (PROTOCOLS[text as 'tcp'] ?? Number(text)),
  ' -f': ({ choice }) => choice.fragment !== 0,
  ...ports,
  ...hops,
  'tcp --tcp-flags': ({ transport }, [mask, wanted]) =>
    asked(transport, (header) => ((header[13] as number) & flagsOf(mask)) === flagsOf(wanted)),
  'dccp --dccp-types': ({ transport }, [text = '']) =>
    asked(transport, (header) => {
      const type = ((header[8] as number) >>> 1) & 0x0f
      return text.split(',').includes(DCCP_TYPES[type] ?? 'INVALID')
    }),
  'icmp --icmp-type': icmp,
  'icmp6 --icmpv6-type': icmp,
  'iprange --src-range': (packet, [text = '']) => isBetween(source(packet), text),
  'iprange --dst-range': (packet, [text = '']) => isBetween(destination(packet), text),
  'mark --mark': meta(NFT_META.MARK, maskedBy),
  'connmark --mark': connection(NFT_CT.MARK, (value, text) => maskedBy(u32.read(value, 0), text)),
  'dscp --dscp': ({ choice }, [text]) => choice.trafficClass >>> 2 === Number(text),
  'ecn --ecn-ip-ect': ({ choice }, [text]) => (choice.trafficClass & 3) === Number(text),
  'ecn --ecn-tcp-ece': ({ transport }) => asked(transport, (header) => ((header[13] as number) & 0x40) !== 0),
  'ecn --ecn-tcp-cwr': ({ transport }) => asked(transport, (header) => ((header[13] as number) & 0x80) !== 0),
  'tos --tos': ({ choice }, [text = '']) => {
    const [value, mask = 0xff] = text.split('/').map(Number)
    return (choice.trafficClass & mask) === value
  },
  'length --length': meta(NFT_META.LEN, within),
  'pkttype --pkt-type': meta(NFT_META.PKTTYPE, (value, text) => PACKET_TYPES[value] === text, {
    ...u16,
    read: (b, i) => b[i] as number,
  }),
  'cpu --cpu': meta(NFT_META.CPU, within),
  'owner --uid-owner': meta(NFT_META.SKUID, (value, text) => within(value, text, '-')),
  'owner --gid-owner': meta(NFT_META.SKGID, (value, text) => within(value, text, '-')),
  'devgroup --src-group': meta(NFT_META.IIFGROUP, maskedBy),
  'devgroup --dst-group': meta(NFT_META.OIFGROUP, maskedBy),
  'cgroup --cgroup': meta(NFT_META.CGROUP, within),
  'realm --realm': (packet, [text = '']) => maskedBy(u32.read(packet.realm, 0), text),
  'mac --mac-source': (packet, [text = '']) =>
    Buffer.from(packet.bytes(0, 6, 6) as Uint8Array).toString('hex') === text.replaceAll(':', '').toLowerCase(),
  'frag --fragid': ofHeader(FRAGMENT, (header, text) => within(be32.read(header, 4), text)),
  'frag --fragfirst': ofHeader(FRAGMENT, (header) => be16.read(header, 2) >>> 3 === 0),
  'frag --fragmore': ofHeader(FRAGMENT, (header) => (be16.read(header, 2) & 1) === 1),
  'frag --fraglast': ofHeader(FRAGMENT, (header) => (be16.read(header, 2) & 1) === 0),
  'hbh --hbh-len': ofHeader(HOP_BY_HOP, (header, text) => 8 * (header[1] as number) + 8 === Number(text)),
  'dst --dst-len': ofHeader(DESTINATION, (header, text) => 8 * (header[1] as number) + 8 === Number(text)),
  'rt --rt-type': ofHeader(ROUTING, (header, text) => header[2] === Number(text)),
  'rt --rt-segsleft': ofHeader(ROUTING, (header, text) => within(header[3] as number, text)),
  'addrtype --src-type': addressType(NFTA_FIB_F.SADDR),
  'addrtype --dst-type': addressType(NFTA_FIB_F.DADDR),
  'addrtype --limit-iface-in': () => true,
  'addrtype --limit-iface-out': () => true,
  'conntrack --ctstate': state,
  'conntrack --ctproto': connection(NFT_CT.PROTOCOL, ([value], text) => value === Number(text)),
  'conntrack --ctdir': connection(NFT_CT.DIRECTION, ([value], text) => value === ['ORIGINAL', 'REPLY'].indexOf(text)),
  'conntrack --ctstatus': connection(
    NFT_CT.STATUS,
    (value, text) => (u32.read(value, 0) & bitsOf(STATUSES, text)) !== 0,
  ),
  'conntrack --ctexpire': connection(NFT_CT.EXPIRATION, (value, text) =>
    within(Math.floor(u32.read(value, 0) / 1000), text),
  ),
  'connlabel --label': connection(NFT_CT.LABELS, (value, text) => ((u32.read(value, 0) >>> Number(text)) & 1) === 1),
  'conntrack --ctorigsrc': connection(NFT_CT.SRC, isIn, 0),
  'conntrack --ctorigdst': connection(NFT_CT.DST, isIn, 0),
  'conntrack --ctreplsrc': connection(NFT_CT.SRC, isIn, 1),
  'conntrack --ctrepldst': connection(NFT_CT.DST, isIn, 1),
  'conntrack --ctorigsrcport': connection(NFT_CT.PROTO_SRC, (value, text) => within(be16.read(value, 0), text), 0),
  'conntrack --ctorigdstport': connection(NFT_CT.PROTO_DST, (value, text) => within(be16.read(value, 0), text), 0),
  'conntrack --ctreplsrcport': connection(NFT_CT.PROTO_SRC, (value, text) => within(be16.read(value, 0), text), 1),
  'conntrack --ctrepldstport': connection(NFT_CT.PROTO_DST, (value, text) => within(be16.read(value, 0), text), 1),
}

interface Option {
  readonly name: string
  readonly words: string[]
  readonly negated: boolean
}
/** The head of the rule has no name. */
interface Group {
  readonly name: string
  readonly options: Option[]
}

function groupsOf(text: string): Group[] {
  const groups: Group[] = [{ name: '', options: [] }]
  let negated = false
  for (const word of splitWords(text)) {
    const last = groups.at(-1) as Group
    if (word === '-m' || word === '-j' || word === '-g') groups.push({ name: word, options: [] })
    else if (/^-[mjg]$/.test(last.name))
      groups.splice(-1, 1, { name: last.name === '-m' ? word : `${last.name} ${word}`, options: [] })
    else if (word === '!') negated = true
    else if (word.startsWith('-')) {
      last.options.push({ name: word, words: [], negated })
      negated = false
    } else (last.options.at(-1) as Option).words.push(word)
  }
  return groups
}

const UNITS: Readonly<Record<string, number>> = { sec: 1, min: 60, hour: 3600, day: 86400 }

/** False if connections are not counted. */
function hasTransferred(options: readonly Option[], packet: Packet): boolean {
  const of = (name: string): Option => options.find((option) => option.name === name) as Option
  const [{ words, negated }, mode, way] = [of('--connbytes'), of('--connbytes-mode'), of('--connbytes-dir')]
  const key = NFT_CT.PKTS + ['packets', 'bytes', 'avgpkt'].indexOf(mode.words[0] as string)
  const number = packet.counted(key, [0, 1, undefined][['original', 'reply', 'both'].indexOf(way.words[0] as string)])
  return number > 0 && inCounts(number, words[0] as string) !== negated
}

/** A range without an end includes all greater numbers. */
function inCounts(number: number, text: string): boolean {
  const [first, last] = text.split(':')
  return number >= Number(first) && (last === undefined || last === '' || number <= Number(last))
}

function isMet({ name, options }: Group, packet: Packet): boolean {
  const meets = ({ name: option, words, negated }: Option): boolean => {
    const ask = ASKED[`${name} ${option}`]
    if (ask === undefined) throw new Error(`no meaning of ${name} ${option} is known here`)
    const met = ask(packet, words)
    return met !== undefined && met !== negated
  }
  if (name === 'connbytes') return hasTransferred(options, packet)
  const header = HEADERS[name]
  if (header !== undefined && packet.optional(header, 0, 1) === undefined) return false
  if (name !== 'conntrack') return options.every(meets)
  const ofState = options.filter((option) => option.name === '--ctstate')
  if (!ofState.every(meets)) return false
  if (!packet.isTracked) return ofState.length > 0
  return options.filter((option) => !ofState.includes(option)).every(meets)
}

function limitOf({ options }: Group): string {
  const of = (name: string): string | undefined => options.find((option) => option.name === name)?.words[0]
  const [rate, unit] = (of('--limit') ?? '3/hour').split('/')
  return `limit ${rate}/${UNITS[unit as string]} ${of('--limit-burst') ?? 5}`
}

/** Does nothing without a connection. */
function marked(options: readonly Option[], { choice, isTracked }: Packet): string {
  if (!isTracked) return ''
  const words = (name: string): number[] =>
    (options.find((option) => option.name === name)?.words[0] ?? '').split('/').filter(Boolean).map(Number)
  const [[left = 0], [right = 0]] = [words('--left-shift-mark'), words('--right-shift-mark')]
  const shifted = (mark: number): number => ((mark << left) >>> 0) >>> right
  const [ofPacket, ofConnection] = [choice.mark, choice.connection?.mark ?? 0]
  const [[nfmask = 0], [ctmask = 0]] = [words('--nfmask'), words('--ctmask')]
  const changed = (mark: number, cleared: number, bits: number): number => ((mark & ~cleared) ^ bits) >>> 0
  const is = (name: string): boolean => options.some((option) => option.name === name)
  if (is('--save-mark')) return `ct ${NFT_CT.MARK} = ${changed(ofConnection, ctmask, shifted(ofPacket & nfmask))}`
  if (is('--restore-mark'))
    return `meta ${NFT_META.MARK} = ${changed(ofPacket, nfmask, shifted(ofConnection & ctmask))}`
  const [value = 0, mask = 0xffff_ffff] = words('--set-xmark')
  return `ct ${NFT_CT.MARK} = ${shifted(changed(ofConnection, mask, value))}`
}

function targetOf({ name, options }: Group, packet: Packet): string {
  const [, target = ''] = name.split(' ')
  if (target === 'CONNMARK') return marked(options, packet)
  const [value = 0, mask = 0xffff_ffff] = (options[0]?.words[0] ?? '').split('/').map(Number)
  const changed = (mark: number): number => ((mark & ~mask) ^ value) >>> 0
  if (target === 'MARK') return `meta ${NFT_META.MARK} = ${changed(packet.choice.mark)}`
  return target.toLowerCase()
}

export class RuleMachine {
  readonly #groups: readonly Group[]
  readonly #isCounted: boolean

  /** @throws XtablesError for text that iptables-restore would not accept */
  constructor(text: string, family: Family, isCounted: boolean) {
    parseRule(text, family)
    this.#groups = groupsOf(text)
    this.#isCounted = isCounted
  }

  /** The effects on the packet, in the notation of `NftMachine`. */
  run(packet: Packet): string {
    const done: string[] = []
    const end = this.#isCounted ? ['count'] : []
    for (const group of this.#groups)
      if (group.name.startsWith('-')) return [...done, ...end, targetOf(group, packet)].filter(Boolean).join(', ')
      else if (group.name === 'limit') done.push(limitOf(group))
      else if (!isMet(group, packet)) return done.join(', ')
    return [...done, ...end].join(', ')
  }
}
