/** The types of the packet's source and destination addresses, according to the routing tables. */

import { NFT_FIB_RESULT, NFTA_FIB_F } from '../../abi/nf-tables'
import { bool32, type Field, u16, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { about, match, withoutIn, withoutOut } from '../extension'
import { constant, view } from '../fields'
import type { Test } from '../native'
import { lookup, readNatively } from '../native'
import { alone, encoded, equality, given, optional, unlessGiven, valueTest } from '../native-tests'
import { joined, nftSet } from '../nft-words'
import { flag, option } from '../option'
import { nameList } from '../values/names'

const TYPES = {
  UNSPEC: 0x001,
  UNICAST: 0x002,
  LOCAL: 0x004,
  BROADCAST: 0x008,
  ANYCAST: 0x010,
  MULTICAST: 0x020,
  BLACKHOLE: 0x040,
  UNREACHABLE: 0x080,
  PROHIBIT: 0x100,
  THROW: 0x200,
  NAT: 0x400,
  XRESOLVE: 0x800,
}
const types = nameList(TYPES, { anyCase: true, prefixes: true })

const OF_IPV6 = ['UNSPEC', 'UNICAST', 'LOCAL', 'ANYCAST', 'MULTICAST', 'UNREACHABLE'] as const
const IPV6 = OF_IPV6.reduce((mask, name) => mask | TYPES[name], 0)

const [INVERT_SOURCE, INVERT_DEST, LIMIT_IN, LIMIT_OUT] = [0x1, 0x2, 0x4, 0x8] as const

/** The type as a lookup returns it, if exactly one is tested. linux/rtnetlink.h numbers types by their bits in {@link TYPES}. */
const routeType = (types: Field<number>): Field<number | undefined> =>
  view(
    types,
    (bits) => (Number.isInteger(Math.log2(bits)) ? Math.log2(bits) : undefined),
    (type) => 1 << (type ?? 0),
  )

/** The types in a mask, as the numbers that lookups return. */
const numbersOf = (mask: number): number[] =>
  Array.from({ length: 16 }, (_, type) => type).filter((type) => (mask & (1 << type)) !== 0)

/** linux/netfilter/xt_addrtype.h. Revision 0 has no `--limit-iface-in` and `--limit-iface-out`. */
export const addrtype = match('addrtype', {
  revisions: {
    0: {
      ipv4: struct('struct xt_addrtype_info', 12, { source: u16, dest: u16, invertSource: bool32, invertDest: bool32 }),
    },
    1: struct('struct xt_addrtype_info_v1', 8, { source: u16, dest: u16, flags: u32 }),
  },
  atLeastOne: [['src-type', 'dst-type']],
  list: 'ADDRTYPE match',
  native: (at, family) => {
    // In IPv6, the kernel uses other address types than fib lookups.
    if (family === 'ipv6' || !('flags' in at)) return undefined
    const { source, dest, flags } = at
    const asked = (types: Field<number>, end: number, inverted: number, limit: number) => {
      const limited = { [LIMIT_IN]: NFTA_FIB_F.IIF, [LIMIT_OUT]: NFTA_FIB_F.OIF }[limit] ?? 0
      const test = valueTest(lookup(end | limited, NFT_FIB_RESULT.ADDRTYPE), u32, {
        value: routeType(types),
        negation: bit(flags, inverted),
        max: Math.log2(TYPES.XRESOLVE),
      })
      const part = optional(types, 0, test)
      return limit === 0 ? unlessGiven(bit(flags, LIMIT_IN | LIMIT_OUT), part) : alone(given(bit(flags, limit), part))
    }
    return readNatively(
      ...[0, LIMIT_IN, LIMIT_OUT].flatMap((limit) => [
        asked(source, NFTA_FIB_F.SADDR, INVERT_SOURCE, limit),
        asked(dest, NFTA_FIB_F.DADDR, INVERT_DEST, limit),
      ]),
    )
  },
  translate: (at, family) => (bytes, place) => {
    // In IPv6, the kernel uses other address types than fib lookups.
    if (family === 'ipv6' || !('flags' in at)) return undefined
    const flags = at.flags.read(bytes, place)
    const limit = (flags & LIMIT_IN) !== 0 ? ' . iif' : (flags & LIMIT_OUT) !== 0 ? ' . oif' : ''
    const asked = (types: Field<number>, end: string, inverted: number): string | undefined => {
      const bits = types.read(bytes, place)
      const names = Object.entries(TYPES).filter(([, bit]) => (bits & bit) !== 0)
      if (names.some(([, bit]) => bit > TYPES.PROHIBIT)) return undefined
      const sign = (flags & inverted) !== 0 ? '!= ' : ''
      return bits === 0 ? '' : `fib ${end}${limit} type ${sign}${nftSet(names.map(([name]) => name.toLowerCase()))}`
    }
    return joined([asked(at.source, 'saddr', INVERT_SOURCE), asked(at.dest, 'daddr', INVERT_DEST)])
  },
  asks:
    ({ source, dest, ...at }, family) =>
    (bytes, place) => {
      // In IPv6, the kernel uses other address types than fib lookups.
      if (family === 'ipv6') return [{ kind: 'circumstance', decides: 'what kind of addresses it has' }]
      const flags = 'flags' in at ? at.flags.read(bytes, place) : 0
      const limit = (flags & LIMIT_IN ? NFTA_FIB_F.IIF : 0) | (flags & LIMIT_OUT ? NFTA_FIB_F.OIF : 0)
      const ofEnd = (types: Field<number>, end: number, negated: boolean): Test[] => {
        const [first, ...or] = numbersOf(types.read(bytes, place)).map((type) => ({ value: encoded(u32, type) }))
        const lookedUp = lookup(end | limit, NFT_FIB_RESULT.ADDRTYPE)
        return first === undefined ? [] : [{ kind: 'test', source: lookedUp, op: equality(negated), ...first, or }]
      }
      const [notSource, notDest] =
        'flags' in at
          ? [(flags & INVERT_SOURCE) !== 0, (flags & INVERT_DEST) !== 0]
          : [at.invertSource.read(bytes, place), at.invertDest.read(bytes, place)]
      return [...ofEnd(source, NFTA_FIB_F.SADDR, notSource), ...ofEnd(dest, NFTA_FIB_F.DADDR, notDest)]
    },
  options: (at) => {
    const flagged = (mask: number) => ('flags' in at ? bit(at.flags, mask) : constant(false))
    const negated =
      'flags' in at
        ? ([flagged(INVERT_SOURCE), flagged(INVERT_DEST)] as const)
        : ([at.invertSource, at.invertDest] as const)
    return {
      'src-type': option(types, at.source, { negation: negated[0], list: 'src-type [!]$' }),
      'dst-type': option(types, at.dest, { negation: negated[1], list: 'dst-type [!]$' }),
      'limit-iface-in': flag(flagged(LIMIT_IN), { excludes: ['limit-iface-out'], list: 'limit-in' }),
      'limit-iface-out': flag(flagged(LIMIT_OUT), { list: 'limit-out' }),
    }
  },
  check: (at, family) => {
    const flags = 'flags' in at ? at.flags : constant(0)
    const [limitedIn, limitedOut] = [bit(flags, LIMIT_IN), bit(flags, LIMIT_OUT)]
    return (bytes, offset, rule) => {
      const [isIn, isOut] = [limitedIn.read(bytes, offset), limitedOut.read(bytes, offset)]
      if (isIn && isOut) return about('limit-iface-out', '--limit-iface-in and --limit-iface-out exclude each other')
      if (family === 'ipv6' && ((at.source.read(bytes, offset) | at.dest.read(bytes, offset)) & ~IPV6) !== 0)
        return about(
          (at.source.read(bytes, offset) & ~IPV6) !== 0 ? 'src-type' : 'dst-type',
          `IPv6 has no such addresses; it has ${OF_IPV6.join(', ')}`,
        )
      return (
        (isIn ? withoutIn('limit-iface-in', rule) : undefined) ??
        (isOut ? withoutOut('limit-iface-out', rule) : undefined)
      )
    }
  },
})
