/** Strict JSON: a repeated key is an error, because `JSON.parse` would keep only the last one. */

import { check, text as string } from './check-input'
import { IptcError } from './errors'

const numberOrDigits = (value: bigint): number | string =>
  value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value)

/**
 * Prints JSON. Counters are numbers if they are safe integers, and strings of digits otherwise. @param indent 0 for one
 * line
 */
export const toJson = (value: unknown, indent = 2): string =>
  JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? numberOrDigits(one) : one), indent)

/**
 * Parses JSON strictly: a repeated key is an error, where `JSON.parse` would keep only the last one.
 * @param from - where the text comes from, such as a file name, for messages
 * @throws {@link IptcError} for text that is not JSON, and for a repeated key
 * @since 0.1.0
 * @example
 * ```ts
 * import { IptcError, parseJson } from 'xtables'
 *
 * try {
 *   parseJson('{ "filter": {}, "filter": {} }', 'policy.json')
 * } catch (error) {
 *   console.log(error instanceof IptcError) // true
 * }
 * ```
 */
export function parseJson(text: string, from: string): unknown {
  check('a text of JSON', text, string)
  check('the name of the JSON text', from, string)
  const value = parse(text, from)
  checkKeys(text, from)
  return value
}

function parse(text: string, from: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    // V8 quotes a part of the text with its line breaks, and ends some of its messages as this one begins.
    const fault = (cause as Error).message.replace(/ is not valid JSON$/, '').replaceAll('\n', '\\n')
    throw new IptcError('XT_BAD_JSON', `${from} is not valid JSON: ${fault}`, { cause })
  }
}

/** An object or a list that has not ended yet. */
interface Open {
  /** The keys of an object so far; undefined for a list. */
  readonly keys: Set<string> | undefined
  /** The current key or index. */
  at: string | number
  /** Whether the next string is a key. */
  beforeKey: boolean
}

/** Scans the strings and brackets of valid JSON for repeated keys. */
function checkKeys(text: string, from: string): void {
  const open: Open[] = []
  for (let i = 0; i < text.length; i++) {
    const within = open.at(-1)
    switch (text[i]) {
      case '{':
        open.push({ keys: new Set(), at: '', beforeKey: true })
        break
      case '[':
        open.push({ keys: undefined, at: 0, beforeKey: false })
        break
      case '}':
      case ']':
        open.pop()
        break
      case ',':
        if (within !== undefined) next(within)
        break
      case '"': {
        const end = endOfString(text, i)
        if (within?.beforeKey) takeKey(open, JSON.parse(text.slice(i, end)) as string, from)
        i = end - 1
      }
    }
  }
}

function next(within: Open): void {
  within.beforeKey = within.keys !== undefined
  if (typeof within.at === 'number') within.at++
}

function takeKey(open: readonly Open[], key: string, from: string): void {
  const within = open.at(-1) as Open
  if (within.keys?.has(key)) {
    const path = pathOf(open.slice(0, -1))
    throw new IptcError(
      'XT_BAD_JSON',
      `${from}: the key ${JSON.stringify(key)} appears twice${path === '' ? '' : ` in ${path}`}`,
    )
  }
  within.keys?.add(key)
  within.at = key
  within.beforeKey = false
}

/** Formats a path, such as `filter.INPUT[0]`. */
const pathOf = (open: readonly Open[]): string =>
  open.map(({ at }, i) => (typeof at === 'number' ? `[${at}]` : `${i === 0 ? '' : '.'}${at}`)).join('')

/** @param start position of the opening quote @returns the position after the closing quote */
function endOfString(text: string, start: number): number {
  let i = start + 1
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1
  return i + 1
}
