/** Packets as people describe them. What the description does not say is unknown. */
import { FAMILIES, type FamilyName } from '../abi/family'
import { PROTOCOLS } from '../abi/protocols'
import { flag, instance, isObject, keyOf, shown, type Taken, text } from '../check-input'
import { checkOptions } from '../check-options'
import { IptcError } from '../errors'

/**
 * The connection tracking state of a packet.
 * @since 0.1.0
 */
export type ConnectionState = 'NEW' | 'ESTABLISHED' | 'RELATED' | 'INVALID' | 'UNTRACKED'

/**
 * Describes a packet. Properties that are left out are unknown.
 * @since 0.1.0
 */
export interface PacketDescription {
  /** Name or number of the transport protocol. */
  readonly protocol?: string | number | undefined
  /** Source address, or a network that contains it. */
  readonly source?: string | undefined
  /** Destination address, or a network that contains it. */
  readonly destination?: string | undefined
  /** Source port. Only for tcp, udp, udplite, sctp and dccp. */
  readonly sourcePort?: number | undefined
  /** Destination port. Only for tcp, udp, udplite, sctp and dccp. */
  readonly destinationPort?: number | undefined
  /** The flags that are set; all others are clear: `SYN`, `SYN,ACK`, `NONE`. */
  readonly tcpFlags?: string | undefined
  /** In the words of the match icmp or icmp6: `echo-request`, `3/1`. */
  readonly icmpType?: string | number | undefined
  /** The input interface. A packet sent by this host has none. */
  readonly in?: string | undefined
  /** The output interface. */
  readonly out?: string | undefined
  /**
   * Where it goes: to a program on this host, through it, or from a program on it. If omitted, `in` and `out`
   * decide; if they do not, both paths of an incoming packet are followed.
   */
  readonly way?: 'input' | 'forward' | 'output' | undefined
  /** Its connection tracking state. */
  readonly state?: ConnectionState | undefined
  /** The mark of the packet, 0 to 2^32 - 1. */
  readonly mark?: number | undefined
  /** The mark of its connection, 0 to 2^32 - 1. */
  readonly connectionMark?: number | undefined
  /** Length in bytes, including headers. */
  readonly length?: number | undefined
  /** Time to live; hop limit in IPv6. */
  readonly ttl?: number | undefined
  /** The whole byte: type of service, or traffic class. */
  readonly tos?: number | undefined
  /** Whether it is a fragment other than the first. Default: no. */
  readonly fragment?: boolean | undefined
  /** The numeric user ID of the sending program. */
  readonly uid?: number | undefined
  /** The numeric group ID of the sending program. */
  readonly gid?: number | undefined
  /** The kind of link-layer destination. */
  readonly packetType?: 'unicast' | 'broadcast' | 'multicast' | undefined
  /** The link-layer source address, as in `00:11:22:33:44:55`. */
  readonly sourceMac?: string | undefined
  /** The whole packet from the network header on. Everything in it is known. */
  readonly bytes?: Uint8Array | undefined
}

const whole = (max: number): Taken => ({
  accepts: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max,
  expected: `a whole number from 0 to ${max}`,
})
const textOrNumber: Taken = {
  accepts: (value) => typeof value === 'string' || typeof value === 'number',
  expected: 'text or a number',
}

export const STATES = { INVALID: 0x01, ESTABLISHED: 0x02, RELATED: 0x04, NEW: 0x08, UNTRACKED: 0x40 } as const
export const PACKET_TYPES = { unicast: 0, broadcast: 1, multicast: 2 } as const
export const WAYS = { input: true, forward: true, output: true } as const

const [BYTE, PORT, WORD] = [whole(0xff), whole(0xffff), whole(0xffff_ffff)]

/** The values that each property accepts. */
export const PROPERTIES: Readonly<Record<keyof PacketDescription, Taken>> = {
  protocol: textOrNumber,
  source: text,
  destination: text,
  sourcePort: PORT,
  destinationPort: PORT,
  tcpFlags: text,
  icmpType: textOrNumber,
  in: text,
  out: text,
  way: keyOf(WAYS),
  state: keyOf(STATES),
  mark: WORD,
  connectionMark: WORD,
  length: PORT,
  ttl: BYTE,
  tos: BYTE,
  fragment: flag,
  uid: WORD,
  gid: WORD,
  packetType: keyOf(PACKET_TYPES),
  sourceMac: text,
  bytes: instance(Uint8Array, 'bytes'),
}

/** Properties that the headers contain, so they cannot be given together with all bytes. */
const IN_BYTES: readonly (keyof PacketDescription)[] = [
  ...(['protocol', 'source', 'destination', 'sourcePort', 'destinationPort', 'tcpFlags', 'icmpType'] as const),
  ...(['length', 'ttl', 'tos', 'fragment'] as const),
]

/** @throws IptcError if the description is invalid */
export function checkPacket(packet: PacketDescription): void {
  if (!isObject(packet)) throw new IptcError('XT_BAD_PACKET', `a packet must be an object, not ${shown(packet)}`)
  checkOptions(packet, PROPERTIES)
  const twice = packet.bytes && IN_BYTES.find((name) => packet[name] !== undefined)
  if (twice !== undefined)
    throw new IptcError(
      'XT_BAD_PACKET',
      `the bytes of the packet say its ${twice}: give the bytes or the property, not both`,
    )
  if (packet.way === 'output' && packet.in !== undefined)
    throw new IptcError('XT_BAD_PACKET', 'a packet that this host sends has no input interface: leave out `in`')
  if (packet.way === 'input' && packet.out !== undefined)
    throw new IptcError('XT_BAD_PACKET', 'a packet for this host has no output interface: leave out `out`')
}

const PORT_PROTOCOLS: readonly number[] = [
  ...[PROTOCOLS.tcp, PROTOCOLS.udp, PROTOCOLS.udplite, PROTOCOLS.sctp, PROTOCOLS.dccp],
]
export const hasPorts = (protocol: number): boolean => PORT_PROTOCOLS.includes(protocol)
export const addressSize = (family: FamilyName): number => FAMILIES[family].addressSize
