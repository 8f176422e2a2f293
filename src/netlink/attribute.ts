/**
 * Attributes of netlink messages, declared once for both directions: a type and a payload. A decoded value is
 * an object with one key per attribute that is present; attributes that are not declared are kept.
 */
import { NLA_F_NESTED, NLA_F_NET_BYTEORDER, NLA_TYPE_MASK, nlAlign, nlattr } from '../abi/netlink'
import { type Codec, u16 } from '../binary/codec'
import { decodeText, encodeText } from '../binary/text'
import { MessageError } from '../errors'

const { nlaLen, nlaType } = nlattr.fields
const HEAD = nlattr.size

/** The payload of an attribute. `at` and `end` are absolute; the caller has checked that they are in bounds. */
export interface Payload<T> {
  /** NLA_F_NESTED, NLA_F_NET_BYTEORDER or 0: the flags in the type of an attribute that is sent. */
  readonly flag: number
  /** Size of the payload in bytes. */
  size(value: T): number
  /** @throws MessageError */
  read(bytes: Uint8Array, at: number, end: number): T
  /** @returns the offset of its end. @throws RangeError */
  write(bytes: Uint8Array, at: number, value: T): number
  /** The name of the nested attribute that begins at `offset`, as in `data.timeout`. */
  nameAt?(bytes: Uint8Array, at: number, end: number, offset: number): string | undefined
  /**
   * The name of the attribute with this type inside the one that begins at `offset`; at the top level if that
   * is undefined.
   */
  nameOf?(bytes: Uint8Array, at: number, end: number, offset: number | undefined, type: number): string | undefined
}

export interface Attribute<T> {
  readonly type: number
  readonly payload: Payload<T>
}

export const attribute = <T>(type: number, payload: Payload<T>): Attribute<T> => ({ type, payload })

/** An attribute that is not declared. `type` includes its flags. */
export interface UnknownAttribute {
  readonly type: number
  readonly value: Uint8Array
}

type Shape = Readonly<Record<string, Attribute<never> | Attribute<unknown>>>
type Value<A> = A extends Attribute<infer T> ? T : never

/** Attributes by name. All are optional: the maker of a message decides which are present. */
export type Values<S> = { -readonly [K in keyof S]?: Value<S[K]> | undefined } & {
  /** Attributes that are not declared, in order. */
  unknown?: UnknownAttribute[] | undefined
}

export type Attributes<S = Shape> = Payload<Values<S>>

/** A value of fixed size, in host byte order unless its codec says otherwise. */
export const fixed = <T>(codec: Codec<T>): Payload<T> => ({
  flag: 0,
  size: () => codec.size,
  read(bytes, at, end) {
    if (end - at !== codec.size) throw new MessageError(at, `it has ${end - at} bytes, not ${codec.size}`)
    return codec.read(bytes, at)
  },
  write(bytes, at, value) {
    codec.write(bytes, at, value)
    return at + codec.size
  },
})

/**
 * As {@link fixed}, for a codec in network order, where the kernel requires NLA_F_NET_BYTEORDER in the type.
 * @param host the codec of what the kernel itself sends without that flag, in host order
 */
export const networkOrder = <T>(codec: Codec<T>, host = codec): Payload<T> => {
  const [network, plain] = [fixed(codec), fixed(host)]
  const saysSo = (bytes: Uint8Array, at: number): boolean => (typeAt(bytes, at - HEAD) & NLA_F_NET_BYTEORDER) !== 0
  return {
    ...network,
    flag: NLA_F_NET_BYTEORDER,
    read: (bytes, at, end) => (saysSo(bytes, at) ? network : plain).read(bytes, at, end),
  }
}

/** Text without a terminator. */
export const string: Payload<string> = {
  flag: 0,
  size: (value) => encodeText(value).length,
  read: (bytes, at, end) => decodeText(bytes.subarray(at, end)),
  write(bytes, at, value) {
    const encoded = encodeText(value)
    bytes.set(encoded, at)
    return at + encoded.length
  },
}

/** NUL-terminated text. Anything after the NUL is ignored. */
export const nulString: Payload<string> = {
  flag: 0,
  size: (value) => string.size(value) + 1,
  read(bytes, at, end) {
    const payload = bytes.subarray(at, end)
    const nul = payload.indexOf(0)
    if (nul < 0) throw new MessageError(at, 'the text has no NUL at its end')
    return decodeText(payload.subarray(0, nul))
  },
  write(bytes, at, value) {
    if (value.includes('\0')) throw new RangeError('text with a NUL inside')
    const end = string.write(bytes, at, value)
    bytes[end] = 0
    return end + 1
  },
}

/** As {@link nulString}, for text that is usually the same as the last time: it is decoded only if it differs. */
export function sameString(): Payload<string> {
  let [last, text] = [new Uint8Array(), '']
  return {
    ...nulString,
    read(bytes, at, end) {
      if (!isSame(last, bytes, at, end)) {
        text = nulString.read(bytes, at, end)
        last = bytes.slice(at, end)
      }
      return text
    },
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, at: number, end: number): boolean {
  if (known.length === 0 || end - at !== known.length) return false
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[at + i]) return false
  return true
}

/** A payload that is not read. */
export const unread: Payload<undefined> = {
  flag: 0,
  size: () => 0,
  read: () => undefined,
  write: (_, at) => at,
}

/** Bytes, unchanged. */
export const binary: Payload<Uint8Array> = {
  flag: 0,
  size: (value) => value.length,
  read: (bytes, at, end) => bytes.slice(at, end),
  write(bytes, at, value) {
    bytes.set(value, at)
    return at + value.length
  },
}

/** As {@link binary}, without copying: the caller must know that the message does not change. */
export const view: Payload<Uint8Array> = { ...binary, read: (bytes, at, end) => bytes.subarray(at, end) }

/** An attribute without a payload. */
export const flag: Payload<true> = {
  flag: 0,
  size: () => 0,
  read(_, at, end) {
    if (at !== end) throw new MessageError(at, `it has ${end - at} bytes, but a flag has none`)
    return true
  },
  write: (_, at) => at,
}

/** Writes an attribute and its padding. */
function writeAttribute<T>(bytes: Uint8Array, at: number, type: number, payload: Payload<T>, value: T): number {
  const end = payload.write(bytes, at + HEAD, value)
  nlaLen.write(bytes, at, end - at)
  nlaType.write(bytes, at, type | payload.flag)
  const next = nlAlign(end)
  bytes.fill(0, end, next)
  return next
}

/** Size of an attribute in bytes, with header and padding. */
const room = <T>(payload: Payload<T>, value: T): number => nlAlign(HEAD + payload.size(value))

/**
 * The offset at which the attribute at `at` ends, without padding.
 * @throws MessageError if that is not before `end`
 */
function endOf(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < HEAD) throw new MessageError(at, `${end - at} bytes are too few for an attribute`)
  const length = u16.read(bytes, at)
  if (length < HEAD) throw new MessageError(at, `an attribute of ${length} bytes is shorter than its head`)
  if (length > end - at) throw new MessageError(at, `an attribute of ${length} bytes, but only ${end - at} are left`)
  return at + length
}

const typeAt = (bytes: Uint8Array, at: number): number => u16.read(bytes, at + nlaType.offset)

const join = (outer: string, inner: string | undefined): string => (inner === undefined ? outer : `${outer}.${inner}`)

/** Adds the name of an attribute to an error inside it. */
const inside = (name: string, error: unknown): unknown =>
  error instanceof MessageError
    ? new MessageError(error.offset, error.reason, { attribute: join(name, error.attribute) })
    : error

interface Declared {
  readonly name: string
  readonly type: number
  readonly payload: Payload<unknown>
}

type Untyped = Record<string, unknown> & { unknown?: UnknownAttribute[] }

const notDeclared = (name: string): never => {
  throw new RangeError(`bug in xtables: there is no attribute ${name}`)
}

/** Declares the attributes of one level, by name. They are written in the order of the value's keys. */
export function attributes<const S extends Shape>(shape: S): Attributes<S> {
  const declared: Declared[] = Object.entries(shape).map(([name, { type, payload }]) => ({
    name,
    type,
    payload: payload as Payload<unknown>,
  }))
  const byType: (Declared | undefined)[] = []
  for (const one of declared) {
    if (byType[one.type] !== undefined || one.name === 'unknown')
      throw new Error(`attribute ${one.name} declared twice`)
    byType[one.type] = one
  }
  const byName = new Map(declared.map((one) => [one.name, one]))
  const declaredAs = (name: string): Declared => byName.get(name) ?? notDeclared(name)
  return {
    flag: NLA_F_NESTED,
    size(values) {
      let size = 0
      for (const name in values) {
        const value = (values as Untyped)[name]
        if (value !== undefined && name !== 'unknown') size += room(declaredAs(name).payload, value)
      }
      for (const { value } of values.unknown ?? []) size += room(binary, value)
      return size
    },
    read(bytes, start, end) {
      const values: Untyped = {}
      for (let at = start; at < end; ) {
        const attributeEnd = endOf(bytes, at, end)
        const type = typeAt(bytes, at)
        const one = byType[type & NLA_TYPE_MASK]
        if (one === undefined) {
          values.unknown ??= []
          values.unknown.push({ type, value: bytes.slice(at + HEAD, attributeEnd) })
        } else {
          if (values[one.name] !== undefined)
            throw new MessageError(at, 'the attribute is repeated', { attribute: one.name })
          try {
            values[one.name] = one.payload.read(bytes, at + HEAD, attributeEnd)
          } catch (error) {
            throw inside(one.name, error)
          }
        }
        at = nlAlign(attributeEnd - start) + start
      }
      return values as never
    },
    write(bytes, start, values) {
      let at = start
      for (const name in values) {
        const value = (values as Untyped)[name]
        if (value === undefined || name === 'unknown') continue
        const { type, payload } = declaredAs(name)
        at = writeAttribute(bytes, at, type, payload, value)
      }
      for (const { type, value } of values.unknown ?? []) at = writeAttribute(bytes, at, type, binary, value)
      return at
    },
    nameAt(bytes, start, end, offset) {
      for (const { at, attributeEnd, type } of walk(bytes, start, end)) {
        const one = byType[type & NLA_TYPE_MASK]
        const name = one?.name ?? `attribute ${type & NLA_TYPE_MASK}`
        if (at === offset) return name
        if (offset < attributeEnd) return join(name, one?.payload.nameAt?.(bytes, at + HEAD, attributeEnd, offset))
      }
      return undefined
    },
    nameOf(bytes, start, end, offset, wanted) {
      if (offset === undefined) return byType[wanted]?.name
      for (const { at, attributeEnd, type } of walk(bytes, start, end)) {
        const one = byType[type & NLA_TYPE_MASK]
        if (offset >= attributeEnd || one === undefined) continue
        const nest = at === offset ? undefined : offset
        return join(one.name, one.payload.nameOf?.(bytes, at + HEAD, attributeEnd, nest, wanted))
      }
      return undefined
    },
  }
}

/** Iterates over consecutive attributes. @throws MessageError */
export function* walk(bytes: Uint8Array, start: number, end: number) {
  for (let at = start; at < end; ) {
    const attributeEnd = endOf(bytes, at, end)
    yield { at, attributeEnd, type: typeAt(bytes, at) }
    at = nlAlign(attributeEnd - start) + start
  }
}

/** The payload of an attribute, still encoded in a message. */
export interface Encoded {
  readonly bytes: Uint8Array
  readonly at: number
  readonly end: number
}

/** A list that may be long, so that its values are read and written one at a time. */
export interface ListPayload<T> extends Payload<readonly T[]> {
  /** Reads the values one by one. @throws MessageError */
  each(encoded: Encoded, take: (value: T) => void): void
  /** The value that begins at `at`. @throws MessageError */
  valueAt(encoded: Encoded, at: number): T
  /** The offset of the value after the one at `at`. @throws MessageError */
  nextOf(encoded: Encoded, at: number): number
  /** Appends a value after those that end at `at`. @returns the new end. @throws RangeError */
  append(bytes: Uint8Array, at: number, value: T): number
}

/** As `payload`, but left encoded. */
export const encoded = <T>(payload: Payload<T>): Payload<Encoded> => ({
  ...payload,
  size: ({ at, end }) => end - at,
  read: (bytes, at, end) => ({ bytes, at, end }),
  write(to, at, { bytes, at: start, end }) {
    to.set(bytes.subarray(start, end), at)
    return at + end - start
  },
})

/**
 * An attribute that contains others of one kind, each with the number `type`: NFTA_LIST_ELEM or
 * IPSET_ATTR_DATA. When reading, any number is accepted.
 */
export const list = <T>(type: number, payload: Payload<T>): ListPayload<T> => ({
  flag: NLA_F_NESTED,
  size: (values) => values.reduce((size, value) => size + room(payload, value), 0),
  read(bytes, at, end) {
    const values: T[] = []
    this.each({ bytes, at, end }, (value) => values.push(value))
    return values
  },
  write(bytes, start, values) {
    return values.reduce((at, value) => this.append(bytes, at, value), start)
  },
  each(part, take) {
    let index = 0
    for (let at = part.at; at < part.end; index++) {
      const next = this.nextOf(part, at)
      let value: T
      try {
        value = this.valueAt(part, at)
      } catch (error) {
        throw inside(String(index), error)
      }
      take(value)
      at = next
    }
  },
  valueAt: ({ bytes, end }, at) => payload.read(bytes, at + HEAD, endOf(bytes, at, end)),
  nextOf: ({ bytes, at: start, end }, at) => nlAlign(endOf(bytes, at, end) - start) + start,
  append: (bytes, at, value) => writeAttribute(bytes, at, type, payload, value),
  nameAt(bytes, start, end, offset) {
    let index = 0
    for (const { at, attributeEnd } of walk(bytes, start, end)) {
      if (offset < attributeEnd)
        return join(String(index), at === offset ? undefined : payload.nameAt?.(bytes, at + HEAD, attributeEnd, offset))
      index++
    }
    return undefined
  },
})

/**
 * An attribute that contains one other, whose number says what it is: an address of one family or the other.
 * @param which the key under which a value is written
 */
export const choice = <T>(options: Readonly<Record<string, Attribute<T>>>, which: (value: T) => string): Payload<T> => {
  const byType: (Payload<T> | undefined)[] = []
  for (const { type, payload } of Object.values(options)) byType[type] = payload
  const chosen = (value: T): Attribute<T> => options[which(value)] as Attribute<T>
  return {
    flag: NLA_F_NESTED,
    size: (value) => room(chosen(value).payload, value),
    read(bytes, at, end) {
      const attributeEnd = endOf(bytes, at, end)
      const payload = byType[typeAt(bytes, at) & NLA_TYPE_MASK]
      if (payload === undefined) throw new MessageError(at, `it is none of ${Object.keys(options).join(', ')}`)
      if (nlAlign(attributeEnd - at) < end - at)
        throw new MessageError(attributeEnd, 'it contains more than one attribute')
      return payload.read(bytes, at + HEAD, attributeEnd)
    },
    write(bytes, at, value) {
      const { type, payload } = chosen(value)
      return writeAttribute(bytes, at, type, payload, value)
    },
  }
}

/** Size in bytes of one more value in a {@link list}. */
export const roomInList = room
