/** A client of nf_tables: dumps tables, asks for extensions, and sends batches of changes. */
import { ERRNO } from '../../abi/errno'
import type { Family } from '../../abi/family'
import { NETLINK_NETFILTER } from '../../abi/netlink'
import { NFT_COMPAT_TYPES } from '../../abi/nf-tables'
import { ConflictError, KernelError, PermissionError, UnsupportedError } from '../../errors'
import { closedError } from '../../kernel/client'
import type { NetlinkPort } from '../../kernel/kernel'
import { NetlinkClient, type TransactionOutcome } from '../../netlink/client'
import {
  type Message,
  type MessageType,
  type NfHead,
  nfHead,
  type Request,
  readMessage,
  request,
} from '../../netlink/message'
import { explain, Refusal } from '../../netlink/refusal'
import {
  batchBegin,
  batchEnd,
  batchHead,
  type ChainValues,
  type DumpedRule,
  messages,
  type RuleValues,
  type TableValues,
} from '../../nft/messages'
import { Standstill } from './standstill'

/** For one family, in one network namespace. */
export class NftClient {
  readonly #port: NetlinkPort
  readonly #netlink: NetlinkClient
  readonly #family: Family
  readonly #revisions = new Set<string>()
  /** Number of operations in progress. The sockets stay open until they are finished. */
  #underWay = 0
  #closed = false
  readonly #title: string | undefined

  /** @param title names the table in error messages */
  constructor(port: NetlinkPort, family: Family, title?: string) {
    this.#title = title
    this.#port = port
    this.#netlink = new NetlinkClient(port, NETLINK_NETFILTER)
    this.#family = family
  }

  get #head() {
    return nfHead(this.#family.domain)
  }

  /** The generation, which every change in the namespace increments, in whatever table. @throws UnsupportedError, PermissionError */
  generation(): number {
    const [answer] = this.#ask(request(messages.getGen, 0, nfHead(0), {}))
    if (answer === undefined)
      throw new UnsupportedError('XT_NO_NFTABLES', 'the kernel does not say which generation its rules are of')
    return readMessage(messages.newGen, answer).values.id ?? 0
  }

  /** The tables of the family. */
  tables(): TableValues[] {
    return this.#dump(request(messages.getTable, 0, this.#head, {})).map(
      (message) => readMessage(messages.newTable, message).values,
    )
  }

  /**
   * Dumps a table, its chains and its rules at one generation.
   * @throws ConflictError if the generation changes in between, also later while the rules are read
   */
  dumpTable(table: string): TableDump {
    const generation = this.generation()
    const head = this.#head
    const asked = [
      request(messages.getTable, 0, head, {}),
      request(messages.getChain, 0, head, {}),
      request(messages.getRule, 0, head, { table }),
    ]
    const [tables, chains, rules] = this.#dumps(asked) as [Parts, Parts, Parts]
    try {
      const ours = all(chains, messages.newChain, generation).filter((one) => one.table === table)
      return {
        generation,
        table: all(tables, messages.newTable, generation).find((one) => one.name === table),
        chains: ours,
        rules: isLong(ours) ? this.#rulesByChain(rules, ours, generation) : this.#rules(rules, { table }, generation),
      }
    } catch (error) {
      for (const parts of [tables, chains, rules]) parts.return()
      throw explained(error)
    }
  }

  /** The rules of a table with all their attributes. Does not check that they are of one generation. */
  rules(table: string): RuleValues[] {
    return this.#dump(request(messages.getRule, 0, this.#head, { table }))
      .map((message) => readMessage(messages.newRule, message).values)
      .filter((rule) => rule.table === table)
  }

  /** As {@link dumpTable}, without the rules. @throws ConflictError */
  dumpChains(table: string): Omit<TableDump, 'rules'> {
    const generation = this.generation()
    const head = this.#head
    const asked = [request(messages.getTable, 0, head, {}), request(messages.getChain, 0, head, {})]
    const [tables, chains] = this.#dumps(asked) as [Parts, Parts]
    try {
      const found = {
        generation,
        table: all(tables, messages.newTable, generation).find((one) => one.name === table),
        chains: all(chains, messages.newChain, generation).filter((one) => one.table === table),
      }
      if (this.generation() !== generation) throw moved()
      return found
    } catch (error) {
      for (const parts of [tables, chains]) parts.return()
      throw explained(error)
    }
  }

  /** @param ofTable a dump of all rules, which is ended unread */
  *#rulesByChain(ofTable: Parts, chains: readonly ChainValues[], generation: number): RuleParts {
    ofTable.return()
    for (const { table, name: chain } of chains) yield* this.rulesOf({ table, chain }, generation)
  }

  /** The rules of one chain. @throws ConflictError if the generation is another one */
  *rulesOf(chain: Pick<RuleValues, 'table' | 'chain'>, generation: number): RuleParts {
    const [parts] = this.#dumps([request(messages.getRule, 0, this.#head, chain)]) as [Parts]
    yield* this.#rules(parts, chain, generation)
  }

  *#rules(parts: Parts, { table, chain }: Pick<RuleValues, 'table' | 'chain'>, generation: number): RuleParts {
    let isEmpty = true
    using _ = this.#begun()
    try {
      for (const some of parts) {
        isEmpty = false
        const rules = some.map((message) => valuesAt(messages.dumpedRule, message, generation))
        yield rules.filter((rule) => rule.table === table && (chain === undefined || rule.chain === chain))
      }
    } catch (error) {
      // Some kernels return ENOENT if there is no such table.
      if (!isMissing(error)) throw explained(error)
    }
    // An empty dump does not contain its generation.
    if (isEmpty && this.generation() !== generation) throw moved()
  }

  #dumps(asked: readonly Request[]): Parts[] {
    return this.#explaining(() => this.#netlink.dumpTogether(asked))
  }

  #explaining<T>(body: () => T): T {
    try {
      return body()
    } catch (error) {
      throw explained(error)
    }
  }

  /** Whether nft_compat has this exact revision of an extension. Only a yes is cached: a missing module may be loaded later. */
  hasRevision(kind: 'match' | 'target', name: string, revision: number): boolean {
    const key = `${kind} ${name} ${revision}`
    const known = this.#revisions.has(key) || this.#askRevision(kind, name, revision)
    if (known) this.#revisions.add(key)
    return known
  }

  #askRevision(kind: 'match' | 'target', name: string, revision: number): boolean {
    const values = { name, rev: revision, type: NFT_COMPAT_TYPES[kind] }
    using _ = this.#begun()
    try {
      this.#netlink.request(request(messages.compat, 0, this.#head, values))
      return true
    } catch (error) {
      if (error instanceof Refusal && UNKNOWN_REVISION.includes(error.errno)) return false
      throw explained(error)
    }
  }

  /**
   * Makes all changes, or none.
   * @param generation the one that the changes assume; if the current one differs, the first refusal is ERESTART at index -1
   */
  commit(changes: readonly Request[], generation: number): TransactionOutcome {
    using _ = this.#begun()
    return withoutBegin(this.#netlink.transaction(inBatch(changes, generation)))
  }

  /** As {@link commit}, but changes nothing: the kernel checks the changes, and discards a batch without an end message. */
  rehearse(changes: readonly Request[], generation: number): TransactionOutcome {
    using _ = this.#begun()
    return withoutBegin(this.#netlink.transaction(inBatch(changes, generation).slice(0, -1), changes.length))
  }

  /** As {@link commit}, with the kernel's work off the main thread. */
  async commitAsync(changes: readonly Request[], generation: number): Promise<TransactionOutcome> {
    using _ = this.#begun()
    return withoutBegin(await this.#netlink.transactionAsync(inBatch(changes, generation)))
  }

  /** For a table that others change so often that it cannot be read. */
  standstill(table: string): Standstill {
    return new Standstill(this.#port, this.#family, table)
  }

  /** Closes the sockets for good, after the operations in progress. Calling it again does nothing. */
  close(): void {
    this.#closed = true
    if (this.#underWay === 0) this.#netlink.close()
  }

  /** Starts an operation, which ends when the result is disposed of. @throws IptcError if the client is closed */
  #begun(): Disposable {
    if (this.#closed) throw closedError(this.#title)
    this.#underWay++
    return {
      [Symbol.dispose]: () => {
        if (--this.#underWay === 0 && this.#closed) this.#netlink.close()
      },
    }
  }

  #ask(asked: Request): readonly Message[] {
    using _ = this.#begun()
    try {
      return this.#netlink.request(asked)
    } catch (error) {
      throw explained(error)
    }
  }

  #dump(asked: Request): Message[] {
    using _ = this.#begun()
    try {
      return this.#netlink.dumpAll(asked)
    } catch (error) {
      if (isMissing(error)) return []
      throw explained(error)
    }
  }
}

type Parts = Generator<readonly Message[], void, void>
type RuleParts = Generator<readonly DumpedRule[], void, void>

/**
 * With more rules than this, each chain is dumped separately. The kernel continues the dump of a table by counting from its
 * first rule, so the time grows with the square of the number of rules.
 */
const MANY_RULES = 2_000

const isLong = (chains: readonly ChainValues[]): boolean =>
  chains.length > 1 && chains.reduce((sum, { use = 0 }) => sum + use, 0) > MANY_RULES

/** The headers of dumped messages (`res_id`) contain the lower 16 bits of the generation. */
const RES_ID = 0xffff

const moved = (): ConflictError =>
  new ConflictError('XT_CHANGED_WHILE_READ', 'nf_tables was changed by another program while it was read')

/** @throws ConflictError if the message is of another generation */
function valuesAt<V>(kind: MessageType<NfHead, V>, message: Message, generation: number): V {
  const { head, values } = readMessage(kind, message)
  if (head.resId !== (generation & RES_ID)) throw moved()
  return values
}

const all = <V>(parts: Parts, kind: MessageType<NfHead, V>, generation: number): V[] =>
  [...parts].flat().map((message) => valuesAt(kind, message, generation))

/** A table at one generation. */
export interface TableDump {
  readonly generation: number
  /** Undefined if the kernel does not have the table. */
  readonly table: TableValues | undefined
  /** In order of creation. */
  readonly chains: readonly ChainValues[]
  /** In parts. The rules of each chain are in order. Read it to the end, or end it with `return`. */
  readonly rules: RuleParts
}

/** The kernel's answers for an extension that it lacks. */
const UNKNOWN_REVISION: readonly number[] = [ERRNO.ENOENT, ERRNO.EPROTONOSUPPORT, ERRNO.EINVAL]

const isMissing = (error: unknown): boolean => error instanceof Refusal && error.errno === ERRNO.ENOENT

const inBatch = (changes: readonly Request[], generation: number): Request[] => [
  request(batchBegin, 0, batchHead, { generation }),
  ...changes,
  request(batchEnd, 0, batchHead, {}),
]

/** Numbers the messages from the first change on: the begin message becomes -1. */
const withoutBegin = ({ refused, echoed }: TransactionOutcome): TransactionOutcome => ({
  refused: refused.map((one) => ({ ...one, index: one.index - 1 })),
  echoed: echoed.map((one) => ({ ...one, index: one.index - 1 })),
})

/** The answer of a kernel without nf_tables to a message. A kernel without nfnetlink does not even open the socket. */
const NO_NFT: readonly number[] = [ERRNO.EINVAL, ERRNO.EOPNOTSUPP]
const NO_SOCKET: readonly number[] = [ERRNO.EPROTONOSUPPORT, ERRNO.EAFNOSUPPORT]

function lacksNft(error: unknown): boolean {
  if (error instanceof Refusal) return NO_NFT.includes(error.errno)
  return error instanceof KernelError && NO_SOCKET.includes(error.errno)
}

/** The error for users. */
function explained(error: unknown): unknown {
  if (lacksNft(error))
    return new UnsupportedError(
      'XT_NO_NFTABLES',
      'this kernel has no nf_tables: load its module (`modprobe nf_tables`), or use a kernel that has it',
      { cause: error },
    )
  if (!(error instanceof Refusal)) return error
  if (error.errno === ERRNO.EPERM || error.errno === ERRNO.EACCES)
    return new PermissionError(
      'XT_NOT_PERMITTED',
      'nf_tables needs CAP_NET_ADMIN: run as root, or under `unshare -rn` in a network namespace of your own, or use the ' +
        'in-process kernel',
      { cause: error },
    )
  return explain(error)
}
