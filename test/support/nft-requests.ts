/** Generated nf_tables requests, valid and invalid. */
import { FAMILIES } from '../../src/abi/family'
import {
  NLM_F_ACK,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_ECHO,
  NLM_F_EXCL,
  NLM_F_NONREC,
  NLM_F_REPLACE,
} from '../../src/abi/netlink'
import { NFT_VERDICT } from '../../src/abi/nf-tables'
import { type MessageType, type NfHead, nfHead, type Request, request } from '../../src/netlink/message'
import { type Expression, expressionList } from '../../src/nft/expressions'
import { batchBegin, batchEnd, batchHead, messages } from '../../src/nft/messages'
import type { Random } from '../kernel/random'

const TABLES = ['filter', 'nat', 'other']
const CHAINS = ['INPUT', 'FORWARD', 'OUTPUT', 'PREROUTING', 'POSTROUTING', 'a', 'b', 'c', 'd', 'nope']
const HANDLES = 24

/** A readable form of a request, to inspect one for which the kernels differ. */
export interface Shown {
  readonly name: string
  readonly flags: number
  readonly values: unknown
}

/** The position of an existing rule, for requests that refer to it. */
export interface KnownRule {
  readonly family: number
  readonly table: string
  readonly chain: string
  readonly handle: bigint
}

export const encodedExpressions = (list: readonly Expression[]) => {
  const bytes = new Uint8Array(expressionList.size(list))
  return { bytes, at: 0, end: expressionList.write(bytes, 0, list) }
}

export class NftRequestMaker {
  readonly #random: Random
  /** The requests that were generated last. */
  shown: Shown[] = []
  known: readonly KnownRule[] = []
  knownChains: readonly Omit<KnownRule, 'handle'>[] = []

  constructor(random: Random) {
    this.#random = random
  }

  #often(of: number): boolean {
    return this.#random.below(of) > 0
  }

  #rarely(of: number): boolean {
    return this.#random.below(of) === 0
  }

  #request<V>(kind: MessageType<NfHead, V>, flags: number, family: number, values: V): Request {
    this.shown.push({ name: kind.name, flags, values })
    return request(kind, flags, nfHead(family), values)
  }

  #family(): number {
    return this.#rarely(30) ? this.#random.pick([0, 99]) : this.#random.pick([FAMILIES.ipv4, FAMILIES.ipv6]).domain
  }

  #flags(...may: readonly number[]): number {
    const flags = may.reduce((all, flag) => all | (this.#rarely(4) ? flag : 0), this.#often(8) ? NLM_F_ACK : 0)
    return flags | (this.#rarely(3) ? NLM_F_ECHO : 0)
  }

  /** Batches that create the objects that later requests refer to. */
  first(): Request[][] {
    return Object.values(FAMILIES).flatMap(({ domain }) =>
      TABLES.map((table) => [
        request(batchBegin, 0, batchHead, {}),
        request(messages.newTable, NLM_F_CREATE, nfHead(domain), { name: table }),
        ...['a', 'b', 'c'].map((name) => request(messages.newChain, NLM_F_CREATE, nfHead(domain), { table, name })),
        request(messages.newChain, NLM_F_CREATE, nfHead(domain), {
          table,
          name: 'OUTPUT',
          hook: { number: 3, priority: 0 },
          type: table === 'nat' ? 'nat' : 'filter',
        }),
        request(batchEnd, 0, batchHead, {}),
      ]),
    )
  }

  /** A batch, or occasionally an incomplete one. @param generation the current generation */
  batch(generation: number): Request[] {
    this.shown = []
    const count = 1 + this.#random.below(this.#random.pick([1, 3, 5]))
    const begin = this.#rarely(3) ? { generation: this.#rarely(3) ? generation + 1 : generation } : {}
    const inside = Array.from({ length: count }, () => this.#change())
    if (this.#rarely(40)) return inside
    const all = [request(batchBegin, this.#rarely(9) ? NLM_F_ACK : 0, batchHead, begin), ...inside]
    return this.#rarely(40) ? all : [...all, request(batchEnd, 0, batchHead, {})]
  }

  #change(): Request {
    const { below } = { below: this.#random.below(20) }
    if (below < 2) return this.#newTable()
    if (below < 6) return this.#newChain()
    if (below < 13) return this.#newRule()
    if (below < 16) return this.#deleteRule()
    if (below < 18) return this.#deleteChain()
    if (below === 18 && this.#rarely(4)) return this.#deleteTable()
    return this.#rarely(4) ? this.query() : this.#newRule()
  }

  #table(): string | undefined {
    return this.#rarely(60) ? undefined : this.#rarely(40) ? 'nope' : this.#random.pick(TABLES)
  }

  #chain(): string | undefined {
    return this.#rarely(60) ? undefined : this.#random.pick(CHAINS)
  }

  #handle(): bigint {
    return BigInt(this.#random.below(HANDLES))
  }

  #newTable(): Request {
    const flags = this.#rarely(8) ? { flags: this.#random.below(2) } : {}
    return this.#request(messages.newTable, this.#flags(NLM_F_CREATE, NLM_F_EXCL), this.#family(), {
      name: this.#rarely(50) ? 'n'.repeat(256) : this.#table(),
      ...flags,
    })
  }

  #deleteTable(): Request {
    const values = this.#rarely(5) ? { handle: BigInt(this.#random.below(6)) } : { name: this.#table() }
    return this.#request(messages.deleteTable, this.#flags(NLM_F_NONREC), this.#family(), values)
  }

  #newChain(): Request {
    const name = this.#chain()
    const hook = CHAINS.indexOf(name ?? '')
    const isHooked = hook < 5 ? this.#often(5) : this.#rarely(12)
    const priority = this.#random.pick([0, 0, 0, 100, -100, -200, -300])
    const hooked = {
      hook: {
        ...(this.#often(30) && { number: this.#often(15) ? [1, 2, 3, 0, 4][hook % 5] : this.#random.below(6) }),
        ...(this.#often(30) && { priority }),
      },
      ...(this.#often(8) && { type: this.#random.pick(['filter', 'filter', 'nat', 'route', 'nope']) }),
    }
    const values = {
      table: this.#table(),
      ...(this.#often(15) && { name: this.#rarely(60) ? 'n'.repeat(256) : name }),
      ...(this.#rarely(6) && { handle: this.#handle() }),
      ...(isHooked && hooked),
      ...(this.#rarely(5) && { policy: this.#random.pick([0, 1, 1, 2]) }),
      ...(this.#rarely(8) && {
        counters: { packets: BigInt(this.#random.below(9)), ...(this.#often(9) && { bytes: 7n }) },
      }),
      ...(this.#rarely(20) && { flags: this.#random.below(2) }),
    }
    return this.#request(messages.newChain, this.#flags(NLM_F_CREATE, NLM_F_EXCL), this.#family(), values)
  }

  #deleteChain(): Request {
    const by = this.#rarely(4) ? { handle: this.#handle() } : { name: this.#chain() }
    return this.#request(messages.deleteChain, this.#flags(NLM_F_NONREC), this.#family(), {
      table: this.#table(),
      ...by,
    })
  }

  #newRule(): Request {
    const near = this.#rarely(3) ? this.#random.pick(this.known) : undefined
    const anywhere = { family: this.#family(), table: this.#table(), chain: this.#chain() }
    const where = near ?? (this.#often(6) ? this.#random.pick(this.knownChains) : undefined) ?? anywhere
    const replaces = near !== undefined && this.#rarely(2)
    const family = Object.values(FAMILIES).find(({ domain }) => domain === where.family) ?? FAMILIES.ipv4
    const values = {
      table: where.table,
      chain: where.chain,
      ...(near && (replaces ? { handle: near.handle } : { position: near.handle })),
      ...(near === undefined && this.#rarely(20) && { position: this.#handle() }),
      ...(near === undefined && this.#rarely(20) && { handle: this.#handle() }),
      expressions: encodedExpressions(this.#expressions(family.domain, family.addressSize)),
      ...(this.#often(4) && {
        compat: { proto: this.#random.pick([6, 6, 17, 0]), flags: this.#rarely(8) ? this.#random.below(4) : 0 },
      }),
      ...(this.#rarely(6) && { userdata: new Uint8Array(this.#random.pick([0, 1, 5, 256, 257])).fill(7) }),
    }
    const usual = replaces ? NLM_F_REPLACE : NLM_F_CREATE
    const flags = this.#flags(NLM_F_APPEND, NLM_F_APPEND) | (this.#often(15) ? usual : 0)
    return this.#request(messages.newRule, flags, where.family, values)
  }

  #deleteRule(): Request {
    const known = this.#often(4) ? this.#random.pick(this.known) : undefined
    const handle = known?.handle ?? (this.#rarely(3) ? this.#handle() : undefined)
    return this.#request(messages.deleteRule, this.#flags(), known?.family ?? this.#family(), {
      table: known?.table ?? this.#table(),
      chain: known?.chain ?? this.#chain(),
      ...(handle !== undefined && { handle }),
    })
  }

  /** A request that changes nothing. */
  query(): Request {
    const family = this.#family()
    const dump = this.#rarely(2) ? NLM_F_DUMP : NLM_F_ACK
    const table = this.#table()
    const known = this.#random.pick(this.known)
    switch (this.#random.below(5)) {
      case 0:
        return this.#request(messages.getTable, dump, family, { name: table })
      case 1:
        return this.#request(messages.getChain, dump, family, { table, name: this.#chain() })
      case 2:
        return this.#request(messages.getRule, dump, family, { table, chain: this.#chain(), handle: this.#handle() })
      case 3:
        return this.#request(messages.getRule, dump, known?.family ?? family, {
          table: known?.table,
          chain: known?.chain,
          handle: known?.handle,
        })
      default:
        return this.#request(messages.compat, NLM_F_ACK, family, {
          name: this.#random.pick(['tcp', 'mark', 'LOG', 'MARK', 'nope', 'conntrack', 'REJECT', 'set']),
          rev: this.#random.below(5),
          type: this.#random.below(2),
        })
    }
  }

  #expressions(family: number, addressSize: number): Expression[] {
    const count = this.#random.below(4)
    return Array.from({ length: count }, () => this.#spoiled(this.#statement(family, addressSize))).flat()
  }

  /** Occasionally removes or changes one attribute. */
  #spoiled(list: Expression[]): Expression[] {
    if (this.#often(12)) return list
    const at = this.#random.below(list.length)
    return list.map((one, i) => {
      if (i !== at || !('data' in one)) return one
      const keys = Object.keys(one.data)
      const key = this.#random.pick(keys)
      const value = (one.data as Record<string, unknown>)[key]
      const other =
        typeof value === 'number' ? { [key]: this.#random.pick([0, 1, 2, 3, 5, 9, 23, 24, 200, 70_000]) } : {}
      const { [key]: _, ...without } = one.data as Record<string, unknown>
      const isByte = key === 'icmpCode' || key === 'direction' || key === 'group' || key === 'qthreshold'
      return { name: one.name, data: { ...without, ...(isByte ? {} : other) } } as Expression
    })
  }

  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#random.below(256))
  }

  #statement(family: number, addressSize: number): Expression[] {
    const { NETWORK, TRANSPORT } = { NETWORK: 1, TRANSPORT: 2 }
    const load = (base: number, offset: number, len: number, dreg = 1): Expression => ({
      name: 'payload',
      data: { dreg, base, offset, len },
    })
    const cmp = (length: number): Expression => ({
      name: 'cmp',
      data: { sreg: this.#random.pick([1, 8]), op: this.#random.below(6), data: { value: this.#bytes(length) } },
    })
    const immediate = (dreg: number, length: number): Expression => ({
      name: 'immediate',
      data: { dreg, data: { value: this.#bytes(length) } },
    })
    const verdict = (code: number, chain?: string): Expression => ({
      name: 'immediate',
      data: { dreg: 0, data: { verdict: { code, chain } } },
    })
    const info = (bytes: Uint8Array) => ({ bytes, at: 0, end: bytes.length })
    const { DROP, ACCEPT, JUMP, GOTO, RETURN } = NFT_VERDICT
    const makers: readonly (() => Expression[])[] = [
      () => [load(NETWORK, 12, addressSize), cmp(addressSize)],
      () => [
        load(NETWORK, 12, 4),
        {
          name: 'bitwise',
          data: { sreg: 1, dreg: 1, len: 4, op: 0, mask: { value: this.#bytes(4) }, xor: { value: this.#bytes(4) } },
        },
        cmp(4),
      ],
      () => [load(TRANSPORT, 2, 2), cmp(2)],
      () => [
        load(TRANSPORT, 0, 2),
        {
          name: 'range',
          data: { sreg: 1, op: this.#random.below(2), from: { value: this.#bytes(2) }, to: { value: this.#bytes(2) } },
        },
      ],
      () => [{ name: 'meta', data: { key: this.#random.below(35), dreg: this.#random.pick([1, 2, 8, 9, 23]) } }],
      () => [immediate(9, 4), { name: 'meta', data: { key: this.#random.below(20), sreg: 9 } }],
      () => [
        {
          name: 'ct',
          data: {
            dreg: 1,
            key: this.#random.below(24),
            ...(this.#rarely(3) && { direction: this.#random.below(3) }),
          },
        },
      ],
      () => [
        { name: 'counter', data: { packets: BigInt(this.#random.below(9)), bytes: BigInt(this.#random.below(99)) } },
      ],
      () => [
        {
          name: 'limit',
          data: {
            rate: BigInt(this.#random.below(50)),
            unit: this.#random.pick([1n, 60n, 3600n, 86_400n, 0n]),
            burst: this.#random.below(9),
            type: this.#random.below(2),
            flags: this.#random.below(2),
          },
        },
      ],
      () => [
        {
          name: 'log',
          data: {
            ...(this.#rarely(2) && { prefix: 'p'.repeat(this.#random.pick([0, 1, 127, 128])) }),
            ...(this.#rarely(2) && { group: this.#random.below(9) }),
            ...(this.#rarely(3) && { snaplen: this.#random.below(9) }),
            ...(this.#rarely(3) && { qthreshold: this.#random.below(3) }),
            ...(this.#rarely(3) && { level: this.#random.below(10) }),
            ...(this.#rarely(3) && { flags: this.#random.below(64) }),
          },
        },
      ],
      () => [{ name: 'reject', data: { type: this.#random.below(3), icmpCode: this.#random.below(6) } }],
      () => [
        immediate(1, addressSize),
        immediate(2, addressSize),
        {
          name: 'nat',
          data: {
            type: this.#random.below(2),
            family: this.#rarely(9) ? 2 : family,
            ...(this.#often(4) && { addressMin: 1 }),
            ...(this.#rarely(3) && { addressMax: 2 }),
            ...(this.#rarely(3) && { portMin: 2 }),
            ...(this.#rarely(5) && { portMax: 1 }),
            ...(this.#rarely(3) && { flags: this.#random.below(130) }),
          },
        },
      ],
      () => [
        immediate(1, 2),
        {
          name: this.#random.pick(['masq', 'redir'] as const),
          data: { ...(this.#rarely(2) && { portMin: 1 }), ...(this.#rarely(3) && { flags: this.#random.below(130) }) },
        } as Expression,
      ],
      () => [{ name: 'lookup', data: { set: 'nope', sreg: 1 } }],
      () => [{ name: 'nope', unknown: undefined }],
      () => [
        {
          name: 'match',
          data: {
            name: this.#random.pick(['tcp', 'tcp', 'udp', 'mark', 'mac', 'nope']),
            rev: this.#random.pick([0, 0, 1]),
            info: info(new Uint8Array(this.#random.pick([16, 16, 16, 12, 10, 20]))),
          },
        },
      ],
      () => [
        {
          name: 'target',
          data: {
            name: this.#random.pick(['TTL', 'HL', 'REJECT', 'NOTRACK', 'MASQUERADE', 'standard', 'nope']),
            rev: 0,
            info: info(new Uint8Array(this.#random.pick([4, 8, 0, 24]))),
          },
        },
      ],
      () => [verdict(this.#random.pick([DROP, ACCEPT, RETURN, -1, -2, 3, 2, 77]))],
      () => [verdict(this.#random.pick([JUMP, GOTO]), this.#chain() ?? 'a')],
      () => [verdict(this.#random.pick([JUMP, GOTO]), this.#random.pick(['a', 'b', 'c', 'd']))],
    ]
    return this.#random.pick(makers)()
  }
}
