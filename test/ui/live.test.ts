/** Updates about tables that are read repeatedly. */
import type { TableSnapshot } from '../../src/index'
import type { LiveEvent } from '../../src/ui/api'
import { LiveTables } from '../../src/ui/live-tables'

/** A table of nf_tables with one rule that cannot be expressed in iptables syntax. Its text contains its counters. */
const reading = (time: number, counted: string, handle = 5, table = '1'): TableSnapshot[] => [
  {
    family: 'ipv4',
    table: 'filter',
    backend: 'nft',
    time,
    handle: table,
    incompatible: [],
    chains: [
      {
        name: 'user',
        rules: [
          { position: 1, rule: `-j nft --payload 0x${counted}`, counters: [0n, 0n], handle, isIncompatible: true },
        ],
      },
    ],
  },
]

async function told(...readings: readonly TableSnapshot[][]): Promise<string[]> {
  const left = [...readings]
  const kinds: string[] = []
  await new Promise<void>((resolve) => {
    const live = new LiveTables({
      delayMs: 1,
      failed: String,
      async read() {
        const next = left.shift()
        if (next !== undefined) return next
        listening[Symbol.dispose]()
        resolve()
        return []
      },
    })
    const listening = live.listen((json) => kinds.push((JSON.parse(json) as LiveEvent).kind))
  })
  return kinds
}

test('a rule whose counters change is the same rule, even if its text contains them', async () => {
  expect(await told(reading(1, '00'), reading(2, '01'), reading(3, '02'))).toEqual(['tables', 'counters', 'counters'])
})

test('another rule is reported, also in another table with the same handle', async () => {
  expect(await told(reading(1, '00'), reading(2, '00', 6))).toEqual(['tables', 'tables', 'counters'])
  expect(await told(reading(1, '00'), reading(2, '01', 5, '2'))).toEqual(['tables', 'tables', 'counters'])
})

test('another policy is reported', async () => {
  const of = (time: number, policy: string): TableSnapshot[] =>
    reading(time, '00').map((table) => ({
      ...table,
      chains: table.chains.map((chain) => ({ ...chain, policy, counters: [0n, 0n] as const })),
    }))
  expect(await told(of(1, 'ACCEPT'), of(2, 'DROP'))).toEqual(['tables', 'tables', 'counters'])
})
