/** What connection tracking knows about the packet's connection. */

import { FAMILIES, type FamilyName } from '../../abi/family'
import { IP_CT_DIR, NFT_CT } from '../../abi/nf-tables'
import { be16, type Field, raw, u8, u16, u32 } from '../../binary/codec'
import { bit, both, type Fields, struct } from '../../binary/struct'
import { asked, type Condition, HAS_CONNECTION, oneOf } from '../evaluation'
import { match } from '../extension'
import { view } from '../fields'
import { connection, type NativePart, readNatively } from '../native'
import {
  alone,
  anyBitTest,
  either,
  encoded,
  equality,
  given,
  HOST32,
  maskedAddressTest,
  NETWORK16,
  rangeTest,
  valueTest,
  whereNot,
} from '../native-tests'
import { option } from '../option'
import { maskedAddress, unusedAddress } from '../values/address'
import { integerRange } from '../values/integer'
import { name, nameList } from '../values/names'
import { portRange } from '../values/port'
import { protocol } from '../values/protocol'

const inetAddr = raw(16, 4)

const head = {
  origsrcAddr: inetAddr,
  origsrcMask: inetAddr,
  origdstAddr: inetAddr,
  origdstMask: inetAddr,
  replsrcAddr: inetAddr,
  replsrcMask: inetAddr,
  repldstAddr: inetAddr,
  repldstMask: inetAddr,
  expiresMin: u32,
  expiresMax: u32,
  l4proto: u16,
}

const ADDRESSES = [
  'origsrcAddr',
  'origsrcMask',
  'origdstAddr',
  'origdstMask',
  'replsrcAddr',
  'replsrcMask',
  'repldstAddr',
  'repldstMask',
] as const

/** Revisions 1 and 2 have one port where revision 3 has a range. */
const onePort = { origsrcPort: be16, origdstPort: be16, replsrcPort: be16, repldstPort: be16 }

/** The direction of a packet in its connection. */
export const direction = name({ ORIGINAL: false, REPLY: true }, { anyCase: true })

/** linux/netfilter/xt_conntrack.h */
export const conntrackRevisions = {
  1: struct('struct xt_conntrack_mtinfo1', 152, {
    ...head,
    ...onePort,
    matchFlags: u16,
    invertFlags: u16,
    stateMask: u8,
    statusMask: u8,
  }),
  2: struct('struct xt_conntrack_mtinfo2', 156, {
    ...head,
    ...onePort,
    matchFlags: u16,
    invertFlags: u16,
    stateMask: u16,
    statusMask: u16,
  }),
  3: struct('struct xt_conntrack_mtinfo3', 164, {
    ...head,
    origsrcPort: u16,
    origdstPort: u16,
    replsrcPort: u16,
    repldstPort: u16,
    matchFlags: u16,
    invertFlags: u16,
    stateMask: u16,
    statusMask: u16,
    origsrcPortHigh: u16,
    origdstPortHigh: u16,
    replsrcPortHigh: u16,
    repldstPortHigh: u16,
  }),
}

export const STATES = { INVALID: 0x01, NEW: 0x08, RELATED: 0x04, ESTABLISHED: 0x02, UNTRACKED: 0x100 }

const states = nameList({ ...STATES, SNAT: 0x40, DNAT: 0x80 }, { anyCase: true, prefixes: true })
const statuses = nameList(
  { EXPECTED: 0x01, SEEN_REPLY: 0x02, ASSURED: 0x04, CONFIRMED: 0x08 },
  { none: 'NONE', anyCase: true, prefixes: true },
)

/** The bits of {@link states} with those of nf_tables, which has some in the state of a connection and some in its status. */
const NFT_STATES = [
  [STATES.INVALID, 0x01],
  [STATES.ESTABLISHED, 0x02],
  [STATES.RELATED, 0x04],
  [STATES.NEW, 0x08],
  [STATES.UNTRACKED, 0x40],
] as const
const NFT_STATUSES = [
  [0x40, 0x10],
  [0x80, 0x20],
] as const
const KNOWN_STATUSES = 0x0f
/** Bit in `matchFlags`: the status is tested. */
const STATUS = 0x0040
type Bits = readonly (readonly [ours: number, theirs: number])[]

const known = (table: Bits): number => table.reduce((all, [, theirs]) => all | theirs, 0)

/** Maps a field's bits to others; undefined if one has no counterpart. */
const recoded = (field: Field<number>, table: Bits): Field<number | undefined> =>
  view(
    field,
    (bits) =>
      table.reduce((rest, [ours]) => rest & ~ours, bits) === 0
        ? table.reduce((all, [ours, theirs]) => all | (bits & ours ? theirs : 0), 0)
        : undefined,
    (bits) => table.reduce((all, [ours, theirs]) => all | ((bits ?? 0) & theirs ? ours : 0), 0),
  )

const asNumber = (truth: Field<boolean>): Field<number> => view(truth, Number, Boolean)

/** Keys of an address of a connection: that for the family alone, and that for both families. */
type Ends = Readonly<Record<FamilyName, readonly number[]>>
const SOURCES: Ends = { ipv4: [NFT_CT.SRC_IP, NFT_CT.SRC], ipv6: [NFT_CT.SRC_IP6, NFT_CT.SRC] }
const DESTINATIONS: Ends = { ipv4: [NFT_CT.DST_IP, NFT_CT.DST], ipv6: [NFT_CT.DST_IP6, NFT_CT.DST] }

interface StateFields {
  readonly stateMask: Field<number>
  readonly matchFlags: Field<number>
  readonly invertFlags: Field<number>
}

/** At least one of the bits is set or, if negated, none. `bits` may be 0. */
const anyBit = (key: number, bits: number, negated: boolean): Condition => ({
  kind: 'test',
  source: connection(key),
  mask: encoded(u32, bits),
  op: equality(!negated),
  value: new Uint8Array(u32.size),
})

/**
 * One of some states, or of the translations that the match treats as states. Every packet has a state, but
 * not every packet has a connection.
 */
export function stateCondition({ stateMask, invertFlags }: StateFields, bytes: Uint8Array, at: number): Condition {
  const [wanted, negated] = [stateMask.read(bytes, at), bit(invertFlags, 0x0001).read(bytes, at)]
  const [states, statuses] = [NFT_STATES, NFT_STATUSES].map((table: Bits) =>
    table.reduce((all, [ours, theirs]) => all | (wanted & ours ? theirs : 0), 0),
  ) as [number, number]
  if (statuses === 0) return anyBit(NFT_CT.STATE, states, negated)
  // Packets without a connection have no status, and so none of these bits.
  return oneOf([[anyBit(NFT_CT.STATE, states, false)], [anyBit(NFT_CT.STATUS, statuses, false)]], negated)
}

/** The test for states: of the state in nf_tables, or for SNAT and DNAT of the status. */
export const stateTest = ({ stateMask, matchFlags, invertFlags }: StateFields): NativePart => {
  const negation = bit(invertFlags, 0x0001)
  // Packets without a connection match if their state does, even if the same match tests anything else. So the
  // state gets a match of its own.
  return alone(
    given(
      bit(matchFlags, 0x0001),
      either(
        anyBitTest(connection(NFT_CT.STATE), u32, {
          bits: recoded(stateMask, NFT_STATES),
          negation,
          known: known(NFT_STATES),
          isSingle: true,
        }),
        // In nf_tables, packets without a connection never match. Here they have none of the bits, so they would match
        // a negated test.
        whereNot(
          negation,
          anyBitTest(connection(NFT_CT.STATUS), u32, {
            bits: recoded(stateMask, NFT_STATUSES),
            known: known(NFT_STATUSES),
          }),
        ),
      ),
    ),
  )
}

/**
 * Packets without a connection match if their state does, whatever else is tested; in nf_tables they do not.
 * So a test that such a packet may pass, of INVALID or UNTRACKED, cannot be combined with others.
 */
const statesAlone = ({ stateMask, matchFlags, invertFlags }: StateFields): NativePart => ({
  keys: [],
  write(bytes, at) {
    const isBeside = (matchFlags.read(bytes, at) & 0x0001) !== 0 && (matchFlags.read(bytes, at) & ~0x2001) !== 0
    const mayLack = (stateMask.read(bytes, at) & (STATES.INVALID | STATES.UNTRACKED)) !== 0
    return isBeside && mayLack !== ((invertFlags.read(bytes, at) & 0x0001) !== 0) ? undefined : []
  },
  read: () => false,
})

type ConntrackFields = Fields<typeof head> &
  StateFields & {
    readonly statusMask: Field<number>
    readonly origsrcPort: Field<number>
    readonly origdstPort: Field<number>
    readonly replsrcPort: Field<number>
    readonly repldstPort: Field<number>
    readonly origsrcPortHigh?: Field<number>
    readonly origdstPortHigh?: Field<number>
    readonly replsrcPortHigh?: Field<number>
    readonly repldstPortHigh?: Field<number>
  }

/** The tests of a connection other than its state and status. */
function connectionTests(at: ConntrackFields, family: FamilyName): NativePart[] {
  const { matchFlags, invertFlags } = at
  const { addressSize: size } = FAMILIES[family]
  const asked = (mask: number, part: (negation: Field<boolean>) => NativePart) =>
    given(bit(matchFlags, mask), part(bit(invertFlags, mask)))
  const address = (mask: number, at: readonly [Field<Uint8Array>, Field<Uint8Array>], way: number, of: Ends) =>
    asked(mask, (negation) =>
      maskedAddressTest(
        of[family].map((key) => connection(key, way)),
        size,
        both(...at),
        negation,
      ),
    )
  const ports = (mask: number, at: readonly [Field<number>, Field<number> | undefined], way: number, key: number) =>
    asked(mask, (negation) =>
      rangeTest(connection(key, way), NETWORK16, { range: both(at[0], at[1] ?? at[0]), negation }),
    )
  const { ORIGINAL, REPLY } = IP_CT_DIR
  return [
    given(
      bit(matchFlags, 0x1000),
      valueTest(connection(NFT_CT.DIRECTION), u8, { value: asNumber(bit(invertFlags, 0x1000)), max: REPLY }),
    ),
    asked(0x0002, (negation) => valueTest(connection(NFT_CT.PROTOCOL), u8, { value: at.l4proto, negation })),
    address(0x0004, [at.origsrcAddr, at.origsrcMask], ORIGINAL, SOURCES),
    address(0x0008, [at.origdstAddr, at.origdstMask], ORIGINAL, DESTINATIONS),
    address(0x0010, [at.replsrcAddr, at.replsrcMask], REPLY, SOURCES),
    address(0x0020, [at.repldstAddr, at.repldstMask], REPLY, DESTINATIONS),
    ports(0x0100, [at.origsrcPort, at.origsrcPortHigh], ORIGINAL, NFT_CT.PROTO_SRC),
    ports(0x0200, [at.origdstPort, at.origdstPortHigh], ORIGINAL, NFT_CT.PROTO_DST),
    ports(0x0400, [at.replsrcPort, at.replsrcPortHigh], REPLY, NFT_CT.PROTO_SRC),
    ports(0x0800, [at.repldstPort, at.repldstPortHigh], REPLY, NFT_CT.PROTO_DST),
    // In seconds here, in milliseconds in nf_tables.
    asked(0x0080, (negation) =>
      rangeTest(connection(NFT_CT.EXPIRATION), HOST32, {
        range: both(at.expiresMin, at.expiresMax),
        negation,
        unit: 1_000,
      }),
    ),
  ]
}

export const conntrack = match('conntrack', {
  revisions: conntrackRevisions,
  atLeastOne: true,
  unused: (at, family) => ADDRESSES.flatMap((name) => unusedAddress(at[name], family)),
  native: (at, family) => {
    if (!('origsrcPortHigh' in at)) return undefined
    const [direction, protocol, ...rest] = connectionTests(at, family) as [NativePart, NativePart, ...NativePart[]]
    const [bits, negation] = [at.statusMask, bit(at.invertFlags, STATUS)]
    const status = anyBitTest(connection(NFT_CT.STATUS), u32, { bits, negation, known: KNOWN_STATUSES })
    return readNatively(
      direction,
      protocol,
      stateTest(at),
      given(bit(at.matchFlags, STATUS), status),
      ...rest.slice(0, -1),
      statesAlone(at),
      ...rest.slice(-1),
    )
  },
  asks: (at, family) => {
    const parts = connectionTests(at, family)
    return (bytes, place) => {
      const isGiven = (mask: number): boolean => bit(at.matchFlags, mask).read(bytes, place)
      const status = anyBit(
        NFT_CT.STATUS,
        at.statusMask.read(bytes, place),
        bit(at.invertFlags, STATUS).read(bytes, place),
      )
      const rest = [...(isGiven(STATUS) ? [status] : []), ...asked(parts, bytes, place)]
      if (!isGiven(0x0001)) return [HAS_CONNECTION, ...rest]
      const state = stateCondition(at, bytes, place)
      // For packets without a connection, only the state is tested.
      return rest.length === 0 ? [state] : [state, oneOf([[oneOf([[HAS_CONNECTION]], true)], rest])]
    }
  },
  options: (at) => {
    const { matchFlags, invertFlags } = at
    const stored = (mask: number) => ({ present: bit(matchFlags, mask), negation: bit(invertFlags, mask) })
    const high = 'origsrcPortHigh' in at ? at : undefined
    const ports = portRange({ decimal: true, reversed: true, single: high === undefined })
    const range = (first: Field<number>, last = first) => both(first, last)
    return {
      ctstate: option(states, at.stateMask, stored(0x0001)),
      ctproto: option(protocol, at.l4proto, stored(0x0002)),
      ctorigsrc: option(maskedAddress, both(at.origsrcAddr, at.origsrcMask), stored(0x0004)),
      ctorigdst: option(maskedAddress, both(at.origdstAddr, at.origdstMask), stored(0x0008)),
      ctreplsrc: option(maskedAddress, both(at.replsrcAddr, at.replsrcMask), stored(0x0010)),
      ctrepldst: option(maskedAddress, both(at.repldstAddr, at.repldstMask), stored(0x0020)),
      ctorigsrcport: option(ports, range(at.origsrcPort, high?.origsrcPortHigh), stored(0x0100)),
      ctorigdstport: option(ports, range(at.origdstPort, high?.origdstPortHigh), stored(0x0200)),
      ctreplsrcport: option(ports, range(at.replsrcPort, high?.replsrcPortHigh), stored(0x0400)),
      ctrepldstport: option(ports, range(at.repldstPort, high?.repldstPortHigh), stored(0x0800)),
      ctstatus: option(statuses, at.statusMask, stored(0x0040)),
      ctexpire: option(integerRange(0xffff_ffff), both(at.expiresMin, at.expiresMax), stored(0x0080)),
      ctdir: option(direction, bit(invertFlags, 0x1000), {
        present: bit(matchFlags, 0x1000),
      }),
    }
  },
})
