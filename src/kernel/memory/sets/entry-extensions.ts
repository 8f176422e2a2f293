/** What an entry has besides its dimensions: timeout, counters, comment, and values for packets. */
import { IPSET_ERR, IPSET_FLAG } from '../../../abi/ip-set'
import type { CreateAttributes, EntryAttributes } from '../../../ipset/messages'
import { refuse } from './failure'

/** In milliseconds, from whenever. */
export type Clock = () => number

export interface Extras {
  /** By the clock; Infinity where it stays. */
  readonly expires: number
  readonly packets: bigint
  readonly bytes: bigint
  readonly comment: string | undefined
  readonly skbmark: readonly [number, number] | undefined
  readonly skbprio: readonly [number, number] | undefined
  readonly skbqueue: number | undefined
}

/** The attributes that say something of them. */
export const EXTRA_ATTRIBUTES = [
  ...(['timeout', 'packets', 'bytes', 'comment', 'skbmark', 'skbprio', 'skbqueue'] as const),
] as const

const MS = 1000
const U64_MAX = 2n ** 64n - 1n

const isNothing = (pair: readonly [number, number] | undefined): boolean => !pair?.some((one) => one !== 0)

/** What entries of one set may have. */
export class ExtraRules {
  readonly timeout: number | undefined
  /** Those of the flags of a set that say which extras its entries may have. */
  readonly flags: number
  readonly #clock: Clock

  constructor({ timeout, flags = 0 }: CreateAttributes, clock: Clock) {
    this.timeout = timeout
    this.flags = flags & (IPSET_FLAG.WITH_COUNTERS | IPSET_FLAG.WITH_COMMENT | IPSET_FLAG.WITH_SKBINFO)
    this.#clock = clock
  }

  /** @throws SetFailure for what the set was made without */
  check({ timeout, packets, bytes, comment, skbmark, skbprio, skbqueue }: EntryAttributes): void {
    if (timeout !== undefined && this.timeout === undefined) refuse(IPSET_ERR.TIMEOUT)
    if ((packets ?? bytes) !== undefined && !this.#has(IPSET_FLAG.WITH_COUNTERS)) refuse(IPSET_ERR.COUNTER)
    if (comment !== undefined && !this.#has(IPSET_FLAG.WITH_COMMENT)) refuse(IPSET_ERR.COMMENT)
    if ((skbmark ?? skbprio ?? skbqueue) !== undefined && !this.#has(IPSET_FLAG.WITH_SKBINFO)) refuse(IPSET_ERR.SKBINFO)
  }

  /** @param before of the same entry: what is counted goes on where nothing else is said */
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
   * What is counted once an entry was tested, as if by a packet: Linux adds what the test says, and of bytes that it does
   * not say one less than none.
   */
  count(extras: Extras, { packets, bytes = U64_MAX }: EntryAttributes): Extras {
    if (packets === undefined || !this.#has(IPSET_FLAG.WITH_COUNTERS)) return extras
    const sum = (one: bigint, other: bigint): bigint => BigInt.asUintN(64, one + other)
    return { ...extras, packets: sum(extras.packets, packets), bytes: sum(extras.bytes, bytes) }
  }

  /** When what has so many seconds is over. */
  expiry(seconds = 0): number {
    return seconds === 0 ? Number.POSITIVE_INFINITY : this.#clock() + seconds * MS
  }

  isOver({ expires }: Extras): boolean {
    return expires <= this.#clock()
  }

  /** @param to what is told of the entry already; few have extras, so that copies would be most of the work */
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

  /** Whole seconds; one that is not over has one at least, as 0 is for what stays. */
  #left(expires: number): number {
    return expires === Number.POSITIVE_INFINITY ? 0 : Math.max(1, Math.floor((expires - this.#clock()) / MS))
  }

  #has(flag: number): boolean {
    return (this.flags & flag) !== 0
  }
}
