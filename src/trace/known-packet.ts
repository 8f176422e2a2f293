/** A packet on its path, as far as it is known: what rules test and change. */
import type { FamilyName } from '../abi/family'
import { IP_CT_DIR, NFT_CT, NFT_EXTHDR_OP, NFT_META, NFT_PAYLOAD } from '../abi/nf-tables'
import { PROTOCOLS } from '../abi/protocols'
import { be16, u8, u32 } from '../binary/codec'
import { hexOf } from '../binary/text'
import { type PacketView, type Seen, type Sight, type Truth, unknown } from '../extensions/evaluation'
import { ADDRESSES, network, type OptionalHeader, type Source, sourceKey, type Test } from '../extensions/native'
import { encoded, isEquality } from '../extensions/native-tests'
import { implied } from './implication'
import { holds, isWholly, known, learned, slice, spliced } from './known-bits'
import { hasPorts, STATES } from './packet'

const INVALID: readonly number[] = [STATES.INVALID]
const TRACKED: readonly number[] = [STATES.NEW, STATES.ESTABLISHED, STATES.RELATED]

/** linux/netfilter/nf_conntrack_common.h */
const [IPS_EXPECTED, IPS_SRC_NAT, IPS_DST_NAT] = [0x01, 0x10, 0x20]
/** The status bits that are known for a new connection; the kernel sets others. */
const STATUS_OF_FIRST = 0x3f
/** IPS_EXPECTED and IPS_SEEN_REPLY: no packet of a connection with one of them is new. */
const NEVER_OF_NEW = 0x03

/** Offset of the length in a TCP header, and its length without options. */
const [TCP_OFFSET, TCP_HEADER] = [12, 20]
const NO_OPERATION = 1

/** Offset of the checksum in an IPv4 header. */
const CHECKSUM = 10
/** Size of the header before the addresses. Changes there do not affect the transport checksum. */
const BEFORE_ADDRESSES = { ipv4: 12, ipv6: 8 } as const

const ICMP: readonly number[] = [PROTOCOLS.icmp, PROTOCOLS['ipv6-icmp']]

/** The addresses and ports of a connection in one direction. */
interface Ends {
  readonly source: Seen
  readonly destination: Seen
  readonly ports: Sight
}

/** Everything about a packet. It is immutable. */
export interface PacketState {
  readonly family: FamilyName
  /** The network header without options. */
  readonly network: Seen
  /** Undefined for later fragments: they have none, but rules may take their payload for one. */
  readonly transport: Sight
  readonly link: Sight
  readonly bytes: Uint8Array | undefined
  /** Whether the transport header is complete and nothing follows it. */
  readonly isWhole: boolean
  readonly headers: PacketView['headers']
  /** All other sources, by {@link sourceKey}. */
  readonly values: ReadonlyMap<string, Sight>
  /** The possible connection tracking states. */
  readonly states: readonly number[]
  /** Whether it was assumed to be the first of its connection, if its state does not tell. */
  readonly isSaidFirst: Truth
  /** The connection's addresses when it began with this packet; undefined if it may have begun before. */
  readonly original: Ends | undefined
  readonly isSourceChanged: boolean
  readonly isDestinationChanged: boolean
  /** What was assumed to hold, or not, where the path forked. */
  readonly assumed: readonly Assumption[]
}

interface Assumption {
  readonly test: Test
  readonly truth: boolean
  /** Whether the source may be absent: then neither a test nor its opposite holds. */
  readonly mayBeAbsent: boolean
}

export class KnownPacket implements PacketView {
  readonly state: PacketState
  readonly #seen = new Map<Source, Sight>()

  constructor(state: PacketState) {
    this.state = state
  }

  get family(): FamilyName {
    return this.state.family
  }

  get bytes(): Uint8Array | undefined {
    return this.state.bytes
  }

  get headers(): PacketView['headers'] {
    return this.state.headers
  }

  with(state: Partial<PacketState>): KnownPacket {
    return new KnownPacket({ ...this.state, ...state })
  }

  look(source: Source): Sight {
    if (this.#seen.has(source)) return this.#seen.get(source)
    const sight = this.#find(source)
    this.#seen.set(source, sight)
    return sight
  }

  #find(source: Source): Sight {
    if (source.from === 'payload') return this.#payload(source.base, source.offset, source.length)
    if (source.from === 'ct') return this.#connection(source.key, source.direction)
    if (source.from === 'meta') {
      if (source.key === NFT_META.L4PROTO && this.family === 'ipv4') return slice(this.state.network, 9, 10)
      if (source.key === NFT_META.LEN) return this.#length()
    }
    if (source.from === 'exthdr') return this.#optional(source)
    return this.state.values.get(sourceKey(source))
  }

  #optional({ op, type, offset, length, isPresence }: OptionalHeader): Sight {
    const found =
      op === NFT_EXTHDR_OP.IPV6 ? this.#header(type) : op === NFT_EXTHDR_OP.TCPOPT ? this.#tcpOption(type) : undefined
    if (found === undefined) return undefined
    if (isPresence) return known(encoded(u8, Number(found !== 'absent')))
    return found === 'absent' || offset + length > found.length
      ? 'absent'
      : known(found.subarray(offset, offset + length))
  }

  #header(type: number): Uint8Array | 'absent' | undefined {
    return this.headers && (this.headers.get(type) ?? 'absent')
  }

  #tcpOption(type: number): Uint8Array | 'absent' | undefined {
    const { transport } = this.state
    if (transport === undefined || transport === 'absent') return transport
    if (!isWholly(slice(transport, 0, TCP_HEADER))) return undefined
    const end = 4 * ((transport.bytes[TCP_OFFSET] as number) >>> 4)
    if (!isWholly(slice(transport, 0, end))) return undefined
    for (let at = TCP_HEADER; at < end; ) {
      const [kind, size] = [transport.bytes[at] as number, transport.bytes[at + 1]]
      if (kind === type) return transport.bytes.subarray(at, end)
      at += kind <= NO_OPERATION ? 1 : size || 1
    }
    return 'absent'
  }

  #payload(base: number, offset: number, length: number): Sight {
    const { network, transport, link, bytes } = this.state
    const header = { [NFT_PAYLOAD.LL]: link, [NFT_PAYLOAD.NETWORK]: network, [NFT_PAYLOAD.TRANSPORT]: transport }[base]
    if (header === undefined || header === 'absent') return header
    if (offset + length <= header.bytes.length) return slice(header, offset, offset + length)
    if (base !== NFT_PAYLOAD.NETWORK) return this.state.isWhole ? 'absent' : undefined
    // Everything else follows the network header.
    return bytes && (offset + length <= bytes.length ? known(bytes.subarray(offset, offset + length)) : 'absent')
  }

  #length(): Sight {
    const [at, more] = this.family === 'ipv4' ? [2, 0] : [4, 40]
    const field = slice(this.state.network, at, at + 2)
    return isWholly(field) ? known(encoded(u32, be16.read(field.bytes, 0) + more)) : undefined
  }

  /** Undefined if it may or may not have a connection. */
  get #isTracked(): Truth {
    const { states } = this.state
    if (states.every((one) => TRACKED.includes(one))) return true
    return states.some((one) => TRACKED.includes(one)) ? undefined : false
  }

  /**
   * Whether it is the first of its connection. A RELATED packet may be one that a helper expected, or
   * translated as its helper says; ICMP errors never are.
   */
  get isFirst(): Truth {
    const { states, isSaidFirst } = this.state
    if (isSaidFirst !== undefined) return isSaidFirst
    const mayBe = states.filter((one) => one === STATES.NEW || (one === STATES.RELATED && !this.#isIcmp))
    return mayBe.length === 0 ? false : states.every((one) => one === STATES.NEW) ? true : undefined
  }

  #connection(key: number, direction: number | undefined): Sight {
    if (this.#isTracked === false) return 'absent'
    if (key === NFT_CT.PROTOCOL) return this.#isTracked ? this.look({ from: 'meta', key: NFT_META.L4PROTO }) : undefined
    if (this.isFirst) {
      if (key === NFT_CT.DIRECTION) return known(encoded(u8, IP_CT_DIR.ORIGINAL))
      if (key === NFT_CT.STATUS) return this.#statusOfNew()
      const end = this.state.original && this.#end(key, direction, this.state.original)
      if (end !== undefined) return end
    }
    return this.#isTracked ? this.state.values.get(sourceKey({ from: 'ct', key, direction })) : undefined
  }

  #statusOfNew(): Seen {
    const { original, isSourceChanged, isDestinationChanged } = this.state
    if (original === undefined) return { bytes: encoded(u32, 0), known: encoded(u32, NEVER_OF_NEW) }
    const status = (isSourceChanged ? IPS_SRC_NAT : 0) | (isDestinationChanged ? IPS_DST_NAT : 0)
    const isNew = this.state.states.every((one) => one === STATES.NEW)
    return {
      bytes: encoded(u32, status),
      known: encoded(u32, isNew ? STATUS_OF_FIRST : STATUS_OF_FIRST & ~IPS_EXPECTED),
    }
  }

  /** An address or port of a new connection. The reply direction follows from the packet's current addresses. */
  #end(key: number, direction: number | undefined, original: Ends): Sight {
    const now = this.#ends()
    const isReply = direction === IP_CT_DIR.REPLY
    const { source, destination, ports } = isReply ? now : original
    const [from, to] = isReply ? [destination, source] : [source, destination]
    const [atFrom, atTo] = isReply ? [2, 0] : [0, 2]
    // The reply to an ICMP type has a different type.
    const isKnown = ports !== undefined && ports !== 'absent' && !(isReply && this.#isIcmp)
    switch (key) {
      case NFT_CT.SRC:
      case NFT_CT.SRC_IP:
      case NFT_CT.SRC_IP6:
        return from
      case NFT_CT.DST:
      case NFT_CT.DST_IP:
      case NFT_CT.DST_IP6:
        return to
      case NFT_CT.PROTO_SRC:
        return isKnown ? slice(ports, atFrom, atFrom + 2) : ports && (ports === 'absent' ? ports : undefined)
      case NFT_CT.PROTO_DST:
        return isKnown ? slice(ports, atTo, atTo + 2) : ports && (ports === 'absent' ? ports : undefined)
      default:
        return undefined
    }
  }

  #ends(): Ends {
    const { family, network, transport } = this.state
    const [source, destination] = ADDRESSES[family]
    const size = destination - source
    return {
      source: slice(network, source, source + size),
      destination: slice(network, destination, destination + size),
      ports: transport === undefined || transport === 'absent' ? transport : this.#ports(transport),
    }
  }

  get #isIcmp(): boolean {
    const protocol = this.look({ from: 'meta', key: NFT_META.L4PROTO })
    return protocol !== undefined && protocol !== 'absent' && ICMP.includes(protocol.bytes[0] as number)
  }

  /** What distinguishes connections between the same addresses: the ports, if the protocol has them. */
  #ports(transport: Seen): Seen | undefined {
    const protocol = this.look({ from: 'meta', key: NFT_META.L4PROTO })
    if (protocol === undefined || protocol === 'absent' || !isWholly(protocol)) return undefined
    const [number = 0] = protocol.bytes
    if (hasPorts(number)) return slice(transport, 0, 4)
    // The identifier, and the type and code.
    if (ICMP.includes(number)) return spliced(spliced(unknown(4), 0, slice(transport, 4, 6)), 2, slice(transport, 0, 2))
    return number === PROTOCOLS.gre ? undefined : known(new Uint8Array(4))
  }

  /** The packet after connection tracking has seen it. */
  tracked(states: readonly number[]): KnownPacket {
    return this.with({ states, original: this.#ends() })
  }

  /** The packet before that: rules do not know its state yet. */
  untracked(): KnownPacket {
    return this.with({ states: INVALID })
  }

  /** Changes a source. Earlier assumptions about it no longer apply. */
  changed(to: Source, seen: Seen): KnownPacket {
    const assumed = this.state.assumed.filter(({ test: { source } }) => !overlaps(source, to))
    return this.#set(to, seen).with({ assumed })
  }

  #set(to: Source, seen: Seen): KnownPacket {
    if (to.from === 'meta' && to.key === NFT_META.L4PROTO && this.family === 'ipv4')
      return this.with({ network: spliced(this.state.network, 9, seen), bytes: undefined })
    if (to.from !== 'payload') return this.with({ values: new Map([...this.state.values, [sourceKey(to), seen]]) })
    const { transport } = this.state
    if (to.base === NFT_PAYLOAD.NETWORK) return this.#withNetwork(to.offset, seen)
    if (to.base !== NFT_PAYLOAD.TRANSPORT || transport === 'absent') return this
    if (transport === undefined) return this.with({ bytes: undefined })
    return this.with({ transport: spliced(transport, to.offset, seen), bytes: undefined })
  }

  #withNetwork(offset: number, seen: Seen): KnownPacket {
    const changed = spliced(this.state.network, offset, seen)
    const header = this.family === 'ipv4' ? checksummed(changed) : changed
    const isKept = offset < BEFORE_ADDRESSES[this.family] && isWholly(header)
    if (this.bytes === undefined || !isKept) return this.with({ network: header, bytes: undefined })
    const bytes = this.bytes.slice()
    bytes.set(header.bytes)
    return this.with({ network: header, bytes })
  }

  /** Replaces the transport header and payload, and adjusts the length of the packet. */
  rewritten(make: (transport: Seen) => Seen): KnownPacket {
    const { transport } = this.state
    if (transport === 'absent') return this
    if (transport === undefined) return this.with({ bytes: undefined })
    const made = make(transport)
    const more = made.bytes.length - transport.bytes.length
    const assumed = this.state.assumed.filter(({ test }) => !ofTransport(test.source))
    const packet = this.with({ transport: made, bytes: undefined, assumed })
    const at = network(this.family === 'ipv4' ? 2 : 4, 2)
    const length = packet.look(at) as Seen
    if (more === 0 || !isWholly(length)) return packet
    return packet.changed(at, known(encoded(be16, be16.read(length.bytes, 0) + more)))
  }

  /** Whether a test holds. */
  meets(test: Test): Truth {
    const { source } = test
    if (source.from === 'ct' && source.key === NFT_CT.STATE) {
      const truths = new Set(this.state.states.map((one) => holds(test, known(encoded(u32, one)))))
      return truths.size === 1 ? [...truths][0] : undefined
    }
    const sight = this.look(source)
    const truth = sight === undefined ? undefined : sight === 'absent' ? false : holds(test, sight)
    return truth ?? (this.state.assumed.length === 0 ? undefined : this.#assumption(test))
  }

  #assumption(test: Test): Truth {
    const key = sourceKey(test.source)
    for (const one of this.state.assumed) {
      if (sourceKey(one.test.source) !== key) continue
      const truth = isSame(test, one.test)
        ? one.truth !== (test.op !== one.test.op)
        : implied(test, one.test, one.truth)
      if (truth === false || (truth && (one.truth || !one.mayBeAbsent))) return truth
    }
    return undefined
  }

  /** The packet for which a test is assumed to hold, or not. */
  supposing(test: Test, truth: boolean): KnownPacket {
    const { source, op, value, mask, to, or, isTurned } = test
    if (source.from === 'ct' && source.key === NFT_CT.STATE)
      return this.with({ states: this.state.states.filter((one) => holds(test, known(encoded(u32, one))) === truth) })
    const isEqual = (op === 'eq' || op === 'neq') && to === undefined && or === undefined
    const sight = this.look(source)
    // If the source may be absent, this does not tell its value.
    if (isEqual && truth === (op === 'eq') && sight !== undefined && sight !== 'absent')
      return this.#set(source, learned(sight, value, mask)).with({ bytes: this.bytes })
    const assumed = [...this.state.assumed, { test, truth, mayBeAbsent: sight === undefined }]
    const bits =
      truth && op === 'eq' && to !== undefined && !isTurned && or === undefined ? sharedBits(value, to) : undefined
    const packet =
      bits === undefined || sight === undefined || sight === 'absent'
        ? this
        : this.#set(source, learned(sight, value, bits)).with({ bytes: this.bytes })
    return packet.with({ assumed })
  }
}

/** An IPv4 header with its checksum computed. */
function checksummed(header: Seen): Seen {
  const without = spliced(header, CHECKSUM, known(new Uint8Array(2)))
  if (!isWholly(without)) return spliced(header, CHECKSUM, unknown(2))
  let sum = 0
  for (let i = 0; i < without.bytes.length; i += 2) sum += be16.read(without.bytes, i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return spliced(without, CHECKSUM, known(encoded(be16, ~sum & 0xffff)))
}

/** The leading bits that two numbers share: all numbers between them share them too. */
function sharedBits(first: Uint8Array, last: Uint8Array): Uint8Array {
  const bits = new Uint8Array(first.length)
  const at = first.findIndex((byte, i) => byte !== last[i])
  bits.fill(0xff, 0, at < 0 ? bits.length : at)
  if (at >= 0) bits[at] = 0xff & ~(0xff >>> (Math.clz32((first[at] as number) ^ (last[at] as number)) - 24))
  return bits
}

const ofTransport = (source: Source): boolean =>
  source.from === 'exthdr' || (source.from === 'payload' && source.base === NFT_PAYLOAD.TRANSPORT)

/** Whether a change of one source may change the other. */
export const overlaps = (one: Source, other: Source): boolean =>
  one.from === 'payload' && other.from === 'payload' ? one.base === other.base : sourceKey(one) === sourceKey(other)

/** Whether two tests of the same source are equal or opposite. */
function isSame(one: Test, other: Test): boolean {
  const isOpposite = one.op !== other.op && isEquality(one.op) && isEquality(other.op)
  return (one.op === other.op || isOpposite) && asText(one) === asText(other)
}

const asText = ({ value, mask, to, or = [] }: Test): string =>
  [mask, ...[{ value, to }, ...or].flatMap((one) => [one.value, one.to])].map((bytes) => bytes && hexOf(bytes)).join()
