/** The registers through which the expressions of a rule pass values. */
import { ERRNO } from '../../../abi/errno'
import { NFT_REG_1, NFT_REG_VERDICT } from '../../../abi/nf-tables'
import { refuse } from './failure'

/** Four of four words, which are also called by their words. */
const LAST_WIDE = NFT_REG_1 + 3
const WORDS_PER_WIDE = 4
const FIRST_NARROW = 8
const WORDS = 16
const WORD_SIZE = 4

/** How a register is called when a rule is told: the first word of a wide one by the name of that. */
export function toldRegister(register: number): number {
  const word = register - FIRST_NARROW
  return word >= 0 && word % WORDS_PER_WIDE === 0 ? NFT_REG_1 + word / WORDS_PER_WIDE : register
}

export class Registers {
  /** Whether something was put into each word. */
  readonly #filled = new Uint8Array(WORDS)

  /** Puts `length` bytes into a register. @returns how it is called. @throws NftFailure */
  fill(register: number | undefined, length: number): number {
    const [first, end] = this.#words(register, length)
    this.#filled.fill(1, first, end)
    return toldRegister(register as number)
  }

  /** Takes `length` bytes out of a register. @returns how it is called. @throws NftFailure */
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
