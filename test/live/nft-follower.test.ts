/** A table that is followed by what the kernel tells is what it is when it is read anew, or is read anew. */
import fc from 'fast-check'
import { IPV4 } from '../../src/abi/family'
import { NftClient } from '../../src/backend/nft/client'
import { Follower, type Handles } from '../../src/backend/nft/follower'
import { readTable, type TableReading } from '../../src/backend/nft/reading'
import { Chain, LinuxKernel, NetworkNamespace, Rule, restore, Table } from '../../src/index'
import { printEntry } from '../../src/language/print-entry'
import { RuleReader } from '../../src/nft/rule-template'
import type { Ref } from '../../src/ruleset/rules'
import { atOnce } from '../../src/slices'

const TEXT = `*filter
:x - [0:0]
:y - [0:0]
-A INPUT -j x
-A INPUT -p tcp -j ACCEPT
-A x -s 10.0.0.1/32 -j DROP
-A x -s 10.0.0.2/32 -j y
-A x -s 10.0.0.3/32 -j DROP
COMMIT
`

type Edit = readonly [kind: string, chain: number, at: number]
const KINDS = ['append', 'insert', 'delete', 'replace', 'create', 'remove', 'move', 'flush', 'other'] as const
const RARE = ['rename', 'policy', 'forward'] as const
const CHAINS = ['x', 'INPUT', 'y']

let made = 0

/** One change of a table, by another handle. */
function carryOut(table: Table, other: Table, [kind, which, at]: Edit): void {
  // One may have another name by now.
  const name = CHAINS.filter((one) => table.isChain(one))[which % 2] as string
  const chain = new Chain(table, name)
  const { length } = chain.rules
  const rule = Rule.parse(`-s 10.1.${++made >> 8}.${made & 255} -j ACCEPT`)
  if (kind === 'append') chain.appendRule(rule)
  if (kind === 'insert') chain.insertRule(rule, at % (length + 1))
  if (kind === 'delete' && length > 0) chain.deleteRule(at % length)
  if (kind === 'replace' && length > 0) chain.replaceRule(rule, at % length)
  if (kind === 'create') new Chain(table, table.createChain(`n${made}`).name).appendRule(rule)
  if (kind === 'remove') {
    const user = table.chains.find((one) => /^n\d/.test(one.name))
    user?.flush()
    user?.delete()
  }
  if (kind === 'move' && length > 0)
    table.transaction(() => {
      const moved = chain.rules[at % length] as Rule
      chain.deleteRule(at % length)
      chain.insertRule(moved, 0)
      chain.appendRule(rule)
    })
  if (kind === 'flush') chain.flush()
  if (kind === 'other') new Chain(other, 'OUTPUT').appendRule(rule)
  if (kind === 'rename' && table.isChain('y')) table.renameChain('y', `z${made}`)
  if (kind === 'policy') table.setPolicy('INPUT', 'DROP')
  if (kind === 'forward') new Chain(table, 'FORWARD').appendRule(rule)
}

/** What a reading says, each rule with its handle. */
function told({ ruleset, chains }: TableReading, handles: Handles, sets: Table['context']['sets']): unknown {
  return [...ruleset.chains.values()]
    .map(({ name, rules }) => [
      name,
      String(chains.get(name)?.handle),
      rules.refs.map((ref, i) => [handles.of(ref), printEntry(rules.at(i) as never, { family: IPV4, sets })]),
    ])
    .sort()
}

/** @returns how often it was followed, and how often it had to be read anew */
function follow(batches: readonly (readonly Edit[])[]): [followed: number, anew: number] {
  using namespace = NetworkNamespace.create()
  const kernel = new LinuxKernel({ namespace })
  const place = { kernel, backend: 'nft' } as const
  restore(TEXT, place)
  const [table, other] = [new Table('filter', place), new Table('mangle', place)]
  const client = new NftClient(kernel, IPV4)
  const reader = new RuleReader(IPV4)
  const follower = Follower.listening(kernel, IPV4, reader) as Follower
  const added = new WeakMap<object, number>()
  const handlesOf = (reading: TableReading): Handles => ({
    of: (ref: Ref) => (typeof ref === 'number' ? reading.handles[ref] : added.get(ref)),
    set: (entry, handle) => void added.set(entry, handle),
  })
  const read = (): TableReading => atOnce(readTable({ client, family: IPV4, name: 'filter', reader }, false))
  let reading = read()
  const counts: [number, number] = [0, 0]
  for (const edits of batches) {
    for (const edit of edits) carryOut(table, other, edit)
    const followed = follower.follow(reading, handlesOf(reading))
    const anew = read()
    counts[followed === undefined ? 1 : 0]++
    if (followed !== undefined) {
      const { sets } = table.context
      expect(told(followed, handlesOf(followed), sets)).toEqual(told(anew, handlesOf(anew), sets))
      expect(followed.generation).toBe(anew.generation)
    }
    reading = followed ?? anew
  }
  follower.close()
  client.close()
  table.close()
  other.close()
  return counts
}

const batchesOf = (kinds: readonly string[]) =>
  fc.array(fc.array(fc.tuple(fc.constantFrom(...kinds), fc.nat(), fc.nat()), { maxLength: 4 }), { maxLength: 6 })

test('rules and chains that come and go are followed', () => {
  fc.assert(
    fc.property(batchesOf(KINDS), (batches) => {
      expect(follow(batches)[1]).toBe(0)
    }),
    { numRuns: 60 },
  )
})

test('what is not told in full has the table read anew', () => {
  fc.assert(
    fc.property(batchesOf([...KINDS, ...RARE]), (batches) => {
      follow(batches)
    }),
    { numRuns: 60 },
  )
})
