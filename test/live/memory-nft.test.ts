/** Compares the nf_tables of the in-process kernel with those of Linux: the same requests must get the same answers. */
import { NLM_F_DUMP } from '../../src/abi/netlink'
import { Chain } from '../../src/iptc/chain'
import { Rule } from '../../src/iptc/rule'
import { save } from '../../src/iptc/save-restore'
import { Table } from '../../src/iptc/table'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { nfHead, request } from '../../src/netlink/message'
import { messages } from '../../src/nft/messages'
import { Random } from '../kernel/random'
import { type NftAnswer, NftAsked, shownValues } from '../support/nft-asked'
import { type KnownRule, NftRequestMaker } from '../support/nft-requests'

// XTABLES_TEST_SEQUENCES=200 runs more of them, XTABLES_TEST_SEED=1000 others.
const SEQUENCES = Number(process.env['XTABLES_TEST_SEQUENCES'] ?? 12)
const SEED = Number(process.env['XTABLES_TEST_SEED'] ?? 1)
const BATCHES = 100

jest.setTimeout(600_000)

const DUMPS = [messages.getTable, messages.getChain, messages.getRule].map((kind) =>
  request(kind as typeof messages.getTable, NLM_F_DUMP, nfHead(0), {}),
)
/** Everything in nf_tables. One dump at a time, because the kernel runs only one for each socket. */
const everything = (asked: NftAsked): NftAnswer[] => DUMPS.flatMap((dump) => asked.ask([dump]))

/** The chains or rules in a dump. */
const toldOf = (answers: readonly NftAnswer[], name: string, chainKey: 'chain' | 'name'): KnownRule[] =>
  answers
    .filter(([, kind]) => kind === name)
    .map(([, , , what]) => JSON.parse(what))
    .map(({ head, table, handle, [chainKey]: chain }) => ({
      family: head.nfgenFamily,
      table,
      chain,
      handle: BigInt(handle.slice(0, -1)),
    }))

const generationOf = (asked: NftAsked): number =>
  JSON.parse(asked.ask([request(messages.getGen, 0, nfHead(0), {})])[0]?.[3] ?? '{}').id

test.each(Array.from({ length: SEQUENCES }, (_, i) => SEED + i))('sequence %d', (seed) => {
  using namespace = NetworkNamespace.create()
  const linux = new NftAsked(new LinuxKernel({ namespace }))
  const memory = new NftAsked(new MemoryKernel())
  const maker = new NftRequestMaker(new Random(seed))
  for (const batch of maker.first()) expect(memory.ask(batch)).toEqual(linux.ask(batch))
  maker.knownChains = toldOf(everything(linux), messages.newChain.name, 'name')
  const done = { carriedOut: 0, refused: 0, rules: 0 }
  for (let i = 0; i < BATCHES; i++) {
    const generation = generationOf(linux)
    const sent = i % 10 === 9 ? [maker.query()] : maker.batch(generation)
    const [theirs, ours] = [linux.ask(sent), memory.ask(sent)]
    expect([i, shownValues(maker.shown), ours]).toEqual([i, shownValues(maker.shown), theirs])
    const [all, held] = [everything(linux), everything(memory)]
    expect([i, shownValues(maker.shown), held]).toEqual([i, shownValues(maker.shown), all])
    maker.known = toldOf(all, messages.newRule.name, 'chain')
    maker.knownChains = toldOf(all, messages.newChain.name, 'name')
    done[generationOf(linux) === generation ? 'refused' : 'carriedOut']++
    done.rules += maker.known.length
  }
  linux.close()
  memory.close()
  // The test only means something if each of these happens often.
  expect(done.carriedOut).toBeGreaterThan(BATCHES / 10)
  expect(done.refused).toBeGreaterThan(BATCHES / 10)
  expect(done.rules).toBeGreaterThan(BATCHES / 10)
})

/** Lines that are applied to both kernels with the object API. */
const LINES = [
  '-s 10.0.0.0/8 -j ACCEPT',
  '-p tcp -m tcp --dport 22 -j DROP',
  '! -i lo -m mark --mark 0x1 -j RETURN',
  '-m conntrack --ctstate ESTABLISHED -j ACCEPT',
  '-m limit --limit 5/min -j LOG --log-prefix "some: "',
  '-p tcp -j REJECT --reject-with tcp-reset',
  '-j a',
  '-g b',
  '-m comment --comment "some words"',
]

/** A random edit of a table, the same for both. */
function edit(table: Table, random: Random): void {
  const names = table.chains.map(({ name }) => name)
  const name = random.pick(names) as string
  const chain = new Chain(table, name)
  const rule = Rule.parse(random.pick(LINES))
  const at = random.below(chain.rules.length + 1)
  const what = random.below(12)
  if (what < 4) chain.appendRule(rule)
  else if (what < 6) chain.insertRule(rule, at)
  else if (what === 6) chain.deleteRule(at)
  else if (what === 7) chain.replaceRule(rule, at)
  else if (what === 8) table.createChain(random.pick(['a', 'b', 'c', 'd']))
  else if (what === 9) table.renameChain(name, random.pick(['a', 'b', 'c', 'd']))
  else if (what === 10) table.deleteChain(name)
  else table.setPolicy('INPUT', random.pick(['ACCEPT', 'DROP'] as const))
}

test.each(Array.from({ length: SEQUENCES }, (_, i) => SEED + i))('edits %d, with the object API', (seed) => {
  using namespace = NetworkNamespace.create()
  const kernels = [new LinuxKernel({ namespace }), new MemoryKernel()]
  const tables = kernels.map((kernel) => new Table('filter', { kernel, backend: 'nft' }))
  const randoms = kernels.map(() => new Random(seed))
  let done = 0
  for (let i = 0; i < 60; i++) {
    const isMany = i % 3 === 0
    const outcomes = tables.map((table, k) => {
      const random = randoms[k] as Random
      try {
        const count = isMany ? 4 : 1
        if (isMany)
          table.transaction(() => {
            // Edits that fail do not prevent the others.
            const own = new Random(1 + seed * 100 + i)
            for (let n = 0; n < count; n++) edit(table, own)
          })
        else edit(table, random)
        done++
        return 'done'
      } catch (error) {
        return (error as Error).name
      }
    })
    // One side may have drawn more numbers than the other.
    randoms.forEach((_, k) => {
      randoms[k] = new Random(seed + 1000 * (i + 1))
    })
    expect([i, outcomes[1]]).toEqual([i, outcomes[0]])
    const texts = kernels.map((kernel) => save({ kernel, backend: 'nft', counters: true }).replace(/^#.*$/gm, ''))
    expect([i, texts[1]]).toEqual([i, texts[0]])
  }
  expect(done).toBeGreaterThan(20)
  for (const table of tables) table.close()
})
