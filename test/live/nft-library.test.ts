/** What the library promises of tables in nf_tables, on Linux and on the in-process kernel: the same of both. */
import { easy, type Kernel, RuleError, restore, save } from '../../src/index'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { caught } from '../support/caught'

const KERNELS: readonly (readonly [string, () => Kernel])[] = [
  ['Linux', () => new LinuxKernel({ namespace: NetworkNamespace.create() })],
  ['the in-process kernel', () => new MemoryKernel()],
]

describe.each(KERNELS)('%s', (_, make) => {
  let kernel: Kernel
  let place: { readonly kernel: Kernel; readonly backend: 'nft' }
  beforeEach(() => {
    kernel = make()
    place = { kernel, backend: 'nft' }
  })
  const text = (...lines: readonly string[]): string => ['*filter', ...lines, 'COMMIT', ''].join('\n')
  const saved = (): string => save({ ...place, counters: true }).replace(/^#.*\n/gm, '')

  /** Lines that only the kernel refuses: by itself, where it is reached from, for a loop. */
  const REFUSED: readonly (readonly [string, readonly string[], number])[] = [
    ['a rule at a hook that it is not for', ['-A OUTPUT -m mac --mac-source 00:11:22:33:44:55'], 0],
    [
      'a rule that is reached from such a hook',
      [':x - [0:0]', '-A x -m mac --mac-source 00:11:22:33:44:55', '-A OUTPUT -j x'],
      1,
    ],
    ['a loop', [':x - [0:0]', ':y - [0:0]', '-A x -j y', '-A y -j x', '-A INPUT -j x'], 3],
  ]

  test.each(REFUSED)('%s is found by a rehearsal', (_name, lines, wrong) => {
    // What a rehearsal makes itself is not looked through as a whole.
    restore(text('-A INPUT -j ACCEPT'), place)
    const before = saved()
    for (const test of [true, false]) {
      const error = caught(() => restore(text(...lines), { ...place, test }))
      expect([test, error]).toMatchObject([test, { name: 'RestoreError', line: wrong + 2 }])
      expect(saved()).toBe(before)
    }
  })

  test('no table of a batch is written where the kernel refuses another', () => {
    const batch = easy.batchBegin(undefined, place)
    easy.addRule('mangle', 'INPUT', { target: 'ACCEPT' }, 0, { batch })
    easy.addRule('filter', 'OUTPUT', { mac: { 'mac-source': '00:11:22:33:44:55' } }, 0, { batch })
    expect(() => easy.batchEnd(batch)).toThrow(RuleError)
    expect(easy.getTables(place)).toEqual([])
  })
})
