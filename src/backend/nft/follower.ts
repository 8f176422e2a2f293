/**
 * Follows a table by what the kernel tells of changes, where others change it oftener than it can be read: what has come since
 * it was read is little, and is looked at in a fraction of the time.
 */
import type { Family } from '../../abi/family'
import { NETLINK_NETFILTER, NLM_F_APPEND } from '../../abi/netlink'
import { NFNLGRP } from '../../abi/nfnetlink'
import { type NetlinkConnection, NetlinkFailure, type NetlinkPort } from '../../kernel/kernel'
import { received } from '../../netlink/client'
import { type Message, readMessage } from '../../netlink/message'
import { type ChainValues, messages, type RuleValues } from '../../nft/messages'
import { isAfter } from '../../nft/notices'
import { isHeld } from '../../nft/rule'
import type { RuleReader } from '../../nft/rule-template'
import { type Ref, Rules } from '../../ruleset/rules'
import { type Chain, type Draft, draftOf, type Entry, isUnhooked, newChain } from '../../ruleset/ruleset'
import type { KernelChain, TableReading } from './reading'
import { OrderChanges, RuleOrder } from './rule-order'

interface Batch {
  readonly messages: readonly Message[]
  readonly generation: number
}

/** How the rules of a ruleset are called by the kernel. */
export interface Handles {
  of(ref: Ref): number | undefined
  set(entry: Entry, handle: number): void
}

export class Follower {
  readonly #connection: NetlinkConnection
  readonly #family: Family
  readonly #reader: RuleReader
  #together: Message[] = []
  #batches: Batch[] = []
  #isLost = false

  private constructor(connection: NetlinkConnection, family: Family, reader: RuleReader) {
    this.#connection = connection
    this.#family = family
    this.#reader = reader
  }

  /** Listens from now on. @returns undefined where the kernel does not tell */
  static listening(port: NetlinkPort, family: Family, reader: RuleReader): Follower | undefined {
    let connection: NetlinkConnection | undefined
    try {
      connection = port.netlink(NETLINK_NETFILTER)
      connection.join(NFNLGRP.NFTABLES)
      return new Follower(connection, family, reader)
    } catch (error) {
      connection?.close()
      if (error instanceof NetlinkFailure) return undefined
      throw error
    }
  }

  close(): void {
    this.#connection.close()
  }

  /** @returns the table as it has become since; undefined where it has to be read anew */
  follow(from: TableReading, handles: Handles): TableReading | undefined {
    this.#receive()
    const since = this.#batches.filter(({ generation }) => isAfter(generation, from.generation))
    this.#batches = []
    if (this.#isLost) {
      this.#isLost = false
      return undefined
    }
    const followed = new Followed(from, this.#family, this.#reader, handles)
    return since.every((batch) => followed.take(batch)) ? followed.reading() : undefined
  }

  #receive(): void {
    try {
      for (let bytes = this.#connection.receive(false); bytes !== undefined; bytes = this.#connection.receive(false))
        for (const message of received(bytes)) this.#take(message)
    } catch (error) {
      if (!(error instanceof NetlinkFailure)) throw error
      // There was no room for what came. What is still to come begins in the middle of something.
      this.#isLost = true
      this.#together = []
    }
  }

  #take(message: Message): void {
    if (message.type !== messages.newGen.type) {
      this.#together.push(message)
      return
    }
    const { id = 0 } = readMessage(messages.newGen, message).values
    this.#batches.push({ messages: this.#together, generation: id })
    this.#together = []
  }
}

/** A table on its way through batches of changes. */
class Followed {
  readonly #from: TableReading
  readonly #family: Family
  readonly #reader: RuleReader
  readonly #handles: Handles
  readonly #draft: Draft
  readonly #chains: Map<string, KernelChain>
  readonly #held: Set<Ref>
  #generation: number

  constructor(from: TableReading, family: Family, reader: RuleReader, handles: Handles) {
    this.#from = from
    this.#family = family
    this.#reader = reader
    this.#handles = handles
    this.#draft = draftOf(from.ruleset)
    this.#chains = new Map(from.chains)
    this.#held = new Set(from.ruleset.foreign?.rules)
    this.#generation = from.generation
  }

  reading(): TableReading {
    const { foreign } = this.#from.ruleset
    const ruleset = { ...this.#draft, foreign: foreign && { ...foreign, rules: this.#held } }
    return { ...this.#from, ruleset, generation: this.#generation, chains: this.#chains }
  }

  /** @returns whether all of it is understood */
  take({ messages: told, generation }: Batch): boolean {
    if (isAfter(generation, this.#generation + 1)) return false
    this.#generation = generation
    const changed = new Map<string, ChangedChain>()
    if (!told.every((message) => this.#takeMessage(message, changed))) return false
    for (const [name, chain] of changed) this.#setRules(name, chain)
    return [...changed.values()].every(({ order }) => order.isComplete)
  }

  #takeMessage(message: Message, changed: Map<string, ChangedChain>): boolean {
    const { table } = this.#draft
    const ofTable = this.#valuesOf(messages.newTable, message) ?? this.#valuesOf(messages.deleteTable, message)
    if (ofTable?.name === table) return false
    const made = this.#valuesOf(messages.newChain, message)
    if (made?.table === table) return this.#addChain(made)
    const gone = this.#valuesOf(messages.deleteChain, message)
    if (gone?.table === table) return this.#removeChain(gone.name ?? '', changed)
    const added = this.#valuesOf(messages.newRule, message)
    if (added?.table === table) return this.#addRule(added, (message.flags & NLM_F_APPEND) !== 0, changed)
    const removed = this.#valuesOf(messages.deleteRule, message)
    if (removed?.table === table) this.#removeRule(removed, changed)
    return true
  }

  #removeRule({ chain: name = '', handle }: RuleValues, changed: Map<string, ChangedChain>): void {
    const chain = this.#changed(name, changed)
    chain?.places.remove(chain.order, Number(handle))
  }

  #valuesOf<V>(kind: Parameters<typeof readMessage<{ nfgenFamily: number }, V>>[0], message: Message): V | undefined {
    if (message.type !== kind.type) return undefined
    const { head, values } = readMessage(kind, message)
    return head.nfgenFamily === this.#family.domain ? values : undefined
  }

  /** Of others than new chains that nothing calls by itself, only reading anew tells all. */
  #addChain({ name = '', handle = 0n, hook, counters }: ChainValues): boolean {
    const isKnown = this.#draft.chains.has(name) || [...this.#chains.values()].some((one) => one.handle === handle)
    if (hook !== undefined || isKnown || isUnhooked(this.#draft.table, { name, hook })) return false
    this.#draft.chains.set(name, { ...newChain(this.#family, ''), name, head: undefined })
    this.#chains.set(name, { handle, counts: counters !== undefined })
    return true
  }

  #removeChain(name: string, changed: Map<string, ChangedChain>): boolean {
    const chain = this.#draft.chains.get(name)
    if (chain === undefined || chain.hook !== undefined) return false
    changed.delete(name)
    this.#draft.chains.delete(name)
    this.#chains.delete(name)
    return true
  }

  #addRule(values: RuleValues, isAppended: boolean, changed: Map<string, ChangedChain>): boolean {
    const { chain: name = '', expressions } = values
    const chain = this.#changed(name, changed)
    // In a chain that is none of iptables.
    if (chain === undefined) return true
    if (expressions === undefined) return false
    const { bytes, jump } = this.#reader.read(expressions)
    const entry: Entry = { bytes: bytes.slice(), jump }
    const handle = Number(values.handle)
    const position = values.position === undefined ? undefined : Number(values.position)
    chain.places.add(chain.order, { handle, position, isAppended })
    chain.refs.set(handle, entry)
    this.#handles.set(entry, handle)
    if (isHeld(this.#family, entry.bytes)) this.#held.add(entry)
    return true
  }

  #changed(name: string, changed: Map<string, ChangedChain>): ChangedChain | undefined {
    const known = changed.get(name)
    const chain = this.#draft.chains.get(name)
    if (known !== undefined || chain === undefined || !this.#chains.has(name)) return known
    const made = changedChain(chain, this.#handles)
    changed.set(name, made)
    return made
  }

  #setRules(name: string, { order, refs }: ChangedChain): void {
    const chain = this.#draft.chains.get(name) as Chain
    const list = order.handles().map((handle) => refs.get(handle) as Ref)
    this.#draft.chains.set(name, { ...chain, rules: new Rules(chain.rules.image ?? this.#draft.image, list) })
  }
}

/** A chain in a batch of changes. */
interface ChangedChain {
  readonly order: RuleOrder
  readonly places: OrderChanges
  /** By handles. */
  readonly refs: Map<number, Ref>
}

function changedChain({ rules }: Chain, handles: Handles): ChangedChain {
  const order = new RuleOrder()
  const refs = new Map<number, Ref>()
  for (const ref of rules.refs) {
    const handle = handles.of(ref) as number
    order.append(handle)
    refs.set(handle, ref)
  }
  return { order, places: new OrderChanges(), refs }
}
