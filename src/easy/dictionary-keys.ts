/** Keys of rule dictionaries and their spellings. */
import { XtablesError } from '../errors'
import type { Known } from '../extensions/registry'
import { dashed } from '../iptc/parameter-values'
import { HEADS } from '../ruleset/rule-head'

/** Keys of a rule's own fields, for both families: a key of the other family is recognised and refused. */
const HEAD_KEYS: ReadonlySet<string> = new Set(Object.values(HEADS).flatMap(({ variant }) => [...variant.names.keys()]))
const RULE_KEYS: ReadonlySet<string> = new Set([...HEAD_KEYS, 'matches', 'target', 'counters'])

/** Prefix for a match whose name has another meaning as a key. No iptables match name starts with it. */
const MATCH = '-m '

const isReserved = (name: string): boolean =>
  RULE_KEYS.has(dashed(name)) || name in Object.prototype || name.startsWith(MATCH)

/** The dictionary key of a match. */
export const matchKey = (name: string): string => (isReserved(name) ? MATCH + name : name)

/** The match name of a key. */
export const matchName = (key: string): string => (key.startsWith(MATCH) ? key.slice(MATCH.length) : key)

/** The canonical spelling of a rule key. */
export function ruleKey(key: string): string {
  if (key.startsWith(MATCH)) return matchKey(matchName(key))
  const plain = dashed(key)
  return RULE_KEYS.has(plain) ? plain : key
}

export const isHeadKey = (key: string): boolean => HEAD_KEYS.has(key)
/** Whether a key is a field of the rule, and not a match. */
export const isRuleKey = (key: string): boolean => RULE_KEYS.has(key)

/** The name of a parameter with dashes. */
export const parameterKey = (known: Known | undefined, key: string): string =>
  known?.variant.names.has(key) ? key : dashed(key)

/**
 * Copies an object with canonical keys.
 * @throws XtablesError if two keys are spellings of the same one, or if a value is undefined: the caller meant to
 *   restrict something, and a rule without it would match more packets
 */
export function withKeys(
  extension: string,
  path: readonly (string | number)[],
  entries: readonly (readonly [key: string, canonical: string, value: unknown])[],
): Record<string, unknown> {
  const spelt = new Map<string, string>()
  for (const [key, canonical, value] of entries) {
    const other = spelt.get(canonical)
    const fault = (reason: string): XtablesError =>
      new XtablesError('XT_BAD_DICTIONARY', `${extension}: ${reason}`, {
        extension,
        parameter: canonical,
        value,
        path: [...path, key],
      })
    if (other !== undefined) throw fault(`${other} and ${key} are spellings of the same key; give one of them`)
    if (value === undefined) throw fault(`${key} is undefined; leave the key out if the rule shall not have it`)
    spelt.set(canonical, key)
  }
  return Object.fromEntries(entries.map(([, canonical, value]) => [canonical, value]))
}
