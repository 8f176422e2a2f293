/** Packets with the metadata that Linux has about them. Values come from small sets, so that rules match often. */
import fc from 'fast-check'
import { FAMILIES, type Family } from '../../src/abi/family'
import { NFT_CT, NFT_META, NFT_PAYLOAD } from '../../src/abi/nf-tables'
import { HOP_BY_HOP, PROTOCOLS } from '../../src/abi/protocols'

const number = (codecSize: number, value: number, isHost = true): Uint8Array => {
  const bytes = new Uint8Array(codecSize)
  for (let i = 0; i < codecSize; i++) bytes[isHost ? i : codecSize - 1 - i] = i < 4 ? (value >>> (8 * i)) & 0xff : 0
  return bytes
}
const name = (text: string): Uint8Array => {
  const bytes = new Uint8Array(16)
  bytes.set(Buffer.from(text))
  return bytes
}

const ADDRESSES = {
  ipv4: [
    [10, 0, 0, 1],
    [10, 0, 0, 9],
    [10, 1, 2, 3],
    [0, 0, 0, 0],
  ],
  ipv6: [
    [0x20, 1, 0xd, 0xb8],
    [0x20, 1, 0, 1],
    [0xfe, 0x80],
  ],
}

/** The choices that a packet is built from. */
export interface Choice {
  readonly family: Family
  readonly protocol: number
  readonly source: readonly number[]
  readonly destination: readonly number[]
  readonly trafficClass: number
  readonly hops: number
  readonly fragment: number
  readonly type: number
  readonly ports: readonly [number, number]
  readonly flags: number
  readonly mark: number
  readonly device: string
  readonly small: number
  readonly connection: { readonly state: number; readonly status: number; readonly mark: number } | undefined
  readonly addressType: number
  /** Option headers by protocol number. Not for IPv4. */
  readonly options: Readonly<Record<number, readonly number[]>>
}

export class Packet {
  readonly choice: Choice
  readonly #network: Uint8Array
  readonly #transport: Uint8Array
  readonly #link = Uint8Array.from({ length: 14 }, (_, i) => i)

  constructor(choice: Choice) {
    this.choice = choice
    this.#network = choice.family.name === 'ipv4' ? headerOfIpv4(choice) : headerOfIpv6(choice)
    this.#transport = headerOfTransport(choice)
  }

  get isTracked(): boolean {
    return this.choice.connection !== undefined
  }

  /** The header after the network header. Undefined in fragments that have none. */
  get transport(): Uint8Array | undefined {
    return this.choice.fragment === 0 ? this.#transport : undefined
  }

  bytes(base: number, offset: number, length: number): Uint8Array | undefined {
    const header = {
      [NFT_PAYLOAD.LL]: this.#link,
      [NFT_PAYLOAD.NETWORK]: this.#network,
      [NFT_PAYLOAD.TRANSPORT]: this.transport,
    }[base]
    return header && offset + length <= header.length ? header.slice(offset, offset + length) : undefined
  }

  meta(key: number): Uint8Array | undefined {
    const { mark, protocol, device, small } = this.choice
    switch (key) {
      case NFT_META.MARK:
        return number(4, mark)
      case NFT_META.L4PROTO:
        return number(1, protocol)
      case NFT_META.IIFNAME:
      case NFT_META.OIFNAME:
        return name(device)
      case NFT_META.IIFTYPE:
        return number(2, 1)
      case NFT_META.PKTTYPE:
        return number(1, small % 3)
      case NFT_META.LEN:
      case NFT_META.CPU:
      case NFT_META.SKUID:
      case NFT_META.SKGID:
      case NFT_META.IIFGROUP:
      case NFT_META.OIFGROUP:
      case NFT_META.CGROUP:
        return number(4, small)
      default:
        return undefined
    }
  }

  /** What the connection has transferred; 0 if it is not counted. */
  counted(key: number, direction: number | undefined): number {
    const { connection, small } = this.choice
    return (connection?.mark ?? 0) === 0 ? 0 : small + key + 3 * (direction ?? 2)
  }

  connection(key: number, direction: number | undefined): Uint8Array | undefined {
    const { connection, protocol, source, destination, ports } = this.choice
    if (key === NFT_CT.STATE) return number(4, connection?.state ?? 1)
    if (connection === undefined) return undefined
    const [from, to] = direction === 1 ? [destination, source] : [source, destination]
    switch (key) {
      case NFT_CT.STATUS:
        return number(4, connection.status)
      case NFT_CT.MARK:
        return number(4, connection.mark)
      case NFT_CT.DIRECTION:
        return number(1, 0)
      case NFT_CT.LABELS:
        return number(16, connection.mark)
      case NFT_CT.PKTS:
      case NFT_CT.BYTES:
      case NFT_CT.AVGPKT:
        return number(8, this.counted(key, direction))
      case NFT_CT.EXPIRATION:
        return number(4, 1_000 * connection.mark + 500)
      case NFT_CT.PROTOCOL:
        return number(1, protocol)
      case NFT_CT.SRC_IP:
      case NFT_CT.SRC_IP6:
      case NFT_CT.SRC:
        return this.address(from)
      case NFT_CT.DST_IP:
      case NFT_CT.DST_IP6:
      case NFT_CT.DST:
        return this.address(to)
      case NFT_CT.PROTO_SRC:
      case NFT_CT.PROTO_DST:
        return number(2, ports[(key === NFT_CT.PROTO_SRC) === (direction !== 1) ? 0 : 1], false)
      default:
        return undefined
    }
  }

  address(bytes: readonly number[]): Uint8Array {
    const address = new Uint8Array(this.choice.family.addressSize)
    address.set(bytes)
    return address
  }

  addressType(_flags: number): Uint8Array {
    return number(4, this.choice.addressType)
  }

  /** A field of an option header. */
  optional(type: number, offset: number, length: number): Uint8Array | undefined {
    const header = this.choice.options[type]
    return header && Uint8Array.from(header.slice(offset, offset + length))
  }

  get realm(): Uint8Array {
    return number(4, this.choice.small)
  }
}

function headerOfIpv4({ protocol, source, destination, trafficClass, hops, fragment }: Choice): Uint8Array {
  const bytes = new Uint8Array(20)
  bytes.set([0x45, trafficClass, 0, 60, 0, 1, 0x40 | (fragment >>> 8), fragment & 0xff, hops, protocol])
  bytes.set(source, 12)
  bytes.set(destination, 16)
  return bytes
}

function headerOfIpv6({ protocol, source, destination, trafficClass, hops }: Choice): Uint8Array {
  const bytes = new Uint8Array(40)
  bytes.set([0x60 | (trafficClass >>> 4), (trafficClass & 0x0f) << 4, 0, 0, 0, 40, protocol, hops])
  bytes.set(source, 8)
  bytes.set(destination, 24)
  return bytes
}

function headerOfTransport({ ports: [source, destination], flags, type, protocol }: Choice): Uint8Array {
  const bytes = new Uint8Array(40)
  bytes.set([source >>> 8, source & 0xff, destination >>> 8, destination & 0xff, 0, 0, 0, 5])
  if (protocol === 1 || protocol === 58) bytes.set([type, source & 3])
  bytes.set([type << 1, 0, 0, 0, 0x50, flags], 8)
  return bytes
}

const lengths = fc.constantFrom(0, 1).map((eights) => [6, eights])

const optionalHeaders = fc.record(
  {
    [HOP_BY_HOP]: lengths,
    [PROTOCOLS['ipv6-opts']]: lengths,
    [PROTOCOLS['ipv6-frag']]: fc
      .tuple(fc.constantFrom(0, 8), fc.constantFrom(0, 1), fc.constantFrom(1, 5, 9))
      .map(([offset, more, id]) => [6, 0, 0, offset | more, 0, 0, 0, id]),
    [PROTOCOLS['ipv6-route']]: fc
      .tuple(fc.constantFrom(0, 2), fc.constantFrom(0, 1, 3))
      .map(([type, left]) => [6, 2, type, left, 0, 0, 0, 0]),
  },
  { requiredKeys: [] },
)

/** Generated packets of a family. */
export const packets = ({ name: family }: Family): fc.Arbitrary<Packet> =>
  fc
    .record({
      family: fc.constant(FAMILIES[family]),
      protocol: fc.constantFrom(0, 6, 6, 6, 17, family === 'ipv4' ? 1 : 58, 33),
      source: fc.constantFrom(...ADDRESSES[family]),
      destination: fc.constantFrom(...ADDRESSES[family]),
      trafficClass: fc.constantFrom(0, 1, 0x10, 0x2b),
      hops: fc.constantFrom(1, 64, 255),
      fragment: family === 'ipv4' ? fc.constantFrom(0, 0, 0, 0, 5) : fc.constant(0),
      type: fc.constantFrom(0, 3, 8),
      ports: fc.tuple(fc.constantFrom(1, 22, 80), fc.constantFrom(1, 22, 80, 256)),
      flags: fc.constantFrom(2, 0x12, 0x10, 0xc2),
      mark: fc.constantFrom(0, 1, 5, 0x100),
      device: fc.constantFrom('eth0', 'eth1', 'lo', 'eth+'),
      small: fc.constantFrom(0, 1, 2, 100),
      connection: fc.option(
        fc.record({
          state: fc.constantFrom(2, 4, 8),
          status: fc.constantFrom(0, 1, 0x0a, 0x1e, 0x2e),
          mark: fc.constantFrom(0, 1, 5),
        }),
        { nil: undefined },
      ),
      addressType: fc.constantFrom(1, 2, 5),
      options: family === 'ipv4' ? fc.constant({}) : optionalHeaders,
    })
    .map((choice) => new Packet(choice))
