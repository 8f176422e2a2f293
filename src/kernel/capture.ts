/** Captures of ip_tables tables: the kernel's bytes, stored in a file for later inspection. */
import { FAMILIES, type FamilyName } from '../abi/family'
import { isTableName, TABLES } from '../abi/netfilter'
import { getInfo } from '../abi/x-tables'
import { check, instance, isObject, keyOf, object, shown, text } from '../check-input'
import { BlobError, IptcError, UnsupportedError } from '../errors'
import { Client, type SetIdentity, type TableEntries, type TableInfo } from './client'
import { aKernel, type Kernel } from './kernel'

/**
 * An ip_tables table as the kernel returned it, to be stored in a file and inspected elsewhere.
 * @since 0.1.0
 */
export interface Capture {
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** Name of the table, such as `filter`. */
  readonly table: string
  /** The result of GET_INFO, 84 bytes. */
  readonly info: Uint8Array
  /** The result of GET_ENTRIES without its header: the entries back to back. */
  readonly entries: Uint8Array
  /** The ipsets of the namespace by name, to which rules refer by index. Absent if there are none. */
  readonly sets?: Readonly<Record<string, SetIdentity>>
}

/**
 * Captures an ip_tables table from a kernel. Asking creates the table if it does not exist yet.
 * @param table - such as `'filter'`
 * @throws {@link NotFoundError}, {@link PermissionError}, {@link UnsupportedError}, {@link KernelError}
 * @since 0.1.0
 * @example
 * ```ts
 * import { captureTable, easy, MemoryKernel } from 'xtables'
 *
 * const kernel = new MemoryKernel()
 * easy.addChain('filter', 'web', { kernel })
 * const capture = captureTable(kernel, 'ipv4', 'filter')
 * const copy = new MemoryKernel({ captures: [capture] })
 * console.log(easy.hasChain('filter', 'web', { kernel: copy })) // true
 * ```
 */
export function captureTable(kernel: Kernel, family: FamilyName, table: string): Capture {
  check('what a table is captured of', kernel, aKernel)
  check('the family of a table', family, keyOf(FAMILIES))
  check('the name of a table', table, text)
  const client = new Client(kernel, FAMILIES[family])
  try {
    const { info, entries } = client.entries(table)
    const sets = captureSets(client)
    return { family, table, info: infoBytes(table, info), entries: entries.slice(), ...(sets && { sets }) }
  } finally {
    client.close()
  }
}

function infoBytes(name: string, info: TableInfo): Uint8Array {
  const bytes = new Uint8Array(getInfo.size)
  getInfo.write(bytes, 0, { name, ...info, hookEntry: [...info.hookEntry], underflow: [...info.underflow] })
  return bytes
}

export function captureSets(client: Client): Capture['sets'] {
  try {
    const sets = client.sets()
    return sets.size === 0 ? undefined : Object.fromEntries(sets)
  } catch (error) {
    if (error instanceof UnsupportedError) return undefined
    throw error
  }
}

/**
 * Reads the parts of a capture and checks that they fit together. The entries themselves are not checked.
 * @throws IptcError, BlobError
 */
export function checkCapture(capture: Capture): { layout: TableInfo } & Omit<TableEntries, 'info'> {
  check('a capture', capture, object)
  const { family, table, info, entries } = capture
  if (typeof family !== 'string' || !Object.hasOwn(FAMILIES, family))
    throw wrong('family', `must be ipv4 or ipv6, not ${shown(family)}`)
  if (typeof table !== 'string' || !isTableName(table))
    throw wrong('table', `must be one of ${Object.keys(TABLES).join(', ')}, not ${shown(table)}`)
  check('info of a capture', info, BYTES)
  check('entries of a capture', entries, BYTES)
  if (info.length !== getInfo.size) throw wrong('info', `must have ${getInfo.size} bytes, not ${info.length}`)
  const { name, ...layout } = getInfo.read(info, 0)
  if (name !== table) throw wrong('info', `is of table ${shown(name)}, and the capture of ${table}`)
  if (layout.size !== entries.length)
    throw new BlobError(
      Math.min(layout.size, entries.length),
      `there are ${entries.length} bytes of the ${layout.size}`,
    )
  return { layout, entries }
}

const wrong = (field: string, what: string): IptcError => new IptcError('XT_BAD_CAPTURE', `capture: ${field} ${what}`)

/**
 * A {@link Capture} in the form for `JSON.stringify`.
 * @since 0.1.0
 */
export interface CaptureJson {
  /** `'ipv4'` or `'ipv6'`. */
  readonly family: FamilyName
  /** Name of the table, such as `filter`. */
  readonly table: string
  /** The result of GET_INFO in base64. */
  readonly info: string
  /** The entries in base64. */
  readonly entries: string
  /** As in a {@link Capture}. */
  readonly sets?: Readonly<Record<string, SetIdentity>>
}

const BYTES = instance(Uint8Array, 'a Uint8Array')

export const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')

/**
 * Converts a capture for `JSON.stringify`.
 * @throws {@link IptcError}, {@link BlobError} for an invalid capture
 * @since 0.1.0
 * @example
 * ```ts
 * import { captureTable, captureToJson, MemoryKernel } from 'xtables'
 *
 * const json = captureToJson(captureTable(new MemoryKernel(), 'ipv4', 'filter'))
 * console.log(json.table, typeof json.entries) // filter string
 * ```
 */
export function captureToJson(capture: Capture): CaptureJson {
  checkCapture(capture)
  const { family, table, info, entries, sets } = capture
  return { family, table, info: toBase64(info), entries: toBase64(entries), ...(sets && { sets }) }
}

const KEYS: readonly string[] = ['family', 'table', 'info', 'entries', 'sets']

/**
 * Converts the result of {@link captureToJson} back to a capture.
 * @param json - the result of `JSON.parse`
 * @throws {@link IptcError}, {@link BlobError} with the fault
 * @since 0.1.0
 * @example
 * ```ts
 * import { captureFromJson, captureTable, captureToJson, MemoryKernel } from 'xtables'
 *
 * const text = JSON.stringify(captureToJson(captureTable(new MemoryKernel(), 'ipv6', 'nat')))
 * console.log(captureFromJson(JSON.parse(text)).family) // ipv6
 * ```
 */
export function captureFromJson(json: unknown): Capture {
  const object = asObject(json, 'it')
  const unknown = Object.keys(object).find((key) => !KEYS.includes(key))
  if (unknown !== undefined) throw wrong(shown(unknown), `is not known; a capture has ${KEYS.join(', ')}`)
  const { family, table, info, entries, sets } = object
  const capture = {
    family: family as FamilyName,
    table: table as string,
    info: fromBase64(info, 'info'),
    entries: fromBase64(entries, 'entries'),
    ...(sets !== undefined && { sets: checkSets(sets) }),
  }
  checkCapture(capture)
  return capture
}

function asObject(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw wrong(field, `must be an object, not ${shown(value)}`)
  return value as Record<string, unknown>
}

/** Strict decoding: Node's decoder skips invalid characters, and would turn a damaged file into other bytes. */
export function fromBase64(value: unknown, field: string): Uint8Array {
  if (typeof value !== 'string') throw wrong(field, `must be a string in base64, not ${shown(value)}`)
  const bytes = new Uint8Array(Buffer.from(value, 'base64'))
  if (toBase64(bytes) !== value) throw wrong(field, 'is not base64')
  return bytes
}

const SET_FAMILIES: readonly unknown[] = [...Object.keys(FAMILIES), 'any']
const MAX_INDEX = 0xfffe

export function checkSets(json: unknown): Record<string, SetIdentity> {
  const sets = Object.entries(asObject(json, 'sets')).map(([name, value]) => [
    name,
    setFrom(value, `set ${shown(name)}`),
  ])
  return Object.fromEntries(sets)
}

function setFrom(value: unknown, field: string): SetIdentity {
  const { index, family, ...others } = asObject(value, field)
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw wrong(field, `has an unknown key ${shown(unknown)}; expected index and family`)
  if (!Number.isInteger(index) || (index as number) < 0 || (index as number) > MAX_INDEX)
    throw wrong(field, `must have an index from 0 to ${MAX_INDEX}, not ${shown(index)}`)
  if (!SET_FAMILIES.includes(family)) throw wrong(field, `must have the family ipv4, ipv6 or any, not ${shown(family)}`)
  return { index: index as number, family: family as SetIdentity['family'] }
}
