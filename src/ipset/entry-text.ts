/** Entries as text in the syntax of ipset(8). */
import type { FamilyName } from '../abi/family'
import { text as aText, check, keyOf, object } from '../check-input'
import { checkOptions } from '../check-options'
import { IptcError } from '../errors'
import { lineWords } from './language/command'
import { EntryGrammar } from './language/entry'
import type { Values } from './language/text'
import { type ListedEntry, SET_TYPES, type SetEntry, type SetTypeName, setType } from './types'

/**
 * Options of {@link parseSetEntry}.
 * @since 0.1.0
 */
export interface EntryTextOptions {
  /** The family of the addresses. Default: IPv4. */
  readonly family?: FamilyName | undefined
}

const OPTIONS = { family: keyOf({ ipv4: 4, ipv6: 6 }) }

/**
 * Parses what follows `ipset add SETNAME`, as in `10.0.0.0/8,tcp:80 timeout 60 comment "a b"`. Host names are
 * not resolved.
 * @param type - of the set, as in `hash:ip`
 * @throws {@link SetTextError} if the text is not an entry of the type
 * @since 0.1.0
 * @example
 * ```ts
 * import { parseSetEntry } from 'xtables'
 *
 * console.log(parseSetEntry('hash:ip', '10.0.0.1 timeout 60')) // { ip: '10.0.0.1', timeout: 60 }
 * ```
 */
export function parseSetEntry<T extends SetTypeName>(
  type: T,
  text: string,
  options: EntryTextOptions = {},
): SetEntry<T> {
  check('the type of a set', type, keyOf(SET_TYPES))
  check('an entry', text, aText)
  checkOptions(options, OPTIONS)
  const declared = setType(type)
  const family = declared.families.length > 1 ? (options.family ?? 'ipv4') : (declared.families[0] ?? 'any')
  const [, revision] = declared.revisions
  const reading = { family, type, revision, command: 'add', resolve: () => undefined } as const
  return new EntryGrammar(declared).read(lineWords(text), reading) as SetEntry<T>
}

/**
 * Prints an entry as `ipset save` does after `add SETNAME`.
 * @param type - of the set, as in `hash:ip`
 * @throws {@link IptcError} if a required part is missing
 * @since 0.1.0
 * @example
 * ```ts
 * import { printSetEntry } from 'xtables'
 *
 * console.log(printSetEntry('hash:ip', { ip: '10.0.0.1', timeout: 60 })) // 10.0.0.1 timeout 60
 * ```
 */
export function printSetEntry<T extends SetTypeName>(type: T, entry: ListedEntry<T>): string {
  check('the type of a set', type, keyOf(SET_TYPES))
  check('an entry', entry, object)
  const { entry: fields, parts } = setType(type)
  const missing = parts.find((name) => !fields[name]?.optional && (entry as Values)[name] === undefined)
  if (missing !== undefined)
    throw new IptcError('XT_BAD_ARGUMENT', `an entry of ${type} needs ${missing}, ${fields[missing]?.expects}`)
  const grammar = new EntryGrammar(setType(type))
  const options = grammar
    .printOptions(entry as Values)
    .flatMap(([name, value]) => (value === '' ? name : [name, value]))
  return [grammar.printElement(entry as Values), ...options].join(' ')
}
