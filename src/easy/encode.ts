/** Encodes a rule dictionary to entry bytes. Anything that is not understood is an error with its path. */
import { FAMILIES, type FamilyName } from '../abi/family'
import { isVerdict } from '../abi/netfilter'
import { shown } from '../check-input'
import { XtablesError } from '../errors'
import type { Context } from '../extensions/context'
import type { Option } from '../extensions/option'
import { encodeParameters, findOption, type Parameter } from '../extensions/payload'
import type { Reading } from '../extensions/reading'
import { extensionNames, findExtension, type Known } from '../extensions/registry'
import { readValue } from '../iptc/parameter-values'
import type { Counters } from '../ruleset/entry'
import {
  encodePart,
  encodeRule,
  encodeTarget,
  isOpaque,
  type PartSpec,
  type RuleSpec,
  requireExtension,
  type TargetSpec,
} from '../ruleset/rule'
import { HEADS } from '../ruleset/rule-head'
import type { Entry } from '../ruleset/table-entry'
import { canonicalRule, type Dictionary, type Path, placedAt, traced, within } from './canonical'
import { isPlain } from './dictionary'
import { isHeadKey, isRuleKey, matchName } from './dictionary-keys'
import { shapeFault } from './dictionary-shape'
import { protocolWord } from './protocols'

/** A part of a rule, and its path in the dictionary. */
interface Placed<T> {
  readonly path: Path
  readonly part: T
}

/** A rule with the paths of its parts, for error messages. */
interface PlacedRule {
  readonly head: readonly Parameter[]
  readonly matches: readonly Placed<PartSpec>[]
  readonly target: Placed<TargetSpec>
  readonly counters: Counters
}

/** `['!', true]` negates a flag that would otherwise be `true`. */
const flagWord = (word: unknown): unknown => (word === true ? '' : word)

/**
 * Reads a parameter. In a list, words are literal: only a `!` before the required number of words negates. Anything
 * else is read like an assigned property.
 */
export function readParameter(extension: string, name: string, option: Option, value: unknown): Reading {
  if (!Array.isArray(value) || value.some((word) => typeof word === 'object'))
    return readValue(extension, name, option, value)
  if (option.fewest === 0) return readValue(extension, name, option, value.length === 0 ? true : value.map(flagWord))
  const negated = value[0] === '!' && value.length !== option.words.length
  const words = (negated ? value.slice(1) : value).map(String)
  return words.length === option.words.length ? { negated, words } : readValue(extension, name, option, value)
}

function parametersOf(known: Known, dictionary: Dictionary, path: Path): Parameter[] {
  return Object.entries(dictionary).map(([key, value]) =>
    within([...path, key], () => {
      const [name, option] = findOption(known, key)
      return { name: key, ...readParameter(known.extension.name, name, option, value) }
    }),
  )
}

function readHead(dictionary: Dictionary, family: FamilyName): Parameter[] {
  const known = HEADS[family]
  const given = Object.entries(dictionary).filter(([key]) => isHeadKey(key))
  // In an object, `fragment: false` means that nothing is asked.
  const asked = given.filter(([, value]) => value !== false)
  return parametersOf(known, Object.fromEntries(asked), []).map((parameter) => {
    if (known.variant.names.get(parameter.name) !== 'protocol') return parameter
    return within([parameter.name], () => ({ ...parameter, words: parameter.words.map(protocolWord) }))
  })
}

interface OpaqueValue {
  readonly revision: number
  readonly payload: string
}
const isOpaqueValue = (value: unknown): value is OpaqueValue =>
  isPlain(value) && typeof value['revision'] === 'number' && typeof value['payload'] === 'string'

const opaquePart = (name: string, { revision, payload }: OpaqueValue): PartSpec => ({
  name,
  revision,
  payload: Uint8Array.from(Buffer.from(payload.slice(2), 'hex')),
})

function partOf(kind: 'match' | 'target', name: string, value: unknown, family: FamilyName, path: Path): PartSpec {
  if (isOpaqueValue(value)) return opaquePart(name, value)
  const known = requireExtension(kind, name, FAMILIES[family])
  if (isPlain(value)) return { name, parameters: parametersOf(known, value, path) }
  if (value === '') return { name, parameters: [] }
  const option = kind === 'match' ? known.variant.options.get(known.extension.name) : undefined
  if (option !== undefined) return { name, parameters: [{ name, ...readParameter(name, name, option, value) }] }
  const expected = 'an object with its parameters, or with revision and payload'
  throw new XtablesError('XT_BAD_DICTIONARY', `${kind} ${name} cannot be ${shown(value)}; accepted: ${expected}`, {
    extension: name,
    value,
    expected,
  })
}

/** All matches, in the order of their keys. */
function readMatches(dictionary: Dictionary, family: FamilyName): Placed<PartSpec>[] {
  const keys = Object.keys(dictionary).filter((key) => !isRuleKey(key))
  return keys.flatMap((key) => {
    const value = dictionary[key]
    const one = (item: unknown, path: Path): Placed<PartSpec> => ({
      path,
      part: within(path, () => partOf('match', matchName(key), item, family, path)),
    })
    return Array.isArray(value) ? value.map((item, i) => one(item, [key, i])) : [one(value, [key])]
  })
}

/** @throws XtablesError unless `names` names each match as often as it occurs */
function inOrder(matches: readonly Placed<PartSpec>[], names: readonly string[]): Placed<PartSpec>[] {
  const left = [...matches]
  const ordered = names.map((name, i) => {
    const at = left.findIndex(({ part }) => part.name === name)
    if (at < 0)
      throw disordered(
        `it names the match ${JSON.stringify(name)} more often than the rule has it`,
        ['matches', i],
        name,
      )
    return left.splice(at, 1)[0] as Placed<PartSpec>
  })
  const [forgotten] = left
  if (forgotten !== undefined)
    throw disordered(
      `it must also name the match ${forgotten.part.name}, once for each time that the rule has it`,
      ['matches'],
      names,
    )
  return ordered
}

const disordered = (reason: string, path: Path, value: unknown): XtablesError =>
  new XtablesError('XT_BAD_DICTIONARY', `rule: matches is the order of all matches by their names, and ${reason}`, {
    extension: 'rule',
    parameter: 'matches',
    value,
    path,
  })

function readTarget(target: unknown, family: FamilyName): Placed<TargetSpec> {
  if (typeof target === 'string')
    return { path: ['target'], part: within(['target'], () => plainTarget(target, family)) }
  const [only, ...others] = isPlain(target) ? Object.entries(target) : []
  if (only === undefined || others.length > 0) throw noTarget(target)
  const [name, value] = only
  const path = ['target', name]
  return { path, part: within(path, () => namedTarget(name, value, family, path)) }
}

function noTarget(value: unknown): XtablesError {
  const expected = 'a name, or an object with one name and its parameters'
  return new XtablesError('XT_BAD_DICTIONARY', `rule: target cannot be ${shown(value)}; accepted: ${expected}`, {
    extension: 'rule',
    parameter: 'target',
    value,
    expected,
    path: ['target'],
  })
}

function plainTarget(name: string, family: FamilyName): TargetSpec {
  if (name === '') return { kind: 'none' }
  if (isVerdict(name)) return { kind: 'verdict', verdict: name }
  if (findExtension('target', name) === undefined) return { kind: 'chain', chain: name, goto: false }
  return { kind: 'extension', part: partOf('target', name, '', family, []) }
}

function namedTarget(name: string, value: unknown, family: FamilyName, path: Path): TargetSpec {
  if (value !== '' && typeof value === 'string') return { kind: 'chain', chain: value, goto: name === 'goto' }
  const isEmpty = value === '' || (isPlain(value) && Object.keys(value).length === 0)
  if (isEmpty) return plainTarget(name, family)
  return { kind: 'extension', part: partOf('target', name, value, family, path) }
}

function readRule(dictionary: Dictionary, family: FamilyName): PlacedRule {
  const matches = readMatches(dictionary, family)
  const { matches: order, target = '', counters } = dictionary
  return {
    head: readHead(dictionary, family),
    matches: order === undefined ? matches : inOrder(matches, order as string[]),
    target: readTarget(target, family),
    counters: readCounters(counters),
  }
}

function readCounters(counters: unknown): Counters {
  if (counters === undefined) return [0n, 0n]
  const [packets, bytes] = (counters as (string | number)[]).map((count, i) => {
    const value = BigInt(count)
    if (value < 2n ** 64n) return value
    throw new XtablesError('XT_BAD_VALUE', `rule: a counter cannot be ${count}; accepted: 0 to 2^64 - 1`, {
      extension: 'rule',
      parameter: 'counters',
      value: count,
      expected: '0 to 2^64 - 1',
      path: ['counters', i],
    })
  })
  return [packets as bigint, bytes as bigint]
}

const specOf = ({ head, matches, target, counters }: PlacedRule): RuleSpec => ({
  head,
  matches: matches.map(({ part }) => part),
  target: target.part,
  counters,
})

/** The path of the parameter at fault, under the name that the caller used. */
function faultPath(path: Path, known: Known, parameters: readonly Parameter[], { parameter }: XtablesError): Path {
  const { names } = known.variant
  const given = parameters.find(({ name }) => names.get(name) === parameter)
  return given === undefined ? path : [...path, given.name]
}

function locate(path: Path, known: Known, parameters: readonly Parameter[], context: Context): void {
  try {
    encodeParameters(known, parameters, context)
  } catch (error) {
    if (!(error instanceof XtablesError)) throw error
    throw placedAt(faultPath(path, known, parameters, error), error)
  }
}

/** Encodes part by part, to find the one at fault. */
function findFault({ head, matches, target }: PlacedRule, context: Context): void {
  const locatePart = (kind: 'match' | 'target', path: Path, part: PartSpec): void => {
    if (isOpaque(part)) within([...path, 'payload'], () => encodePart(kind, part, context))
    else locate(path, requireExtension(kind, part.name, context.family), part.parameters, context)
  }
  locate([], HEADS[context.family.name], head, context)
  for (const { path, part } of matches) locatePart('match', path, part)
  if (target.part.kind === 'extension') locatePart('target', target.path, target.part.part)
  else within(target.path, () => encodeTarget(target.part, context))
}

function encodePlaced(placed: PlacedRule, context: Context): Entry {
  try {
    return encodeRule(specOf(placed), context)
  } catch (error) {
    if (error instanceof XtablesError) findFault(placed, context)
    throw error
  }
}

/** Checks keys and types of a dictionary and records the paths of its parts. @throws XtablesError */
function understand(input: unknown, family: FamilyName): PlacedRule {
  const dictionary = canonicalRule(input, family)
  const fault = shapeFault(dictionary, family)
  if (fault === undefined) return readRule(dictionary, family)
  within(fault.path, () => explain(dictionary, fault.path, family))
  throw new XtablesError('XT_BAD_DICTIONARY', `rule: ${fault.message}`, { extension: 'rule', path: fault.path })
}

/** The forms of what is in a dictionary besides the head, the matches and the target. */
const OTHER_FORMS: Readonly<Record<string, string>> = {
  counters: '[packets, bytes], each a whole number from 0 or a string of its digits',
  matches: 'a list of the names of the matches, in their order',
}

function refuseForm(key: string, value: unknown, path: Path): never {
  const expected = OTHER_FORMS[key] as string
  throw new XtablesError('XT_BAD_DICTIONARY', `rule: ${key} cannot be ${shown(value)}; accepted: ${expected}`, {
    extension: 'rule',
    expected,
    path,
  })
}

/** Examines a malformed value further, for the most specific error. */
function explain(dictionary: Dictionary, path: Path, family: FamilyName): void {
  const [key] = path
  if (typeof key === 'string' && Object.hasOwn(OTHER_FORMS, key)) refuseForm(key, dictionary[key], path)
  if (typeof key !== 'string' || key === 'target') readTarget(dictionary['target'], family)
  else if (isRuleKey(key)) readHead({ [key]: dictionary[key] }, family)
  else if (findExtension('match', matchName(key)) === undefined) explainUnknown(key, dictionary[key], family)
  else readMatches({ [key]: dictionary[key] }, family)
}

/** An unknown match name is an error as a whole, unless its value is given as bytes. */
function explainUnknown(key: string, value: unknown, family: FamilyName): void {
  if ([value].flat().some(isOpaqueValue)) return
  const heads = HEADS[family].variant.names.keys()
  const expected = [...heads, 'target', 'counters', 'matches', ...extensionNames('match', family)].join(', ')
  throw new XtablesError(
    'XT_UNKNOWN_PARAMETER',
    `rule: unknown key ${JSON.stringify(matchName(key))}; accepted: ${expected}`,
    {
      extension: 'rule',
      parameter: matchName(key),
      expected,
      path: [key],
    },
  )
}

/**
 * Encodes a rule dictionary.
 * @param place path of the dictionary in the caller's input.
 * @throws XtablesError with the path of the fault, in the caller's spelling
 */
export function encodeDictionary(input: unknown, context: Context, place: Path = []): Entry {
  try {
    return encodePlaced(understand(input, context.family.name), context)
  } catch (error) {
    if (!(error instanceof XtablesError)) throw error
    const { path, value } = traced(input, error.path)
    throw placedAt([...place, ...path], error, value)
  }
}
