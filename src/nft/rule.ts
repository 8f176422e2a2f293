/**
 * Converts rules between iptables' form, an entry of head, matches and target, and nf_tables' form, a list of
 * expressions. The output is what iptables-nft 1.8.9 writes. The input may come from any program: a rule
 * without a form in iptables becomes an entry that holds its expressions as bytes, and is written back
 * unchanged.
 */
import type { Family } from '../abi/family'
import { VERDICTS, type Verdict } from '../abi/netfilter'
import { NFT_RULE_COMPAT_F_INV, NFT_VERDICT } from '../abi/nf-tables'
import { align, ERROR_TARGET } from '../abi/x-tables'
import { u32 } from '../binary/codec'
import { XtablesError } from '../errors'
import { type Context, NO_SETS } from '../extensions/context'
import { isProtocol } from '../extensions/extension'
import type { NativePart, Statement, Test } from '../extensions/native'
import { isEquality, isSameTest } from '../extensions/native-tests'
import { encodeParameters, readParameters } from '../extensions/payload'
import { type Known, kernelName } from '../extensions/registry'
import type { Encoded } from '../netlink/attribute'
import {
  buildEntry,
  buildPart,
  buildVerdict,
  type Counters,
  isGoto,
  isStandard,
  matchParts,
  type Part,
  partName,
  partRevision,
  payloadAt,
  payloadSize,
  readCounters,
  readVerdict,
  targetPart,
  writeCounters,
} from '../ruleset/entry'
import { entryExtension, ruleHead } from '../ruleset/entry-extensions'
import { HEADS } from '../ruleset/rule-head'
import type { Entry } from '../ruleset/table-entry'
import { assembleSteps } from './assemble'
import { type Expression, expressionList, isKnown } from './expressions'
import { headPart, isNeeded, readers } from './natives'
import { type CompatStep, type Step, stepsOf, type VerdictStep } from './statements'

/** The target of an entry that holds the expressions of a rule without a form in iptables. */
export const EXPRESSIONS_TARGET = 'nft'

const VERDICT_CODES = { ACCEPT: NFT_VERDICT.ACCEPT, DROP: NFT_VERDICT.DROP, RETURN: NFT_VERDICT.RETURN } as const

// Writing

/** The native statements of a payload; undefined if it is written in its x_tables form. */
function nativeSteps({ variant }: Known, bytes: Uint8Array, at: number): readonly Statement[] | undefined {
  const form = variant.native
  if (form === undefined || !form.isWritten) return undefined
  const said: Statement[] = []
  for (const part of form.parts) {
    const statements = part.write(bytes, at)
    if (statements === undefined) return undefined
    said.push(...statements)
  }
  return said
}

function partSteps(kind: 'match' | 'target', family: Family, bytes: Uint8Array, part: Part): readonly Step[] {
  const { known, at } = entryExtension(kind, family, bytes, part)
  const said = known && nativeSteps(known, bytes, at)
  // A payload without statements is written in its x_tables form, so that it is there when the rule is read
  // again.
  if (said !== undefined && said.length > 0) return said
  const info = { bytes, at: payloadAt(part), end: payloadAt(part) + payloadSize(part) }
  return [{ kind, name: partName(bytes, part), revision: partRevision(bytes, part), info } as CompatStep<'match'>]
}

/** @throws XtablesError */
function headSteps(family: Family, bytes: Uint8Array): readonly Statement[] {
  const said = nativeSteps(HEADS[family.name], bytes, 0)
  if (said === undefined) throw unsaid('rule', 'an address or an interface that no packet has')
  return said
}

const unsaid = (extension: string, what: string): XtablesError =>
  new XtablesError('XT_BAD_VALUE', `${what} cannot be expressed in nf_tables`, { extension })

function verdictStep(verdict: Verdict | undefined): VerdictStep {
  if (verdict === undefined || verdict === 'QUEUE')
    throw new XtablesError(
      'XT_BAD_VALUE',
      `nf_tables has no verdict ${verdict}; accepted: ${Object.keys(VERDICT_CODES).join(', ')}, and -j NFQUEUE`,
      { extension: 'rule', parameter: 'target', value: verdict },
    )
  return { kind: 'verdict', code: VERDICT_CODES[verdict] }
}

function targetSteps(family: Family, { bytes, jump }: Entry): readonly Step[] {
  const part = targetPart(family, bytes, 0)
  if (jump === '') return []
  if (jump !== undefined) {
    const goto = isGoto(family, bytes)
    return [{ kind: 'verdict', code: goto ? NFT_VERDICT.GOTO : NFT_VERDICT.JUMP, chain: jump }]
  }
  if (!isStandard(bytes, part)) return partSteps('target', family, bytes, part)
  const verdict = (Object.keys(VERDICTS) as Verdict[]).find((name) => VERDICTS[name] === readVerdict(bytes, part))
  return [verdictStep(verdict)]
}

function ruleSteps(family: Family, entry: Entry, [packets, byteCount]: Counters): Step[] {
  const { bytes } = entry
  const steps: Step[] = [...headSteps(family, bytes)]
  for (const part of matchParts(family, bytes, 0)) steps.push(...partSteps('match', family, bytes, part))
  steps.push({ kind: 'counter', packets, bytes: byteCount }, ...targetSteps(family, entry))
  return steps
}

/**
 * The expressions of a rule: the payload of NFTA_RULE_EXPRESSIONS.
 * @param encode converts steps to bytes
 * @throws XtablesError if the rule cannot be expressed
 */
export function writeRule(
  family: Family,
  entry: Entry,
  counters = readCounters(family, entry.bytes),
  encode = assembleSteps,
): Uint8Array {
  const target = targetPart(family, entry.bytes, 0)
  if (partName(entry.bytes, target) === EXPRESSIONS_TARGET) return heldExpressions(entry.bytes, target)
  return encode(ruleSteps(family, entry, counters))
}

/** What the kernel's compat layer is told about the protocol. */
export function compatOf(family: Family, { bytes }: Entry): { proto: number; flags: number } {
  const { protocol, protocolNegated } = ruleHead(family, bytes, 0)
  return { proto: protocol, flags: protocolNegated ? NFT_RULE_COMPAT_F_INV : 0 }
}

// Reading

/** A rule as it was read. */
export interface ReadRule {
  readonly bytes: Uint8Array
  /** As of an {@link Entry}. */
  readonly jump: string | undefined
}

/** Reads the expressions of a rule. @param watch is told which parts are only values */
export function readRule(family: Family, encoded: Encoded | undefined, watch?: ReadWatch): ReadRule {
  const expressions: Expression[] = []
  if (encoded !== undefined) expressionList.each(encoded, (one) => expressions.push(one))
  return understood(family, expressions, watch) ?? held(family, expressions, encoded)
}

/** Observes which bytes of a rule could change without changing how it is read. */
export interface ReadWatch {
  /** A value that packets are compared with, or part of it. */
  value(bytes: Uint8Array): void
  /** The payload of an extension, and its offset in the entry. */
  info(bytes: Uint8Array, to: number): void
}

function understood(
  family: Family,
  expressions: readonly Expression[],
  watch: ReadWatch | undefined,
): ReadRule | undefined {
  const steps = stepsOf(expressions)
  if (steps === undefined) return undefined
  const builder = new Builder(family, watch)
  return steps.every((step) => builder.take(step)) ? builder.build() : undefined
}

/** Whether the text of a payload says everything in it. */
function isWorded(known: Known, payload: Uint8Array, context: Context): boolean {
  const { visible } = known.variant
  try {
    const again = encodeParameters(known, readParameters(known, payload, 0, context), context)
    return payload.every((byte, i) => visible[i] !== 1 || byte === again[i])
  } catch (error) {
    if (error instanceof XtablesError) return false
    throw error
  }
}

/** A rule that is read may be anywhere: the kernel accepted it where it is. */
const NOWHERE = { table: '', hooks: [], hasSet: () => true, matches: [] }

/** A match that is read from statements. Adjacent statements may add to it. */
interface Open {
  readonly known: Known
  readonly payload: Uint8Array
  /** The parts that were read into it. */
  readonly said: NativePart[]
}

class Builder {
  readonly #family: Family
  readonly #head: Uint8Array
  readonly #matches: (Open | Uint8Array)[] = []
  #counters: Counters | undefined
  #target: Uint8Array | undefined
  #jump: string | undefined
  /** Tests that other parts need, and whether such a part was found. */
  readonly #needed: { readonly statement: Statement; isMet: boolean }[] = []
  /** Native parts, each with the offset of its payload. */
  readonly #said: Pick<Open, 'known' | 'payload'>[] = []

  /**
   * Whether something has been read that does more than test packets, such as a counter. The head of a rule
   * and the tests that it needs come before that, and would stop packets first.
   */
  #isMoved = false

  readonly #watch: ReadWatch | undefined
  /** Payloads as they were received, by the part that contains them. */
  readonly #infos = new Map<Uint8Array, Encoded>()

  constructor(family: Family, watch: ReadWatch | undefined) {
    this.#family = family
    this.#watch = watch
    this.#head = HEADS[family.name].variant.initial.slice()
  }

  /** @returns undefined if the kernel or iptables would refuse the rule */
  build(): ReadRule | undefined {
    if (this.#needed.some(({ isMet }) => !isMet) || !this.#said.every((one) => this.#isTaken(one))) return undefined
    const matches = this.#matches.map((one) => (one instanceof Uint8Array ? one : partOf(one)))
    const head = this.#head
    if (this.#counters !== undefined) writeCounters(this.#family, head, this.#counters)
    const jump = this.#target === undefined ? '' : this.#jump
    const target = this.#target ?? buildVerdict(0)
    this.#tellInfos([...matches, target])
    return { bytes: buildEntry(this.#family, head, matches, target), jump }
  }

  /** @param parts in order, after the head */
  #tellInfos(parts: readonly Uint8Array[]): void {
    if (this.#watch === undefined) return
    let at = this.#head.length
    for (const part of parts) {
      const info = this.#infos.get(part)
      if (info !== undefined) this.#watch.info(info.bytes.subarray(info.at, info.end), payloadAt({ at, size: 0 }))
      at += part.length
    }
  }

  /** @param part the part that has read the statement */
  #tellValue(statement: Statement, part: NativePart): void {
    if (!part.isUniform || statement.kind !== 'test' || statement.to !== undefined || !isEquality(statement.op)) return
    // A value has no bits outside its mask.
    const { value, mask } = statement
    const free = mask === undefined ? value.length : mask.findIndex((byte) => byte !== 0xff)
    this.#watch?.value(value.subarray(0, free < 0 ? value.length : free))
  }

  /** @returns whether it can be expressed in iptables at this place */
  take(step: Step): boolean {
    // Anything after the target applies to packets that the target lets continue.
    if (this.#target !== undefined) return false
    if (step.kind === 'verdict') return this.#takeVerdict(step)
    if (step.kind === 'target') return this.#setTarget(this.#compatPart(step))
    if (step.kind === 'counter') return this.#takeCounter([step.packets, step.bytes])
    if (this.#counters !== undefined) return this.#takeTarget(step)
    if (step.kind === 'match' || step.kind === 'expression') this.#isMoved = true
    if (step.kind === 'match') return this.#takeMatch(step)
    return this.#takeWhole(step) || this.#takeApart(step)
  }

  #takeWhole(step: Statement): boolean {
    return this.#takeHead(step) || this.#takeMore(step) || this.#takeNative(step) || this.#takeNeeded(step)
  }

  /** Adjacent header fields may be tested together: the whole is equal if each part is. */
  #takeApart(statement: Statement): boolean {
    if (statement.kind !== 'test' || statement.op !== 'eq' || statement.to !== undefined) return false
    const { source, value } = statement
    if (source.from !== 'payload' || statement.mask !== undefined || statement.isTurned) return false
    for (let length = source.length - 1; length > 0; length--) {
      const first: Test = { ...statement, source: { ...source, length }, value: value.subarray(0, length) }
      if (!this.#takeWhole(first)) continue
      const rest = { ...source, offset: source.offset + length, length: source.length - length }
      return this.take({ ...statement, source: rest, value: value.subarray(length) })
    }
    return false
  }

  #isTaken({ known: { extension, variant }, payload }: Pick<Open, 'known' | 'payload'>): boolean {
    // What iptables-nft writes natively is tested as such.
    if (variant.native?.isWritten) return true
    const rule = ruleHead(this.#family, this.#head, 0)
    if (!isWorded({ extension, variant }, payload, { family: this.#family, sets: NO_SETS })) return false
    if (variant.usage?.(payload, 0, rule) !== undefined) return false
    return variant.check?.(payload, 0, { ...rule, ...NOWHERE }) === undefined
  }

  #takeNeeded(statement: Statement): boolean {
    if (this.#isMoved || !isNeeded(this.#family, statement)) return false
    this.#needed.push({ statement, isMet: false })
    return true
  }

  /** Whether the test that a part needs has been read. */
  #isMet({ needs }: NativePart): boolean {
    if (needs === undefined) return true
    const found = this.#needed.find(({ statement }) => isSameTest(statement, needs))
    if (found !== undefined) found.isMet = true
    return found !== undefined
  }

  #takeCounter(counters: Counters): boolean {
    if (this.#counters !== undefined) return false
    this.#counters = counters
    return true
  }

  #takeVerdict({ code, chain }: VerdictStep): boolean {
    if (chain !== undefined) {
      if (code === NFT_VERDICT.GOTO) this.#setGoto()
      this.#jump = chain
      return this.#setTarget(buildVerdict(0))
    }
    const verdict = (Object.keys(VERDICT_CODES) as (keyof typeof VERDICT_CODES)[]).find(
      (name) => VERDICT_CODES[name] === code,
    )
    return verdict !== undefined && this.#setTarget(buildVerdict(VERDICTS[verdict]))
  }

  #setGoto(): void {
    const { flags } = this.#family.entry.fields
    flags.write(this.#head, 0, flags.read(this.#head, 0) | this.#family.gotoFlag)
  }

  #setTarget(part: Uint8Array | undefined): boolean {
    this.#target = part
    return part !== undefined
  }

  #takeMatch(step: CompatStep): boolean {
    const part = this.#compatPart(step)
    if (part !== undefined) this.#matches.push(part)
    return part !== undefined
  }

  #compatPart(step: CompatStep): Uint8Array | undefined {
    const part = compatPart(step)
    if (part !== undefined) this.#infos.set(part, step.info)
    return part
  }

  #takeHead(statement: Statement): boolean {
    const part = this.#isMoved ? undefined : headPart(this.#family, statement)
    if (part === undefined || !part.read(statement, this.#head, 0)) return false
    this.#tellValue(statement, part)
    return true
  }

  /** Whether the statement adds to the match before it. */
  #takeMore(statement: Statement): boolean {
    const last = this.#matches.at(-1)
    if (last === undefined || last instanceof Uint8Array) return false
    const { known, said, payload } = last
    for (const { known: other, part } of readers(this.#family, statement)) {
      if (other.variant !== known.variant || (said.includes(part) && !part.isGradual)) continue
      if (part.isAlone || said.some(({ isAlone }) => isAlone)) continue
      if (!part.read(statement, payload, 0, said.includes(part)) || !this.#isMet(part)) continue
      said.push(part)
      this.#tellValue(statement, part)
      return true
    }
    return false
  }

  #takeNative(statement: Statement): boolean {
    const head = ruleHead(this.#family, this.#head, 0)
    for (const { kind, known, part } of readers(this.#family, statement)) {
      const { protocols } = known.extension.demands
      if (protocols !== undefined && !isProtocol(head, protocols)) continue
      const payload = known.variant.initial.slice()
      if (!part.read(statement, payload, 0) || !this.#isMet(part)) continue
      this.#said.push({ known, payload })
      this.#tellValue(statement, part)
      if (kind === 'match') this.#matches.push({ known, payload, said: [part] })
      else this.#target = partOf({ known, payload })
      return true
    }
    return false
  }

  #takeTarget(step: Step): boolean {
    if (step.kind === 'match') return false
    return this.#takeNative(step as Statement) && this.#target !== undefined
  }
}

const partOf = ({ known: { extension, variant }, payload }: Omit<Open, 'said'>): Uint8Array =>
  buildPart(kernelName(extension, variant), variant.revision, payload)

/** @returns undefined if x_tables has no room for it */
function compatPart({ name, revision, info: { bytes, at, end } }: CompatStep): Uint8Array | undefined {
  if (name === '' || name === ERROR_TARGET || name === EXPRESSIONS_TARGET) return undefined
  const payload = new Uint8Array(align(end - at))
  payload.set(bytes.subarray(at, end))
  try {
    return buildPart(name, revision, payload)
  } catch (error) {
    if (error instanceof XtablesError || error instanceof RangeError) return undefined
    throw error
  }
}

// Rules that have no words

/** An entry that holds expressions as they were read, with their counters. */
function held(family: Family, expressions: readonly Expression[], encoded: Encoded | undefined): ReadRule {
  const list = encoded?.bytes.subarray(encoded.at, encoded.end) ?? new Uint8Array()
  const payload = new Uint8Array(align(u32.size + list.length))
  u32.write(payload, 0, list.length)
  payload.set(list, u32.size)
  const head = HEADS[family.name].variant.initial.slice()
  for (const one of expressions)
    if (isKnown(one) && one.name === 'counter')
      writeCounters(family, head, [one.data.packets ?? 0n, one.data.bytes ?? 0n])
  return { bytes: buildEntry(family, head, [], buildPart(EXPRESSIONS_TARGET, 0, payload)), jump: undefined }
}

/** The rule as it reads after it has been written: for example, `-m tcp` beside `-p tcp` is only its tests. */
export function canonicalRule(family: Family, entry: Entry): Entry {
  const bytes = writeRule(family, entry)
  return readRule(family, { bytes, at: 0, end: bytes.length })
}

/** Whether an entry holds a rule without a form in iptables. */
export const isHeld = (family: Family, bytes: Uint8Array, at = 0): boolean =>
  partName(bytes, targetPart(family, bytes, at)) === EXPRESSIONS_TARGET

/** @throws XtablesError if the payload holds no expressions */
function heldExpressions(bytes: Uint8Array, target: Part): Uint8Array {
  const start = payloadAt(target)
  const room = payloadSize(target) - u32.size
  const length = room < 0 ? Number.NaN : u32.read(bytes, start)
  if (!(length <= room))
    throw new XtablesError('XT_BAD_VALUE', 'the payload of -j nft holds no expressions', {
      extension: EXPRESSIONS_TARGET,
    })
  const list = bytes.slice(start + u32.size, start + u32.size + length)
  expressionList.read(list, 0, list.length)
  return list
}
