/**
 * Decodes entry bytes to a rule dictionary. Every rule of a dump passes through here, so no intermediate objects are
 * built.
 */
import { u32, u64 } from '../binary/codec'
import type { Context } from '../extensions/context'
import type { Parameter } from '../extensions/payload'
import type { Counters } from '../ruleset/entry'
import { ByTemplates, type EntryTemplate, type Fill, type Mark, markGaps } from '../ruleset/entry-template'
import type { KernelEntries } from '../ruleset/kernel-entries'
import { describeRule, isOpaque, isTargetWord, type PartSpec, type RuleSpec, type TargetSpec } from '../ruleset/rule'
import type { Rules } from '../ruleset/rules'
import { countersOf } from '../ruleset/ruleset'
import type { Entry, Ref } from '../ruleset/table-entry'
import type { CountersOut, DumpedRule, Value } from './dictionary'
import { matchKey } from './dictionary-keys'
import { protocolKey } from './protocols'

type Dictionary = Record<string, unknown>

/**
 * The value of a parameter. It is a list if a string would be read differently: in a list, only a first word `!` by
 * itself negates. (A word that starts with `!`, such as a comment, may be a value.)
 */
function parameterValue({ negated, words }: Parameter): Value {
  if (negated) return words.length === 0 ? '!' : ['!', ...words]
  if (words.length !== 1) return words.length === 0 ? '' : words
  const word = words[0] as string
  return word.startsWith('!') ? [word] : word
}

/** Fields of the rule itself are strings, with a leading `!` if negated. */
function headValue({ name, negated, words }: Parameter): unknown {
  if (words.length === 0) return negated ? '!' : true
  const word = words[0] as string
  const said = name === 'protocol' ? protocolKey(word) : word
  if (negated) return `!${said}`
  return said.startsWith('!') ? [said] : said
}

function partValue(part: PartSpec): Dictionary {
  if (isOpaque(part)) return { revision: part.revision, payload: `0x${Buffer.from(part.payload).toString('hex')}` }
  const dictionary: Dictionary = {}
  for (const parameter of part.parameters) dictionary[parameter.name] = parameterValue(parameter)
  return dictionary
}

/** Objects order such keys numerically. */
const isIndex = (key: string): boolean => /^\d+$/.test(key)

function addMatches(rule: Dictionary, matches: readonly PartSpec[]): void {
  let last = ''
  let ordered = true
  for (const part of matches) {
    const key = matchKey(part.name)
    const before = rule[key]
    const value = partValue(part)
    if (before === undefined) rule[key] = value
    else if (Array.isArray(before)) before.push(value)
    else rule[key] = [before, value]
    if (isIndex(key) || (before !== undefined && key !== last)) ordered = false
    last = key
  }
  if (!ordered) rule['matches'] = matches.map(({ name }) => name)
}

/** A jump to a chain is its name, unless that would be read as something else. */
const chainValue = (chain: string): unknown => (isTargetWord(chain) ? { jump: chain } : chain)

function targetValue(target: Exclude<TargetSpec, { kind: 'none' }>): unknown {
  if (target.kind === 'verdict') return target.verdict
  if (target.kind === 'chain') {
    return target.goto ? { goto: target.chain } : chainValue(target.chain)
  }
  const { part } = target
  if (!isOpaque(part) && part.parameters.length === 0) return part.name
  return Object.fromEntries([[part.name, partValue(part)]])
}

const count = (value: bigint): number | bigint => (value <= Number.MAX_SAFE_INTEGER ? Number(value) : value)

/** Packet and byte counters in a dictionary. */
export const countersValue = ([packets, bytes]: Counters): CountersOut => [count(packets), count(bytes)]

/** @param counters the counters, if they differ from those in the entry bytes */
export function decodeEntry(entry: Entry, context: Context, counters?: Counters): DumpedRule {
  const spec = describeRule(entry, context)
  return { ...ruleValue(spec), counters: countersValue(counters ?? spec.counters) } as unknown as DumpedRule
}

/** Everything but the counters. */
function ruleValue({ head, matches, target }: RuleSpec): Dictionary {
  const rule: Dictionary = {}
  for (const parameter of head) rule[parameter.name] = headValue(parameter)
  addMatches(rule, matches)
  if (target.kind !== 'none') rule['target'] = targetValue(target)
  return rule
}

/** Makes a new value on each call. */
type Make = Fill<unknown>

/** The value for a mark of a template, or for several marks of one gap. */
function valueAt({ gap }: Mark, { gaps }: EntryTemplate, target: TargetSpec): Make {
  if (gap === undefined) {
    const isGoto = target.kind === 'chain' && target.goto
    return isGoto ? (_, chain) => chain : (_, chain) => chainValue(chain as string)
  }
  const { part, name, negated } = gap
  const number = gaps.indexOf(gap)
  return part === 'head'
    ? (words) => headValue({ name, negated, words: words[number] as readonly string[] })
    : (words) => parameterValue({ name, negated, words: words[number] as readonly string[] })
}

/** Compiles a copy of a value; undefined if it need not be copied. @param marked the replacement for a part of it */
function makeOf(value: unknown, marked: (part: unknown) => Make | undefined): Make | undefined {
  const special = marked(value)
  if (special !== undefined || typeof value !== 'object' || value === null) return special
  if (Array.isArray(value)) {
    const makes = value.map((one) => makeOf(one, marked) ?? (() => one))
    return (words, jump) => makes.map((make) => make(words, jump))
  }
  const parts = Object.entries(value).flatMap(([key, one]) => {
    const make = makeOf(one, marked)
    return make === undefined ? [] : [{ key, make }]
  })
  return (words, jump) => {
    const copy: Dictionary = { ...value }
    for (let i = 0; i < parts.length; i++) {
      const { key, make } = parts[i] as { key: string; make: Make }
      copy[key] = make(words, jump)
    }
    return copy
  }
}

/** Undefined if the rule itself contains a mark character. */
function compile(entry: Entry, template: EntryTemplate, context: Context): Make | undefined {
  const { rule, marks } = markGaps(entry, template, context)
  const met: Mark[] = []
  // Storing to an existing key is much faster than adding one.
  const make = makeOf({ ...ruleValue(rule), counters: undefined }, (part) => {
    const words: unknown[] = Array.isArray(part) ? part : [part]
    const within = marks.filter(({ text }) => words.some((word) => typeof word === 'string' && word.includes(text)))
    met.push(...within)
    return within[0] && valueAt(within[0], template, rule.target)
  })
  return met.length === marks.length ? make : undefined
}

/** A number if it is a safe integer. */
function countAt(bytes: Uint8Array, at: number): number | bigint {
  const high = u32.read(bytes, at + 4)
  return high < 2 ** 21 ? high * 2 ** 32 + u32.read(bytes, at) : u64.read(bytes, at)
}

/** Decodes the rules of a chain, most of them by the template of a similar one. */
export function decodeRules(rules: Rules, context: Context): DumpedRule[] {
  const { image } = rules
  const { pcnt, bcnt } = context.family.entry.fields
  const templates = new ByTemplates<unknown>(image, context, {
    make: (entry) => ruleValue(describeRule(entry, context)),
    compile: (entry, template) => compile(entry, template, context),
  }) as ByTemplates<Dictionary>
  const countersOfRef = (ref: Ref): CountersOut => {
    if (typeof ref !== 'number') return countersValue(countersOf(context.family, ref))
    const { bytes, starts } = image as KernelEntries
    const at = starts[ref] as number
    return [countAt(bytes, at + pcnt.offset), countAt(bytes, at + bcnt.offset)]
  }
  return rules.refs.map((ref) => {
    const rule = templates.make(ref)
    rule['counters'] = countersOfRef(ref)
    return rule as unknown as DumpedRule
  })
}
