/** The packets and bytes that rules counted between two readings. */
import { easy, IptcError, type RuleRate, rates, restore, save, snapshot, type TableSnapshot } from '../../src/index'
import { filterOf, kernelWith, tablesOf } from './tables'

const BACKENDS = ['legacy', 'nft'] as const

/** The same tables, read some seconds later. */
const later = (tables: readonly TableSnapshot[], seconds: number): TableSnapshot[] =>
  tables.map((table) => ({ ...table, time: table.time + seconds * 1000 }))

const at = (time: number, tables: readonly TableSnapshot[]): TableSnapshot[] =>
  tables.map((table) => ({ ...table, time }))

const said = (all: readonly RuleRate[]) =>
  all.map(({ chain, position, rule, packets, bytes }) => `${chain} ${position} ${rule}: ${packets} ${bytes}`)

const between = (before: readonly string[], after: readonly string[]): string[] =>
  said(rates(at(0, tablesOf(filterOf(...before))), at(1000, tablesOf(filterOf(...after)))))

test('rates are per second between the readings, busiest first', () => {
  const before = tablesOf(filterOf('[1:10] -A INPUT -j ACCEPT', '[5:5] -A INPUT -j DROP', '[0:0] -A FORWARD -j DROP'))
  const after = tablesOf(
    filterOf('[3:20] -A INPUT -j ACCEPT', '[105:1005] -A INPUT -j DROP', '[0:0] -A FORWARD -j DROP'),
  )
  expect(rates(at(0, before), at(4000, after))).toEqual([
    {
      ...{ family: 'ipv4', table: 'filter', chain: 'INPUT', position: 2, rule: '-j DROP', isRestarted: false },
      ...{ packets: 100n, bytes: 1000n, packetsPerSecond: 25, bytesPerSecond: 250 },
    },
    {
      ...{ family: 'ipv4', table: 'filter', chain: 'INPUT', position: 1, rule: '-j ACCEPT', isRestarted: false },
      ...{ packets: 2n, bytes: 10n, packetsPerSecond: 0.5, bytesPerSecond: 2.5 },
    },
    expect.objectContaining({ chain: 'FORWARD', packets: 0n, packetsPerSecond: 0 }),
  ])
})

test('counters are exact beyond the range of numbers', () => {
  const [before, after] = ['[9007199254740993:0]', '[9007199254740994:0]'].map((c) => `${c} -A INPUT -j DROP`)
  expect(between([before as string], [after as string])).toEqual(['INPUT 1 -j DROP: 1 0'])
})

describe('identified by text', () => {
  test('other rules are inserted and deleted', () => {
    expect(
      between(
        ['[1:1] -A INPUT -s 10.0.0.1 -j DROP', '[7:7] -A INPUT -j LOG', '[10:10] -A INPUT -j DROP'],
        ['[99:99] -A INPUT -i lo -j ACCEPT', '[8:8] -A INPUT -j LOG', '[12:12] -A INPUT -j DROP'],
      ),
    ).toEqual(['INPUT 3 -j DROP: 2 2', 'INPUT 2 -j LOG: 1 1'])
  })

  test('equal rules are matched in order, even if there are fewer', () => {
    expect(
      between(
        ['[1:1] -A INPUT -j LOG', '[5:5] -A INPUT -j DROP', '[10:10] -A INPUT -j LOG'],
        ['[2:2] -A INPUT -j LOG', '[9:9] -A INPUT -j DROP', '[12:12] -A INPUT -j LOG'],
      ),
    ).toEqual(['INPUT 2 -j DROP: 4 4', 'INPUT 3 -j LOG: 2 2', 'INPUT 1 -j LOG: 1 1'])
  })

  test('a moved rule is the same', () => {
    expect(
      between(
        ['[1:1] -A INPUT -j LOG', '[5:5] -A INPUT -i lo -j DROP', '[10:10] -A INPUT -i eth0 -j DROP'],
        ['[5:5] -A INPUT -i lo -j DROP', '[10:10] -A INPUT -i eth0 -j DROP', '[4:4] -A INPUT -j LOG'],
      ),
    ).toEqual(['INPUT 3 -j LOG: 3 3', 'INPUT 1 -i lo -j DROP: 0 0', 'INPUT 2 -i eth0 -j DROP: 0 0'])
  })

  test('a rule in another chain is different', () => {
    expect(between(['[1:1] -A INPUT -j LOG'], ['[5:5] -A OUTPUT -j LOG'])).toEqual([])
  })
})

test('a rule with reset counters has counted what it shows now', () => {
  const [rate] = rates(
    at(0, tablesOf(filterOf('[100:1000] -A INPUT -j DROP'))),
    at(2000, tablesOf(filterOf('[4:40] -A INPUT -j DROP'))),
  )
  expect(rate).toMatchObject({ packets: 4n, bytes: 40n, packetsPerSecond: 2, isRestarted: true })
})

describe.each(BACKENDS)('%s, in one kernel', (backend) => {
  test('the same rules are found after others were inserted and the table was changed', () => {
    const kernel = kernelWith(filterOf('[1:1] -A INPUT -j LOG', '[2:2] -A INPUT -j LOG'), backend)
    const before = snapshot({ kernel, backend })
    easy.insertRule('filter', 'INPUT', { target: 'LOG', counters: [50, 50] }, { kernel, backend })
    const found = said(rates(before, later(snapshot({ kernel, backend }), 1)))
    // ip_tables does not tell which of three equal rules is new.
    expect(found).toHaveLength(2)
    if (backend === 'nft') expect(found).toEqual(['INPUT 2 -j LOG: 0 0', 'INPUT 3 -j LOG: 0 0'])
  })

  test('in a table that was reset or created again, rules are identified by their text', () => {
    const kernel = kernelWith(filterOf('[100:1000] -A INPUT -j LOG'), backend)
    const before = snapshot({ kernel, backend })
    restore(save({ kernel, backend }), { kernel, backend })
    const [rate, ...others] = rates(before, later(snapshot({ kernel, backend }), 1))
    expect([rate, others]).toMatchObject([{ packets: 0n, isRestarted: true }, []])
  })
})

test('handles of another table with the same name do not count', () => {
  const one = tablesOf(filterOf('[1:1] -A INPUT -j LOG'), 'nft')
  const other = tablesOf(filterOf('[9:9] -A INPUT -j DROP'), 'nft')
  expect(one[0]?.chains[0]?.rules[0]?.handle).toBe(other[0]?.chains[0]?.rules[0]?.handle)
  expect(
    rates(
      at(0, one),
      at(1000, other).map((table) => ({ ...table, handle: '77' })),
    ),
  ).toEqual([])
})

test('tables are distinguished by family and backend', () => {
  const text = filterOf('[1:1] -A INPUT -j LOG')
  expect(rates(at(0, tablesOf(text)), at(1000, tablesOf(text, 'nft')))).toEqual([])
})

test.each([
  ['the same reading', () => rates(tablesOf(), at(0, tablesOf()))],
  ['no snapshots', () => rates([{}] as never, [])],
  ['no snapshots', () => rates([], [{ ...tablesOf()[0], chains: [{ name: 'x', rules: [{}] }] }] as never)],
])('%s is refused', (_, act) => {
  expect(act).toThrow(IptcError)
})
