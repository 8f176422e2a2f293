/** What an entry has besides its dimensions: timeout, counters, comment, and values for packets. */
import { IPSET_ERR, IPSET_FLAG } from '../../../abi/ip-set'
import type { CreateAttributes, EntryAttributes } from '../../../ipset/messages'
import { refuse } from './failure'

/** Milliseconds since an arbitrary moment. */
export type Clock = () => number

export interface Extras {
  /** Time by the clock; Infinity if the entry does not expire. */
  readonly expires: number
  readonly packets: bigint
  readonly bytes: bigint
  readonly comment: string | undefined
  readonly skbmark: readonly [number, number] | undefined
  readonly skbprio: readonly [number, number] | undefined
  readonly skbqueue: number | undefined
}

/** The attributes of the extensions. */
export const EXTRA_ATTRIBUTES = [
  ...(['timeout', 'packets', 'bytes', 'comment', 'skbmark', 'skbprio', 'skbqueue'] as const),
] as const

const MS = 1000
const U64_MAX = 2n ** 64n - 1n

const isNothing = (pair: readonly [number, number] | undefined): boolean => !pair?.some((one) => one !== 0)

/** The extensions that the entries of one set may have. */
export class ExtraRules {
  readonly timeout: number | undefined
  /** The flags of the set that allow extensions. */
  readonly flags: number
  readonly #clock: Clock

  constructor({ timeout, flags = 0 }: CreateAttributes, clock: Clock) {
    this.timeout = timeout
    this.flags = flags & (IPSET_FLAG.WITH_COUNTERS | IPSET_FLAG.WITH_COMMENT | IPSET_FLAG.WITH_SKBINFO)
    this.#clock = clock
  }

  /** @throws SetFailure for an extension that the set was created without */
  check({ timeout, packets, bytes, comment, skbmark, skbprio, skbqueue }: EntryAttributes): void {
    if (timeout !== undefined && this.timeout === undefined) refuse(IPSET_ERR.TIMEOUT)
    if ((packets ?? bytes) !== undefined && !this.#has(IPSET_FLAG.WITH_COUNTERS)) refuse(IPSET_ERR.COUNTER)
    if (comment !== undefined && !this.#has(IPSET_FLAG.WITH_COMMENT)) refuse(IPSET_ERR.COMMENT)
    if ((skbmark ?? skbprio ?? skbqueue) !== undefined && !this.#has(IPSET_FLAG.WITH_SKBINFO)) refuse(IPSET_ERR.SKBINFO)
  }

  /** @param before the counters of the same entry, which continue unless the request contains others */
  make(entry: EntryAttributes, before?: Pick<Extras, 'packets' | 'bytes'>): Extras {
    return {
      expires: this.expiry(entry.timeout ?? this.timeout),
      packets: entry.packets ?? before?.packets ?? 0n,
      bytes: entry.bytes ?? before?.bytes ?? 0n,
      comment: entry.comment || undefined,
      skbmark: isNothing(entry.skbmark) ? undefined : entry.skbmark,
      skbprio: isNothing(entry.skbprio) ? undefined : entry.skbprio,
      skbqueue: entry.skbqueue || undefined,
    }
  }

  /**
   * The extensions after a test of the entry, which Linux counts like a packet: it adds the packets and bytes of the
   * request. If that has packets but no bytes, Linux adds -1.
   */
  count(extras: Extras, { packets, bytes = U64_MAX }: EntryAttributes): Extras {
    if (packets === undefined || !this.#has(IPSET_FLAG.WITH_COUNTERS)) return extras
    const sum = (one: bigint, other: bigint): bigint => BigInt.asUintN(64, one + other)
    return { ...extras, packets: sum(extras.packets, packets), bytes: sum(extras.bytes, bytes) }
  }

  /** The time by the clock at which a timeout ends. 0 seconds means never. */
  expiry(seconds = 0): number {
    return seconds === 0 ? Number.POSITIVE_INFINITY : this.#clock() + seconds * MS
  }

  isOver({ expires }: Extras): boolean {
    return expires <= this.#clock()
  }

  /** @param to the attributes of the entry. They are extended in place, because copying would be most of the work. */
  tell({ expires, packets, bytes, comment, skbmark, skbprio, skbqueue }: Extras, to: EntryAttributes): EntryAttributes {
    if (this.timeout !== undefined) to.timeout = this.#left(expires)
    if (this.#has(IPSET_FLAG.WITH_COUNTERS)) {
      to.packets = packets
      to.bytes = bytes
    }
    if (comment !== undefined) to.comment = comment
    if (skbmark !== undefined) to.skbmark = skbmark
    if (skbprio !== undefined) to.skbprio = skbprio
    if (skbqueue !== undefined) to.skbqueue = skbqueue
    return to
  }

  /** In whole seconds, at least 1: 0 means that the entry does not expire. */
  #left(expires: number): number {
    return expires === Number.POSITIVE_INFINITY ? 0 : Math.max(1, Math.floor((expires - this.#clock()) / MS))
  }

  #has(flag: number): boolean {
    return (this.flags & flag) !== 0
  }
}
