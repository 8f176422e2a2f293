/** x_tables matches and targets in nf_tables rules: what Linux's compat layer checks and returns. */
import { ERRNO } from '../../../abi/errno'
import type { Family } from '../../../abi/family'
import { HOOKS, type Hook } from '../../../abi/netfilter'
import { NFT_RULE_COMPAT_F_INV } from '../../../abi/nf-tables'
import { align, ERROR_TARGET, EXTENSION_NAME_SIZE, STANDARD_TARGET } from '../../../abi/x-tables'
import { encodeText } from '../../../binary/text'
import { brokenDemand } from '../../../blob/verify'
import type { SetNames } from '../../../extensions/context'
import { type Extension, faultOf, faultText, type PlacedRule, type Reason } from '../../../extensions/extension'
import type { Known } from '../../../extensions/registry'
import type { Expression, ExpressionOf } from '../../../nft/expressions'
import type { RuleValues } from '../../../nft/messages'
import { buildPart } from '../../../ruleset/entry'
import { headerOf, structOf } from '../../../ruleset/identify'
import { forgetPayload } from '../memory-table'
import type { Make } from './expressions'
import { refuse } from './failure'
import type { BaseHook, NftChain } from './ruleset'

export interface CompatPlace {
  readonly family: Family
  readonly chain: NftChain
  /** NFTA_RULE_COMPAT: the protocol of the rule, for extensions. */
  readonly said: RuleValues['compat']
  readonly sets: SetNames
}

/** A check asks for the other matches of the rule, which nft_compat does not show. Linux skips such checks for nf_tables rules. */
class Unseen extends Error {}

const BUILTIN_TARGETS: readonly string[] = [STANDARD_TARGET, 'standard', ERROR_TARGET]
const MAX_REVISION = 0xff

/** @throws NftFailure */
export function takeCompat({ name: kind, data }: ExpressionOf<'match' | 'target'>, place: CompatPlace): Make {
  const { name, rev, info } = data
  if (name === undefined || rev === undefined || info === undefined) return refuse(ERRNO.EINVAL)
  if (rev > MAX_REVISION) refuse(ERRNO.ERANGE)
  const size = info.end - info.at
  const payload = new Uint8Array(align(size))
  payload.set(info.bytes.subarray(info.at, info.end))
  const part = placedPart(kind, place.family, name, rev, payload)
  if (part.header.known.every(({ variant }) => size < variant.struct.size)) refuse(ERRNO.EINVAL)
  return () => {
    if (place.said !== undefined) checkSaid(place.said)
    const known = structOf(part.header, part.bytes, part) ?? refuse(ERRNO.EINVAL)
    const sets = checkedSets(known, payload, place)
    forgetPayload(known.variant, payload, 0, payload.length)
    return {
      told: { name: kind, data: { name, rev, info: { bytes: payload, at: 0, end: payload.length } } } as Expression,
      check: (base) => misplacedAt(known.extension, base),
      ...(sets.length > 0 && { sets }),
    }
  }
}

/** Checks that NFTA_RULE_COMPAT is complete and valid. @throws NftFailure */
function checkSaid({ proto, flags }: NonNullable<RuleValues['compat']>): void {
  if (proto === undefined || flags === undefined || (flags & ~NFT_RULE_COMPAT_F_INV) !== 0) refuse(ERRNO.EINVAL)
}

/** Checks a payload in the context of its rule. @returns the indexes of the sets that it refers to. @throws NftFailure */
function checkedSets(known: Known, payload: Uint8Array, place: CompatPlace): readonly number[] {
  const { extension, variant } = known
  const found: number[] = []
  const rule = placed(place, (index) => {
    const isThere = place.sets.byIndex(index) !== undefined
    if (isThere) found.push(index)
    return isThere
  })
  const reason = brokenDemand(extension, rule) ?? objection(known, payload, rule)
  if (reason !== undefined) refuse(faultOf(reason).errno ?? ERRNO.EINVAL, faultText(extension, variant, reason))
  return found
}

/** @throws NftFailure for an extension that this kernel does not have */
function placedPart(kind: 'match' | 'target', family: Family, name: string, revision: number, payload: Uint8Array) {
  const none = `the in-process kernel has no ${kind} ${name} revision ${revision}`
  if (kind === 'target' && BUILTIN_TARGETS.includes(name)) return refuse(ERRNO.EINVAL)
  if (encodeText(name).length >= EXTENSION_NAME_SIZE) refuse(ERRNO.ENOENT, none)
  const bytes = buildPart(name, revision, payload)
  const part = { at: 0, size: bytes.length }
  const header = headerOf(kind, family, bytes, part)
  return header.known.length === 0 ? refuse(ERRNO.ENOENT, none) : { ...part, bytes, header }
}

function objection({ variant }: Known, payload: Uint8Array, rule: PlacedRule): Reason | undefined {
  try {
    return variant.check?.(payload, 0, rule)
  } catch (error) {
    if (error instanceof Unseen) return undefined
    throw error
  }
}

const hookName = ({ number }: BaseHook): Hook => HOOKS[number] as Hook

function placed({ chain, said }: CompatPlace, hasSet: (index: number) => boolean): PlacedRule {
  const protocol = said?.proto ?? 0
  return {
    protocol,
    storedProtocol: protocol,
    protocolNegated: ((said?.flags ?? 0) & NFT_RULE_COMPAT_F_INV) !== 0,
    table: chain.table.name,
    hooks: chain.hook === undefined ? [] : [hookName(chain.hook)],
    hasSet,
    get matches(): never {
      throw new Unseen()
    },
  }
}

/** Called for every base chain from which the rule is reached, directly or by jumps. */
function misplacedAt({ demands: { hooks, tables } }: Extension, base: BaseHook): number | undefined {
  const isHere = hooks === undefined || hooks.includes(hookName(base))
  const isNat = tables?.length !== 1 || tables[0] !== 'nat' || base.type === 'nat'
  return isHere && isNat ? undefined : ERRNO.EINVAL
}
