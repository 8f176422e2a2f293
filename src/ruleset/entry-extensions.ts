/** The matches and the target of an entry, with their declarations. */
import type { Family } from '../abi/family'
import { INV_PROTO } from '../abi/ip-tables'
import { IP6T_F_PROTO } from '../abi/ip6-tables'
import type { RuleHead } from '../extensions/extension'
import type { Known } from '../extensions/registry'
import { isStandard, matchParts, type Part, payloadAt, payloadSize, targetPart } from './entry'
import { headerOf, payloadOf } from './identify'

export interface EntryExtension {
  readonly kind: 'match' | 'target'
  readonly name: string
  readonly revision: number
  /** Offset and size of the payload. */
  readonly at: number
  readonly size: number
  /** Undefined for an unknown extension. */
  readonly known: Known | undefined
}

/** One match or target of the entry in `bytes`. */
export function entryExtension(
  kind: 'match' | 'target',
  family: Family,
  bytes: Uint8Array,
  part: Part,
): EntryExtension {
  const header = headerOf(kind, family, bytes, part)
  const { name, revision } = header
  return { kind, name, revision, at: payloadAt(part), size: payloadSize(part), known: payloadOf(header, bytes, part) }
}

/** The matches in order, then the target, unless that is a verdict or a jump. */
export function entryExtensions(family: Family, bytes: Uint8Array): EntryExtension[] {
  const target = targetPart(family, bytes, 0)
  const parts: EntryExtension[] = []
  for (const part of matchParts(family, bytes, 0)) parts.push(entryExtension('match', family, bytes, part))
  if (!isStandard(bytes, target)) parts.push(entryExtension('target', family, bytes, target))
  return parts
}

/** The protocol of a rule. IPv6 ignores it unless a flag is set. */
export function ruleHead({ name, entry: { fields } }: Family, bytes: Uint8Array, at: number): RuleHead {
  const counts = name === 'ipv4' || (fields.flags.read(bytes, at) & IP6T_F_PROTO) !== 0
  const storedProtocol = fields.proto.read(bytes, at)
  return {
    protocol: counts ? storedProtocol : 0,
    storedProtocol,
    protocolNegated: (fields.invflags.read(bytes, at) & INV_PROTO) !== 0,
  }
}
