/** Options objects of public functions. */
import { IptcError } from './errors'

/**
 * An option that is not understood must not be passed over: it may have said which family, or which namespace.
 * @throws IptcError for anything but an object that holds known options
 */
export function checkOptions(options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new IptcError(`options are an object of ${known.join(', ')}, not ${String(options)}`)
  const unknown = Object.keys(options).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new IptcError(`there is no option ${unknown}; accepted: ${known.join(', ')}`)
}
