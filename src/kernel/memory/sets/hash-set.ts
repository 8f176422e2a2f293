/** Sets of the hash method. */
import { randomInt } from 'node:crypto'
import { ERRNO } from '../../../abi/errno'
import type { FamilyName } from '../../../abi/family'
import { IPSET_ERR, IPSET_ERR_OF, IPSET_FLAG } from '../../../abi/ip-set'
import type { CreateAttributes, EntryAttributes } from '../../../ipset/messages'
import { BITS, networkOf, prefixMask, toNumber } from './addresses'
import { DIMENSIONS, type Dimension, type Frame } from './dimensions'
import type { Extras } from './entry-extensions'
import { refuse, SetFailure } from './failure'
import { type Making, MemorySet } from './memory-set'

const { HASH_FULL } = IPSET_ERR_OF.hash
const { BITMASK_NETMASK_EXCL, EXIST, INVALID_FAMILY, INVALID_MARKMASK, INVALID_NETMASK, PROTOCOL } = IPSET_ERR

const U32_MAX = 0xffff_ffff
/** Linux allocates less than 2 GiB at once, and a bucket takes a pointer of 8 bytes. */
const HASHSIZE = { default: 1024, min: 64, max: 2 ** 27 }
const MAXELEM = 65536
/** Always even. */
const BUCKETSIZE = { min: 2, max: 12 }
/** Maximum number of interfaces for one network. */
const MAX_INTERFACES = 64

interface Element {
  /** As they are listed, without flags and extensions. */
  readonly parts: EntryAttributes
  /** Of these, only nomatch may change. */
  flags: number
  extras: Extras
}

/** The flags that distinguish entries. */
const PARTS = IPSET_FLAG.PHYSDEV

/** Short, because a range may have many entries. The parts have the same order in all entries of a set. */
function keyOf(parts: EntryAttributes, flags: number): string {
  let key = String(flags & PARTS)
  for (const name in parts) key += ` ${parts[name as keyof EntryAttributes]}`
  return key
}

/** Linux has no such limit, and may go through a range for hours. */
const MAX_AT_ONCE = 1 << 18
const TOO_MANY = `the in-process kernel goes through ${MAX_AT_ONCE} entries of a range at most`

const netOf = ({ ip, cidr }: EntryAttributes, flags: number): string => `${ip}/${cidr} ${flags & PARTS}`

export class HashSet extends MemorySet {
  readonly #options: CreateAttributes
  readonly #dimensions: readonly Dimension[]
  readonly #frame: Frame
  readonly #flags: number
  readonly #maxelem: number
  readonly #elements = new Map<string, Element>()
  /** Number of interfaces of each network. */
  readonly #interfaces = new Map<string, number>()

  /** @throws SetFailure */
  constructor(making: Making) {
    super(making)
    const { type, family, options } = making
    this.#dimensions = DIMENSIONS[type.name] as readonly Dimension[]
    if (family === 'any' && type.families[0] !== 'any') refuse(INVALID_FAMILY)
    this.#frame = frameOf(options, family === 'ipv6' ? 'ipv6' : 'ipv4')
    this.#flags = Object.keys(type.entry).reduce((all, name) => all | (ENTRY_FLAGS[name] ?? 0), 0)
    this.#maxelem = options.maxelem ?? MAXELEM
    this.#options = told(making)
  }

  get elements(): number {
    this.#purge()
    return this.#elements.size
  }

  options(): CreateAttributes {
    return this.#options
  }

  *entries(): Generator<EntryAttributes> {
    this.#purge()
    for (const { parts, flags, extras } of this.#elements.values())
      yield this.extras.tell(extras, flags === 0 ? { ...parts } : { ...parts, flags })
  }

  flush(): void {
    this.#elements.clear()
    this.#interfaces.clear()
  }

  protected get attributes(): (keyof EntryAttributes)[] {
    const flags = this.#flags === 0 ? [] : (['flags'] as const)
    return [...this.#dimensions.flatMap(({ attributes }) => attributes), ...flags]
  }

  protected checkParts(entry: EntryAttributes): void {
    for (const { needs } of this.#dimensions) if (entry[needs] === undefined) refuse(PROTOCOL)
    for (const dimension of this.#dimensions) dimension.checkRange?.(entry, this.#frame)
    for (const dimension of this.#dimensions) dimension.checkFamily?.(entry, this.#frame)
  }

  protected override checkExtras(entry: EntryAttributes): void {
    try {
      super.checkExtras(entry)
    } catch (error) {
      const unsaid = this.#dimensions.find(({ refusal }) => refusal !== undefined)?.refusal
      if (unsaid === undefined || !(error instanceof SetFailure)) throw error
      refuse(unsaid)
    }
  }

  protected override checkValues(entry: EntryAttributes): void {
    for (const dimension of this.#dimensions) dimension.checkLength?.(entry, this.#frame)
    for (const dimension of this.#dimensions) dimension.checkProtocol?.(entry, this.#frame)
  }

  protected put(entry: EntryAttributes, exist: boolean): void {
    const flags = (entry.flags ?? 0) & this.#flags
    const extras = this.extras.make(entry)
    for (const parts of this.#partsOf(entry, false)) {
      const key = keyOf(parts, flags)
      const known = this.#find(parts, flags, key)
      if (known === undefined) this.#insert(key, { parts, flags, extras })
      else if (!exist) refuse(EXIST)
      else {
        known.flags = (known.flags & ~IPSET_FLAG.NOMATCH) | (flags & IPSET_FLAG.NOMATCH)
        known.extras = this.extras.make(entry, known.extras)
      }
    }
  }

  protected take(entry: EntryAttributes, exist: boolean): void {
    const flags = (entry.flags ?? 0) & this.#flags
    for (const parts of this.#partsOf(entry, false)) {
      const known = this.#find(parts, flags)
      if (known !== undefined) this.#delete(keyOf(known.parts, known.flags), known)
      else if (!exist) refuse(EXIST)
    }
  }

  protected has(entry: EntryAttributes): boolean {
    const flags = (entry.flags ?? 0) & this.#flags
    for (const parts of this.#partsOf(entry, true)) {
      const found = this.#findAround(parts, flags)
      if (found === undefined) return false
      found.extras = this.extras.count(found.extras, entry)
      return (found.flags & IPSET_FLAG.NOMATCH) === (flags & IPSET_FLAG.NOMATCH)
    }
    return false
  }

  protected isMadeLike(other: this): boolean {
    const [ours, theirs] = [this.#frame, other.#frame]
    return this.#maxelem === other.#maxelem && ours.mask === theirs.mask && ours.markmask === theirs.markmask
  }

  #insert(key: string, element: Element): void {
    const { parts, flags } = element
    if (this.#elements.size >= this.#maxelem) this.#makeRoom()
    if (parts.iface !== undefined && (this.#interfaces.get(netOf(parts, flags)) ?? 0) >= MAX_INTERFACES)
      refuse(HASH_FULL)
    this.#elements.set(key, element)
    this.#count(parts, flags, 1)
  }

  #delete(key: string, { parts, flags }: Element): void {
    this.#elements.delete(key)
    this.#count(parts, flags, -1)
  }

  #count(parts: EntryAttributes, flags: number, more: number): void {
    if (parts.iface === undefined) return
    const net = netOf(parts, flags)
    const count = (this.#interfaces.get(net) ?? 0) + more
    if (count === 0) this.#interfaces.delete(net)
    else this.#interfaces.set(net, count)
  }

  /** With forceadd, removes an entry of a full set: the oldest. Linux removes any that is near in the hash, or none. */
  #makeRoom(): void {
    this.#purge()
    if (this.#elements.size < this.#maxelem) return
    const [oldest] = this.#elements
    if (((this.#options.flags ?? 0) & IPSET_FLAG.WITH_FORCEADD) === 0 || oldest === undefined) refuse(HASH_FULL)
    this.#delete(...oldest)
  }

  /** As {@link #combinations}, with a limit. @throws SetFailure */
  *#partsOf(entry: EntryAttributes, alone: boolean): Generator<EntryAttributes> {
    let count = 0
    for (const parts of this.#combinations(entry, alone)) {
      if (++count > MAX_AT_ONCE) refuse(ERRNO.EOPNOTSUPP, TOO_MANY)
      yield parts
    }
  }

  /** Every combination of the values of the dimensions. */
  *#combinations(entry: EntryAttributes, alone: boolean, from = 0): Generator<EntryAttributes> {
    const dimension = this.#dimensions[from]
    if (dimension === undefined) return yield {}
    for (const first of dimension.values(entry, this.#frame, alone))
      if (from === this.#dimensions.length - 1) yield first
      else for (const rest of this.#combinations(entry, alone, from + 1)) yield { ...first, ...rest }
  }

  #find(parts: EntryAttributes, flags: number, key = keyOf(parts, flags)): Element | undefined {
    const known = this.#live(key)
    if (known !== undefined || parts.iface === undefined) return known
    for (let length = parts.iface.length - 1; length > 0; length--) {
      const one = this.#live(keyOf({ ...parts, iface: parts.iface.slice(0, length) }, flags))
      if (one !== undefined && (one.flags & IPSET_FLAG.IFACE_WILDCARD) !== 0) return one
    }
    return undefined
  }

  /** As {@link #find}. An address is also found in networks that contain it, the longest prefix first. */
  #findAround(parts: EntryAttributes, flags: number): Element | undefined {
    const bits = BITS[this.#frame.family]
    const lengths = [parts.cidr, parts.cidr2]
    if (lengths.every((one) => one === undefined) || lengths.some((one) => one !== undefined && one !== bits))
      return this.#find(parts, flags)
    const { ip = '', ip2 = '', cidr, cidr2 } = parts
    for (let length = cidr === undefined ? 0 : bits; length >= 0; length--)
      for (let length2 = cidr2 === undefined ? 0 : bits; length2 >= 0; length2--) {
        const first = cidr !== undefined && { ip: networkOf(ip, length), cidr: length }
        const second = cidr2 !== undefined && { ip2: networkOf(ip2, length2), cidr2: length2 }
        const around = { ...parts, ...first, ...second }
        const found = this.#find(around, flags)
        // Linux stops at the longest prefix that has interfaces, even if they are others.
        if (found !== undefined || this.#interfaces.has(netOf(around, flags))) return found
      }
    return undefined
  }

  #live(key: string): Element | undefined {
    const element = this.#elements.get(key)
    if (element === undefined || !this.extras.isOver(element.extras)) return element
    this.#delete(key, element)
    return undefined
  }

  #purge(): void {
    if (this.extras.timeout !== undefined)
      for (const [key, element] of this.#elements) if (this.extras.isOver(element.extras)) this.#delete(key, element)
  }
}

const ENTRY_FLAGS: Readonly<Record<string, number>> = {
  nomatch: IPSET_FLAG.NOMATCH,
  physdev: IPSET_FLAG.PHYSDEV,
  wildcard: IPSET_FLAG.IFACE_WILDCARD,
}

/** @throws SetFailure */
function frameOf({ netmask, bitmask, markmask = U32_MAX }: CreateAttributes, family: FamilyName): Frame {
  const bits = BITS[family]
  if (netmask !== undefined && (netmask === 0 || netmask > bits)) refuse(INVALID_NETMASK)
  if (netmask !== undefined && bitmask !== undefined) refuse(BITMASK_NETMASK_EXCL)
  if (markmask === 0) refuse(INVALID_MARKMASK)
  const all = prefixMask(bits, family)
  const mask = netmask !== undefined ? prefixMask(netmask, family) : bitmask === undefined ? all : toNumber(bitmask)
  if (mask === 0n) refuse(INVALID_NETMASK)
  return { family, mask: mask === all ? undefined : mask, netmask, markmask }
}

const powerOfTwo = (atLeast: number): number => 2 ** Math.ceil(Math.log2(atLeast))

/** The options as Linux lists them, as far as this revision has them. */
function told({ type, family, revision, options }: Making): CreateAttributes {
  const { hashsize = HASHSIZE.default, bucketsize = BUCKETSIZE.max, netmask, bitmask, markmask, ...others } = options
  const bits = BITS[family === 'ipv6' ? 'ipv6' : 'ipv4']
  const isWhole = bitmask !== undefined && toNumber(bitmask) === prefixMask(bits, family === 'ipv6' ? 'ipv6' : 'ipv4')
  const isSaid = (name: string): boolean => (type.since[name] ?? 0) <= revision
  return {
    ...others,
    hashsize: hashsize <= HASHSIZE.max ? powerOfTwo(Math.max(HASHSIZE.min, hashsize)) : refuse(ERRNO.ENOMEM),
    maxelem: options.maxelem ?? MAXELEM,
    bucketsize: isSaid('bucketsize')
      ? Math.min(BUCKETSIZE.max, Math.max(BUCKETSIZE.min, bucketsize + (bucketsize & 1)))
      : undefined,
    initval: isSaid('initval') ? (options.initval ?? randomInt(U32_MAX)) : undefined,
    netmask: netmask === bits ? undefined : netmask,
    bitmask: isWhole ? undefined : bitmask,
    markmask: 'markmask' in type.create ? (markmask ?? U32_MAX) : undefined,
  }
}
