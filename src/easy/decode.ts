/** From a rule's bytes to its dictionary. Every rule of a dump goes through here, so it builds nothing in between. */
import { isVerdict } from '../abi/netfilter'
import type { Context } from '../extensions/context'
import type { Parameter } from '../extensions/payload'
import { findExtension } from '../extensions/registry'
import type { Counters } from '../ruleset/entry'
import { describeRule, isOpaque, type PartSpec, type TargetSpec } from '../ruleset/rule'
import type { Entry } from '../ruleset/ruleset'
import type { CountersOut, DumpedRule, Value } from './dictionary'
import { matchKey } from './keys'
import { protocolKey } from './protocols'

type Dictionary = Record<string, unknown>

/**
 * A list where a string would be read otherwise: in a list, only a first word `!` before all other words negates.
 * (A word that begins with `!`, such as a comment, may be a value.)
 */
function parameterValue({ negated, words }: Parameter): Value {
  if (negated) return words.length === 0 ? '!' : ['!', ...words]
  if (words.length !== 1) return words.length === 0 ? '' : words
  const word = words[0] as string
  return word.startsWith('!') ? [word] : word
}

/** What stands in the rule itself is a string, negated or not. */
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

/** An object keeps such keys in the order of their numbers. */
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

/** Whether a chain’s name alone would be read as something else. */
const isTaken = (chain: string): boolean => isVerdict(chain) || findExtension('target', chain) !== undefined

function targetValue(target: Exclude<TargetSpec, { kind: 'none' }>): unknown {
  if (target.kind === 'verdict') return target.verdict
  if (target.kind === 'chain') {
    if (target.goto) return { goto: target.chain }
    return isTaken(target.chain) ? { jump: target.chain } : target.chain
  }
  const { part } = target
  if (!isOpaque(part) && part.parameters.length === 0) return part.name
  return Object.fromEntries([[part.name, partValue(part)]])
}

const count = (value: bigint): number | bigint => (value <= Number.MAX_SAFE_INTEGER ? Number(value) : value)

/** Packets and bytes as a dictionary has them. */
export const countersValue = ([packets, bytes]: Counters): CountersOut => [count(packets), count(bytes)]

/** @param counters those of the rule, where they are not what its bytes say. */
export function decodeEntry(entry: Entry, context: Context, counters?: Counters): DumpedRule {
  const spec = describeRule(entry, context)
  const rule: Dictionary = {}
  for (const parameter of spec.head) rule[parameter.name] = headValue(parameter)
  addMatches(rule, spec.matches)
  if (spec.target.kind !== 'none') rule['target'] = targetValue(spec.target)
  rule['counters'] = countersValue(counters ?? spec.counters)
  return rule as unknown as DumpedRule
}
