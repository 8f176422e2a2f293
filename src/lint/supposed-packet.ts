/** What must be so of every packet that meets a rule. */

import type { Family } from '../abi/family'
import { type Hook, NO_IN, NO_OUT } from '../abi/netfilter'
import { NFT_META, NFT_PAYLOAD } from '../abi/nf-tables'
import { type Condition, unknown } from '../extensions/evaluation'
import { meta, type Test } from '../extensions/native'
import type { AskingPart, CompiledRule } from '../trace/compile'
import { knownPacket, NO_INTERFACE, TRANSPORT_SIZE } from '../trace/describe-packet'
import type { KnownPacket } from '../trace/known-packet'

/** Any packet that comes to a chain which is reached from these hooks alone. */
export function anyPacket(family: Family, hooks: ReadonlySet<Hook>): KnownPacket {
  const packet = knownPacket({}, family)
  // It may be a fragment, too, which has no header of what it carries.
  const open = packet.with({ network: unknown(packet.state.network.bytes.length), transport: undefined })
  const lacks = (without: readonly (Hook | undefined)[]): boolean =>
    hooks.size > 0 && [...hooks].every((hook) => without.includes(hook))
  const incoming = lacks(NO_IN_FOR_SURE) ? open.changed(meta(NFT_META.IIFNAME), NO_INTERFACE) : open
  return lacks(NO_OUT) ? incoming.changed(meta(NFT_META.OIFNAME), NO_INTERFACE) : incoming
}

/** At POSTROUTING, what is forwarded has the interface that it came in by. */
const NO_IN_FOR_SURE = NO_IN.filter((hook) => hook === 'OUTPUT')

export interface Supposed {
  /** What is known of packets that meet the rule. */
  readonly packet: KnownPacket
  /** The condition that cannot hold beside those before it. */
  readonly contradiction: { readonly part: AskingPart; readonly condition: Condition } | undefined
}

/** Takes all tests of a rule to hold, one after the other. */
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

/** A packet of which a test holds has what that looks at. */
const withLookedAt = (packet: KnownPacket, { source }: Test): KnownPacket =>
  source.from === 'payload' && source.base === NFT_PAYLOAD.TRANSPORT && packet.state.transport === undefined
    ? packet.with({ transport: unknown(TRANSPORT_SIZE) })
    : packet
