/** The registers through which the expressions of a rule pass values. */
import { ERRNO } from '../../../abi/errno'
import { NFT_REG_1, NFT_REG_VERDICT } from '../../../abi/nf-tables'
import { refuse } from './failure'

/** There are four registers of four words each. Each word is also a register with its own number. */
const LAST_WIDE = NFT_REG_1 + 3
const WORDS_PER_WIDE = 4
const FIRST_NARROW = 8
const WORDS = 16
const WORD_SIZE = 4

/** The number by which the kernel reports a register. The first word of a wide register has the number of that. */
export function toldRegister(register: number): number {
  const word = register - FIRST_NARROW
  return word >= 0 && word % WORDS_PER_WIDE === 0 ? NFT_REG_1 + word / WORDS_PER_WIDE : register
}

export class Registers {
  /** Whether each word has been written. */
  readonly #filled = new Uint8Array(WORDS)

  /** Writes `length` bytes to a register. @returns the number by which it is reported. @throws NftFailure */
  fill(register: number | undefined, length: number): number {
    const [first, end] = this.#words(register, length)
    this.#filled.fill(1, first, end)
    return toldRegister(register as number)
  }

  /** Reads `length` bytes from a register. @returns the number by which it is reported. @throws NftFailure */
  use(register: number | undefined, length: number): number {
    const [first, end] = this.#words(register, length)
    if (this.#filled.subarray(first, end).includes(0)) refuse(ERRNO.ENODATA)
    return toldRegister(register as number)
  }

  #words(register: number | undefined, length: number): readonly [number, number] {
    if (register === undefined) refuse(ERRNO.EINVAL)
    const isNarrow = register >= FIRST_NARROW && register < FIRST_NARROW + WORDS
    if (!isNarrow && register > LAST_WIDE) refuse(ERRNO.ERANGE)
    if (register === NFT_REG_VERDICT || length === 0) refuse(ERRNO.EINVAL)
    const first = isNarrow ? register - FIRST_NARROW : (register - NFT_REG_1) * WORDS_PER_WIDE
    const end = first + Math.ceil(length / WORD_SIZE)
    return end > WORDS ? refuse(ERRNO.ERANGE) : [first, end]
  }
}
