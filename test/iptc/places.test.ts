/** Errors name the table, the chain and the position of a refused rule, in all ways to write it. */
import { Chain, easy, MemoryKernel, RestoreError, Rule, RuleError, restore, save, Table } from '../../src/index'
import { ourIptables, ourRestore } from '../support/applets'
import { onBackends } from '../support/backends'

/** The chain already has two rules. Outgoing packets have no source MAC address. */
const REFUSED = '-p tcp -m mac --mac-source 00:11:22:33:44:55 -j ACCEPT'
const DICTIONARY = { protocol: 'tcp', mac: { 'mac-source': '00:11:22:33:44:55' }, target: 'ACCEPT' }
const SECOND = { src: '10.0.0.2', target: 'ACCEPT' }

interface Place {
  readonly kernel: MemoryKernel
  readonly table: Table
  readonly chain: Chain
}

const ways: readonly (readonly [string, number, (place: Place) => unknown])[] = [
  ['appendRule', 2, ({ chain }) => chain.appendRule(Rule.parse(REFUSED))],
  ['insertRule', 1, ({ chain }) => chain.insertRule(Rule.parse(REFUSED), 1)],
  ['replaceRule', 1, ({ chain }) => chain.replaceRule(Rule.parse(REFUSED), 1)],
  ['a transaction', 2, ({ table, chain }) => table.transaction(() => chain.appendRule(Rule.parse(REFUSED)))],
  [
    'a transaction off the main thread',
    2,
    ({ table, chain }) => table.transactionAsync(() => chain.appendRule(Rule.parse(REFUSED))),
  ],
  ['restore', 2, ({ kernel }) => restore(`*filter\n-A OUTPUT ${REFUSED}\nCOMMIT\n`, { kernel, noflush: true })],
  ['easy.addRule', 2, ({ kernel }) => easy.addRule('filter', 'OUTPUT', DICTIONARY, 0, { kernel })],
  ['easy.insertRule', 0, ({ kernel }) => easy.insertRule('filter', 'OUTPUT', DICTIONARY, { kernel })],
  ['easy.replaceRule', 1, ({ kernel }) => easy.replaceRule('filter', 'OUTPUT', SECOND, DICTIONARY, { kernel })],
  [
    'easy.batchAddRules',
    3,
    ({ kernel }) =>
      easy.batchAddRules(
        'filter',
        [
          ['FORWARD', DICTIONARY],
          ['OUTPUT', SECOND, 1],
          ['OUTPUT', DICTIONARY],
        ],
        { kernel },
      ),
  ],
  [
    'easy.batchEnd',
    1,
    ({ kernel }) => {
      const batch = easy.batchBegin(undefined, { kernel })
      easy.addRule('mangle', 'OUTPUT', SECOND, 0, { batch })
      easy.addRule('filter', 'FORWARD', DICTIONARY, 0, { batch })
      easy.addRule('filter', 'OUTPUT', DICTIONARY, 2, { batch })
      easy.batchEnd(batch)
    },
  ],
]

onBackends((backend) => {
  test.each(ways)('%s', async (_, position, put) => {
    const kernel = new MemoryKernel()
    using table = new Table('filter', { kernel })
    const chain = new Chain(table, 'OUTPUT')
    for (const address of ['10.0.0.1', '10.0.0.2']) chain.appendRule(Rule.parse(`-s ${address} -j ACCEPT`))
    let caught: unknown
    try {
      await put({ kernel, table, chain })
    } catch (error) {
      caught = error
    }
    if (caught instanceof RestoreError) {
      expect(caught.line).toBe(2)
      caught = caught.cause
    }
    expect(caught).toBeInstanceOf(RuleError)
    expect(caught).toMatchObject({ table: 'filter', chain: 'OUTPUT', extension: 'mac', position })
    expect(chain.rules).toHaveLength(2)
    expect(new Chain(new Table('mangle', { kernel }), 'OUTPUT').rules).toEqual([])
  })

  const ONLY_INPUT =
    'match mac: only in rules reached from PREROUTING, INPUT, FORWARD, and this one is reached from OUTPUT'
  const lines = (...all: string[]): string => ['*filter', ...all, 'COMMIT', ''].join('\n')

  test.each([
    [
      'iptables -A',
      3,
      (kernel: MemoryKernel) => ourIptables('ipv4', ['-A', 'OUTPUT', ...REFUSED.split(' ')], kernel, backend),
    ],
    [
      'iptables -I',
      2,
      (kernel: MemoryKernel) => ourIptables('ipv4', ['-I', 'OUTPUT', '2', ...REFUSED.split(' ')], kernel, backend),
    ],
    [
      'iptables -R',
      2,
      (kernel: MemoryKernel) => ourIptables('ipv4', ['-R', 'OUTPUT', '2', ...REFUSED.split(' ')], kernel, backend),
    ],
    [
      'iptables-restore -n',
      4,
      (kernel: MemoryKernel) => ourRestore('ipv4', ['-n'], lines('-A OUTPUT', `-A OUTPUT ${REFUSED}`), kernel, backend),
    ],
    [
      'iptables-restore',
      1,
      (kernel: MemoryKernel) =>
        ourRestore('ipv4', [], lines('-A INPUT', `-A OUTPUT ${REFUSED}`, '-A OUTPUT'), kernel, backend),
    ],
  ])('the command %s says it', (command, number, put) => {
    // Messages of iptables-nft only name the chain, in the words of the tool.
    const isToolsOwn = backend === 'nft' && !command.startsWith('iptables-restore')
    const where = isToolsOwn ? 'rule in chain OUTPUT' : `table filter chain OUTPUT rule ${number}`

    const kernel = new MemoryKernel()
    restore(lines('-A OUTPUT -s 10.0.0.1', '-A OUTPUT -s 10.0.0.2'), { kernel })
    // Comments contain the time.
    const saved = (): string => save({ kernel }).replace(/^#.*\n/gm, '')
    const before = saved()
    const { status, stdout, stderr } = put(kernel)
    expect({ status, stdout }).toEqual({ status: backend === 'nft' ? 4 : 1, stdout: '' })
    expect(stderr).toContain(`${where}: ${ONLY_INPUT}`)
    expect(saved()).toBe(before)
  })
})
