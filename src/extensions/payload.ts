/**
 * Reads and writes a payload, the bytes after the header of a match or target, with the options of its
 * variant. Every form of parameters (objects, dictionaries, text) ends in these functions.
 */
import type { CodeOf } from '../error-codes'
import { XtablesError } from '../errors'
import type { Context, Listing } from './context'
import type { Listed } from './listing'
import { type Option, originals, overlap } from './option'
import type { Reading } from './reading'
import type { Known } from './registry'
import { Mismatch, same } from './values/value'

/** One parameter as it was given: any name of the option, its words, and whether it is negated. */
export interface Parameter extends Reading {
  readonly name: string
}

const labelOf = ({ extension: { kind, name } }: Known): string => (kind === name ? name : `${kind} ${name}`)

const complain = (
  known: Known,
  code: CodeOf<'XtablesError'>,
  message: string,
  details: { parameter?: string; value?: unknown; expected?: string },
) =>
  new XtablesError(code, `${labelOf(known)}: ${message}`, {
    extension: known.extension.name,
    ...details,
  })

const dashed = (names: Iterable<string>): string => Array.from(names, (name) => `--${name}`).join(', ')

/** The option, and its canonical name, for any spelling of a parameter's name. @throws XtablesError if there is none */
export function findOption(known: Known, name: string): [string, Option] {
  const { names, options } = known.variant
  const canonical = names.get(name)
  if (canonical !== undefined) return [canonical, options.get(canonical) as Option]
  const expected = names.size === 0 ? 'no parameters at all' : dashed(names.keys())
  throw complain(known, 'XT_UNKNOWN_PARAMETER', `unknown parameter ${JSON.stringify(name)}; accepted: ${expected}`, {
    parameter: name,
    expected,
  })
}

/** What an option takes, as text for people. */
export const expectation = ({ words, fewest }: Option): string =>
  words.length === 0
    ? 'no value'
    : `${words.map(({ expects }) => expects).join(', then ')}${fewest < words.length ? ', or nothing' : ''}`

/** Whether an option can take this many words. */
export const takes = ({ words, fewest }: Option, count: number): boolean => fewest <= count && count <= words.length

/** Stores one parameter in the payload at `at`. @throws XtablesError, which leaves the payload in an undefined state */
export function writeParameter(known: Known, bytes: Uint8Array, parameter: Parameter, context: Context, at = 0): void {
  const [name, option] = findOption(known, parameter.name)
  const { words, negated } = parameter
  const refuse = (message: string): XtablesError =>
    complain(known, 'XT_BAD_VALUE', message, {
      parameter: name,
      value: words.length === 1 ? words[0] : words,
      expected: expectation(option),
    })
  if (negated && !option.negatable) throw refuse(`--${name} cannot be negated`)
  if (!takes(option, words.length)) throw refuse(`--${name} takes ${expectation(option)}, not ${words.length} words`)
  try {
    option.write(bytes, at, parameter, context)
  } catch (error) {
    if (!(error instanceof Mismatch) && !(error instanceof RangeError)) throw error
    const why = error instanceof Mismatch ? error.reason : 'this revision cannot hold it'
    const reason = why === undefined ? '' : `: ${why}`
    const said = words.map((word) => JSON.stringify(word)).join(' ')
    throw refuse(`--${name} cannot be ${said || 'given'}${reason}; accepted: ${expectation(option)}`)
  }
}

const spelledBy = ({ names, options }: Known['variant'], name: string): Option =>
  options.get(names.get(name) as string) as Option

/** The parameters in a payload, in the order in which they are printed. */
export function readParameters({ variant }: Known, bytes: Uint8Array, at: number, context: Context): Parameter[] {
  const parameters: Parameter[] = []
  for (const [canonical, option] of variant.options) {
    if (option.synonymOf.length > 0) continue
    const name = option.spelled?.(bytes, at) ?? canonical
    const reading = (name === canonical ? option : spelledBy(variant, name)).read(bytes, at, context)
    if (reading !== undefined) parameters.push({ name, ...reading })
  }
  return parameters
}

/** The parameters in a payload, in the words of a listing. */
export function listParameters(
  { variant }: Known,
  bytes: Uint8Array,
  at: number,
  listing: Listing,
): Record<string, Listed> {
  const parameters: Record<string, Listed> = {}
  for (const [name, option] of variant.options) {
    const listed = option.synonymOf.length === 0 ? option.list(name, bytes, at, listing) : undefined
    if (listed !== undefined) parameters[name] = listed
  }
  return parameters
}

/** The text of a payload in a listing. */
export function listPayload(known: Known, bytes: Uint8Array, at: number, listing: Listing): string {
  const parameters = Object.entries(listParameters(known, bytes, at, listing))
  const texts = Object.fromEntries(parameters.map(([name, { text }]) => [name, text]))
  return known.variant.list({ bytes, at, numeric: listing.numeric, texts })
}

/** Refuses parameters that exclude each other. Names are canonical. */
export function checkExclusions(known: Known, given: ReadonlySet<string>): void {
  const { options } = known.variant
  for (const name of given) {
    const { excludes } = options.get(name) as Option
    for (const other of given) {
      if (other === name) continue
      if (excludes.includes(other) || overlap(options, name, other))
        throw complain(known, 'XT_CONFLICTING_PARAMETERS', `--${name} and --${other} exclude each other`, {
          parameter: name,
        })
    }
  }
}

/** Something required that was not given. */
interface Missing {
  /** The parameter, or the first of several alternatives. */
  readonly parameter: string
  readonly what: string
}

/** The first requirement that these parameters do not meet. Names are canonical. */
export function missing({ extension, variant }: Known, given: ReadonlySet<string>): Missing | undefined {
  const covered = new Set([...given].flatMap((name) => originals(variant.options, name)))
  for (const [name, option] of variant.options)
    if (option.required && option.synonymOf.length === 0 && !covered.has(name)) {
      const synonyms = [...variant.options].filter(([, one]) => one.synonymOf.includes(name)).map(([one]) => one)
      return { parameter: name, what: [name, ...synonyms].map((one) => `--${one}`).join(' or ') }
    }
  if (extension.atLeastOne === false) return undefined
  const lists = extension.atLeastOne === true ? [[...variant.options.keys()]] : extension.atLeastOne
  const wanted = lists.find((names) => !names.some((name) => given.has(name)))
  return wanted && { parameter: wanted[0] as string, what: `one of ${dashed(wanted)}` }
}

/** @throws XtablesError if something required is missing */
export function checkComplete(known: Known, given: ReadonlySet<string>): void {
  const lack = missing(known, given)
  if (lack !== undefined)
    throw complain(known, 'XT_MISSING_PARAMETER', `${lack.what} is required`, {
      parameter: lack.parameter,
      expected: lack.what,
    })
  for (const name of given) {
    const needed = known.variant.options.get(name)?.needs.filter((one) => !given.has(one)) ?? []
    if (needed.length > 0)
      throw complain(known, 'XT_MISSING_PARAMETER', `--${name} needs ${dashed(needed)} beside it`, {
        parameter: name,
        expected: dashed(needed),
      })
  }
}

/** Sorts parameters into the order in which they are stored: first those that others depend on. */
function leadingFirst({ variant }: Known, parameters: readonly Parameter[]): readonly Parameter[] {
  const { leading, names, options } = variant
  if (leading.length === 0) return parameters
  const place = ({ name }: Parameter): number =>
    leading.findIndex((one) => overlap(options, one, names.get(name) ?? name)) >>> 0
  return [...parameters].sort((a, b) => place(a) - place(b))
}

/** Whether a parameter has the value that its option has when it is not given. */
function goesWithoutSaying(known: Known, bytes: Uint8Array, { name, words }: Parameter, context: Context): boolean {
  const [, option] = findOption(known, name)
  const without = bytes.slice()
  option.clear(without, 0)
  const reading = option.read(without, 0, context)
  return reading !== undefined && words.length > 0 && same(reading.words, words)
}

/**
 * Stores one parameter in a payload that holds others. Others that depend on it are stored again.
 * @param parameter by its canonical name
 * @param held all parameters in the payload
 * @throws XtablesError, which leaves the payload in an undefined state
 */
export function changeParameter(
  known: Known,
  bytes: Uint8Array,
  parameter: Parameter,
  held: readonly Parameter[],
  context: Context,
): void {
  const { leading, initial, names, options } = known.variant
  const says = (name: string): boolean => overlap(options, names.get(name) as string, parameter.name)
  if (!leading.some(says)) {
    writeParameter(known, bytes, parameter, context)
    return
  }
  const others = held.filter((one) => !says(one.name) && !goesWithoutSaying(known, bytes, one, context))
  bytes.set(initial)
  for (const one of leadingFirst(known, [...others, parameter])) writeParameter(known, bytes, one, context)
}

/** A payload that holds exactly these parameters. @throws XtablesError */
export function encodeParameters(known: Known, parameters: readonly Parameter[], context: Context): Uint8Array {
  const bytes = known.variant.initial.slice()
  const given = new Set<string>()
  for (const parameter of leadingFirst(known, parameters)) {
    const [name] = findOption(known, parameter.name)
    if (given.has(name))
      throw complain(known, 'XT_CONFLICTING_PARAMETERS', `--${name} is given twice`, { parameter: name })
    given.add(name)
    writeParameter(known, bytes, parameter, context)
  }
  checkExclusions(known, given)
  checkComplete(known, given)
  return bytes
}
