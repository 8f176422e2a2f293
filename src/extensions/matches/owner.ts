/** The socket, user and group that sent a locally generated packet. */

import { NFT_META } from '../../abi/nf-tables'
import { pair, u8, u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { type Condition, NEVER, oneOf, question } from '../evaluation'
import { about, match } from '../extension'
import { bits } from '../fields'
import { meta, readNatively } from '../native'
import { given, HOST32, onlyWhere, rangeAsTest, rangeTest } from '../native-tests'
import { flag, option } from '../option'
import { accountRange } from '../values/account'

const [UID, GID, SOCKET, SUPPLEMENTARY] = [0x01, 0x02, 0x04, 0x08] as const

/** No socket sent the packet: it is forwarded, or the kernel generated it. */
const IS_NOBODYS = question((packet) => {
  const uid = packet.look(meta(NFT_META.SKUID))
  return uid === 'absent' || (uid?.known.some((bits) => bits !== 0) ? false : undefined)
})

/** linux/netfilter/xt_owner.h */
export const owner = match('owner', {
  hooks: ['OUTPUT', 'POSTROUTING'],
  revisions: { 1: struct('struct xt_owner_match_info', 20, { uid: pair(u32), gid: pair(u32), match: u8, invert: u8 }) },
  atLeastOne: [['socket-exists', 'uid-owner', 'gid-owner']],
  bits: ({ match }) => [[match, 0x0f]],
  // Not if negated: that is true for packets without a socket, but nf_tables never matches them.
  native: ({ uid, gid, match, invert }) =>
    readNatively(
      given(bit(match, 0x01), rangeTest(meta(NFT_META.SKUID), HOST32, { range: uid })),
      given(bit(match, 0x02), rangeTest(meta(NFT_META.SKGID), HOST32, { range: gid })),
      onlyWhere(both(bits(match, 0x0c), invert), [0, 0]),
    ),
  asks:
    ({ uid, gid, match, invert }) =>
    (bytes, at) => {
      const [asks, not] = [match.read(bytes, at), invert.read(bytes, at)]
      const ranges = [
        { mask: UID, key: NFT_META.SKUID, range: uid },
        { mask: GID, key: NFT_META.SKGID, range: gid },
      ].filter(({ mask }) => (asks & mask) !== 0)
      const isOwned: Condition[] = ranges.map(({ mask, key, range }) =>
        mask === GID && (asks & SUPPLEMENTARY) !== 0
          ? { kind: 'circumstance', decides: 'which groups its sender is in' }
          : rangeAsTest(meta(key), HOST32, range.read(bytes, at), (not & mask) !== 0),
      )
      // A packet without a socket matches if all given options are negated.
      const ofNobody = asks === not ? IS_NOBODYS : NEVER
      const ofSocket = (asks & not & SOCKET) === 0 ? oneOf([[IS_NOBODYS]], true) : NEVER
      return [oneOf([[ofNobody], [ofSocket, ...isOwned]])]
    },
  options: ({ uid, gid, match, invert }) => {
    const stored = (mask: number) => ({ present: bit(match, mask), negation: bit(invert, mask) })
    return {
      'socket-exists': flag(bit(match, 0x04), { negation: bit(invert, 0x04), list: '[! ]owner socket exists' }),
      'uid-owner': option(accountRange('user'), uid, { ...stored(0x01), list: '[! ]owner UID match $' }),
      'gid-owner': option(accountRange('group'), gid, { ...stored(0x02), list: '[! ]owner GID match $' }),
      'suppl-groups': flag(bit(match, 0x08), {
        needs: ['gid-owner'],
        trails: true,
        list: 'incl. suppl. groups',
      }),
    }
  },
  check:
    ({ uid, gid, match }) =>
    (bytes, at) =>
      [uid, gid].flatMap((field, i) => {
        const [first, last] = field.read(bytes, at)
        return bit(match, 1 << i).read(bytes, at) && (first > last || last === 0xffff_ffff)
          ? [about(i === 0 ? 'uid-owner' : 'gid-owner', 'the range must be ascending, and must not contain 4294967295')]
          : []
      })[0],
})
