/** What targets make of a packet. */
import { NFT_PAYLOAD } from '../abi/nf-tables'
import { u32 } from '../binary/codec'
import { type Effect, type Seen, type Translate, unknown } from '../extensions/evaluation'
import { ADDRESSES, type Change, type Source } from '../extensions/native'
import { changed, isWholly, known } from './known-bits'
import type { KnownPacket } from './known-packet'

/** The packet behind an effect that ends nothing. What it does not have cannot be changed. */
export function changedBy(
  packet: KnownPacket,
  effect: Exclude<Effect, { kind: 'end' | 'either' | 'untracked' }>,
): KnownPacket {
  if (effect.kind === 'translate') return translated(packet, effect)
  if (effect.kind === 'set') return packet.changed(effect.to, known(effect.value))
  const old = packet.look(effect.kind === 'change' ? effect.from : effect.to)
  if (old === 'absent') return packet
  if (effect.kind === 'update') return old === undefined ? packet : packet.changed(effect.to, effect.make(old))
  return packet.changed(effect.to, changedBits(old ?? unknown(effect.mask.length), effect))
}

function changedBits(old: Seen, { mask, xor, shift = 0 }: Change): Seen {
  const seen = changed(old, mask, xor)
  if (shift === 0) return seen
  const by = (number: number): number => (shift < 0 ? number >>> -shift : (number << shift) >>> 0)
  if (!isWholly(seen)) return unknown(u32.size)
  const bytes = new Uint8Array(u32.size)
  u32.write(bytes, 0, by(u32.read(seen.bytes, 0)))
  return known(bytes)
}

function translated(packet: KnownPacket, { of, address, port }: Translate): KnownPacket {
  const isSource = of === 'source'
  const [source, destination] = ADDRESSES[packet.family]
  const size = destination - source
  const at: Source = {
    from: 'payload',
    base: NFT_PAYLOAD.NETWORK,
    offset: isSource ? source : destination,
    length: size,
  }
  const portAt: Source = { from: 'payload', base: NFT_PAYLOAD.TRANSPORT, offset: isSource ? 0 : 2, length: 2 }
  const seen = (value: Uint8Array | 'unknown', bytes: number): Seen =>
    value === 'unknown' ? unknown(bytes) : known(value.slice(0, bytes))
  const moved = address === undefined ? packet : packet.changed(at, seen(address, size))
  const done = port === undefined ? moved : moved.changed(portAt, seen(port, 2))
  return done.with(isSource ? { isSourceChanged: true } : { isDestinationChanged: true })
}

/** As connection tracking translates a packet of a connection that it knows: to what, it alone knows. */
export const translatedBefore = (packet: KnownPacket, of: Translate['of']): KnownPacket =>
  translated(packet, { kind: 'translate', of, address: 'unknown', port: 'unknown' })
