/** Applies the effects of targets to a packet. */

import type { Hook } from '../abi/netfilter'
import { NFT_PAYLOAD } from '../abi/nf-tables'
import { u32 } from '../binary/codec'
import { type Effect, type Seen, type Translate, unknown } from '../extensions/evaluation'
import { ADDRESSES, type Change, type Source } from '../extensions/native'
import { changed, isWholly, known, merged } from './known-bits'
import type { KnownPacket } from './known-packet'

/** The packet after an effect that does not end its path. Fields that it lacks do not change. */
export function changedBy(
  packet: KnownPacket,
  effect: Exclude<Effect, { kind: 'end' | 'either' | 'untracked' }>,
  hook: Hook,
): KnownPacket {
  if (effect.kind === 'translate') return translated(packet, effect, hook)
  if (effect.kind === 'rewrite') return packet.rewritten(effect.make)
  const old = packet.look(effect.to)
  const from = effect.kind !== 'set' && effect.from !== undefined ? packet.look(effect.from) : old
  if (old === 'absent' || from === 'absent') return packet
  if (effect.kind === 'set') return packet.changed(effect.to, known(effect.value))
  if (effect.kind === 'change')
    return packet.changed(effect.to, changedBits(from ?? unknown(effect.mask.length), effect))
  const size = (old ?? from)?.bytes.length
  return size === undefined
    ? packet
    : packet.changed(effect.to, effect.make(old ?? unknown(size), from ?? unknown(size)))
}

/** Offset of the TTL or hop limit in the header. */
const HOPS = { ipv4: 8, ipv6: 7 } as const

/** The packet with its TTL reduced by one, as rules see it when it is forwarded; undefined if that reaches 0. */
export function hopped(packet: KnownPacket): KnownPacket | undefined {
  const hops: Source = { from: 'payload', base: NFT_PAYLOAD.NETWORK, offset: HOPS[packet.family], length: 1 }
  const seen = packet.look(hops) as Seen
  if (!isWholly(seen)) return packet.changed(hops, unknown(1))
  const [left = 0] = seen.bytes
  return left <= 1 ? undefined : packet.changed(hops, known(Uint8Array.of(left - 1)))
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

const AT_FIRST: readonly Hook[] = ['PREROUTING', 'OUTPUT']

function translated(packet: KnownPacket, { of, address, mask, port }: Translate, hook: Hook): KnownPacket {
  const isSource = of === undefined ? !AT_FIRST.includes(hook) : of === 'source'
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
  const moved =
    address === undefined ? packet : packet.changed(at, merged(packet.look(at) as Seen, seen(address, size), mask))
  const done = port === undefined ? moved : moved.changed(portAt, seen(port, 2))
  return done.with(isSource ? { isSourceChanged: true } : { isDestinationChanged: true })
}

/** Connection tracking translates a packet of a known connection; the new addresses are unknown. */
export const translatedBefore = (packet: KnownPacket, hook: Hook): KnownPacket =>
  translated(packet, { kind: 'translate', address: 'unknown', port: 'unknown' }, hook)
