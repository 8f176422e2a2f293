/** The cost of nf_tables operations compared with their bare messages and with the iptables-nft tools. */
import type { FamilyName } from '../src/abi/family'
import { FAMILIES } from '../src/abi/family'
import { NLM_F_APPEND, NLM_F_CREATE } from '../src/abi/netlink'
import { NftClient } from '../src/backend/nft/client'
import {
  type AnyRule,
  type AnyTable,
  Chain,
  LinuxKernel,
  Rule,
  Rule6,
  restore,
  save,
  Table,
  Table6,
} from '../src/index'
import { nfHead, type Request, request } from '../src/netlink/message'
import { assembleSteps } from '../src/nft/assemble'
import { messages } from '../src/nft/messages'
import { writeRule } from '../src/nft/rule'
import type { Goal } from './goal'
import type { Body } from './measure'
import * as reconciling from './reconcile'
import { restoreText } from './rules'
import { Stage } from './stage'

const ADDED = '-p tcp -m tcp --dport 22 -j DROP'
/** Rules of a chain, where a table has many. */
const CHAIN_SIZE = 100

/** The rules of a text in chains of {@link CHAIN_SIZE}, which nothing leads to. */
function spread(text: string): string {
  const rules = text.split('\n').filter((line) => line.startsWith('-A INPUT '))
  const chains = Array.from({ length: Math.ceil(rules.length / CHAIN_SIZE) }, (_, i) => `c${i}`)
  const lines = rules.map((line, i) => line.replace('INPUT', `c${Math.floor(i / CHAIN_SIZE)}`))
  return ['*filter', ...chains.map((name) => `:${name} - [0:0]`), ...lines, 'COMMIT', ''].join('\n')
}

export interface NftOperation {
  readonly goals: readonly Goal[]
  readonly bodies: () => Readonly<Record<string, Body>>
}

/** A table of so many rules, in one chain or in many. */
export class NftStage implements Disposable {
  readonly #stage: Stage
  readonly #table: AnyTable
  readonly #chain: Chain
  readonly #rule: AnyRule
  readonly #client: NftClient
  readonly #text: string

  /** @param isSpread whether they stand in many chains */
  constructor(family: FamilyName, count: number, isSpread: boolean) {
    const text = restoreText(family, count)
    this.#text = isSpread ? spread(text) : text
    this.#stage = new Stage(family, 0)
    const { namespace } = this.#stage
    const options = { namespace, backend: 'nft' } as const
    restore(this.#text, { ...this.#stage.place, backend: 'nft' })
    this.#table = family === 'ipv6' ? new Table6('filter', options) : new Table('filter', options)
    this.#chain = new Chain(this.#table, isSpread ? 'c0' : 'INPUT')
    this.#rule = this.#parse(ADDED)
    this.#client = new NftClient(new LinuxKernel({ namespace }), FAMILIES[family])
  }

  get #tool(): string {
    return this.#stage.family === 'ipv6' ? 'ip6tables-nft' : 'iptables-nft'
  }

  #parse(line: string): AnyRule {
    return (this.#stage.family === 'ipv6' ? Rule6 : Rule).parse(line)
  }

  /** By the names of their chains. */
  #rules(): Record<string, AnyRule[]> {
    const chains: Record<string, AnyRule[]> = {}
    for (const [, chain = '', line = ''] of this.#text.matchAll(/^-A (\S+) (.*)$/gm)) {
      chains[chain] ??= []
      chains[chain].push(this.#parse(line))
    }
    return chains
  }

  /** Takes out what was appended, untimed: so the handle has read the table each time before it is used. */
  #appended(work: () => void): Body {
    this.#table.refresh()
    return () => {
      const start = performance.now()
      work()
      const ms = performance.now() - start
      this.#chain.deleteRule(this.#rule)
      return ms
    }
  }

  #bareAppend(): () => void {
    const family = FAMILIES[this.#stage.family]
    const bytes = writeRule(family, this.#rule.entry, [0n, 0n], assembleSteps)
    const values = { table: 'filter', chain: this.#chain.name, expressions: { bytes, at: 0, end: bytes.length } }
    const made = (): Request => request(messages.newRule, NLM_F_CREATE | NLM_F_APPEND, nfHead(family.domain), values)
    return () => void this.#client.commit([made()], this.#client.generation())
  }

  get operations(): Readonly<Record<string, NftOperation>> {
    const stage = this.#stage
    const place = { ...stage.place, backend: 'nft' as const }
    return {
      append: {
        goals: [{ from: 10_000, faster: ['tool', 20] }],
        bodies: () => ({
          ours: this.#appended(() => this.#chain.appendRule(this.#rule)),
          calls: this.#appended(this.#bareAppend()),
          tool: this.#appended(() => void stage.run(this.#tool, ['-A', this.#chain.name, ...ADDED.split(' ')])),
        }),
      },
      'append, nobody else in between': {
        goals: [],
        bodies: () => ({ ours: this.#appended(() => this.#chain.appendRule(this.#rule)) }),
      },
      [reconciling.NAME]: {
        goals: reconciling.GOALS,
        bodies: () => reconciling.bodiesOf({ place, chains: this.#rules(), parse: (line) => this.#parse(line) }),
      },
      save: {
        goals: [{ from: 10_000, ratio: ['tool', 1.5] }],
        bodies: () => ({
          ours: () => void save({ ...place, tables: ['filter'] }),
          tool: () => void stage.run(`${this.#tool}-save`, ['-t', 'filter']),
        }),
      },
      restore: {
        goals: [{ from: 10_000, ratio: ['tool', 1.2] }],
        bodies: () => ({
          ours: this.#restored(() => restore(this.#text, place)),
          tool: this.#restored(() => void stage.run(`${this.#tool}-restore`, [], this.#text)),
        }),
      },
    }
  }

  /** Into no table. */
  #restored(work: () => void): Body {
    return () => {
      this.#stage.run('nft', ['flush', 'ruleset'])
      const start = performance.now()
      work()
      return performance.now() - start
    }
  }

  [Symbol.dispose](): void {
    this.#client.close()
    this.#table.close()
    this.#stage[Symbol.dispose]()
  }
}
