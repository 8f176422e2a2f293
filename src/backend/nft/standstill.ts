/**
 * Keeps others from changing nf_tables for a few milliseconds, so that a table which they change all the time can be read. The
 * kernel works on one batch at a time, and wants to hear the end of it: one that has no end changes nothing, and is looked at
 * all the same.
 */
import type { Family } from '../../abi/family'
import { NETLINK_NETFILTER } from '../../abi/netlink'
import type { NetlinkPort } from '../../kernel/kernel'
import { stamp } from '../../netlink/client'
import { nfHead, request } from '../../netlink/message'
import { batchBegin, batchHead, messages } from '../../nft/messages'

/** Linux looks at some 8 of these in a microsecond; without any, it is busy for a grace period of RCU. */
const [FEWEST, MOST] = [10_000, 1_000_000]

/** For one table that is there. It gets longer each time. */
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

  /** Begins once whoever is before us is done, on another thread; nobody waits for its end, or for it to come to be. */
  begin(): void {
    // It is a help: where it does not come to be, the table is read without.
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

  /** The table is to be what it is, many times. */
  #batch(): Uint8Array {
    const begin = stamp(request(batchBegin, 0, batchHead, {}), 0, 0)
    const nothing = stamp(request(messages.newTable, 0, nfHead(this.#family.domain), { name: this.#table }), 0, 0)
    const batch = new Uint8Array(begin.length + this.#length * nothing.length)
    batch.set(begin)
    for (let at = begin.length; at < batch.length; at += nothing.length) batch.set(nothing, at)
    return batch
  }
}
