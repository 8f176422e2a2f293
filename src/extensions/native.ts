/**
 * What an extension is in terms of nf_tables, where it has such a form: what a packet is tested for, or what is done with
 * it, as statements. Declared once, for writing rules and for reading what others wrote.
 */
import { NFT_PAYLOAD } from '../abi/nf-tables'
import { be16, type Codec, type Field } from '../binary/codec'
import type { PortRange } from './values/port'
import { same } from './values/value'

/** What is looked at: something that the kernel knows of the packet or its connection, or bytes of the packet itself. */
export type Source =
  | { readonly from: 'meta'; readonly key: number }
  | { readonly from: 'ct'; readonly key: number; readonly direction?: number | undefined }
  | { readonly from: 'payload'; readonly base: number; readonly offset: number; readonly length: number }

export type Comparison = 'eq' | 'neq' | 'lt' | 'lte' | 'gt' | 'gte'

/** A packet goes on where what is looked at compares so. */
export interface Test {
  readonly kind: 'test'
  readonly source: Source
  /** Bits that are looked at; all where absent. */
  readonly mask?: Uint8Array | undefined
  readonly op: Comparison
  readonly value: Uint8Array
  /** Where what is asked is a range, its other end, which is in it. */
  readonly to?: Uint8Array | undefined
}

/** Something is looked at, and nothing asked of it. */
export interface Look {
  readonly kind: 'look'
  readonly source: Source
}

/** Something that the kernel knows of the packet is set. */
export interface Assignment {
  readonly kind: 'set'
  readonly key: number
  readonly value: Uint8Array
}

/** An expression of its own, by its name and attributes. */
export interface Plain {
  readonly kind: 'expression'
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
}

export type Statement = Test | Look | Assignment | Plain

/** Some statements, and the fields that they stand for. */
export interface NativePart {
  /** Of the statements that it reads: see {@link keyOf}. */
  readonly keys: readonly string[]
  /** @returns what is to be said; undefined where that cannot be said in such statements. */
  write(bytes: Uint8Array, at: number): readonly Statement[] | undefined
  /** Whether it may read several statements, one after the other, as long as these do not say the same twice. */
  readonly isGradual?: boolean
  /** Notes a statement in a payload. @returns whether it is one of these */
  read(statement: Statement, bytes: Uint8Array, at: number): boolean
}

/** The native form of an extension: its parts in the order in which they are written. */
export interface Native {
  readonly parts: readonly NativePart[]
  /** Whether rules are written so. Others are read so, as later versions of iptables-nft and nft write them. */
  readonly isWritten: boolean
}

export const native = (...parts: readonly NativePart[]): Native => ({ parts, isWritten: true })
/** As {@link native}, of what iptables-nft writes as an extension of x_tables, and others write so. */
export const readNatively = (...parts: readonly NativePart[]): Native => ({ parts, isWritten: false })

export const meta = (key: number): Source => ({ from: 'meta', key })
export const transport = (offset: number, length: number): Source => ({
  from: 'payload',
  base: NFT_PAYLOAD.TRANSPORT,
  offset,
  length,
})
export const network = (offset: number, length: number): Source => ({
  from: 'payload',
  base: NFT_PAYLOAD.NETWORK,
  offset,
  length,
})

const sourceKey = (source: Source): string =>
  source.from === 'payload'
    ? `payload ${source.base} ${source.offset} ${source.length}`
    : `${source.from} ${source.key} ${(source.from === 'ct' && source.direction) || 0}`

/** By what it is found who reads a statement. */
export function keyOf(statement: Statement): string {
  if (statement.kind === 'expression') return statement.name
  return statement.kind === 'set' ? `set ${statement.key}` : sourceKey(statement.source)
}

/** The value as it lies in a register. */
export function encoded<T>(codec: Codec<T>, value: T): Uint8Array {
  const bytes = new Uint8Array(codec.size)
  codec.write(bytes, 0, value)
  return bytes
}

const EQUAL = { true: 'neq', false: 'eq' } as const
export const equality = (negated: boolean): 'eq' | 'neq' => EQUAL[`${negated}`]

const isEquality = (op: Comparison): op is 'eq' | 'neq' => op === 'eq' || op === 'neq'

/** Something must have one value, or must not; under a mask, where that does not have every bit. */
export function valueTest(
  source: Source,
  codec: Codec<number>,
  { value, mask, negation }: { value: Field<number>; mask?: Field<number>; negation?: Field<boolean> },
): NativePart {
  const all = 2 ** (8 * codec.size) - 1
  return {
    keys: [sourceKey(source)],
    write(bytes, at) {
      const bits = mask?.read(bytes, at) ?? all
      const op = equality(negation?.read(bytes, at) ?? false)
      const masked = bits === all ? {} : { mask: encoded(codec, bits) }
      return [{ kind: 'test', source, ...masked, op, value: encoded(codec, value.read(bytes, at)) }]
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test' || statement.to !== undefined || !isEquality(statement.op)) return false
      if (statement.value.length !== codec.size || (statement.mask !== undefined && mask === undefined)) return false
      if (statement.op === 'neq' && negation === undefined) return false
      value.write(bytes, at, codec.read(statement.value, 0))
      mask?.write(bytes, at, statement.mask === undefined ? all : codec.read(statement.mask, 0))
      negation?.write(bytes, at, statement.op === 'neq')
      return true
    },
  }
}

const ANY_PORT: PortRange = [0, 0xffff]
const PORT = be16.size

/** What is asked of a port; nothing where any will do, undefined where none will. */
function portTest(source: Source, [first, last]: PortRange, negated: boolean): readonly Test[] | undefined {
  if (first === 0 && last === 0xffff) return negated ? undefined : []
  const test = (op: Comparison, port: number, to?: number): Test => ({
    kind: 'test',
    source,
    op,
    value: encoded(be16, port),
    ...(to !== undefined && { to: encoded(be16, to) }),
  })
  if (first === last) return [test(equality(negated), first)]
  if (first === 0) return [test(negated ? 'gt' : 'lte', last)]
  return [test(equality(negated), first, last)]
}

/** As {@link portTest}, the other way; undefined for what no range of ports says. */
function portsOf({ op, value, to, mask }: Test): { range: PortRange; negated: boolean } | undefined {
  if (value.length !== PORT || mask !== undefined) return undefined
  const port = be16.read(value, 0)
  if (isEquality(op)) return { range: [port, to === undefined ? port : be16.read(to, 0)], negated: op === 'neq' }
  const ranges = { lte: [0, port], lt: [0, port - 1], gt: [port + 1, 0xffff], gte: [port, 0xffff] } as const
  const [first, last] = ranges[op]
  return first <= last ? { range: [first, last], negated: false } : undefined
}

/** The ports of most transport protocols, which two neighbours say at once where each is to be one. */
export function portTests(
  ports: readonly [source: Field<PortRange>, destination: Field<PortRange>],
  negations: readonly [Field<boolean>, Field<boolean>],
): NativePart {
  const both = transport(0, 2 * PORT)
  const sources = [transport(0, PORT), transport(PORT, PORT)] as const
  const isOne = ([first, last]: PortRange): boolean => first === last
  const note = (test: Test, which: number, bytes: Uint8Array, at: number): boolean => {
    const [field, negation] = [ports[which] as Field<PortRange>, negations[which] as Field<boolean>]
    const said = portsOf(test)
    if (said === undefined || !same(field.read(bytes, at), ANY_PORT) || negation.read(bytes, at)) return false
    field.write(bytes, at, said.range)
    negation.write(bytes, at, said.negated)
    return true
  }
  return {
    keys: [...sources, both].map(sourceKey),
    isGradual: true,
    write(bytes, at) {
      const ranges = ports.map((field) => field.read(bytes, at))
      const negated = negations.map((field) => field.read(bytes, at))
      if (ranges.every(isOne) && !negated.some(Boolean)) {
        const value = new Uint8Array(2 * PORT)
        for (const [i, [port]] of ranges.entries()) be16.write(value, i * PORT, port)
        return [{ kind: 'test', source: both, op: 'eq', value }]
      }
      const tests = sources.map((source, i) => portTest(source, ranges[i] as PortRange, negated[i] as boolean))
      return tests.includes(undefined) ? undefined : (tests as Test[][]).flat()
    },
    read(statement, bytes, at) {
      if (statement.kind !== 'test') return false
      const { source, op, value, mask, to } = statement
      const which = sources.findIndex((one) => sourceKey(one) === sourceKey(source))
      if (which >= 0) return note(statement, which, bytes, at)
      if (op !== 'eq' || mask !== undefined || to !== undefined || value.length !== 2 * PORT) return false
      const halves = [value.subarray(0, PORT), value.subarray(PORT)]
      const copy = bytes.slice()
      const isNoted = halves.every((half, i) => note({ kind: 'test', source, op, value: half }, i, copy, at))
      if (isNoted) bytes.set(copy)
      return isNoted
    },
  }
}

/** A field that has to hold one value, as there are no statements for others. */
export const onlyWhere = <T>(field: Field<T>, value: NoInfer<T>): NativePart => ({
  keys: [],
  write: (bytes, at) => (same(field.read(bytes, at), value) ? [] : undefined),
  read: () => false,
})

/** A part that says nothing where a field holds what it holds by itself. */
export const optional = <T>(field: Field<T>, absent: NoInfer<T>, part: NativePart): NativePart => ({
  ...part,
  write: (bytes, at) => (same(field.read(bytes, at), absent) ? [] : part.write(bytes, at)),
  read: (statement, bytes, at) => same(field.read(bytes, at), absent) && part.read(statement, bytes, at),
})

/** A part that is there where a truth says so. */
export const given = (isGiven: Field<boolean>, part: NativePart): NativePart => ({
  ...part,
  write: (bytes, at) => (isGiven.read(bytes, at) ? part.write(bytes, at) : []),
  read(statement, bytes, at) {
    if (isGiven.read(bytes, at) || !part.read(statement, bytes, at)) return false
    isGiven.write(bytes, at, true)
    return true
  },
})

/** An expression that says all that the payload does, by its attributes. */
export const expression = <D extends Readonly<Record<string, unknown>>>(
  name: string,
  {
    write,
    read,
  }: {
    /** @returns undefined where it cannot be said so. */
    write(bytes: Uint8Array, at: number): D | undefined
    /** @returns whether it can be said in the payload. */
    read(data: Partial<D>, bytes: Uint8Array, at: number): boolean
  },
): NativePart => ({
  keys: [name],
  write(bytes, at) {
    const data = write(bytes, at)
    return data && [{ kind: 'expression', name, data }]
  },
  read: (statement, bytes, at) => statement.kind === 'expression' && read(statement.data as Partial<D>, bytes, at),
})

/** That something which the kernel knows of the packet is set to one value. */
export const assignment = (key: number, value: Uint8Array): NativePart => ({
  keys: [`set ${key}`],
  write: () => [{ kind: 'set', key, value }],
  read: (statement) => statement.kind === 'set' && same(statement.value, value),
})
