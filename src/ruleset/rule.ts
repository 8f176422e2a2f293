/**
 * The decoded form of a rule: head, matches and target as named parameters. Dictionaries and text are built on it; only
 * this file encodes and decodes entry bytes.
 */
import type { Family, FamilyName } from '../abi/family'
import { isVerdict, VERDICTS, type Verdict, verdictName } from '../abi/netfilter'
import { align, CHAIN_NAME_SIZE, ERROR_TARGET, EXTENSION_NAME_SIZE } from '../abi/x-tables'
import { encodedLength, encodeText, isEncodable } from '../binary/text'
import { BlobError, XtablesError } from '../errors'
import type { Context } from '../extensions/context'
import { encodeParameters, type Parameter, readParameters, writeParameter } from '../extensions/payload'
import { extensionNames, findExtension, type Known, kernelName, type PartKind } from '../extensions/registry'
import { similarNames } from '../extensions/similar-names'
import {
  buildEntry,
  buildPart,
  buildVerdict,
  type Counters,
  isGoto,
  isStandard,
  matchParts,
  type Part,
  readCounters,
  readVerdict,
  targetPart,
  writeCounters,
} from './entry'
import { type EntryExtension, entryExtension, entryExtensions, ruleHead } from './entry-extensions'
import { HEADS } from './rule-head'
import type { Entry } from './table-entry'

/** A match or target by its parameters. */
export interface Described {
  readonly name: string
  readonly parameters: readonly Parameter[]
}

/** An unknown match or target, as its bytes. */
export interface Opaque {
  readonly name: string
  readonly revision: number
  readonly payload: Uint8Array
}

export type PartSpec = Described | Opaque
export const isOpaque = (part: PartSpec): part is Opaque => 'payload' in part

/** The target of a rule. */
export type TargetSpec =
  | { readonly kind: 'none' }
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'chain'; readonly chain: string; readonly goto: boolean }
  | { readonly kind: 'extension'; readonly part: PartSpec }

export interface RuleSpec {
  readonly head: readonly Parameter[]
  readonly matches: readonly PartSpec[]
  readonly target: TargetSpec
  readonly counters: Counters
}

/** The context for words within a rule of this head. */
export function contextWithin<C extends Context>(context: C, head: Uint8Array): C {
  const { protocol } = ruleHead(context.family, head, 0)
  if (protocol === 0) return context
  const made = contexts.get(context) ?? []
  if (made.length === 0) contexts.set(context, made)
  made[protocol] ??= { ...context, protocol }
  return made[protocol] as C
}

/** Contexts by protocol: there are few, and many rules. */
const contexts = new WeakMap<Context, Context[]>()

/** Decodes a rule. */
export function describeRule(entry: Entry, place: Context): RuleSpec {
  const { family } = place
  const { bytes } = entry
  const context = contextWithin(place, bytes)
  return {
    head: readParameters(HEADS[family.name], bytes, 0, context),
    matches: matchParts(family, bytes, 0).map((part) => describePart('match', bytes, part, context)),
    target: describeTarget(entry, context),
    counters: readCounters(family, bytes),
  }
}

export function describePart(kind: 'match' | 'target', bytes: Uint8Array, part: Part, context: Context): PartSpec {
  const { name, revision, at, size, known } = entryExtension(kind, context.family, bytes, part)
  if (known === undefined) return { name, revision, payload: bytes.slice(at, at + size) }
  return { name: known.extension.name, parameters: readParameters(known, bytes, at, context) }
}

function describeTarget({ bytes, jump }: Entry, context: Context): TargetSpec {
  const { family } = context
  if (jump === '') return { kind: 'none' }
  if (jump !== undefined) {
    return { kind: 'chain', chain: jump, goto: isGoto(family, bytes) }
  }
  const part = targetPart(family, bytes, 0)
  if (!isStandard(bytes, part)) return { kind: 'extension', part: describePart('target', bytes, part, context) }
  const verdict = verdictName(readVerdict(bytes, part))
  if (verdict === undefined) throw new BlobError(0, `there is no verdict ${readVerdict(bytes, part)}`)
  return { kind: 'verdict', verdict }
}

/** The extension of this name in this family. @throws XtablesError */
export function requireExtension(kind: 'match' | 'target', name: string, family: Family): Known {
  const extension = findExtension(kind, name)
  const variant = extension?.variants(family.name)[0]
  if (extension !== undefined && variant !== undefined) return { extension, variant }
  const names = extensionNames(kind, family.name)
  const hint =
    extension === undefined ? otherNames(kind, name, family.name) : `it is for ${extension.families.join()} only`
  throw new XtablesError('XT_UNKNOWN_EXTENSION', `there is no ${kind} ${name} for ${family.name}; ${hint}`, {
    extension: name,
    expected: names.join(', '),
  })
}

/** What may have been meant. The complete list would fill the screen. */
function otherNames(kind: PartKind, name: string, family: FamilyName): string {
  const [other, names] = [kind === 'match' ? 'target' : 'match', extensionNames(kind, family)] as const
  const isSameWord = (one: string): boolean => one.toLowerCase() === name.toLowerCase()
  const namesake = extensionNames(other, family).find(isSameWord)
  // Beside a namesake of the other kind, only other capitals are near.
  const near = namesake === undefined || names.some(isSameWord) ? similarNames(name, names) : undefined
  const hints = [namesake && `${namesake} is a ${other}`, near].filter((hint) => hint !== undefined)
  return hints.join('; ') || 'docs/extensions.md lists what there is'
}

export function encodePart(kind: 'match' | 'target', part: PartSpec, context: Context): Uint8Array {
  if (isOpaque(part)) {
    checkOpaqueName(kind, part.name)
    if (align(part.payload.length) !== part.payload.length)
      throw new XtablesError(
        'XT_BAD_VALUE',
        `${kind} ${part.name}: the payload must be a multiple of 8 bytes long, but has ${part.payload.length}`,
        {
          extension: part.name,
          parameter: 'payload',
        },
      )
    return buildPart(part.name, part.revision, part.payload)
  }
  const known = requireExtension(kind, part.name, context.family)
  return buildPart(
    kernelName(known.extension, known.variant),
    known.variant.revision,
    encodeParameters(known, part.parameters, context),
  )
}

/** Built-in targets contain offsets, which only the writer of the table knows. @throws XtablesError */
function checkOpaqueName(kind: 'match' | 'target', name: string): void {
  const length = encodeText(name).length
  if (length >= 1 && length < EXTENSION_NAME_SIZE && isEncodable(name) && name !== ERROR_TARGET) return
  const expected = `a name of 1 to ${EXTENSION_NAME_SIZE - 1} bytes other than ${ERROR_TARGET}`
  throw new XtablesError(
    'XT_UNKNOWN_EXTENSION',
    `${kind} ${JSON.stringify(name)} cannot be given as bytes; accepted: ${expected}`,
    {
      extension: name,
      expected,
    },
  )
}

/** Whether a word after -j is a verdict or an extension, and not a chain. */
export const isTargetWord = (word: string): boolean => isVerdict(word) || findExtension('target', word) !== undefined

const GOTO_NOTHING = ''

/** Checks the name of a chain that is created or jumped to. @throws XtablesError */
export function checkChainName(name: string): void {
  if (typeof name !== 'string')
    throw new XtablesError('XT_BAD_NAME', `the name of a chain must be a string, not ${String(name)}`, {
      extension: 'rule',
      parameter: 'chain',
      value: name,
    })
  const bad = chainNameFault(name)
  if (bad !== undefined)
    throw new XtablesError('XT_BAD_NAME', `chain ${JSON.stringify(name)}: ${bad}`, {
      extension: 'rule',
      parameter: 'target',
      value: name,
    })
}

/** Why this is not a valid chain name; undefined if it is. */
export function chainNameFault(name: string): string | undefined {
  const length = encodedLength(name)
  if (!isEncodable(name) || length < 1 || length > CHAIN_NAME_SIZE - 2 || /^[-!]|[\s\0]/.test(name))
    return `a chain’s name is 1 to ${CHAIN_NAME_SIZE - 2} bytes without white space, and does not begin with - or !`
  return isVerdict(name) ? `${name} is a verdict; choose another name` : undefined
}

/** The bytes of a target, and the chain that it jumps to. */
export function encodeTarget(
  target: TargetSpec,
  context: Context,
): { part: Uint8Array; jump: string | undefined; goto: boolean } {
  if (target.kind === 'extension')
    return { part: encodePart('target', target.part, context), jump: undefined, goto: false }
  if (target.kind === 'verdict') return { part: buildVerdict(VERDICTS[target.verdict]), jump: undefined, goto: false }
  if (target.kind === 'none') return { part: buildVerdict(0), jump: GOTO_NOTHING, goto: false }
  checkChainName(target.chain)
  return { part: buildVerdict(0), jump: target.chain, goto: target.goto }
}

/** Encodes a rule. @throws XtablesError */
export function encodeRule(rule: RuleSpec, place: Context): Entry {
  const { family } = place
  const head = encodeParameters(HEADS[family.name], rule.head, place)
  const context = contextWithin(place, head)
  const matches = rule.matches.map((part) => encodePart('match', part, context))
  const { part, jump, goto } = encodeTarget(rule.target, context)
  if (goto)
    head[family.entry.fields.flags.offset] = (head[family.entry.fields.flags.offset] as number) | family.gotoFlag
  writeCounters(family, head, rule.counters)
  return { bytes: buildEntry(family, head, matches, part), jump }
}

/** Encodes a rule for another network namespace with the same meaning. @throws XtablesError if that is not possible */
export function rebindRule(entry: Entry, from: Context, to: Context): Entry {
  if (from.sets === to.sets) return entry
  const parts = entryExtensions(from.family, entry.bytes).filter(({ known }) => known?.variant.isLocal)
  if (parts.length === 0) return entry
  const bytes = entry.bytes.slice()
  for (const { known, at } of parts as (EntryExtension & { known: Known })[])
    for (const parameter of readParameters(known, entry.bytes, at, from))
      if (known.variant.options.get(parameter.name)?.words.some(({ local }) => local))
        writeParameter(known, bytes, parameter, to, at)
  return { ...entry, bytes }
}
