/** Generated rules of expressions as any program may write them, with packets that match them. */
import fc from 'fast-check'
import type { Family } from '../../src/abi/family'
import { NFT_CT, NFT_META, NFTA_FIB_F } from '../../src/abi/nf-tables'
import { HOP_BY_HOP, PROTOCOLS } from '../../src/abi/protocols'
import type { Expression, Known } from '../../src/nft/expressions'
import { NftMachine, Refused } from './nft-machine'
import { type Packet, packets } from './packets'

const payload =
  (base: number, offset: number, len: number) =>
  (dreg: number): Known => ({ name: 'payload', data: { dreg, base, offset, len } })
const meta =
  (key: number) =>
  (dreg: number): Known => ({ name: 'meta', data: { key, dreg } })
const connection =
  (key: number, direction?: number) =>
  (dreg: number): Known => ({ name: 'ct', data: { key, direction, dreg } })
const lookup =
  (flags: number) =>
  (dreg: number): Known => ({ name: 'fib', data: { dreg, flags, result: 3 } })

const optional =
  (type: number, offset: number, len: number, flags = 0) =>
  (dreg: number): Known => ({ name: 'exthdr', data: { dreg, op: 0, type, offset, len, flags } })

/** The expression that loads something, its size, and masks of its bit fields. */
type Load = readonly [load: (register: number) => Known, size: number, ...masks: (readonly number[])[]]

const [FRAGMENT, ROUTING] = [PROTOCOLS['ipv6-frag'], PROTOCOLS['ipv6-route']]
const PROTOCOL: Load = [meta(NFT_META.L4PROTO), 1]
/** Offset and size of fields in network headers, by family. */
const NETWORK: Readonly<Record<string, readonly (readonly [offset: number, size: number])[]>> = {
  ipv4: [
    [12, 4],
    [12, 1],
    [12, 2],
    [16, 4],
    [12, 8],
    [9, 1],
    [8, 1],
    [8, 2],
    [1, 1],
    [6, 2],
    [0, 2],
  ],
  ipv6: [
    [8, 16],
    [8, 2],
    [24, 16],
    [24, 4],
    [6, 1],
    [7, 1],
    [6, 2],
    [0, 2],
    [1, 1],
    [0, 1],
  ],
}
const COMMON: readonly Load[] = [
  PROTOCOL,
  PROTOCOL,
  ...(
    [
      [0, 2],
      [2, 2],
      [2, 2],
      [0, 4],
      [0, 1],
      [1, 1],
      [13, 1],
      [12, 2],
      [8, 1],
      [4, 4],
    ] as const
  ).map(([offset, size]): Load => [payload(2, offset, size), size]),
  [payload(2, 13, 1), 1, [0x02], [0x12], [0x3f], [0x80], [0x40]],
  [payload(2, 8, 1), 1, [0x1e]],
  [payload(0, 6, 6), 6],
  ...(['MARK', 'LEN', 'CPU', 'SKUID', 'SKGID', 'IIFGROUP', 'OIFGROUP', 'CGROUP'] as const).map(
    (name): Load => [meta(NFT_META[name]), 4],
  ),
  [meta(NFT_META.IIFNAME), 16],
  [meta(NFT_META.IIFNAME), 5],
  [meta(NFT_META.OIFNAME), 3],
  [meta(NFT_META.IIFTYPE), 2],
  [meta(NFT_META.PKTTYPE), 1],
  ...(['STATE', 'STATE', 'STATUS', 'MARK', 'EXPIRATION'] as const).map((name): Load => [connection(NFT_CT[name]), 4]),
  [connection(NFT_CT.STATUS), 4, [2, 0, 0, 0], [0x10, 0, 0, 0], [0x20, 0, 0, 0]],
  [connection(NFT_CT.STATE), 4, [2, 0, 0, 0], [0x0a, 0, 0, 0], [0x41, 0, 0, 0]],
  [connection(NFT_CT.BYTES), 8],
  [connection(NFT_CT.PKTS, 0), 8],
  [connection(NFT_CT.AVGPKT, 1), 8],
  [connection(NFT_CT.LABELS), 16, [1, ...new Array<number>(15).fill(0)], [4, ...new Array<number>(15).fill(0)]],
  [connection(NFT_CT.DIRECTION), 1],
  [connection(NFT_CT.PROTOCOL, 0), 1],
  [connection(NFT_CT.PROTO_DST, 0), 2],
  [connection(NFT_CT.PROTO_SRC, 1), 2],
  [lookup(NFTA_FIB_F.SADDR), 4],
  [lookup(NFTA_FIB_F.DADDR | NFTA_FIB_F.IIF), 4],
  [(dreg) => ({ name: 'rt', data: { key: 0, dreg } }), 4],
]
/** Fields of option headers. */
const OPTIONAL: readonly Load[] = (
  [
    [FRAGMENT, 4, 4],
    [FRAGMENT, 3, 1],
    [FRAGMENT, 2, 2],
    [FRAGMENT, 0, 1],
    [ROUTING, 2, 1],
    [ROUTING, 3, 1],
    [ROUTING, 0, 1],
    [HOP_BY_HOP, 1, 1],
    [HOP_BY_HOP, 0, 1],
    [PROTOCOLS['ipv6-opts'], 1, 1],
  ] as const
).flatMap(([type, offset, size]): Load[] => [
  [optional(type, offset, size, offset === 0 ? 1 : 0), size],
  [optional(type, offset, size), size],
])

/** Bit fields of network headers. */
const MASKED: Readonly<Record<Family['name'], readonly Load[]>> = {
  ipv4: [
    [payload(1, 1, 1), 1, [0xfc], [0x03]],
    [payload(1, 6, 2), 2, [0x1f, 0xff]],
  ],
  ipv6: [
    [payload(1, 0, 2), 2, [0x0f, 0xc0], [0x0f, 0xf0]],
    [payload(1, 1, 1), 1, [0x30]],
    [optional(FRAGMENT, 3, 1), 1, [1]],
    [optional(FRAGMENT, 2, 2), 2, [0xff, 0xf8]],
  ],
}

const loads = ({ name, addressSize: size }: Family): readonly Load[] => [
  ...COMMON,
  ...(name === 'ipv6' ? OPTIONAL : []),
  ...MASKED[name],
  ...(NETWORK[name] ?? []).flatMap(([offset, length]): Load[] => [
    [payload(1, offset, length), length],
    [payload(1, offset, length), length],
  ]),
  [connection(name === 'ipv4' ? NFT_CT.SRC_IP : NFT_CT.SRC_IP6, 0), size],
  [connection(NFT_CT.DST, 1), size],
]

type Kind = 'compare' | 'range' | 'ends' | 'again' | 'nothing'
const KINDS: readonly Kind[] = [...new Array<Kind>(8).fill('compare'), 'range', 'range', 'ends', 'again', 'nothing']

/** How a loaded value is tested. */
const asking = fc.record({
  register: fc.constantFrom(1, 1, 1, 1, 2, 8, 9, 10),
  mask: fc.option(
    fc.array(fc.constantFrom(0, 0xff, 0xff, 0x0f, 0xf0, 0xfc, 0xf8, 3, 2, 1, 0x1e, 0x1f, 0x3f, 0x40, 0x80), {
      minLength: 16,
      maxLength: 16,
    }),
    {
      nil: undefined,
      freq: 2,
    },
  ),
  /** Whether all but one byte of the mask are 0, so that single bits are tested. */
  isOneByte: fc.boolean(),
  isTurned: fc.nat(5).map((number) => number === 0),
  op: fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 3, 4, 5),
  kind: fc.constantFrom(...KINDS),
  isZero: fc.nat(3).map((number) => number === 0),
  /** The value to compare with is that of some packet, or slightly more. */
  more: fc.constantFrom(0, 0, 0, 0, 1, 2, 0x80),
  length: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 0, -1, 1),
})

type Asking = typeof asking extends fc.Arbitrary<infer T> ? T : never

const data = (value: Uint8Array) => ({ value })

/** Loads a value and compares it with that of a packet. */
function question([load, size, ...masks]: Load, how: Asking, packet: Packet): Known[] {
  const { register: reg, op } = how
  const steps: Known[] = [load(reg)]
  if (how.mask !== undefined) {
    const mask = Uint8Array.from(masks[how.register % masks.length] ?? how.mask.slice(0, size))
    if (how.isOneByte && masks.length === 0) mask.fill(0, 1)
    steps.push({
      name: 'bitwise',
      data: { sreg: reg, dreg: reg, op: 0, len: size, mask: data(mask), xor: data(new Uint8Array(size)) },
    })
  }
  if (how.isTurned && size % 2 === 0) {
    const unit = size === 8 ? 8 : size % 4 === 0 ? 4 : 2
    steps.push({ name: 'byteorder', data: { sreg: reg, dreg: reg, op: 1, len: size, size: unit } })
  }
  const length = Math.max(1, size + how.length)
  const value = how.isZero ? new Uint8Array(length) : holding(steps, reg, length, packet)
  const other = value.slice()
  other[other.length - 1] = Math.min(255, (other.at(-1) as number) + how.more)
  const compare = (code: number, bytes: Uint8Array): Known => ({
    name: 'cmp',
    data: { sreg: reg, op: code, data: data(bytes) },
  })
  const asked: Record<Kind, () => Known[]> = {
    compare: () => [compare(op, other)],
    range: () => [{ name: 'range', data: { sreg: reg, op: op & 1, from: data(value), to: data(other) } }],
    ends: () => [compare(5, value), compare(3, other)],
    again: () => [compare(op, value), compare(op, other)],
    nothing: () => [],
  }
  return [...steps, ...asked[how.kind]()]
}

/** The contents of a register for a packet. All zeros if the packet does not have the value. */
function holding(steps: readonly Known[], register: number, length: number, packet: Packet): Uint8Array {
  const machine = new NftMachine(packet)
  try {
    machine.run(steps)
    return machine.read(register, length)
  } catch (error) {
    if (error instanceof Refused) return new Uint8Array(length)
    throw error
  }
}

const verdict = (code: number): Known => ({
  name: 'immediate',
  data: { dreg: 0, data: { verdict: { code, chain: undefined } } },
})
const limit: Known = { name: 'limit', data: { rate: 5n, unit: 1n, burst: 5, type: 0, flags: 0 } }
const counter: Known = { name: 'counter', data: { packets: 0n, bytes: 0n } }
const marking: Known[] = [
  { name: 'immediate', data: { dreg: 1, data: data(Uint8Array.of(7, 0, 0, 0)) } },
  { name: 'meta', data: { key: NFT_META.MARK, sreg: 1 } },
]

/** Copies one mark to another or to itself, optionally masked or shifted. */
const copying: fc.Arbitrary<Known[]> = fc
  .record({
    from: fc.constantFrom<'meta' | 'ct'>('meta', 'ct'),
    to: fc.constantFrom<'meta' | 'ct'>('meta', 'ct'),
    mask: fc.option(fc.tuple(fc.constantFrom(0xff, 0xfe, 0), fc.constantFrom(0, 1, 5)), { nil: undefined }),
    shift: fc.option(fc.tuple(fc.constantFrom(1, 2), fc.constantFrom(1, 2, 31)), { nil: undefined }),
    isShiftFirst: fc.boolean(),
  })
  .map(({ from, to, mask, shift, isShiftFirst }) => {
    const place = { sreg: 1, dreg: 1, len: 4 }
    const words = (byte: number, rest = 0): Uint8Array => Uint8Array.of(byte, rest, rest, rest)
    const changes: Known[] = [
      ...(mask
        ? [
            {
              name: 'bitwise',
              data: { ...place, op: 0, mask: data(words(mask[0], 0xff)), xor: data(words(mask[1])) },
            } as const,
          ]
        : []),
      ...(shift ? [{ name: 'bitwise', data: { ...place, op: shift[0], data: data(words(shift[1])) } } as const] : []),
    ]
    const key = { meta: NFT_META.MARK, ct: NFT_CT.MARK }
    return [
      { name: from, data: { key: key[from], dreg: 1 } },
      ...(isShiftFirst ? changes.reverse() : changes),
      { name: to, data: { key: key[to], sreg: 1 } },
    ]
  })

export class Case {
  readonly expressions: readonly Expression[]
  readonly packets: readonly Packet[]

  constructor(expressions: readonly Expression[], some: readonly Packet[]) {
    this.expressions = expressions
    this.packets = some
  }

  /** Short enough to read. */
  [fc.toStringMethod](): string {
    return this.expressions.map((one) => JSON.stringify(one, shownValue)).join('\n')
  }
}

const shownValue = (_: string, value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return typeof value === 'bigint' ? Number(value) : value
}

/** Generated rules for a family. */
export const nftCases = (family: Family): fc.Arbitrary<Case> => {
  const all = loads(family)
  const part = fc.record({ kind: fc.nat(11), load: fc.nat(all.length - 1), how: asking, which: fc.nat(7) })
  return fc
    .record({
      packets: fc.array(packets(family), { minLength: 8, maxLength: 8 }),
      /** Most fields of a transport header are meaningless without a test of the protocol. */
      protocol: fc.boolean(),
      parts: fc.array(part, { maxLength: 3 }),
      end: fc.array(
        fc.oneof(
          {
            weight: 5,
            arbitrary: fc.constantFrom<Known[]>([counter], [verdict(1)], [verdict(0)], [verdict(-5)], marking),
          },
          { weight: 1, arbitrary: copying },
        ),
        { maxLength: 2 },
      ),
    })
    .map(({ packets: some, protocol, parts, end }) => {
      const asks = parts.map(({ kind, load, how, which }) =>
        kind === 0 ? [limit] : question(all[load] as Load, how, some[which] as Packet),
      )
      const plain = {
        register: 1,
        mask: undefined,
        isOneByte: false,
        isTurned: false,
        op: 0,
        kind: 'compare',
        isZero: false,
        more: 0,
        length: 0,
      } as const
      const first = protocol ? question(PROTOCOL, plain, some[0] as Packet) : []
      return new Case([...first, ...asks.flat(), ...end.flat()], some)
    })
}
