/** The nf_tables of the in-process kernel against those of the machine's: the same requests, the same answers. */
import { NLM_F_DUMP } from '../../src/abi/netlink'
import { LinuxKernel } from '../../src/kernel/linux/linux-kernel'
import { NetworkNamespace } from '../../src/kernel/linux/namespace'
import { MemoryKernel } from '../../src/kernel/memory/memory-kernel'
import { nfHead, request } from '../../src/netlink/message'
import { messages } from '../../src/nft/messages'
import { Random } from '../kernel/random'
import { type NftAnswer, NftAsked, shownValues } from '../support/nft-asked'
import { type KnownRule, NftRequestMaker } from '../support/nft-requests'

// More of them: XTABLES_TEST_SEQUENCES=200; others: XTABLES_TEST_SEED=1000.
const SEQUENCES = Number(process.env['XTABLES_TEST_SEQUENCES'] ?? 12)
const SEED = Number(process.env['XTABLES_TEST_SEED'] ?? 1)
const BATCHES = 100

jest.setTimeout(600_000)

const DUMPS = [messages.getTable, messages.getChain, messages.getRule].map((kind) =>
  request(kind as typeof messages.getTable, NLM_F_DUMP, nfHead(0), {}),
)
/** All that there is. One dump at a time: a kernel runs no two for one socket. */
const everything = (asked: NftAsked): NftAnswer[] => DUMPS.flatMap((dump) => asked.ask([dump]))

/** What a dump says of chains or rules. */
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
  // All happens often, or it tries nothing.
  expect(done.carriedOut).toBeGreaterThan(BATCHES / 10)
  expect(done.refused).toBeGreaterThan(BATCHES / 10)
  expect(done.rules).toBeGreaterThan(BATCHES)
})
