/** Keys of dictionaries, however they are spelt. */
import { XtablesError } from '../errors'
import type { Known } from '../extensions/registry'
import { dashed } from '../iptc/parameter-values'
import { HEADS } from '../ruleset/rule-head'

/** Keys of a rule's own parameters, for both families: one of the other family is known by name, and refused. */
const HEAD_KEYS: ReadonlySet<string> = new Set(Object.values(HEADS).flatMap(({ variant }) => [...variant.names.keys()]))
const RULE_KEYS: ReadonlySet<string> = new Set([...HEAD_KEYS, 'matches', 'target', 'counters'])

/** Goes before the name of a match that would be taken for something else. Its own name is never used so by iptables. */
const MATCH = '-m '

const isReserved = (name: string): boolean =>
  RULE_KEYS.has(dashed(name)) || name in Object.prototype || name.startsWith(MATCH)

/** The key of a match in a rule. */
export const matchKey = (name: string): string => (isReserved(name) ? MATCH + name : name)

/** The match that a key stands for. */
export const matchName = (key: string): string => (key.startsWith(MATCH) ? key.slice(MATCH.length) : key)

/** A key of a rule in its canonical spelling. */
export function ruleKey(key: string): string {
  if (key.startsWith(MATCH)) return matchKey(matchName(key))
  const plain = dashed(key)
  return RULE_KEYS.has(plain) ? plain : key
}

export const isHeadKey = (key: string): boolean => HEAD_KEYS.has(key)
/** Whether a key is no match. */
export const isRuleKey = (key: string): boolean => RULE_KEYS.has(key)

/** A parameter's name with dashes. */
export const parameterKey = (known: Known | undefined, key: string): string =>
  known?.variant.names.has(key) ? key : dashed(key)

/**
 * An object under canonical keys.
 * @throws XtablesError where two keys are spellings of one, and for a key without a value: it was meant to ask for
 * something, and a rule without it is wider
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
    if (other !== undefined) throw fault(`${other} and ${key} are one key`)
    if (value === undefined) throw fault(`${key} is undefined; leave the key out for a rule without it`)
    spelt.set(canonical, key)
  }
  return Object.fromEntries(entries.map(([, canonical, value]) => [canonical, value]))
}
