/** Prints traced packets and their path through the rules in the format of xtables-monitor(8). */

import { NFT_TRACETYPE, NFT_VERDICT } from '../abi/nf-tables'
import { ARPHRD_ETHER, ARPHRD_LOOPBACK } from '../abi/rtnetlink'
import { formatIPv4, formatIPv6 } from '../binary/address'
import { be16, be32 } from '../binary/codec'
import { hexOf } from '../binary/text'
import type { TraceValues } from '../nft/trace'
import { familyName } from './event-text'

const NFPROTO_IPV4 = 2
const NFPROTO_IPV6 = 10
const TCP = 6
/** Protocols with ports: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const WITH_PORTS: readonly number[] = [TCP, 17, 33, 132, 136]

/** Bits in byte 13 of the TCP header, in printing order. */
const TCP_FLAGS: readonly [number, string][] = [
  [0x02, 'SYN'],
  [0x10, 'ACK'],
  [0x01, 'FIN'],
  [0x04, 'RST'],
  [0x08, 'PSH'],
  [0x20, 'URG'],
]

/** Hexadecimal bytes without leading zeros, separated by colons. */
const mac = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16)).join(':')

function linkWords(header: Uint8Array, type: number | undefined): string[] {
  if (type === ARPHRD_LOOPBACK) return ['LOOPBACK']
  if (type !== ARPHRD_ETHER || header.length < 14) return [`LL=0x${type?.toString(16)}${hexOf(header)}`]
  const [to, from, proto] = [header.subarray(0, 6), header.subarray(6, 12), header.subarray(12, 14)]
  return [`MACSRC=${mac(from)}`, `MACDST=${mac(to)}`, `MACPROTO=${hexOf(proto)}`]
}

/** A printed network header. */
interface Network {
  readonly words: readonly string[]
  /** The protocol of the header that follows; undefined if it is unknown, or if there is none, as in later fragments. */
  readonly protocol: number | undefined
}

const IPV4_FLAGS: readonly [number, string][] = [
  [0x8000, 'CE'],
  [0x4000, 'DF'],
  [0x2000, 'MF'],
]

const flagsIn = (flags: number, names: readonly [number, string][]): string[] =>
  names.filter(([bit]) => flags & bit).map(([, name]) => name)

function ipv4Words(header: Uint8Array): Network {
  if (header.length < 20) return { words: [`NH=0x${hexOf(header)}`], protocol: undefined }
  const fragment = be16.read(header, 6)
  const offset = fragment & 0x1fff
  const words = [
    `SRC=${formatIPv4(header, 12)}`,
    `DST=${formatIPv4(header, 16)}`,
    `LEN=${be16.read(header, 2)}`,
    `TOS=0x${(header[1] as number).toString(16)}`,
    `TTL=${header[8]}`,
    `ID=${be16.read(header, 4)}`,
    ...flagsIn(fragment, IPV4_FLAGS),
    ...(offset === 0 ? [] : [`FRAG:${offset}`]),
    ...(header.length > 20 ? [`OPT (${hexOf(header.subarray(20)).toUpperCase()})`] : []),
  ]
  return { words, protocol: offset === 0 ? header[9] : undefined }
}

const IPV6_HEADER = 40

function ipv6Words(header: Uint8Array): Network {
  if (header.length < IPV6_HEADER) return { words: [`NH=0x${hexOf(header)}`], protocol: undefined }
  const first = be32.read(header, 0)
  const words = [
    `SRC=${formatIPv6(header, 8)}`,
    `DST=${formatIPv6(header, 24)}`,
    `LEN=${be16.read(header, 4) + IPV6_HEADER}`,
    `TC=${(first >>> 20) & 0xff}`,
    `HOPLIMIT=${header[7]}`,
    `FLOWLBL=${first & 0xf_ffff}`,
  ]
  return { words, protocol: header[6] }
}

function networkWords(family: number, header: Uint8Array): Network {
  if (family === NFPROTO_IPV4) return ipv4Words(header)
  return family === NFPROTO_IPV6 ? ipv6Words(header) : { words: [`NH=0x${hexOf(header)}`], protocol: undefined }
}

function transportWords(protocol: number | undefined, header: Uint8Array | undefined): string[] {
  if (protocol === undefined || header === undefined || !WITH_PORTS.includes(protocol) || header.length < 4) return []
  const ports = [`SPORT=${be16.read(header, 0)}`, `DPORT=${be16.read(header, 2)}`]
  return protocol === TCP && header.length > 13 ? [...ports, ...flagsIn(header[13] as number, TCP_FLAGS)] : ports
}

/** Whether a message contains the packet's headers, as the first message of each hook does. */
export const hasPacket = ({ networkHeader, linkHeader }: TraceValues): boolean =>
  networkHeader !== undefined || linkHeader !== undefined

const idText = ({ id = 0 }: TraceValues): string => id.toString(16).padStart(8, '0')

/** A line of output, and the same as data for `--json`. */
export interface Told {
  readonly text: string
  readonly data: Readonly<Record<string, string | number | undefined>>
}

/** @param nameOf gives the name of an interface by its index */
export function packetTold(family: number, trace: TraceValues, nameOf: (index: number) => string): Told {
  const { iif, oif, iifType, linkHeader, networkHeader, transportHeader, mark } = trace
  const network = networkHeader && networkWords(family, networkHeader)
  const words = [
    ...(iif === undefined ? [] : [`IN=${nameOf(iif)}`]),
    ...(oif === undefined ? [] : [`OUT=${nameOf(oif)}`]),
    ...(linkHeader === undefined ? [] : linkWords(linkHeader, iifType)),
    ...(network?.words ?? []),
    ...transportWords(network?.protocol, transportHeader),
    ...(mark === undefined ? [] : [`MARK=0x${mark.toString(16)}`]),
  ]
  const [id, packet] = [idText(trace), words.join(' ')]
  return {
    text: `PACKET: ${family} ${id} ${packet} \n`,
    data: { kind: 'packet', family: familyName(family), id, packet },
  }
}

/** Names of verdicts by number. */
const VERDICT_NAMES = new Map<number, string>(Object.entries(NFT_VERDICT).map(([name, code]) => [code, name]))

/** Others are printed as hexadecimal numbers: a QUEUE verdict contains the queue number in its upper 16 bits. */
const verdictName = (code: number): string => VERDICT_NAMES.get(code) ?? `0x${(code >>> 0).toString(16)}`

/**
 * A step of a packet: where it was, and the verdict. Undefined for the message at the end of a user-defined chain.
 * @param rule the text of the rule, with a space before it
 */
export function stepTold(family: number, trace: TraceValues, rule: string): Told | undefined {
  const { table, chain, type, ruleHandle = 0n, verdict, policy = NFT_VERDICT.ACCEPT } = trace
  const id = idText(trace)
  const place = ` TRACE: ${family} ${id} ${table}:${chain}:`
  const data = { family: familyName(family), id, table, chain }
  if (type === NFT_TRACETYPE.POLICY) {
    const name = verdictName(policy)
    return { text: `${place}policy:${name} \n`, data: { kind: 'traced-policy', ...data, verdict: name } }
  }
  if (type !== NFT_TRACETYPE.RULE) return { text: `${place}return: \n`, data: { kind: 'traced-return', ...data } }
  if (ruleHandle === 0n) return undefined
  const decided = verdictName(verdict?.code ?? NFT_VERDICT.CONTINUE)
  const where = verdict?.chain === undefined ? decided : `${decided}:${verdict.chain}`
  return {
    text: `${place}rule:0x${ruleHandle.toString(16)}:${where} ${rule}\n`,
    data: {
      ...{ kind: 'traced-rule', ...data, handle: Number(ruleHandle), verdict: decided, to: verdict?.chain },
      rule: rule.trim(),
    },
  }
}
