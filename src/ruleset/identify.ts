/**
 * Identifies a match or target by its header. A table of 10,000 rules has tens of thousands of headers, but only a
 * dozen different ones, so they are looked up by their bytes and decoded once.
 */
import type { Family, FamilyName } from '../abi/family'
import { EXTENSION_NAME_SIZE, entryMatch } from '../abi/x-tables'
import { readText } from '../binary/text'
import type { Fixed } from '../extensions/extension'
import { type Known, knownPayloads } from '../extensions/registry'
import { type Part, payloadAt, payloadSize } from './entry'

const NAME = entryMatch.fields.name.offset
const REVISION = entryMatch.fields.revision.offset

/** A header that has been seen before. */
export interface Header {
  readonly name: string
  readonly revision: number
  /** All possible interpretations of the payload, most specific first; empty for an unknown extension. */
  readonly known: readonly Known[]
  /** The name as in the blob, without its NUL. */
  readonly nameBytes: Uint8Array
}

type Headers = Map<number, Header[]>
const cache: Readonly<Record<'match' | 'target', Readonly<Record<FamilyName, Headers>>>> = {
  match: { ipv4: new Map(), ipv6: new Map() },
  target: { ipv4: new Map(), ipv6: new Map() },
}
/** Limits the cache: names in a blob are arbitrary, and must not fill the memory. */
const MAX_HEADERS = 1024
const MAX_SAME_HASH = 8

function hashOf(bytes: Uint8Array, at: number): number {
  let hash = bytes[at + REVISION] as number
  for (let i = at + NAME; i < at + REVISION && bytes[i] !== 0; i++)
    hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0
  return hash
}

function isAt({ nameBytes, revision }: Header, bytes: Uint8Array, at: number): boolean {
  if (bytes[at + REVISION] !== revision) return false
  for (let i = 0; i < nameBytes.length; i++) if (bytes[at + NAME + i] !== nameBytes[i]) return false
  return nameBytes.length === EXTENSION_NAME_SIZE || bytes[at + NAME + nameBytes.length] === 0
}

function meet(kind: 'match' | 'target', family: FamilyName, bytes: Uint8Array, at: number): Header {
  const name = readText(bytes, at + NAME, EXTENSION_NAME_SIZE)
  const revision = bytes[at + REVISION] as number
  const nul = bytes.subarray(at + NAME, at + REVISION).indexOf(0)
  const nameBytes = bytes.slice(at + NAME, nul < 0 ? at + REVISION : at + NAME + nul)
  return { name, revision, known: knownPayloads(kind, family, name, revision), nameBytes }
}

/** The header at `part`. */
export function headerOf(kind: 'match' | 'target', family: Family, bytes: Uint8Array, part: Part): Header {
  const headers = cache[kind][family.name]
  const hash = hashOf(bytes, part.at)
  const same = headers.get(hash)
  if (same !== undefined) for (const header of same) if (isAt(header, bytes, part.at)) return header
  const header = meet(kind, family.name, bytes, part.at)
  if (headers.size >= MAX_HEADERS) headers.clear()
  headers.set(hash, [...(same ?? []).slice(-MAX_SAME_HASH), header])
  return header
}

function holds(fixed: readonly Fixed[], bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < fixed.length; i++) {
    const { field, value } = fixed[i] as Fixed
    if (field.read(bytes, at) !== value) return false
  }
  return true
}

/**
 * The struct that the kernel takes the payload for, which determines how it is verified, whether or not it can be
 * expressed in words. Undefined for an unknown one.
 */
export function structOf({ known }: Header, bytes: Uint8Array, part: Part): Known | undefined {
  const at = payloadAt(part)
  const size = payloadSize(part)
  for (let i = 0; i < known.length; i++) {
    const one = known[i] as Known
    if (one.variant.size === size && holds(one.variant.fixed, bytes, at)) return one
  }
  return undefined
}

/** As {@link structOf}, for payloads that can be expressed in words; others are kept as bytes. */
export function payloadOf(header: Header, bytes: Uint8Array, part: Part): Known | undefined {
  const known = structOf(header, bytes, part)
  return known !== undefined && holds(known.variant.worded, bytes, payloadAt(part)) ? known : undefined
}
