/** What a rule changed in a packet, for people. */

import type { Family } from '../abi/family'
import { NFT_CT, NFT_META } from '../abi/nf-tables'
import { be16, u8, u32 } from '../binary/codec'
import { NO_SETS } from '../extensions/context'
import type { Seen, Sight } from '../extensions/evaluation'
import { ADDRESSES, connection, meta, network, type Source, transport } from '../extensions/native'
import { formatAddress } from '../extensions/values/address'
import { hex } from '../extensions/values/integer'
import { isWholly } from './known-bits'
import type { KnownPacket } from './known-packet'
import { hasPorts, STATES } from './packet'

/**
 * A change to a packet: a property of {@link PacketDescription}. A value is undefined if it is unknown.
 * @since 0.1.0
 */
export interface PacketChange {
  /** The name of the property. */
  readonly property: string
  /** Its value before. */
  readonly from: string | number | undefined
  /** Its value now. */
  readonly to: string | number | undefined
}

interface Property {
  readonly name: string
  read(packet: KnownPacket): string | number | undefined
}

const wholly = <T>(sight: Sight, read: (seen: Seen) => T): T | undefined =>
  sight === undefined || sight === 'absent' || !isWholly(sight) ? undefined : read(sight)

const number = (name: string, source: Source, codec: typeof u8): Property => ({
  name,
  read: (packet) => wholly(packet.look(source), ({ bytes }) => codec.read(bytes, 0)),
})

/** A partly known mark is written as in rules, with the mask of known bits after a slash. */
const mark = (name: string, source: Source): Property => ({
  name,
  read(packet) {
    const sight = packet.look(source)
    if (sight === undefined || sight === 'absent') return undefined
    const [value, bits] = [u32.read(sight.bytes, 0), u32.read(sight.known, 0)]
    return bits === 0xffff_ffff ? value : bits === 0 ? undefined : `${hex(value)}/${hex(bits)}`
  },
})

const address = (name: string, family: Family, which: 0 | 1): Property => {
  const source = network(ADDRESSES[family.name][which], family.addressSize)
  const context = { family, sets: NO_SETS }
  return { name, read: (packet) => wholly(packet.look(source), ({ bytes }) => formatAddress(bytes, context)) }
}

const port = (name: string, offset: number): Property => {
  const source = transport(offset, 2)
  const protocol = meta(NFT_META.L4PROTO)
  return {
    name,
    read: (packet) =>
      wholly(packet.look(protocol), ({ bytes }) => hasPorts(bytes[0] as number))
        ? wholly(packet.look(source), ({ bytes }) => be16.read(bytes, 0))
        : undefined,
  }
}

const tosOf = ({ bytes }: Seen): number => (((bytes[0] as number) << 4) | ((bytes[1] as number) >>> 4)) & 0xff

const PROPERTIES = (family: Family): readonly Property[] => [
  address('source', family, 0),
  address('destination', family, 1),
  port('sourcePort', 0),
  port('destinationPort', 2),
  mark('mark', meta(NFT_META.MARK)),
  mark('connectionMark', connection(NFT_CT.MARK)),
  ...(family.name === 'ipv4'
    ? [number('tos', network(1, 1), u8), number('ttl', network(8, 1), u8)]
    : [
        { name: 'tos', read: (packet: KnownPacket) => wholly(packet.look(TRAFFIC_CLASS), tosOf) },
        number('ttl', network(7, 1), u8),
      ]),
  {
    name: 'state',
    read: ({ state: { states } }) =>
      Object.entries(STATES).find(([, one]) => states.length === 1 && states[0] === one)?.[0],
  },
]
const TRAFFIC_CLASS = network(0, 2)

/** The known properties of a packet that differ before and after. */
export function packetChanges(family: Family, before: KnownPacket, after: KnownPacket): PacketChange[] {
  if (before === after) return []
  return PROPERTIES(family).flatMap(({ name, read }) => {
    const [from, to] = [read(before), read(after)]
    return from === to ? [] : [{ property: name, from, to }]
  })
}
