/**
 * Linux's checks of classic Berkeley Packet Filter programs, and an interpreter. bpf(4) of BSD;
 * linux/bpf_common.h, linux/filter.h
 */

export interface Instruction {
  readonly code: number
  readonly jt: number
  readonly jf: number
  readonly k: number
}

/** BPF_CLASS */
const [LD, LDX, ST, STX, ALU, JMP, RET, MISC] = [0, 1, 2, 3, 4, 5, 6, 7] as const
/** BPF_SIZE */
const [W, H, B] = [0x00, 0x08, 0x10] as const
/** BPF_MODE */
const [IMM, ABS, IND, MEM, LEN, MSH] = [0x00, 0x20, 0x40, 0x60, 0x80, 0xa0] as const
/** BPF_OP, in which the operand comes from K, or from X. */
const X = 0x08
const [DIV, LSH, RSH, NEG, MOD] = [0x30, 0x60, 0x70, 0x80, 0x90] as const
const ARITHMETIC = [0x00, 0x10, 0x20, DIV, 0x40, 0x50, LSH, RSH, MOD, 0xa0]
const [JA, ...CONDITIONS] = [0x00, 0x10, 0x20, 0x30, 0x40] as const
const RET_A = RET | 0x10

const KNOWN: ReadonlySet<number> = new Set([
  ...[W, H, B].flatMap((size) => [LD | ABS | size, LD | IND | size]),
  ...[IMM, MEM, LEN].flatMap((mode) => [LD | mode, LDX | mode]),
  LDX | MSH | B,
  ST,
  STX,
  ...ARITHMETIC.flatMap((operation) => [ALU | operation, ALU | operation | X]),
  ALU | NEG,
  JMP | JA,
  ...CONDITIONS.flatMap((condition) => [JMP | condition, JMP | condition | X]),
  RET,
  RET_A,
  // TAX and TXA
  MISC,
  MISC | 0x80,
])

/** BPF_MEMWORDS */
const WORDS = 16
const ALL_WORDS = 0xffff
/** SKF_AD_OFF: offsets from here, four apart up to SKF_AD_VLAN_TPID, refer to packet metadata instead of bytes. */
const [ANCILLARY, LAST_ANCILLARY] = [0xffff_f000, 0xffff_f000 + 60] as const

const classOf = ({ code }: Instruction): number => code & 0x07

/** Why an instruction is invalid, wherever it is. */
function flaw({ code, k }: Instruction): string | undefined {
  if (!KNOWN.has(code)) return `there is no operation ${code}`
  if ((code === (ALU | DIV) || code === (ALU | MOD)) && k === 0) return 'it divides by 0'
  if ((code === (ALU | LSH) || code === (ALU | RSH)) && k > 31) return 'a shift must be at most 31 bits'
  const usesWord = [LD | MEM, LDX | MEM, ST, STX].includes(code)
  if (usesWord && k >= WORDS) return `there are only ${WORDS} words of memory`
  const isAncillary = (code & ~(H | B)) === (LD | ABS) && k >= ANCILLARY
  return isAncillary && (k > LAST_ANCILLARY || k % 4 !== 0) ? `there is nothing at ${k} of a packet` : undefined
}

/** The distances of an instruction's possible successors from the next instruction. */
const distances = (one: Instruction): number[] =>
  classOf(one) !== JMP ? [] : one.code === (JMP | JA) ? [one.k] : [one.jt, one.jf]

/** The first instruction that reads memory which is not written on every path to it. */
function readsUnwritten(program: readonly Instruction[]): number {
  const written = program.map(() => ALL_WORDS)
  let now = 0
  return program.findIndex((one, at) => {
    now &= written[at] as number
    if (classOf(one) === ST || classOf(one) === STX) now |= 1 << one.k
    if ((one.code === (LD | MEM) || one.code === (LDX | MEM)) && (now & (1 << one.k)) === 0) return true
    for (const distance of distances(one)) written[at + 1 + distance] = (written[at + 1 + distance] as number) & now
    // The next instruction is reached only by jumps.
    if (classOf(one) === JMP) now = ALL_WORDS
    return false
  })
}

/** Why Linux would refuse a program: the first fault, with the number of the instruction, counted from 1. */
export function programFault(program: readonly Instruction[]): string | undefined {
  for (const [at, one] of program.entries()) {
    const left = program.length - at - 1
    const reason =
      flaw(one) ?? (distances(one).some((distance) => distance >= left) ? 'it jumps off the end' : undefined)
    if (reason !== undefined) return `instruction ${at + 1}: ${reason}`
  }
  const last = program.at(-1)?.code
  if (last !== RET && last !== RET_A) return 'a program must end with a return'
  const at = readsUnwritten(program)
  return at < 0 ? undefined : `instruction ${at + 1}: it reads memory that may not have been written`
}

/** What is done to the accumulator, by BPF_OP. */
const COMPUTE: Readonly<Record<number, (a: number, b: number) => number>> = {
  0: (a, b) => a + b,
  16: (a, b) => a - b,
  32: (a, b) => Math.imul(a, b),
  [DIV]: (a, b) => Math.floor(a / b),
  64: (a, b) => a | b,
  80: (a, b) => a & b,
  // Only the lowest five bits of a shift count matter, as X may hold more than 31.
  [LSH]: (a, b) => a << b,
  [RSH]: (a, b) => a >>> b,
  [NEG]: (a) => -a,
  [MOD]: (a, b) => a % b,
  160: (a, b) => a ^ b,
}
const JUMPS: Readonly<Record<number, (a: number, b: number) => boolean>> = {
  16: (a, b) => a === b,
  32: (a, b) => a > b,
  48: (a, b) => a >= b,
  64: (a, b) => (a & b) !== 0,
}
const SIZES: Readonly<Record<number, number>> = { [W]: 4, [H]: 2, [B]: 1 }

/**
 * Whether a program that Linux would accept accepts a packet. A program that reads past the end of the packet
 * or divides by 0 does not.
 * @returns undefined if it reads anything but bytes of the packet
 */
export function isAccepted(program: readonly Instruction[], packet: Uint8Array): boolean | undefined {
  const memory = new Uint32Array(WORDS)
  let [a, x, at] = [0, 0, 0]
  const load = (offset: number, size: number): number | undefined =>
    offset + size > packet.length
      ? undefined
      : packet.subarray(offset, offset + size).reduce((number, byte) => number * 0x100 + byte, 0)
  for (;;) {
    const { code, jt, jf, k } = program[at++] as Instruction
    const [kind, mode, operation] = [classOf({ code, jt, jf, k }), code & 0xe0, code & 0xf0]
    const operand = (code & X) === 0 ? k : x
    if (kind === RET) return (code === RET_A ? a : k) !== 0
    if (kind === LD || kind === LDX) {
      const offset = mode === IND ? (k + x) >>> 0 : k
      const isBytes = mode === ABS || mode === IND || mode === MSH
      // From this offset on, loads read packet metadata.
      if (isBytes && offset > 0x7fff_ffff) return undefined
      const loaded = isBytes ? load(offset, SIZES[code & 0x18] as number) : undefined
      if (isBytes && loaded === undefined) return false
      const value =
        mode === IMM ? k : mode === MEM ? (memory[k] as number) : mode === LEN ? packet.length : (loaded as number)
      if (kind === LD) a = value
      else x = mode === MSH ? 4 * (value & 0x0f) : value
    } else if (kind === ST || kind === STX) memory[k] = kind === ST ? a : x
    else if (kind === ALU) {
      if ((operation === DIV || operation === MOD) && operand === 0) return false
      a = (COMPUTE[operation] as (a: number, b: number) => number)(a, operand) >>> 0
    } else if (kind === JMP) at += operation === JA ? k : JUMPS[operation]?.(a, operand) ? jt : jf
    else if ((code & 0xf8) === 0x80) a = x
    else if (kind === MISC) x = a
  }
}
