/** Converts entries and create options from users' values to attributes, and back, by the declarations of the types. */

import { isObject, shown } from '../check-input'
import { SetError } from '../errors'
import type { Encoded } from '../netlink/attribute'
import { shownEntry } from './explain-refusal'
import { type Aim, Mismatch } from './fields'
import { type EntryAttributes, entryList } from './messages'
import type { AnyField, SetType } from './types'

type Fields<A> = Readonly<Record<string, AnyField<A>>>

/** A value that is refused before anything is sent to the kernel. */
export class Unfit extends Error {}

/** @throws Unfit */
function writeField<A>(to: A, name: string, field: AnyField<A>, value: unknown, aim: Aim): void {
  try {
    field.write(to, value, aim)
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error
    const why = error.reason === undefined ? '' : `: ${error.reason}`
    throw new Unfit(`${name} must be ${field.expects}, not ${shown(value)}${why}`)
  }
}

/** @throws Unfit */
export function writeFields<A extends object>(fields: Fields<A>, value: object, aim: Aim): A {
  const to = {} as A
  for (const name in fields) {
    const field = fields[name] as AnyField<A>
    const one = (value as Record<string, unknown>)[name]
    if (one !== undefined) writeField(to, name, field, one, aim)
    else if (!field.optional) throw new Unfit(`${name} is missing; it must be ${field.expects}`)
  }
  for (const name of Object.keys(value))
    if (!Object.hasOwn(fields, name))
      throw new Unfit(`there is no ${name} here; accepted: ${Object.keys(fields).join(', ')}`)
  return to
}

export function readFields<A>(fields: Fields<A>, from: A): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const name in fields) {
    const one = (fields[name] as AnyField<A>).read(from)
    if (one !== undefined) value[name] = one
  }
  return value
}

/** The entries in one message about a set. */
export function readEntries({ entry: fields }: SetType, part: Encoded): Record<string, unknown>[] {
  const entries: Record<string, unknown>[] = []
  entryList.each(part, (attributes) => entries.push(readFields(fields, attributes)))
  return entries
}

/** The only part of an entry, if it has just one. */
export function aloneIn({ entry, parts }: SetType): string | undefined {
  const needed = parts.filter((name) => !entry[name]?.optional)
  return needed.length === 1 ? needed[0] : undefined
}

/** What entries are written for. */
export interface Target {
  readonly type: SetType
  readonly revision: number
}

/** Converts users' entries to attributes. */
export class EntryWriter {
  readonly #type: SetType
  readonly #revision: number
  readonly #aim: Aim
  readonly #alone: string | undefined
  /** Fields that a kernel of this revision would silently ignore. */
  readonly #tooNew: readonly string[]

  constructor({ type, revision }: Target, aim: Aim) {
    this.#type = type
    this.#revision = revision
    this.#aim = aim
    this.#alone = aloneIn(type)
    this.#tooNew = Object.keys(type.entry).filter((name) => (type.since[name] ?? 0) > revision)
  }

  /** @throws Unfit */
  write(entry: unknown): EntryAttributes {
    const { entry: fields, name } = this.#type
    if (isObject(entry)) {
      this.#checkRevision(entry as Record<string, unknown>)
      return writeFields(fields, entry, this.#aim)
    }
    const alone = this.#alone
    if (alone === undefined || (typeof entry !== 'string' && typeof entry !== 'number'))
      throw new Unfit(`an entry of ${name} must be an object of ${Object.keys(fields).join(', ')}, not ${shown(entry)}`)
    const to: EntryAttributes = {}
    writeField(to, alone, fields[alone] as AnyField<EntryAttributes>, entry, this.#aim)
    return to
  }

  #checkRevision(entry: Record<string, unknown>): void {
    if (this.#tooNew.length === 0) return
    const name = this.#tooNew.find((one) => entry[one] !== undefined && entry[one] !== false)
    if (name === undefined) return
    const { since, name: type } = this.#type
    throw new Unfit(`${name} requires revision ${since[name]} of ${type}; the set is of revision ${this.#revision}`)
  }
}

/** Bytes of entries in one message: they are in one attribute, whose length has 16 bits. */
const MAX_ROOM = 0xf000
/** More than any entry takes. */
const MAX_ENTRY = 0x1000

export interface Chunk {
  /** Must be sent before the next group is requested, which reuses the buffer. */
  readonly entries: Encoded
  /** The entries as they were given, and how many were given before them. */
  readonly given: readonly unknown[]
  readonly first: number
}

/**
 * Entries in groups that fit into a message. Each has a number, from 1, by which the kernel identifies a
 * refused entry.
 */
export function* chunked(set: string, writer: EntryWriter, aim: Aim, entries: Iterable<unknown>): Generator<Chunk> {
  const bytes = new Uint8Array(MAX_ROOM + MAX_ENTRY)
  let given: unknown[] = []
  let end = 0
  let count = 0
  const chunk = (): Chunk => ({ entries: { bytes, at: 0, end }, given, first: count - given.length })
  for (const entry of entries) {
    const one = written(set, writer, aim, entry, count)
    one.lineno = count + 1
    let next = entryList.append(bytes, end, one)
    if (next > MAX_ROOM) {
      yield chunk()
      bytes.copyWithin(0, end, next)
      ;[given, end, next] = [[], 0, next - end]
    }
    given.push(entry)
    end = next
    count++
  }
  if (given.length > 0) yield chunk()
}

/** @throws SetError */
export function written(
  set: string,
  writer: EntryWriter,
  { operation }: Aim,
  entry: unknown,
  index?: number,
): EntryAttributes {
  try {
    return writer.write(entry)
  } catch (error) {
    if (error instanceof Unfit)
      throw new SetError('XT_SET_INVALID', { set, operation, entry, index, shown: shownEntry(entry) }, error.message, {
        cause: error,
      })
    throw error
  }
}
