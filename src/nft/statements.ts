/**
 * Converts expressions to steps, and back. Expressions pass values through registers: one loads what another
 * compares. A step is complete in itself.
 */
import {
  NFT_BITWISE,
  NFT_BYTEORDER,
  NFT_EXTHDR_F_PRESENT,
  NFT_EXTHDR_OP,
  NFT_PAYLOAD_CSUM,
  NFT_RANGE,
  NFT_REG_1,
  NFT_REG_VERDICT,
  NFT_REG32_00,
  NFT_REG32_01,
} from '../abi/nf-tables'
import { u32 } from '../binary/codec'
import { type Comparison, keyOf, type Source, type Statement, type Test } from '../extensions/native'
import type { Encoded } from '../netlink/attribute'
import { type Data, type Expression, type ExpressionOf, isKnown, type Known } from './expressions'

/** An x_tables match or target, with its x_tables payload. */
export interface CompatStep<K extends 'match' | 'target' = 'match' | 'target'> {
  readonly kind: K
  readonly name: string
  readonly revision: number
  readonly info: Encoded
}

export interface CounterStep {
  readonly kind: 'counter'
  readonly packets: bigint
  readonly bytes: bigint
}

/** @see NFT_VERDICT */
export interface VerdictStep {
  readonly kind: 'verdict'
  readonly code: number
  readonly chain?: string | undefined
}

export type Step = Statement | CompatStep<'match'> | CompatStep<'target'> | CounterStep | VerdictStep

const OPS = ['eq', 'neq', 'lt', 'lte', 'gt', 'gte'] as const satisfies readonly Comparison[]

/** The content of a register: something that was loaded, or a constant. */
type Content =
  | {
      readonly kind: 'source'
      readonly source: Source
      readonly mask?: Uint8Array
      /** Bits that are inverted after the mask is applied. */
      readonly xor?: Uint8Array
      /** The shift in bits after that: to the left, or if negative to the right. */
      readonly shift?: number
      /** Number of bytes that were byte-swapped. */
      readonly turned?: number | undefined
      isTested: boolean
    }
  | { readonly kind: 'constant'; readonly value: Uint8Array }

type Looked = Extract<Content, { kind: 'source' }>

/** Wide registers have sixteen bytes; narrow ones have four, and are parts of those. */
const [WIDE, NARROW] = [16, 4] as const

/** The register bytes that content occupies. Except for payloads, sources are assumed to fill a wide register. */
function extentOf(register: number, content: Content): readonly [start: number, end: number] {
  const start = register < NFT_REG32_00 ? register * WIDE : WIDE + (register - NFT_REG32_00) * NARROW
  const source = content.kind === 'source' ? content.source : undefined
  const length = source === undefined ? (content as { value: Uint8Array }).value.length : WIDE
  return [start, start + (source?.from === 'payload' ? source.length : length)]
}

/** The attributes of expressions that name registers to be read. */
const READ_REGISTERS: Readonly<Record<string, readonly string[]>> = {
  nat: ['addressMin', 'addressMax', 'portMin', 'portMax'],
  masq: ['portMin', 'portMax'],
  redir: ['portMin', 'portMax'],
  dup: ['address', 'device'],
}
/** Expressions that use no register. */
const PLAIN: readonly string[] = ['limit', 'log', 'reject', 'queue', 'notrack', 'synproxy']

/** Size of a mark. Other values are not shifted, and are copied only under a mask. */
const MARK = 4

const MAX_SHIFT = 8 * MARK - 1

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

/** The expressions contain something that is not understood here. */
class Obscure extends Error {}

const obscure = (): never => {
  throw new Obscure()
}

/** The steps of some expressions; undefined if not everything in them is understood. */
export function stepsOf(expressions: readonly Expression[]): Step[] | undefined {
  const reader = new Reader()
  try {
    for (const expression of expressions) reader.read(isKnown(expression) ? expression : obscure())
    return reader.finish()
  } catch (error) {
    if (error instanceof Obscure) return undefined
    throw error
  }
}

type Compared = Pick<Test, 'op' | 'value' | 'to'>

/** Whether exactly what was loaded is compared. A source without a length is taken to be as long as the value. */
function isWhole({ source, mask, turned }: Looked, { value, to }: Compared): boolean {
  const length = 'length' in source ? source.length : (turned ?? value.length)
  return (
    (turned ?? length) === length && [value, to, mask].every((bytes) => bytes === undefined || bytes.length === length)
  )
}

/** A byte-swapped value equals a constant if the original value equals the byte-swapped constant. */
function inOrder(compared: Compared, { turned }: Looked): Compared & Pick<Test, 'isTurned'> {
  if (turned === undefined) return compared
  const isEquality = compared.to === undefined && (compared.op === 'eq' || compared.op === 'neq')
  return isEquality ? { ...compared, value: compared.value.toReversed() } : { ...compared, isTurned: true }
}

function maskOf(mask: Data | undefined, xor: Data | undefined): { mask: Uint8Array; xor?: Uint8Array } {
  const [kept, turned] = [mask?.value ?? obscure(), xor?.value ?? obscure()]
  return isZero(turned) ? { mask: kept } : { mask: kept, xor: turned }
}

/** Shifts are understood only for marks: the bytes of other values may be in another order. */
function shiftOf(op: number, size: number | undefined, data: Data | undefined): number {
  const bits = data?.value?.length === u32.size ? u32.read(data.value, 0) : obscure()
  if (size !== MARK || bits < 1 || bits > MAX_SHIFT) obscure()
  if (op === NFT_BITWISE.LSHIFT) return bits
  return op === NFT_BITWISE.RSHIFT ? -bits : obscure()
}

class Reader {
  readonly #steps: Step[] = []
  readonly #registers = new Map<number, Content>()

  finish(): Step[] {
    this.#leaveAll()
    return this.#steps
  }

  #leaveAll(): void {
    for (const register of this.#registers.keys()) this.#leave(register)
  }

  /** Adds a step that is not a test. */
  #say(step: Step): void {
    this.#leaveAll()
    this.#steps.push(step)
  }

  read(expression: Known): void {
    const { name, data } = expression
    if (data.unknown !== undefined) obscure()
    if ((name === 'meta' || name === 'ct') && data.sreg !== undefined) this.#set(expression)
    else if (name === 'payload' && data.sreg !== undefined) this.#write(expression)
    else if (name === 'meta') this.#load(data.dreg, { from: 'meta', key: data.key ?? obscure() })
    else if (name === 'payload') this.#loadPayload(expression)
    else if (name === 'exthdr') this.#loadOptional(expression)
    else if (name === 'ct') this.#loadConnection(expression)
    else if (name === 'rt') this.#load(data.dreg, { from: 'rt', key: data.key ?? obscure() })
    else if (name === 'fib')
      this.#load(data.dreg, { from: 'fib', flags: data.flags ?? obscure(), result: data.result ?? obscure() })
    else if (name === 'bitwise') this.#compute(expression)
    else if (name === 'byteorder') this.#turn(expression)
    else if (name === 'cmp') this.#compare(data.sreg, OPS[data.op ?? obscure()], data.data)
    else if (name === 'range') this.#inRange(expression)
    else if (name === 'immediate') this.#immediate(expression)
    else if (name === 'counter') this.#say({ kind: 'counter', packets: data.packets ?? 0n, bytes: data.bytes ?? 0n })
    else if (name === 'match' || name === 'target') this.#compat(expression)
    else this.#plain(expression)
  }

  /** Something that was loaded but never tested becomes a step before it is overwritten. */
  #leave(register: number): void {
    const content = this.#registers.get(register)
    if (content?.kind !== 'source' || content.isTested) return
    const isPlain = content.mask === undefined && content.shift === undefined
    this.#steps.push(isPlain ? { kind: 'look', source: content.source } : obscure())
    content.isTested = true
  }

  /** Puts content into a register, and clears what occupied any of its bytes. */
  #put(register: number | undefined, content: Content): void {
    const to = register ?? obscure()
    const [start, end] = extentOf(to, content)
    for (const [other, held] of this.#registers) {
      const [from, until] = extentOf(other, held)
      if (from >= end || start >= until) continue
      this.#leave(other)
      this.#registers.delete(other)
    }
    this.#registers.set(to, content)
  }

  #load(register: number | undefined, source: Source): void {
    this.#put(register, { kind: 'source', source, isTested: false })
  }

  #loadPayload({ data: { dreg, base, offset, len } }: ExpressionOf<'payload'>): void {
    if (base === undefined || offset === undefined || len === undefined) obscure()
    else this.#load(dreg, { from: 'payload', base, offset, length: len })
  }

  #loadOptional({ data }: ExpressionOf<'exthdr'>): void {
    const { dreg, type, offset, len, op = NFT_EXTHDR_OP.IPV6, flags = 0, sreg } = data
    if (sreg !== undefined || (flags !== 0 && flags !== NFT_EXTHDR_F_PRESENT)) obscure()
    else if (type === undefined || offset === undefined || len === undefined) obscure()
    else {
      const presence = flags === 0 ? {} : { isPresence: true }
      this.#load(dreg, { from: 'exthdr', op, type, offset, length: len, ...presence })
    }
  }

  #loadConnection({ data: { dreg, key, direction, sreg } }: ExpressionOf<'ct'>): void {
    if (sreg !== undefined || key === undefined) obscure()
    else this.#load(dreg, { from: 'ct', key, ...(direction !== undefined && { direction }) })
  }

  #source(register: number | undefined): Looked {
    const content = this.#registers.get(register ?? obscure())
    return content?.kind === 'source' ? content : obscure()
  }

  #compute({ data: { sreg, dreg, op = NFT_BITWISE.BOOL, len, mask, xor, data } }: ExpressionOf<'bitwise'>): void {
    const content = this.#source(sreg)
    if (sreg !== dreg || content.turned !== undefined || content.isTested || content.shift !== undefined) obscure()
    const isShift = op !== NFT_BITWISE.BOOL
    if (!isShift && (content.mask !== undefined || data !== undefined)) obscure()
    if (isShift && (mask !== undefined || xor !== undefined)) obscure()
    const computed = isShift ? { shift: shiftOf(op, len, data) } : maskOf(mask, xor)
    this.#registers.set(dreg as number, { ...content, ...computed, isTested: false })
  }

  #turn({ data: { sreg, dreg, op, len, size } }: ExpressionOf<'byteorder'>): void {
    const { source, mask, shift, isTested, turned } = this.#source(sreg)
    if (sreg !== dreg || op !== NFT_BYTEORDER.HTON || size !== len) obscure()
    if (mask !== undefined || shift !== undefined || isTested || turned !== undefined) obscure()
    this.#registers.set(dreg as number, { kind: 'source', source, turned: len, isTested: false })
  }

  #test(register: number | undefined, compared: Compared): void {
    const content = this.#source(register)
    const { source, mask, xor, shift } = content
    if (xor !== undefined || shift !== undefined || !isWhole(content, compared)) obscure()
    if (content.isTested) this.#narrow(source, mask, compared)
    else this.#steps.push({ kind: 'test', source, ...(mask && { mask }), ...inOrder(compared, content) })
    content.isTested = true
  }

  /** Joins two tests, for the first and the last value of a range, into one. */
  #narrow(source: Source, mask: Uint8Array | undefined, { op, value }: Pick<Test, 'op' | 'value'>): void {
    const last = this.#steps.at(-1)
    if (last?.kind !== 'test' || keyOf(last) !== keyOf({ kind: 'look', source }) || last.mask !== mask) obscure()
    else if (last.op !== 'gte' || op !== 'lte') obscure()
    else this.#steps[this.#steps.length - 1] = { ...last, op: 'eq', to: value }
  }

  #compare(register: number | undefined, op: Comparison | undefined, data: Data | undefined): void {
    this.#test(register, { op: op ?? obscure(), value: data?.value ?? obscure() })
  }

  #inRange({ data: { sreg, op, from, to } }: ExpressionOf<'range'>): void {
    const comparison = op === NFT_RANGE.EQ ? 'eq' : op === NFT_RANGE.NEQ ? 'neq' : obscure()
    this.#test(sreg, { op: comparison, value: from?.value ?? obscure(), to: to?.value ?? obscure() })
  }

  #immediate({ data: { dreg, data } }: ExpressionOf<'immediate'>): void {
    const { verdict, value } = data ?? obscure()
    if (verdict !== undefined && dreg === NFT_REG_VERDICT)
      this.#say({
        kind: 'verdict',
        code: verdict.code ?? obscure(),
        ...(verdict.chain !== undefined && { chain: verdict.chain }),
      })
    else this.#put(dreg, { kind: 'constant', value: value ?? obscure() })
  }

  #constant(register: number): Uint8Array {
    const content = this.#registers.get(register)
    return content?.kind === 'constant' ? content.value : obscure()
  }

  #set({ name, data: { sreg, key, ...rest } }: ExpressionOf<'meta' | 'ct'>): void {
    if ('direction' in rest && rest.direction !== undefined) obscure()
    const to: Source = { from: name, key: key ?? obscure() }
    const content = this.#registers.get(sreg as number) ?? obscure()
    if (content.kind === 'constant') this.#say({ kind: 'set', to, value: content.value })
    else this.#copy(to, content)
  }

  /** A write to a packet. The content must have been masked, so that the write changes only some bits. */
  #write({
    data: { sreg, base, offset, len, csumType = 0, csumOffset, csumFlags = 0 },
  }: ExpressionOf<'payload'>): void {
    const checksum = csumType === NFT_PAYLOAD_CSUM.INET ? csumOffset : undefined
    if (csumFlags !== 0 || (csumType !== NFT_PAYLOAD_CSUM.NONE && checksum === undefined)) obscure()
    const content = this.#source(sreg)
    if (content.mask?.length !== len || content.shift !== undefined) obscure()
    if (base === undefined || offset === undefined || len === undefined) obscure()
    else {
      const sum = checksum === undefined ? {} : { checksum }
      this.#copy({ from: 'payload', base, offset, length: len, ...sum }, content)
    }
  }

  /** A value that was loaded to be stored elsewhere counts as used. */
  #copy(to: Source, content: Looked): void {
    const { source: from, mask, xor, shift, isTested } = content
    if (content.turned !== undefined || isTested) obscure()
    content.isTested = true
    const size = mask?.length ?? MARK
    const [kept, turned] = [mask ?? new Uint8Array(size).fill(0xff), xor ?? new Uint8Array(size)]
    this.#say({ kind: 'change', to, from, mask: kept, xor: turned, ...(shift && { shift }) })
  }

  #compat({ name, data: { name: extension, rev, info } }: ExpressionOf<'match' | 'target'>): void {
    if (extension === undefined || rev === undefined || info === undefined) obscure()
    else this.#say({ kind: name, name: extension, revision: rev, info } as CompatStep<'match'>)
  }

  /** An expression that becomes a step as it is. The registers that it reads are replaced by their constants. */
  #plain({ name, data }: Known): void {
    const registers = READ_REGISTERS[name]
    if (registers === undefined && !PLAIN.includes(name)) obscure()
    const values = Object.entries(data).map(([key, value]) => [
      key,
      registers?.includes(key) ? this.#constant(value as number) : value,
    ])
    this.#say({ kind: 'expression', name, data: Object.fromEntries(values) })
  }
}

function loaded(source: Source): Known {
  const dreg = NFT_REG_1
  switch (source.from) {
    case 'meta':
    case 'rt':
      return { name: source.from, data: { key: source.key, dreg } }
    case 'ct':
      return { name: 'ct', data: { key: source.key, dreg, direction: source.direction } }
    case 'fib':
      return { name: 'fib', data: { dreg, flags: source.flags, result: source.result } }
    case 'payload':
      return { name: 'payload', data: { dreg, base: source.base, offset: source.offset, len: source.length } }
    case 'exthdr': {
      const { op, type, offset, length: len, isPresence = false } = source
      return { name: 'exthdr', data: { dreg, type, offset, len, op, flags: isPresence ? NFT_EXTHDR_F_PRESENT : 0 } }
    }
  }
}

function stored(to: Source, sreg: number): Known {
  if (to.from !== 'payload') {
    const { from, ...at } = to
    return { name: from, data: { ...at, sreg } } as Known
  }
  const { base, offset, length: len, checksum } = to
  const sum = checksum === undefined ? {} : { csumType: NFT_PAYLOAD_CSUM.INET, csumOffset: checksum }
  return { name: 'payload', data: { base, offset, len, sreg, ...sum } }
}

const turned = (length: number): Known => ({
  name: 'byteorder',
  data: { sreg: NFT_REG_1, dreg: NFT_REG_1, op: NFT_BYTEORDER.HTON, len: length, size: length },
})

const masked = (mask: Uint8Array, xor: Uint8Array = new Uint8Array(mask.length)): Known => ({
  name: 'bitwise',
  data: {
    sreg: NFT_REG_1,
    dreg: NFT_REG_1,
    op: 0,
    len: mask.length,
    mask: { value: mask },
    xor: { value: xor },
  },
})

const shifted = (shift: number): Known => {
  const value = new Uint8Array(u32.size)
  u32.write(value, 0, Math.abs(shift))
  const op = shift > 0 ? NFT_BITWISE.LSHIFT : NFT_BITWISE.RSHIFT
  return { name: 'bitwise', data: { sreg: NFT_REG_1, dreg: NFT_REG_1, op, len: MARK, data: { value } } }
}

function compared({ op, value, to, or }: Test): Known {
  if (or !== undefined) throw new Error('bug in xtables: an alternative of values was to become a single expression')
  if (to === undefined) return { name: 'cmp', data: { sreg: NFT_REG_1, op: OPS.indexOf(op), data: { value } } }
  const range = op === 'eq' ? NFT_RANGE.EQ : NFT_RANGE.NEQ
  return { name: 'range', data: { sreg: NFT_REG_1, op: range, from: { value }, to: { value: to } } }
}

/** The expressions of one step. */
export function expressionsOf(step: Step): Expression[] {
  switch (step.kind) {
    case 'look':
      return [loaded(step.source)]
    case 'test':
      return [
        loaded(step.source),
        ...(step.mask ? [masked(step.mask)] : []),
        ...(step.isTurned ? [turned(step.value.length)] : []),
        compared(step),
      ]
    case 'set':
      return [
        { name: 'immediate', data: { dreg: NFT_REG32_01, data: { value: step.value } } },
        stored(step.to, NFT_REG32_01),
      ]
    case 'change':
      return [
        loaded(step.from),
        masked(step.mask, step.xor),
        ...(step.shift ? [shifted(step.shift)] : []),
        stored(step.to, NFT_REG_1),
      ]
    case 'counter':
      return [{ name: 'counter', data: { packets: step.packets, bytes: step.bytes } }]
    case 'verdict':
      return [
        {
          name: 'immediate',
          data: { dreg: NFT_REG_VERDICT, data: { verdict: { code: step.code, chain: step.chain } } },
        },
      ]
    case 'match':
    case 'target':
      return [{ name: step.kind, data: { name: step.name, rev: step.revision, info: step.info } } as Known]
    case 'expression':
      return [{ name: step.name, data: step.data } as Known]
  }
}
