/** Compiles rules to what they test and do, from the declarations of their extensions. */

import { FAMILIES, type Family, type FamilyName } from '../abi/family'
import { type Verdict, verdictName } from '../abi/netfilter'
import { NFT_NAT, NFT_PAYLOAD } from '../abi/nf-tables'
import {
  ACCEPTED,
  type Circumstance,
  type Condition,
  type Effect,
  type Translate,
  type Truth,
} from '../extensions/evaluation'
import {
  ADDRESSES,
  type NativePart,
  network,
  type Plain,
  type Source,
  type Statement,
  sourceKey,
  type Test,
} from '../extensions/native'
import { isEquality, widened } from '../extensions/native-tests'
import type { Known } from '../extensions/registry'
import { prefixLength, prefixMask } from '../extensions/values/address'
import { same } from '../extensions/values/value'
import {
  isGoto,
  isStandard,
  matchParts,
  type Part,
  partName,
  payloadAt,
  readVerdict,
  targetPart,
} from '../ruleset/entry'
import { headerOf, structOf } from '../ruleset/identify'
import { HEADS } from '../ruleset/rule-head'
import type { Entry } from '../ruleset/table-entry'

/** What one part of a rule tests: its head, or a match. */
export interface AskingPart {
  /** Undefined for the head. */
  readonly name: string | undefined
  readonly known: Known | undefined
  /** The offset of its payload in the rule. */
  readonly at: number
  readonly conditions: readonly Condition[]
}

/** The result of a rule: which condition of which part failed, or depends on something unknown. */
export interface Outcome {
  readonly truth: Truth
  readonly part: AskingPart | undefined
  readonly condition: Condition | undefined
}

/** A condition, and the outcome if it fails or is unknown. */
export interface Asked {
  readonly condition: Condition
  readonly failed: Outcome
  readonly undecided: Outcome
}

export type CompiledTarget =
  | { readonly kind: 'none' }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'chain'; readonly chain: string; readonly isGoto: boolean }
  | { readonly kind: 'extension'; readonly name: string; readonly effects: readonly Effect[] }

export interface CompiledRule {
  readonly entry: Entry
  readonly questions: readonly Asked[]
  readonly target: CompiledTarget
}

/** Sources with the same key are one object, by which packets cache what they were tested for. */
export class Compiler {
  readonly #family: Family
  readonly #sources = new Map<string, Source>()

  constructor(family: Family) {
    this.#family = family
  }

  /** @param isForeign whether the rule has no form in iptables */
  compile(entry: Entry, isForeign: boolean): CompiledRule {
    const { bytes } = entry
    if (isForeign) return foreign(entry)
    const matches = matchParts(this.#family, bytes, 0).map((part) => this.#match(bytes, part))
    const questions = [this.#head(bytes), ...matches].flatMap(askedBy)
    return { entry, questions, target: this.#target(entry) }
  }

  #head(bytes: Uint8Array): AskingPart {
    const known = HEADS[this.#family.name]
    return { name: undefined, known, at: 0, conditions: this.conditions(known, bytes, 0, 'the head of the rule') }
  }

  #match(bytes: Uint8Array, part: Part): AskingPart {
    const known = structOf(headerOf('match', this.#family, bytes, part), bytes, part)
    const [name, at] = [known?.extension.name ?? partName(bytes, part), payloadAt(part)]
    const conditions =
      known === undefined ? [unknownMatch(name)] : this.conditions(known, bytes, at, `the match ${name}`)
    return { name, known, at, conditions }
  }

  /** The conditions of a part, from the declaration of its extension. */
  conditions({ variant }: Known, bytes: Uint8Array, at: number, what: string): readonly Condition[] {
    if (variant.asks !== undefined) return variant.asks(bytes, at).map((one) => this.#interned(one))
    if (variant.native === undefined) return [{ kind: 'circumstance', decides: what }]
    return variant.native.parts.flatMap((part) => this.#ofPart(part, bytes, at, what))
  }

  #ofPart(part: NativePart, bytes: Uint8Array, at: number, what: string): Condition[] {
    const statements = part.write(bytes, at) ?? part.translated?.(bytes, at)
    if (statements === undefined) return [{ kind: 'circumstance', decides: what }]
    return statements.flatMap((one) => this.#condition(one, what))
  }

  #condition(statement: Statement, what: string): Condition[] {
    if (statement.kind === 'look') return []
    return [statement.kind === 'test' ? this.#interned(statement) : { kind: 'circumstance', decides: what }]
  }

  #interned(condition: Condition): Condition {
    if (condition.kind === 'test') {
      const test = ofWholeAddress(condition, this.#family.name)
      return { ...test, source: this.#source(test.source) }
    }
    if (condition.kind !== 'one of') return condition
    return { ...condition, alternatives: condition.alternatives.map((all) => all.map((one) => this.#interned(one))) }
  }

  #source(source: Source): Source {
    const key = sourceKey(source)
    const known = this.#sources.get(key)
    if (known === undefined) this.#sources.set(key, source)
    return known ?? source
  }

  #target({ bytes, jump }: Entry): CompiledTarget {
    const family = this.#family
    if (jump === '') return { kind: 'none' }
    if (jump !== undefined) return { kind: 'chain', chain: jump, isGoto: isGoto(family, bytes) }
    const part = targetPart(family, bytes, 0)
    if (isStandard(bytes, part)) return { kind: 'verdict', verdict: verdictName(readVerdict(bytes, part)) as Verdict }
    const known = structOf(headerOf('target', family, bytes, part), bytes, part)
    const name = known?.extension.name ?? partName(bytes, part)
    const effects = known === undefined ? undefined : effectsOf(known, bytes, payloadAt(part))
    return { kind: 'extension', name, effects: effects ?? [anything(`the target ${name}`)] }
  }
}

const askedBy = (part: AskingPart): Asked[] =>
  part.conditions.map((condition) => ({
    condition,
    failed: { truth: false, part, condition },
    undecided: { truth: undefined, part, condition },
  }))

/** A rule that nft has added may do anything. */
const foreign = (entry: Entry): CompiledRule => ({
  entry,
  questions: [],
  target: { kind: 'extension', name: 'nft', effects: [anything('a rule of nft that iptables cannot express')] },
})

/**
 * Rules may compare only the first bytes or some bits of an address. As ranges of whole addresses they can be
 * compared with each other.
 */
function ofWholeAddress(test: Test, family: FamilyName): Test {
  const { source, mask, value, to, op, or } = test
  const isAddress =
    source.from === 'payload' && source.base === NFT_PAYLOAD.NETWORK && ADDRESSES[family].includes(source.offset)
  if (!isAddress || !isEquality(op) || to !== undefined || or !== undefined) return test
  const size = FAMILIES[family].addressSize
  const length = mask === undefined ? 8 * value.length : prefixLength(mask)
  if (length === undefined || length === 8 * size) return test
  const bits = prefixMask(length, size)
  const first = widened(value, size)
  const last = first.map((byte, i) => byte | (~(bits[i] as number) & 0xff))
  return { kind: 'test', source: network(source.offset, size), op, value: first, to: last }
}

const unknownMatch = (name: string): Circumstance => ({
  kind: 'circumstance',
  decides: `the match ${name}, which is not known here`,
})

/** It may or may not end the path of the packet. */
const anything = (what: string): Effect => ({
  kind: 'either',
  decides: `whether ${what} lets the packet go on`,
  effects: [
    [],
    [
      {
        kind: 'either',
        decides: `whether ${what} accepts the packet`,
        effects: [[{ kind: 'end', verdict: 'ACCEPT' }], [{ kind: 'end', verdict: 'DROP' }]],
      },
    ],
  ],
})

/** Undefined if the extension does not declare any. */
function effectsOf({ variant }: Known, bytes: Uint8Array, at: number): readonly Effect[] | undefined {
  if (variant.does !== undefined) return variant.does(bytes, at)
  const effects: Effect[] = []
  for (const part of variant.native?.parts ?? []) {
    const statements = part.write(bytes, at) ?? part.translated?.(bytes, at)
    if (statements === undefined) return undefined
    for (const statement of statements) {
      if (statement.kind === 'expression') effects.push(...expressionEffects(statement))
      else if (statement.kind === 'set' || statement.kind === 'change') effects.push(statement)
    }
  }
  return variant.native && effects
}

const ENDS: Readonly<Record<string, Effect>> = {
  reject: { kind: 'end', verdict: 'REJECT' },
  queue: { kind: 'end', verdict: 'QUEUE' },
  notrack: { kind: 'untracked' },
}

function expressionEffects({ name, data }: Plain): readonly Effect[] {
  const end = ENDS[name]
  if (end !== undefined) return [end]
  if (name === 'nat')
    return [translation(data['type'] === NFT_NAT.SNAT ? 'source' : 'destination', data, false), ACCEPTED]
  if (name === 'masq') return [translation('source', data, true), ACCEPTED]
  if (name === 'redir') return [{ ...translation('destination', data, true), isForHost: true }, ACCEPTED]
  // Logging, counting and copying do not change the packet.
  return []
}

/** linux/netfilter/nf_nat.h: ports are chosen at random. */
const RANDOM = 0x04 | 0x10

function translation(of: NonNullable<Translate['of']>, data: Plain['data'], isAddressUnknown: boolean): Translate {
  const { addressMin, addressMax, portMin, portMax, flags = 0 } = data as TranslationData
  const isRandom = (flags & RANDOM) !== 0
  return {
    ...{ kind: 'translate', of },
    ...(isAddressUnknown ? { address: 'unknown' } : addressMin && { address: single(addressMin, addressMax) }),
    ...(isRandom ? { port: 'unknown' } : portMin && { port: single(portMin, portMax) }),
  }
}

interface TranslationData {
  readonly addressMin?: Uint8Array
  readonly addressMax?: Uint8Array
  readonly portMin?: Uint8Array
  readonly portMax?: Uint8Array
  readonly flags?: number
}

const single = (first: Uint8Array, last = first): Uint8Array | 'unknown' => (same(first, last) ? first : 'unknown')
