/** Tables as plain data. */
import { easy, MemoryKernel, NotFoundError, save, snapshot, snapshotAsync } from '../../src/index'
import { kernelWith, TEXT, tablesOf } from './tables'

const BACKENDS = ['legacy', 'nft'] as const

describe.each(BACKENDS)('%s', (backend) => {
  test('contains the same as save', () => {
    const kernel = kernelWith(TEXT, backend)
    const [table, ...others] = snapshot({ kernel, backend })
    expect(others).toEqual([])
    const chains = table?.chains ?? []
    const lines = [
      ...chains.map(({ name, policy = '-', counters = [0n, 0n] }) => `:${name} ${policy} [${counters.join(':')}]`),
      ...chains.flatMap(({ name, rules }) =>
        rules.map(({ counters, rule }) => `[${counters.join(':')}] -A ${name} ${rule}`),
      ),
    ]
    const saved = save({ kernel, backend, counters: true })
    expect(lines).toEqual(saved.split('\n').filter((line) => /^[:[]/.test(line)))
  })

  test('has positions, comments and destinations of jumps', () => {
    const [table] = tablesOf(TEXT, backend)
    const rules = table?.chains.find(({ name }) => name === 'INPUT')?.rules.map(({ handle: _, ...rule }) => rule)
    expect(rules).toEqual([
      {
        position: 1,
        rule: '-p tcp -m tcp --dport 22 -m comment --comment "the shell" -j user',
        counters: [5n, 6n],
        jump: 'user',
        comment: 'the shell',
      },
      { position: 2, rule: '-g deep', counters: [0n, 0n], goto: 'deep' },
      { position: 3, rule: '-j empty', counters: [0n, 0n], jump: 'empty' },
    ])
  })

  test('is for one family, and for existing tables', async () => {
    const kernel = kernelWith(TEXT.replace('10.0.0.1/32', '2001:db8::1/128'), backend, true)
    expect(snapshot({ kernel, backend })).toEqual([])
    expect(snapshot({ kernel, backend, ipv6: true, tables: ['nat'] })).toEqual([])
    const [table] = snapshot({ kernel, backend, ipv6: true, tables: ['filter'] })
    expect(table).toMatchObject({ family: 'ipv6', table: 'filter', backend })
    const [again] = await snapshotAsync({ kernel, backend, ipv6: true })
    expect(again).toEqual({ ...table, time: expect.any(Number) })
    expect(again?.time).toBeGreaterThan(table?.time as number)
    expect(kernel.tables('ipv4')).toEqual([])
    expect(() => snapshot({ kernel, backend, tables: ['nope'] })).toThrow(NotFoundError)
  })

  test('is read in slices', async () => {
    const kernel = new MemoryKernel()
    const rules = Array.from({ length: 2000 }, (_, i) => ({ src: `10.0.${i >> 8}.${i & 255}`, target: 'DROP' }))
    easy.batchAddRules(
      'filter',
      rules.map((rule) => ['INPUT', rule] as const),
      { kernel, backend },
    )
    let turns = 0
    const timer = setInterval(() => turns++, 0)
    const [table] = await snapshotAsync({ kernel, backend })
    clearInterval(timer)
    expect(table?.chains[0]?.rules).toHaveLength(2000)
    expect(table?.chains[0]?.rules[1999]?.rule).toBe('-s 10.0.7.207/32 -j DROP')
    expect(turns).toBeGreaterThan(0)
  })
})

test('nf_tables has handles, which do not change, and ip_tables has none', () => {
  const kernel = kernelWith(TEXT, 'nft')
  const inputOf = () => {
    const [table] = snapshot({ kernel, backend: 'nft' })
    return { table: table?.handle, rules: table?.chains[0]?.rules.map(({ rule, handle }) => [rule, handle] as const) }
  }
  const before = inputOf()
  expect(new Set(before.rules?.map(([, handle]) => handle)).size).toBe(3)
  expect(before.table).toMatch(/^\d+$/)
  easy.insertRule('filter', 'INPUT', { protocol: 'udp' }, { kernel, backend: 'nft' })
  const after = inputOf()
  expect(after.rules?.slice(1)).toEqual(before.rules)
  expect(after.table).toBe(before.table)
  const [legacy] = tablesOf()
  expect(legacy).not.toHaveProperty('handle')
  expect(legacy?.chains[0]?.rules[0]).not.toHaveProperty('handle')
})

test('several comments are combined', () => {
  const kernel = new MemoryKernel()
  easy.addRule('filter', 'INPUT', { comment: [{ comment: 'one' }, { comment: 'a "b"' }] }, 0, { kernel })
  easy.addRule('filter', 'INPUT', { tcp: {}, protocol: 'tcp' }, 0, { kernel })
  expect(snapshot({ kernel })[0]?.chains[0]?.rules.map(({ comment }) => comment)).toEqual(['one a "b"', undefined])
})
