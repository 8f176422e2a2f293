/** The nf_tables of the in-process kernel: takes messages, and returns the answers. */
import { ERRNO } from '../../../abi/errno'
import { FAMILIES } from '../../../abi/family'
import { NLM_F_ACK } from '../../../abi/netlink'
import { NFNL_SUBSYS_NFT_COMPAT, NFNL_SUBSYS_NFTABLES } from '../../../abi/nfnetlink'
import type { SetNames } from '../../../extensions/context'
import { acknowledgement, refusal } from '../../../netlink/answer'
import type { Message } from '../../../netlink/message'
import { messages } from '../../../nft/messages'
import { type NftCapture, readNftCapture } from '../../nft-capture'
import { refuse } from './failure'
import { loadTable } from './load-capture'
import { carryOutBatch, failureOf, isBatch, refuseAlone, subsystemOf } from './message-batch'
import { Queries } from './queries'
import { NftTables, setsIn } from './ruleset'

const SUBSYSTEMS: readonly number[] = [NFNL_SUBSYS_NFTABLES, NFNL_SUBSYS_NFT_COMPAT]
export class Nft {
  readonly #all = new NftTables()
  readonly #sets: SetNames
  readonly #queries = new Queries(this.#all)

  /** @param sets the sets that rules may refer to */
  constructor(sets: SetNames) {
    this.#sets = sets
  }

  /** The indexes of the sets that rules refer to, one for each reference. */
  sets(): Iterable<number> {
    return setsIn(this.#all)
  }

  /** Creates a captured table. @throws IptcError, MessageError */
  load(capture: NftCapture): void {
    loadTable(this.#all, this.#sets, FAMILIES[capture.family], readNftCapture(capture))
  }

  isBatch(sent: readonly Message[]): boolean {
    return isBatch(sent)
  }

  carryOut(sent: readonly Message[]): Iterator<Uint8Array, void> {
    return carryOutBatch(this.#all, this.#sets, sent).values()
  }

  /** Whether a message outside a batch is for nf_tables. */
  isQuery(message: Message): boolean {
    return SUBSYSTEMS.includes(subsystemOf(message))
  }

  /** Checks the request immediately. Each part of a dump is made when it is received. */
  answer(message: Message): Iterator<Uint8Array, void> {
    try {
      const answers = this.#answers(message)
      const isAcknowledged = (message.flags & NLM_F_ACK) !== 0 && Array.isArray(answers)
      return (isAcknowledged ? [...answers, acknowledgement(message)] : answers)[Symbol.iterator]()
    } catch (error) {
      const { errno, reason } = failureOf(error)
      return [refusal(message, errno, reason)].values()
    }
  }

  #answers(message: Message): Iterable<Uint8Array> {
    switch (message.type) {
      case messages.getGen.type:
        return this.#queries.generation(message)
      case messages.getTable.type:
        return this.#queries.tables(message)
      case messages.getChain.type:
        return this.#queries.chains(message)
      case messages.getRule.type:
        return this.#queries.rules(message)
      case messages.compat.type:
        return this.#queries.compat(message)
      default:
        refuseAlone(message)
        return refuse(ERRNO.EOPNOTSUPP, 'the in-process kernel supports only tables, chains and rules of nf_tables')
    }
  }
}
