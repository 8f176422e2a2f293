/** Translates iptables rules to nft(8) text, as iptables-translate 1.8.9 writes it. */

import { VERDICTS } from '../abi/netfilter'
import { NFT_EXTHDR_OP, NFT_META } from '../abi/nf-tables'
import type { Context } from '../extensions/context'
import type { InSet, Remark } from '../extensions/extension'
import { meta, type Statement, sourceKey } from '../extensions/native'
import { isSameTest } from '../extensions/native-tests'
import type { Known } from '../extensions/registry'
import { isGoto, isStandard, matchParts, readVerdict, targetPart } from '../ruleset/entry'
import { type EntryExtension, entryExtension, ruleHead } from '../ruleset/entry-extensions'
import { FRAGMENT, HEADS } from '../ruleset/rule-head'
import type { Entry } from '../ruleset/table-entry'
import { printStatement } from './print'
import { impliesProtocol } from './print-tests'

/** Something that nft cannot express. */
class Wordless extends Error {}

const wordless = (): never => {
  throw new Wordless()
}

/** A rule for nft, without the name of its chain. */
export interface TranslatedRule {
  readonly text: string
  /** The sets that it needs, each without the name of its table. */
  readonly sets: readonly string[]
}

/** Numbers for the names of sets, each used once. */
export class SetNumbers {
  readonly #next = new Map<string, number>()

  nameOf(set: string): string {
    const number = this.#next.get(set) ?? 0
    this.#next.set(set, number + 1)
    return `${set}${number}`
  }
}

/** Returns undefined if nft cannot express the rule. */
export function translateRule(entry: Entry, place: Context, numbers: SetNumbers): TranslatedRule | undefined {
  try {
    return new Translator(entry, place, numbers).rule()
  } catch (error) {
    if (error instanceof Wordless) return undefined
    throw error
  }
}

/** The statements of a payload, in any order. */
function statementsOf({ variant }: Known, bytes: Uint8Array, at: number): readonly Statement[] {
  const parts = variant.native?.parts ?? wordless()
  return parts.flatMap((part) => {
    const said = (part.translated ?? part.write)(bytes, at) ?? wordless()
    // nft adds needed tests itself.
    return said.filter((statement) => part.needs === undefined || !isSameTest(statement, part.needs))
  })
}

/** The offset in a header that a statement reads. Tests of one header are written in the order of their offsets. */
function offsetOf(statement: Statement): number {
  if (statement.kind !== 'test') return 0
  // The tool writes TCP options before the flags, as if they followed the ports.
  if (statement.source.from === 'exthdr' && statement.source.op === NFT_EXTHDR_OP.TCPOPT) return OPTIONS_OFFSET
  return statement.source.from === 'payload' ? statement.source.offset : 0
}
const OPTIONS_OFFSET = 4

const PROTOCOL = sourceKey(meta(NFT_META.L4PROTO))
/** The parts of the head that come before the protocol. The addresses follow it. */
const BEFORE: readonly string[] = [meta(NFT_META.IIFNAME), meta(NFT_META.OIFNAME), FRAGMENT].map(sourceKey)

class Translator {
  readonly #entry: Entry
  readonly #context: Context
  /** A rule has room for one comment. */
  #remark = ''
  /** Whether nft tests the protocol itself, because a field of its header is tested. */
  #isImplied = false
  /** Whether an earlier statement counts packets or the like, which must not happen for other protocols. */
  #isMoved = false

  readonly #numbers: SetNumbers
  readonly #sets: string[] = []

  constructor(entry: Entry, context: Context, numbers: SetNumbers) {
    this.#entry = entry
    this.#numbers = numbers
    const { protocol, protocolNegated } = ruleHead(context.family, entry.bytes, 0)
    this.#context = { ...context, protocol: protocolNegated ? 0 : protocol }
  }

  rule(): TranslatedRule {
    return { text: this.#text(), sets: this.#sets }
  }

  #text(): string {
    const { family } = this.#context
    const { bytes } = this.#entry
    const matches = matchParts(family, bytes, 0).map((part) => this.#part(entryExtension('match', family, bytes, part)))
    const words = [...this.#head(), ...matches, 'counter', this.#target(), this.#remark]
    return words.filter((word) => word !== '').join(' ')
  }

  #head(): string[] {
    const statements = statementsOf(HEADS[this.#context.family.name], this.#entry.bytes, 0)
    const keyOf = (statement: Statement): string => ('source' in statement ? sourceKey(statement.source) : '')
    const rank = (statement: Statement): number =>
      BEFORE.includes(keyOf(statement)) ? 0 : keyOf(statement) === PROTOCOL ? 1 : 2
    return statements
      .filter((statement) => !this.#isImplied || keyOf(statement) !== PROTOCOL)
      .sort((a, b) => rank(a) - rank(b))
      .map((statement) => this.#print(statement))
  }

  #print(statement: Statement): string {
    return printStatement(statement, this.#context) ?? wordless()
  }

  #part({ known = wordless(), at }: EntryExtension): string {
    const { bytes } = this.#entry
    const isMoved = this.#isMoved
    if (known.extension.restarts !== undefined) this.#isMoved = true
    const words = known.variant.translate?.(bytes, at, this.#context)
    if (words !== undefined) return this.#said(words)
    const statements = statementsOf(known, bytes, at)
    if (!isMoved && statements.some((one) => impliesProtocol(one, this.#context))) this.#isImplied = true
    return [...statements]
      .sort((a, b) => offsetOf(a) - offsetOf(b))
      .map((statement) => this.#print(statement))
      .join(' ')
  }

  #said(words: string | Remark | InSet): string {
    if (typeof words === 'string') return words
    if ('set' in words) return this.#inSet(words)
    this.#remark = words.remark
    return ''
  }

  #inSet({ set, type, words }: InSet): string {
    const name = this.#numbers.nameOf(set)
    this.#sets.push(`${name} { type ${type}; flags dynamic; }`)
    return words(name)
  }

  #target(): string {
    const { family } = this.#context
    const { bytes, jump } = this.#entry
    const part = targetPart(family, bytes, 0)
    if (jump === '') return ''
    if (jump !== undefined) return `${isGoto(family, bytes) ? 'goto' : 'jump'} ${jump}`
    if (!isStandard(bytes, part)) return this.#part(entryExtension('target', family, bytes, part))
    const verdict = readVerdict(bytes, part)
    return verdict === VERDICTS.QUEUE ? wordless() : (VERDICT_WORDS.get(verdict) ?? wordless())
  }
}

const VERDICT_WORDS: ReadonlyMap<number, string> = new Map(
  (['ACCEPT', 'DROP', 'RETURN'] as const).map((name) => [VERDICTS[name], name.toLowerCase()]),
)
