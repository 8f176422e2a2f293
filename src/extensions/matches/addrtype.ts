/** What kind of address the routing tables take the packet's source and destination for. */
import { bool32, u16, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { about, match, withoutIn, withoutOut } from '../extension'
import { constant } from '../fields'
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

/** linux/netfilter/xt_addrtype.h. Revision 0 has no limits. */
export const addrtype = match('addrtype', {
  revisions: {
    0: {
      ipv4: struct('struct xt_addrtype_info', 12, { source: u16, dest: u16, invertSource: bool32, invertDest: bool32 }),
    },
    1: struct('struct xt_addrtype_info_v1', 8, { source: u16, dest: u16, flags: u32 }),
  },
  atLeastOne: [['src-type', 'dst-type']],
  list: 'ADDRTYPE match',
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
      if (isIn && isOut) return about('limit-iface-out', 'a packet is limited to one of its interfaces')
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
