/** Programs of the match bpf: exactly those that Linux refuses are refused before the kernel is called. */

import { IPV4 } from '../../src/abi/family'
import { readRuleset } from '../../src/blob/read'
import { writeRuleset } from '../../src/blob/write'
import { type Instruction, programFault } from '../../src/extensions/bpf-program'
import { KernelError, Rule } from '../../src/index'
import { Client } from '../../src/kernel/client'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { Rules } from '../../src/ruleset/rules'
import { Random } from '../kernel/random'

const client = new Client(new LinuxKernel(), IPV4)
const { info, entries } = client.entries('filter')
const empty = readRuleset(IPV4, 'filter', info, entries)
let count = info.numEntries

afterAll(() => client.close())

/** Whether the kernel accepts a rule with the program, independent of our checks. */
function takes(program: readonly Instruction[]): boolean {
  const text = program.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`).join(',')
  const rule = Rule.parse(`-m bpf --bytecode "${program.length},${text}"`).entry
  const input = {
    ...(empty.chains.get('INPUT') as NonNullable<ReturnType<typeof empty.chains.get>>),
    rules: Rules.of(rule),
  }
  const { layout, bytes } = writeRuleset({ ...empty, chains: new Map([...empty.chains, ['INPUT', input]]) })
  try {
    client.replace('filter', layout, bytes, count)
  } catch (error) {
    if (error instanceof KernelError && error.errnoName === 'EINVAL') return false
    throw error
  }
  count = layout.numEntries
  return true
}

const RETURN = { code: 6, jt: 0, jf: 0, k: 0 }

test('every operation, alone before a return', () => {
  for (let code = 0; code < 0x120; code++) {
    const program = [{ code, jt: 0, jf: 0, k: 1 }, RETURN]
    // A memory word that was written may be read.
    const stored = [{ code: 2, jt: 0, jf: 0, k: 1 }, ...program]
    expect([code, programFault(stored) === undefined]).toEqual([code, takes(stored)])
  }
})

test('operands at the limits of their ranges', () => {
  const operands = [0, 1, 15, 16, 31, 32, 0xffff_efff, 0xffff_f000, 0xffff_f001, 0xffff_f03c, 0xffff_f040, 0xffff_ffff]
  const codes = [0x00, 0x01, 0x02, 0x03, 0x20, 0x28, 0x30, 0x40, 0x34, 0x94, 0x64, 0x74, 0x6c, 0x16, 0x06, 0x05]
  for (const code of codes)
    for (const k of operands) {
      const program = [{ code, jt: 0, jf: 0, k }, RETURN]
      expect([code, k, programFault(program) === undefined]).toEqual([code, k, takes(program)])
    }
})

test('random programs', () => {
  const random = new Random(1)
  const common = [0x00, 0x02, 0x03, 0x05, 0x05, 0x06, 0x15, 0x15, 0x1d, 0x16, 0x60, 0x61, 0x60, 0x30, 0x04, 0x87]
  let accepted = 0
  for (let i = 0; i < 400; i++) {
    const program = Array.from({ length: 1 + random.below(7) }, () => ({
      code: random.pick(common),
      jt: random.below(3),
      jf: random.below(3),
      k: random.below(3),
    }))
    if (random.below(8) > 0) program.push(RETURN)
    const taken = takes(program)
    accepted += Number(taken)
    expect([program, programFault(program) === undefined]).toEqual([program, taken])
  }
  expect(accepted).toBeGreaterThan(40)
  expect(accepted).toBeLessThan(360)
})
