/** What must hold for every packet that matches a rule. */

import type { Family } from '../abi/family'
import { type Hook, NO_IN, NO_OUT } from '../abi/netfilter'
import { NFT_META, NFT_PAYLOAD } from '../abi/nf-tables'
import { type Condition, unknown } from '../extensions/evaluation'
import { meta, type Test } from '../extensions/native'
import type { AskingPart, CompiledRule } from '../trace/compile'
import { knownPacket, NO_INTERFACE, TRANSPORT_SIZE } from '../trace/describe-packet'
import type { KnownPacket } from '../trace/known-packet'

/** Any packet in a chain that is reached only from these hooks. */
export function anyPacket(family: Family, hooks: ReadonlySet<Hook>): KnownPacket {
  const packet = knownPacket({}, family)
  // It may also be a fragment without a transport header.
  const open = packet.with({ network: unknown(packet.state.network.bytes.length), transport: undefined })
  const lacks = (without: readonly (Hook | undefined)[]): boolean =>
    hooks.size > 0 && [...hooks].every((hook) => without.includes(hook))
  const incoming = lacks(NO_IN_FOR_SURE) ? open.changed(meta(NFT_META.IIFNAME), NO_INTERFACE) : open
  return lacks(NO_OUT) ? incoming.changed(meta(NFT_META.OIFNAME), NO_INTERFACE) : incoming
}

/** In POSTROUTING, forwarded packets have an input interface. */
const NO_IN_FOR_SURE = NO_IN.filter((hook) => hook === 'OUTPUT')

export interface Supposed {
  /** What is known about packets that match the rule. */
  readonly packet: KnownPacket
  /** The condition that contradicts an earlier one. */
  readonly contradiction: { readonly part: AskingPart; readonly condition: Condition } | undefined
}

/** Assumes all tests of a rule to hold, in order. */
export function suppose({ questions }: CompiledRule, any: KnownPacket): Supposed {
  let packet = any
  for (const { condition, failed } of questions) {
    if (condition.kind !== 'test') continue
    const truth = packet.meets(condition)
    if (truth === false) return { packet, contradiction: { part: failed.part as AskingPart, condition } }
    if (truth === undefined) packet = withLookedAt(packet, condition).supposing(condition, true)
  }
  return { packet, contradiction: undefined }
}

/** A packet for which a test holds has the source that the test reads. */
const withLookedAt = (packet: KnownPacket, { source }: Test): KnownPacket =>
  source.from === 'payload' && source.base === NFT_PAYLOAD.TRANSPORT && packet.state.transport === undefined
    ? packet.with({ transport: unknown(TRANSPORT_SIZE) })
    : packet
