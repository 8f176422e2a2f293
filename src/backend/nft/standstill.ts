/**
 * Keeps other programs from changing nf_tables for a few milliseconds, so that a table which they change all the time can be
 * read. The kernel handles one batch at a time. It checks a batch without an end message too, but discards it: such a batch
 * only takes time.
 */
import type { Family } from '../../abi/family'
import { NETLINK_NETFILTER } from '../../abi/netlink'
import type { NetlinkPort } from '../../kernel/kernel'
import { stamp } from '../../netlink/client'
import { nfHead, request } from '../../netlink/message'
import { batchBegin, batchHead, messages } from '../../nft/messages'

/** Number of messages. Linux handles about 8 in a microsecond. The first batch has none, and takes an RCU grace period. */
const [FEWEST, MOST] = [10_000, 1_000_000]

/** For one existing table. Each standstill is longer than the one before. */
export class Standstill {
  readonly #port: NetlinkPort
  readonly #family: Family
  readonly #table: string
  #length = 0

  constructor(port: NetlinkPort, family: Family, table: string) {
    this.#port = port
    this.#family = family
    this.#table = table
  }

  /** Sends the batch from another thread, without waiting for it. It takes effect after the batches that came before it. */
  begin(): void {
    // It only helps: if it fails, the table is read without it.
    void this.#begin().catch(() => {})
    this.#length = Math.min(Math.max(2 * this.#length, FEWEST), MOST)
  }

  async #begin(): Promise<void> {
    const connection = this.#port.netlink(NETLINK_NETFILTER)
    try {
      await connection.sendAsync(this.#batch())
    } finally {
      connection.close()
    }
  }

  /** Many requests that leave the table as it is. */
  #batch(): Uint8Array {
    const begin = stamp(request(batchBegin, 0, batchHead, {}), 0, 0)
    const nothing = stamp(request(messages.newTable, 0, nfHead(this.#family.domain), { name: this.#table }), 0, 0)
    const batch = new Uint8Array(begin.length + this.#length * nothing.length)
    batch.set(begin)
    for (let at = begin.length; at < batch.length; at += nothing.length) batch.set(nothing, at)
    return batch
  }
}
