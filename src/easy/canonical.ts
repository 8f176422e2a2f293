/** Converts dictionaries to canonical keys, and paths of errors back to the keys that the caller wrote. */
import type { FamilyName } from '../abi/family'
import { shown } from '../check-input'
import { XtablesError } from '../errors'
import { findExtension, type Known } from '../extensions/registry'
import { dashed } from '../iptc/parameter-values'
import { isPlain } from './dictionary'
import { isRuleKey, matchName, parameterKey, ruleKey, withKeys } from './dictionary-keys'

export type Dictionary = Readonly<Record<string, unknown>>
export type Path = readonly (string | number)[]

/** The same error with `path`. */
export const placedAt = (path: Path, error: XtablesError, value = error.value): XtablesError => {
  const { extension, parameter, expected, message } = error
  return new XtablesError(error.code, message, { extension, parameter, value, expected, path }, { cause: error.cause })
}

/** Runs `body`, and adds `path` to errors that have none. */
export function within<T>(path: Path, body: () => T): T {
  try {
    return body()
  } catch (error) {
    if (!(error instanceof XtablesError) || error.path.length > 0) throw error
    throw placedAt(path, error)
  }
}

/** An upper bound for the depth of a value in a rule. */
const DEEPEST = 8

/**
 * Copies a value as JSON data; numbers that JSON lacks become strings. @throws XtablesError for an object that may hide
 * data
 */
function plainData(value: unknown, path: Path): unknown {
  if (typeof value === 'bigint') return String(value)
  if (path.length > DEEPEST)
    throw new XtablesError('XT_BAD_DICTIONARY', `rule: ${path.join('.')}: a rule has at most ${DEEPEST} levels`, {
      extension: 'rule',
      path,
    })
  if (Array.isArray(value)) return value.map((one, i) => plainData(one, [...path, i]))
  if (typeof value !== 'object' || value === null || isPlain(value)) return value
  const reason = 'a rule can only contain plain objects, lists, strings, numbers and booleans'
  throw new XtablesError('XT_BAD_DICTIONARY', `rule: ${path.join('.')}: ${reason}`, { extension: 'rule', value, path })
}

function knownPart(kind: 'match' | 'target', name: string, family: FamilyName): Known | undefined {
  const extension = findExtension(kind, name)
  const variant = extension?.variants(family)[0]
  return extension && variant && { extension, variant }
}

function canonicalPart(
  kind: 'match' | 'target',
  name: string,
  value: unknown,
  family: FamilyName,
  path: Path,
): unknown {
  if (!isPlain(value)) return plainData(value, path)
  const known = knownPart(kind, name, family)
  const entries = Object.entries(value)
  const spelt = entries.map(([key, one]) => [key, parameterKey(known, key), plainData(one, [...path, key])] as const)
  return withKeys(name, path, spelt)
}

function canonicalTarget(value: unknown, family: FamilyName): unknown {
  if (!isPlain(value)) return plainData(value, ['target'])
  const entries = Object.entries(value)
  return Object.fromEntries(
    entries.map(([name, part]) => [name, canonicalPart('target', name, part, family, ['target', name])]),
  )
}

function canonicalValue(key: string, value: unknown, family: FamilyName): unknown {
  if (key === 'target') return canonicalTarget(value, family)
  if (isRuleKey(key)) return plainData(value, [key])
  const part = (one: unknown, path: Path): unknown => canonicalPart('match', matchName(key), one, family, path)
  return Array.isArray(value) ? value.map((one, i) => part(one, [key, i])) : part(value, [key])
}

/** A rule dictionary with canonical keys. @throws XtablesError */
export function canonicalRule(input: unknown, family: FamilyName): Dictionary {
  if (!isPlain(input))
    throw new XtablesError('XT_BAD_DICTIONARY', `rule: a rule must be a plain object as in JSON, not ${shown(input)}`, {
      extension: 'rule',
      value: input,
      expected: 'an object',
    })
  const entries = Object.entries(input).map(([key, value]) => {
    const canonical = ruleKey(key)
    return [key, canonical, canonicalValue(canonical, value, family)] as const
  })
  return withKeys('rule', [], entries)
}

const spellingOf = (dictionary: Dictionary, step: string): string =>
  Object.hasOwn(dictionary, step)
    ? step
    : (Object.keys(dictionary).find((key) => ruleKey(key) === step || dashed(key) === step) ?? step)

/** Translates a path with canonical keys to one in the caller's dictionary, and finds the value there. */
export function traced(input: unknown, path: Path): { path: Path; value: unknown } {
  const steps: (string | number)[] = []
  let value = input
  for (const step of path) {
    if (!Array.isArray(value) && !isPlain(value)) break
    const key = Array.isArray(value) ? step : spellingOf(value, String(step))
    steps.push(key)
    value = (value as Dictionary)[key]
  }
  return { path: steps, value }
}
