/** Answers queries about tables, chains and rules. */
import { ERRNO } from '../../../abi/errno'
import { NLM_F_APPEND, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_MULTI } from '../../../abi/netlink'
import { NFT_COMPAT_TYPES } from '../../../abi/nf-tables'
import { ERROR_TARGET, STANDARD_TARGET } from '../../../abi/x-tables'
import { knownRevisions } from '../../../extensions/registry'
import { end } from '../../../netlink/answer'
import { type Message, type MessageType, type NfHead, nfHead, readMessage } from '../../../netlink/message'
import { messages } from '../../../nft/messages'
import { chainValues, ruleValues, Teller, tableValues } from './answers'
import { familyOf } from './commands'
import { refuse } from './failure'
import type { NftChain, NftRule, NftTable, NftTables } from './ruleset'

const isDump = ({ flags }: Message): boolean => (flags & NLM_F_DUMP) === NLM_F_DUMP

/** Answers requests that read. Each method throws an NftFailure for what it refuses. */
export class Queries {
  readonly #all: NftTables

  constructor(all: NftTables) {
    this.#all = all
  }

  generation(message: Message): Uint8Array[] {
    return [new Teller(message, this.#all.generation).generation(this.#all.generation)]
  }

  tables(message: Message): Iterable<Uint8Array> {
    const { head, values } = readMessage(messages.getTable, message)
    if (isDump(message))
      return this.#dump(message, messages.newTable, this.#tablesOf(head), (table) => [table, tableValues(table)])
    const table = this.#table(head, values.name)
    return [this.#teller(message).tell(messages.newTable, head.nfgenFamily, tableValues(table))]
  }

  chains(message: Message): Iterable<Uint8Array> {
    const { head, values } = readMessage(messages.getChain, message)
    if (isDump(message)) {
      const all = this.#tablesOf(head).flatMap(({ chains }) => chains)
      return this.#dump(message, messages.newChain, all, (chain) => [chain.table, chainValues(chain)])
    }
    const chain = this.#chain(this.#table(head, values.table), values.name)
    return [this.#teller(message).tell(messages.newChain, head.nfgenFamily, chainValues(chain))]
  }

  rules(message: Message): Iterable<Uint8Array> {
    const { head, values } = readMessage(messages.getRule, message)
    if (isDump(message)) return this.#rules(message, head, values.table, values.chain)
    const chain = this.#chain(this.#table(head, values.table), values.chain)
    if (values.handle === undefined) refuse(ERRNO.EINVAL)
    const rule = chain.rules.find(({ handle }) => handle === values.handle) ?? refuse(ERRNO.ENOENT)
    return [this.#teller(message).tell(messages.newRule, head.nfgenFamily, ruleValues(chain, rule, undefined))]
  }

  #rules(message: Message, head: NfHead, table: string | undefined, chain: string | undefined): Iterable<Uint8Array> {
    const chains = this.#tablesOf(head)
      .filter(({ name }) => table === undefined || name === table)
      .flatMap((one) => one.chains)
      .filter(({ name }) => table === undefined || chain === undefined || name === chain)
    const all = chains.flatMap((one) => one.rules.map((rule, i) => [one, rule, one.rules[i - 1]] as const))
    return this.#dump(
      message,
      messages.newRule,
      all,
      ([one, rule, before]: readonly [NftChain, NftRule, NftRule | undefined]) => [
        one.table,
        ruleValues(one, rule, before),
      ],
      NLM_F_APPEND,
    )
  }

  /** Each part is made when it is received. Parts that are made after a change have the flag NLM_F_DUMP_INTR. */
  #dump<T, V>(
    message: Message,
    kind: MessageType<NfHead, V>,
    found: readonly T[],
    told: (one: T) => readonly [NftTable, V],
    flags = 0,
  ): Iterable<Uint8Array> {
    const all = this.#all
    const { generation } = all
    const teller = new Teller(message, generation)
    const flagsNow = (): number => NLM_F_MULTI | (all.generation === generation ? 0 : NLM_F_DUMP_INTR)
    return (function* () {
      for (const one of found) {
        const [{ family }, values] = told(one)
        yield teller.tell(kind, family.domain, values, flags | flagsNow())
      }
      yield end(message, flagsNow())
    })()
  }

  /** Whether the family has this revision of an extension. */
  compat(message: Message): Uint8Array[] {
    const { head, values } = readMessage(messages.compat, message)
    const { name, rev, type } = values
    const family = familyOf(head.nfgenFamily) ?? refuse(ERRNO.EINVAL)
    if (name === undefined || rev === undefined || type === undefined) return refuse(ERRNO.EINVAL)
    const kind = type === NFT_COMPAT_TYPES.match ? 'match' : 'target'
    const isBuiltin = kind === 'target' && (name === STANDARD_TARGET || name === ERROR_TARGET)
    const revisions = isBuiltin ? [0] : knownRevisions(kind, family.name, name)
    if (revisions.length === 0) refuse(ERRNO.ENOENT)
    if (!revisions.includes(rev)) refuse(ERRNO.EPROTONOSUPPORT)
    // The answer contains the newest revision.
    const newest = { name, rev: Math.max(...revisions), type }
    return [new Teller(message, 0).tell(messages.compat, head.nfgenFamily, newest, NLM_F_MULTI)]
  }

  #teller(message: Message): Teller {
    return new Teller(message, this.#all.generation)
  }

  #tablesOf({ nfgenFamily }: NfHead): NftTable[] {
    return this.#all.tables.filter(
      ({ family }) => nfgenFamily === nfHead(0).nfgenFamily || family.domain === nfgenFamily,
    )
  }

  #table({ nfgenFamily }: NfHead, name: string | undefined): NftTable {
    if (name === undefined) refuse(ERRNO.EINVAL)
    const found = this.#all.tables.find((table) => table.name === name && table.family.domain === nfgenFamily)
    return found ?? refuse(ERRNO.ENOENT)
  }

  #chain({ chains }: NftTable, name: string | undefined): NftChain {
    if (name === undefined) refuse(ERRNO.EINVAL)
    return chains.find((chain) => chain.name === name) ?? refuse(ERRNO.ENOENT)
  }
}
