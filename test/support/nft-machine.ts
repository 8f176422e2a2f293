/** An interpreter of nf_tables rules. It executes expressions on registers, one after the other. */
import { NFT_BITWISE, NFT_BYTEORDER, NFT_RANGE, NFT_REG32_00 } from '../../src/abi/nf-tables'
import { u32 } from '../../src/binary/codec'
import type { Data, Expression, Known } from '../../src/nft/expressions'
import { isKnown } from '../../src/nft/expressions'
import type { Packet } from './packets'

/** A rule that Linux does not accept. */
export class Refused extends Error {}

const refused = (): never => {
  throw new Refused()
}

const [WORD, REGISTERS] = [4, 80] as const
const placeOf = (register: number): number =>
  register < NFT_REG32_00 ? 16 * register : 16 + 4 * (register - NFT_REG32_00)
const rounded = (length: number): number => Math.ceil(length / WORD) * WORD

export class NftMachine {
  readonly #packet: Packet
  readonly #registers = new Uint8Array(REGISTERS)
  /** Which words of the registers have been written. */
  readonly #filled = new Uint8Array(REGISTERS)

  constructor(packet: Packet) {
    this.#packet = packet
  }

  /** The effects of the rule on the packet, in order. @throws Refused */
  run(expressions: readonly Expression[]): string {
    const done: string[] = []
    for (const expression of expressions) {
      const what = this.#carryOut(isKnown(expression) ? expression : refused())
      if (what === false) break
      if (what !== true) done.push(what)
      if (what !== true && /^(?:accept|drop|return)$/.test(what)) break
    }
    return done.join(', ')
  }

  /** The contents of registers. @throws Refused */
  read(register: number | undefined, length: number): Uint8Array {
    const at = placeOf(register ?? refused())
    if (length === 0 || at + rounded(length) > REGISTERS) refused()
    if (this.#filled.subarray(at, at + length).includes(0)) refused()
    return this.#registers.slice(at, at + length)
  }

  #fill(register: number | undefined, value: Uint8Array): true {
    const at = placeOf(register ?? refused())
    const end = at + rounded(value.length)
    if (at < 16 || end > REGISTERS) refused()
    this.#registers.fill(0, at, end)
    this.#registers.set(value, at)
    this.#filled.fill(1, at, end)
    return true
  }

  /** @returns whether the rule continues, or the effect on the packet */
  #carryOut({ name, data }: Known): boolean | string {
    switch (name) {
      case 'payload':
        return this.#load(data.dreg, this.#packet.bytes(data.base ?? 0, data.offset ?? 0, data.len ?? 0))
      case 'exthdr':
        return this.#loadOptional(data.dreg, data.type ?? 0, data.offset ?? 0, data.len ?? 0, data.flags === 1)
      case 'meta':
        return data.sreg === undefined
          ? this.#load(data.dreg, this.#packet.meta(data.key ?? 0))
          : `meta ${data.key} = ${u32.read(this.read(data.sreg, WORD), 0)}`
      case 'ct':
        return data.sreg === undefined
          ? this.#load(data.dreg, this.#packet.connection(data.key ?? 0, data.direction))
          : this.#packet.isTracked && `ct ${data.key} = ${u32.read(this.read(data.sreg, WORD), 0)}`
      case 'fib':
        return this.#load(data.dreg, this.#packet.addressType(data.flags ?? 0))
      case 'rt':
        return this.#load(data.dreg, this.#packet.realm)
      case 'bitwise':
        return data.data === undefined
          ? this.#mask(data.sreg, data.dreg, data.len ?? 0, bytesOf(data.mask), bytesOf(data.xor))
          : this.#shift(data.sreg, data.dreg, data.op ?? 0, u32.read(bytesOf(data.data), 0))
      case 'byteorder':
        return this.#turn(data.sreg, data.dreg, data.len ?? 0, data.size ?? 0, data.op ?? -1)
      case 'cmp':
        return compares(
          data.op ?? 0,
          Buffer.compare(this.read(data.sreg, bytesOf(data.data).length), bytesOf(data.data)),
        )
      case 'range':
        return this.#isInRange(data.sreg, bytesOf(data.from), bytesOf(data.to)) === (data.op === NFT_RANGE.EQ)
      case 'immediate':
        return data.data?.verdict === undefined
          ? this.#fill(data.dreg, bytesOf(data.data))
          : (VERDICTS[data.data.verdict.code ?? 0] ?? refused())
      case 'limit':
        return `limit ${data.rate}/${data.unit} ${data.burst}`
      case 'counter':
        return 'count'
      default:
        return refused()
    }
  }

  /**
   * If the value is missing, the rule ends. The register still counts as written, because Linux checks rules without
   * packets.
   */
  #load(register: number | undefined, value: Uint8Array | undefined): boolean {
    return value === undefined ? false : this.#fill(register, value)
  }

  #loadOptional(
    register: number | undefined,
    type: number,
    offset: number,
    length: number,
    isPresence: boolean,
  ): boolean {
    const value = this.#packet.optional(type, offset, length)
    return this.#load(register, isPresence ? Uint8Array.of(value === undefined ? 0 : 1) : value)
  }

  #mask(from: number | undefined, to: number | undefined, length: number, mask: Uint8Array, xor: Uint8Array): true {
    if (mask.length !== length || xor.length !== length) refused()
    const words = this.read(from, rounded(length))
    return this.#fill(
      to,
      words.map((byte, i) => (byte & (mask[i] ?? 0)) ^ (xor[i] ?? 0)),
    )
  }

  /** Shifts a mark. */
  #shift(from: number | undefined, to: number | undefined, op: number, bits: number): true {
    const [number, value] = [u32.read(this.read(from, WORD), 0), new Uint8Array(WORD)]
    u32.write(value, 0, op === NFT_BITWISE.LSHIFT ? (number << bits) >>> 0 : number >>> bits)
    return this.#fill(to, value)
  }

  #turn(from: number | undefined, to: number | undefined, length: number, size: number, op: number): true {
    if (op !== NFT_BYTEORDER.HTON || (size !== 2 && size !== 4 && size !== 8) || length % size !== 0) refused()
    const bytes = this.read(from, rounded(length))
    for (let at = 0; at < length; at += size) bytes.subarray(at, at + size).reverse()
    return this.#fill(to, bytes)
  }

  #isInRange(register: number | undefined, from: Uint8Array, to: Uint8Array): boolean {
    if (from.length !== to.length || Buffer.compare(from, to) > 0) refused()
    const value = this.read(register, from.length)
    return Buffer.compare(value, from) >= 0 && Buffer.compare(value, to) <= 0
  }
}

const VERDICTS: Readonly<Record<number, string>> = { 0: 'drop', 1: 'accept', [-5]: 'return' }

const bytesOf = (data: Data | undefined): Uint8Array => data?.value ?? refused()

/** By the number of the operator of nft_cmp: equal, not equal, less, … */
const COMPARISONS: readonly ((order: number) => boolean)[] = [
  (order) => order === 0,
  (order) => order !== 0,
  (order) => order < 0,
  (order) => order <= 0,
  (order) => order > 0,
  (order) => order >= 0,
]
const compares = (op: number, order: number): boolean => COMPARISONS[op]?.(order) ?? refused()
