/** Sets of the bitmap method: a slot for each address or port of a range. */
import { IPSET_ERR, IPSET_ERR_OF } from '../../../abi/ip-set'
import type { CreateAttributes, EntryAttributes } from '../../../ipset/messages'
import { BITS, familyOf, toNumber, toText } from './addresses'
import type { Extras } from './entry-extensions'
import { refuse } from './failure'
import { type Making, MemorySet } from './memory-set'

const { BITMAP_RANGE, BITMAP_RANGE_SIZE } = IPSET_ERR_OF.bitmap
const { EXIST, INVALID_CIDR, INVALID_NETMASK, PROTOCOL } = IPSET_ERR

const MAX_PLACES = 65536

/** A slot. When its entry is removed, the counters remain for the next entry. */
interface Place {
  isTaken: boolean
  extras: Extras
}

/** Divided into slots of `size` addresses or ports each. */
interface Range {
  readonly first: number
  readonly last: number
  readonly size: number
}

abstract class BitmapSet extends MemorySet {
  protected readonly range: Range
  readonly #places = new Map<number, Place>()

  /** @throws SetFailure */
  constructor(making: Making, range: Range) {
    super(making)
    if ((range.last - range.first + 1) / range.size > MAX_PLACES) refuse(BITMAP_RANGE_SIZE)
    this.range = range
  }

  get elements(): number {
    return [...this.entries()].length
  }

  *entries(): Generator<EntryAttributes> {
    for (const at of [...this.#places.keys()].sort((a, b) => a - b)) {
      const place = this.#taken(at)
      if (place !== undefined) yield this.tellWhole(at, place.extras)
    }
  }

  flush(): void {
    for (const place of this.#places.values()) place.isTaken = false
  }

  protected put(entry: EntryAttributes, exist: boolean): void {
    for (const at of this.#placesOf(entry)) {
      const place = this.#taken(at)
      if (place !== undefined && !exist && !this.isGone(at) && !this.isFilledBy(at, entry)) refuse(EXIST)
      this.#places.set(at, { isTaken: true, extras: this.makeExtras(at, entry, this.#places.get(at)?.extras, !!place) })
      this.keep(at, entry, place !== undefined)
    }
  }

  protected take(entry: EntryAttributes, exist: boolean): void {
    for (const at of this.#placesOf(entry)) {
      const place = this.#taken(at)
      if (place !== undefined) place.isTaken = false
      if ((place === undefined || this.isGone(at)) && !exist) refuse(EXIST)
    }
  }

  protected has(entry: EntryAttributes): boolean {
    const at = this.placeOf(this.first(entry))
    const place = this.#taken(at)
    if (place === undefined || !this.holds(at, entry)) return false
    place.extras = this.extras.count(place.extras, entry)
    return true
  }

  protected isMadeLike(other: this): boolean {
    const [ours, theirs] = [this.range, other.range]
    return ours.first === theirs.first && ours.last === theirs.last && ours.size === theirs.size
  }

  /** @throws SetFailure for a value outside the range */
  protected placeOf(value: number): number {
    const { first, last, size } = this.range
    if (value < first || value > last) refuse(BITMAP_RANGE)
    return Math.floor((value - first) / size)
  }

  /** The first address or port of a slot. */
  protected valueAt(at: number): number {
    return this.range.first + at * this.range.size
  }

  /** The address or port of an entry; {@link span} returns the first and last of several. */
  protected abstract first(entry: EntryAttributes): number
  protected abstract span(entry: EntryAttributes): readonly [number, number]
  protected abstract tell(at: number): EntryAttributes

  /** Whether the existing entry lacks a part that this one has. */
  protected isFilledBy(_at: number, _entry: EntryAttributes): boolean {
    return false
  }

  protected holds(_at: number, _entry: EntryAttributes): boolean {
    return true
  }

  /** Whether Linux treats the existing entry as expired. */
  protected isGone(_at: number): boolean {
    return false
  }

  protected keep(_at: number, _entry: EntryAttributes, _wasTaken: boolean): void {}

  protected makeExtras(_at: number, entry: EntryAttributes, before: Extras | undefined, _wasTaken: boolean): Extras {
    return this.extras.make(entry, before)
  }

  protected tellWhole(at: number, extras: Extras): EntryAttributes {
    return this.extras.tell(extras, this.tell(at))
  }

  protected isOver(_at: number, extras: Extras): boolean {
    return this.extras.isOver(extras)
  }

  #taken(at: number): Place | undefined {
    const place = this.#places.get(at)
    if (place?.isTaken && this.isOver(at, place.extras)) place.isTaken = false
    return place?.isTaken ? place : undefined
  }

  *#placesOf(entry: EntryAttributes): Generator<number> {
    const [first, last] = this.span(entry)
    const end = this.placeOf(last)
    for (let at = this.placeOf(first); at <= end; at++) yield at
  }
}

const sorted = (one: number, other: number): readonly [number, number] => (one <= other ? [one, other] : [other, one])

/** The first and last address of the network that contains an address. */
function network(address: number, length: number): readonly [number, number] {
  const size = 2 ** (BITS.ipv4 - length)
  const first = address - (address % size)
  return [first, first + size - 1]
}

/** @throws SetFailure */
function addressesOf({ ip, ipTo, cidr }: EntryAttributes | CreateAttributes): readonly [number, number] {
  const first = Number(toNumber(ip as string))
  if (ipTo !== undefined && !isIPv4(ipTo)) refuse(PROTOCOL)
  if (ipTo !== undefined) return sorted(first, Number(toNumber(ipTo)))
  if (cidr === undefined) return [first, first]
  return cidr === 0 || cidr > BITS.ipv4 ? refuse(INVALID_CIDR) : network(first, cidr)
}

const isIPv4 = (text: string | undefined): boolean => text !== undefined && familyOf(text) === 'ipv4'
const text = (address: number): string => toText(BigInt(address), 'ipv4')

/** @throws SetFailure */
function addressRange({ ip, ipTo, cidr, netmask }: CreateAttributes): Range {
  if (!isIPv4(ip) || (ipTo === undefined ? cidr === undefined : !isIPv4(ipTo))) refuse(PROTOCOL)
  const [first, last] = cidr === 0 && ipTo === undefined ? [0, 2 ** BITS.ipv4 - 1] : addressesOf({ ip, ipTo, cidr })
  if (netmask === undefined || netmask === BITS.ipv4) return { first, last, size: 1 }
  if (netmask === 0 || netmask > BITS.ipv4) refuse(INVALID_NETMASK)
  const range = { first: network(first, netmask)[0], last: network(last, netmask)[1], size: 2 ** (BITS.ipv4 - netmask) }
  // Linux refuses a range that fits in a single slot.
  if (range.last - range.first + 1 <= range.size) refuse(BITMAP_RANGE)
  return range
}

/** bitmap:ip */
export class BitmapOfAddresses extends BitmapSet {
  readonly #told: CreateAttributes
  protected readonly attributes: readonly (keyof EntryAttributes)[] = ['ip', 'ipTo', 'cidr']

  constructor(making: Making) {
    super(making, addressRange(making.options))
    const { ip: _, ipTo: __, cidr: ___, netmask, ...others } = making.options
    const { first, last, size } = this.range
    this.#told = { ip: text(first), ipTo: text(last), netmask: size === 1 ? undefined : netmask, ...others }
  }

  options(): CreateAttributes {
    return this.#told
  }

  protected checkParts({ ip }: EntryAttributes): void {
    if (!isIPv4(ip)) refuse(PROTOCOL)
    this.placeOf(Number(toNumber(ip as string)))
  }

  protected first({ ip }: EntryAttributes): number {
    return Number(toNumber(ip as string))
  }

  protected span(entry: EntryAttributes): readonly [number, number] {
    return addressesOf(entry)
  }

  protected tell(at: number): EntryAttributes {
    return { ip: text(this.valueAt(at)) }
  }
}

/** bitmap:ip,mac. An entry may wait for its MAC address, which a packet or a later request supplies. */
export class BitmapOfMacs extends BitmapOfAddresses {
  protected override readonly attributes: readonly (keyof EntryAttributes)[] = ['ip', 'ether']
  readonly #macs = new Map<number, Uint8Array>()
  /** Timeouts in seconds. The time of an entry that waits starts when its MAC address is known. */
  readonly #seconds = new Map<number, number>()

  protected override checkParts({ ip }: EntryAttributes): void {
    if (!isIPv4(ip)) refuse(PROTOCOL)
  }

  protected override isFilledBy(at: number, { ether }: EntryAttributes): boolean {
    return ether !== undefined && !this.#macs.has(at)
  }

  protected override holds(at: number, { ether }: EntryAttributes): boolean {
    const known = this.#macs.get(at)
    return ether === undefined || known === undefined || Buffer.compare(ether, known) === 0
  }

  /** Linux misreads the timeout of an entry that waits as the time at which it expires, which is in the past. */
  protected override isGone(at: number): boolean {
    return this.#isWaiting(at) && this.#seconds.get(at) !== 0
  }

  protected override keep(at: number, { ether }: EntryAttributes, wasTaken: boolean): void {
    if (!wasTaken) this.#macs.delete(at)
    if (ether !== undefined) this.#macs.set(at, ether)
  }

  protected override makeExtras(
    at: number,
    entry: EntryAttributes,
    before: Extras | undefined,
    wasTaken: boolean,
  ): Extras {
    const wasWaiting = wasTaken && this.#isWaiting(at)
    const kept = wasWaiting && entry.ether !== undefined ? this.#seconds.get(at) : undefined
    const seconds = entry.timeout ?? kept ?? this.extras.timeout ?? 0
    this.#seconds.set(at, seconds)
    const made = this.extras.make({ ...entry, timeout: seconds }, before)
    // Linux stores the timeout as for an entry that waits, although this one does not, so it is expired.
    const isLost = wasTaken && !wasWaiting && entry.ether === undefined && seconds !== 0
    return isLost && this.extras.timeout !== undefined ? { ...made, expires: Number.NEGATIVE_INFINITY } : made
  }

  protected override tellWhole(at: number, extras: Extras): EntryAttributes {
    const told = super.tellWhole(at, extras)
    return this.#isWaiting(at) ? { ...told, timeout: this.#seconds.get(at) } : told
  }

  protected override isOver(at: number, extras: Extras): boolean {
    return !this.#isWaiting(at) && super.isOver(at, extras)
  }

  protected override tell(at: number): EntryAttributes {
    const ether = this.#macs.get(at)
    return { ...super.tell(at), ...(ether && { ether }) }
  }

  /** Whether the entry waits for its MAC address. Its timeout has not started then. */
  #isWaiting(at: number): boolean {
    return this.extras.timeout !== undefined && !this.#macs.has(at)
  }
}

/** bitmap:port */
export class BitmapOfPorts extends BitmapSet {
  readonly #told: CreateAttributes
  protected readonly attributes: readonly (keyof EntryAttributes)[] = ['port', 'portTo']

  constructor(making: Making) {
    const { port, portTo, ...others } = making.options
    if (port === undefined || portTo === undefined) refuse(PROTOCOL)
    const [first, last] = sorted(port, portTo)
    super(making, { first, last, size: 1 })
    this.#told = { port: first, portTo: last, ...others }
  }

  options(): CreateAttributes {
    return this.#told
  }

  protected checkParts({ port }: EntryAttributes): void {
    if (port === undefined) refuse(PROTOCOL)
    this.placeOf(port)
  }

  protected first({ port }: EntryAttributes): number {
    return port as number
  }

  protected span({ port = 0, portTo = port }: EntryAttributes): readonly [number, number] {
    return sorted(port, portTo)
  }

  protected tell(at: number): EntryAttributes {
    return { port: this.valueAt(at) }
  }
}
