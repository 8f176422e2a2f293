/** Checks the options objects of public functions. */

import { isObject, shown, type Taken } from './check-input'
import { IptcError } from './errors'

/** The options of a function by name, each with the values it accepts. */
export type Options = Readonly<Record<string, Taken>>

/**
 * Checks an options object. An unknown option is an error: if ignored, a misspelt family or namespace would go
 * unnoticed.
 * @throws IptcError unless `options` is an object of known options, each undefined or of its type
 */
export function checkOptions(options: unknown, known: Options): void {
  if (!isObject(options))
    throw new IptcError(
      'XT_BAD_ARGUMENT',
      `the options must be an object, not ${shown(options)}; accepted: ${list(known)}`,
    )
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(known, key))
  if (unknown !== undefined)
    throw new IptcError('XT_BAD_OPTION', `there is no option ${unknown}; accepted: ${list(known)}`)
  for (const [name, { accepts, expected }] of Object.entries(known)) {
    const value = (options as Readonly<Record<string, unknown>>)[name]
    if (value !== undefined && !accepts(value))
      throw new IptcError('XT_BAD_OPTION', `the option ${name} takes ${expected}, not ${shown(value)}`)
  }
}

const list = (known: Options): string => Object.keys(known).join(', ')
