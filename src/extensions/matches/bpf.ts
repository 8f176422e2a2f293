/** A program of the Berkeley Packet Filter (BPF), which decides whether the packet matches. */

import { ERRNO } from '../../abi/errno'
import { array, raw, s32, u8, u16, u32 } from '../../binary/codec'
import { both, struct, unionWith } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { type Instruction, isAccepted, programFault } from '../bpf-program'
import { question } from '../evaluation'
import { about, fixed, match, suspicion } from '../extension'
import { among, constant, counted, view } from '../fields'
import { option } from '../option'
import { readDecimal } from '../values/integer'
import { name } from '../values/string'
import { mismatch, type ValueType } from '../values/value'

const MAX = 64
const PATH_SIZE = 512
/** enum xt_bpf_modes. The third mode is a file descriptor, which is valid only in the process that wrote the rule. */
const [BYTECODE, PINNED] = [0, 1] as const

/** linux/filter.h */
export const sockFilter = struct('struct sock_filter', 8, { code: u16, jt: u8, jf: u8, k: u32 })
const NOTHING: Instruction = { code: 0, jt: 0, jf: 0, k: 0 }
const bpfProgram = array(sockFilter, MAX)

function readInstruction(word: string): Instruction {
  const [code = -1, jt = -1, jf = -1, k = -1, ...more] = word
    .trim()
    .split(/\s+/)
    .map((one) => readDecimal(one) ?? -1)
  const fit = Math.min(code, jt, jf, k) >= 0 && code <= 0xffff && jt <= 0xff && jf <= 0xff && k <= 0xffff_ffff
  return fit && more.length === 0 ? { code, jt, jf, k } : mismatch(`${JSON.stringify(word)} is not an instruction`)
}

const spell = (program: readonly Instruction[]): string =>
  program.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`).join(',')

/** In the format of nfbpf_compile(8): the output of `tcpdump -ddd` in one line. */
const bytecode: ValueType<readonly Instruction[], string> = {
  expects: `the number of instructions, 1 to ${MAX}, then the instructions: 1,6 0 0 0`,
  quotes: 'always',
  parse(word) {
    const [count = '', ...lines] = word.replace(/,$/, '').split(',')
    if (lines.length < 1 || lines.length > MAX || readDecimal(count) !== lines.length)
      return mismatch(`it has ${lines.length} after the number ${JSON.stringify(count)}`)
    return lines.map(readInstruction)
  },
  format: (program) => `${program.length},${spell(program)}`,
}

/** linux/netfilter/xt_bpf.h */
export const bpf = match('bpf', {
  revisions: {
    0: struct('struct xt_bpf_info', 528, { bpfProgramNumElem: u16, bpfProgram, filter: raw(8, 8) }),
    1: struct('struct xt_bpf_info_v1', 528, {
      mode: u16,
      bpfProgramNumElem: u16,
      fd: s32,
      bpfProgram,
      filter: raw(8, 8),
    }),
  },
  private: ({ filter }) => [filter],
  // Valid only in the process that wrote the rule.
  unused: (at) => ('fd' in at ? [at.fd] : []),
  fixed: (at) => ('mode' in at ? [fixed(among(at.mode, [BYTECODE, PINNED]), true)] : []),
  atLeastOne: true,
  adjoins: true,
  check:
    ({ bpfProgramNumElem, bpfProgram, ...at }) =>
    (bytes, start) => {
      if ('mode' in at && at.mode.read(bytes, start) !== BYTECODE) return undefined
      const length = bpfProgramNumElem.read(bytes, start)
      if (length < 1 || length > MAX) return about('bytecode', `there must be 1 to ${MAX} instructions`)
      const fault = programFault(bpfProgram.read(bytes, start).slice(0, length))
      return fault === undefined ? undefined : about('bytecode', fault)
    },
  suspects: ({ bpfProgram, ...at }) => {
    const pinned = unionWith(bpfProgram, chars(PATH_SIZE))
    return (bytes, start) =>
      'mode' in at && at.mode.read(bytes, start) === PINNED
        ? [suspicion('object-pinned', ERRNO.ENOENT, `there is no program at ${pinned.read(bytes, start)}`)]
        : []
  },
  asks:
    ({ bpfProgramNumElem, bpfProgram, ...at }) =>
    (bytes, start) => {
      if ('mode' in at && at.mode.read(bytes, start) !== BYTECODE)
        return [{ kind: 'circumstance', decides: 'a program that the kernel holds' }]
      const program = bpfProgram.read(bytes, start).slice(0, bpfProgramNumElem.read(bytes, start))
      return [question((packet) => packet.bytes && isAccepted(program, packet.bytes))]
    },
  options: ({ bpfProgramNumElem, bpfProgram, ...at }) => {
    const mode = 'mode' in at ? at.mode : constant<number>(BYTECODE)
    const program = view(
      both(mode, counted(bpfProgramNumElem, bpfProgram, NOTHING)),
      ([kind, list]) => (kind === BYTECODE ? list : undefined),
      (list) => [BYTECODE, list] as const,
    )
    const path = view(
      both(mode, unionWith(bpfProgram, chars(PATH_SIZE))),
      ([kind, text]) => (kind === PINNED ? text : undefined),
      (text) => [text === '' ? BYTECODE : PINNED, text] as const,
    )
    return {
      bytecode: option(bytecode, program, { absent: [], list: (list) => `match bpf ${spell(list)}\0` }),
      'object-pinned': option(name(PATH_SIZE - 1), path, {
        absent: '',
        excludes: ['bytecode'],
        list: 'match bpf pinned $',
      }),
    }
  },
})
