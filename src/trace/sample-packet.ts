/** Converts what is known about a packet back to a description, complete enough to be traced as an example. */

import { FAMILIES } from '../abi/family'
import { NFT_META } from '../abi/nf-tables'
import { PROTOCOLS } from '../abi/protocols'
import { be16, u32 } from '../binary/codec'
import { readText } from '../binary/text'
import { NO_SETS } from '../extensions/context'
import type { Seen } from '../extensions/evaluation'
import { TCP_FLAGS } from '../extensions/matches/tcp'
import { ADDRESSES, meta } from '../extensions/native'
import { formatAddress, prefixLength } from '../extensions/values/address'
import { isWholly, slice } from './known-bits'
import type { KnownPacket } from './known-packet'
import { type ConnectionState, hasPorts, type PacketDescription, STATES } from './packet'

/** What is known about a packet, as far as a description can say it. */
export function samplePacket(packet: KnownPacket): PacketDescription {
  const { family } = packet
  const protocol = wholeNumber(packet, meta(NFT_META.L4PROTO), 1)
  const [source, destination] = ADDRESSES[family].map((at) =>
    addressOf(packet, slice(packet.state.network, at, at + FAMILIES[family].addressSize)),
  )
  const mark = wholeNumber(packet, meta(NFT_META.MARK), 4)
  const [input, output] = [NFT_META.IIFNAME, NFT_META.OIFNAME].map((key) => interfaceOf(packet, key))
  const { states } = packet.state
  const state = Object.entries(STATES).find(([, one]) => states.length === 1 && states[0] === one)?.[0]
  return {
    ...(protocol !== undefined && { protocol, ...transportOf(packet, protocol) }),
    ...(source !== undefined && { source }),
    ...(destination !== undefined && { destination }),
    ...(input !== undefined && input !== '' && { in: input }),
    ...(output !== undefined && output !== '' && { out: output }),
    ...(mark !== undefined && { mark }),
    ...(state !== undefined && { state: state as ConnectionState }),
  }
}

function wholeNumber(packet: KnownPacket, source: ReturnType<typeof meta>, size: 1 | 4): number | undefined {
  const seen = packet.look(source)
  if (seen === undefined || seen === 'absent' || !isWholly(seen)) return undefined
  return size === 1 ? seen.bytes[0] : u32.read(seen.bytes, 0)
}

/** An address, or the network of its known leading bits. */
function addressOf({ family }: KnownPacket, { bytes, known }: Seen): string | undefined {
  const length = prefixLength(known)
  if (length === undefined || length === 0) return undefined
  const context = { family: FAMILIES[family], sets: NO_SETS }
  return `${formatAddress(bytes, context)}/${length}`
}

/** A name. If only a prefix is known, a digit is appended. */
function interfaceOf(packet: KnownPacket, key: number): string | undefined {
  const seen = packet.look(meta(key))
  if (seen === undefined || seen === 'absent') return undefined
  const length = seen.known.findIndex((bits) => bits !== 0xff)
  if (length === 0) return undefined
  const name = readText(seen.bytes, 0, length < 0 ? seen.bytes.length : length)
  return length < 0 || name.length < length ? name : `${name}0`
}

function transportOf({ state: { transport } }: KnownPacket, protocol: number): Partial<PacketDescription> {
  if (transport === undefined) return {}
  if (transport === 'absent') return { fragment: true }
  const number = (at: number): number | undefined => {
    const seen = slice(transport, at, at + 2)
    return isWholly(seen) ? be16.read(seen.bytes, 0) : undefined
  }
  if (protocol === PROTOCOLS.icmp || protocol === PROTOCOLS['ipv6-icmp'])
    return transport.known[0] === 0xff ? { icmpType: String(transport.bytes[0]) } : {}
  if (!hasPorts(protocol)) return {}
  const [sourcePort, destinationPort] = [number(0), number(2)]
  return {
    ...(sourcePort !== undefined && { sourcePort }),
    ...(destinationPort !== undefined && { destinationPort }),
    ...(protocol === PROTOCOLS.tcp && flagsOf(transport)),
  }
}

function flagsOf({ bytes, known }: Seen): Partial<PacketDescription> {
  if (((known[13] as number) & 0x3f) === 0) return {}
  const set = Object.entries(TCP_FLAGS).filter(([, bit]) => ((bytes[13] as number) & bit) !== 0)
  return { tcpFlags: set.length === 0 ? 'NONE' : set.map(([name]) => name).join() }
}
