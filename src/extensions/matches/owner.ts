/** Who sends a packet that was made here. */

import { NFT_META } from '../../abi/nf-tables'
import { pair, u8, u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { about, match } from '../extension'
import { bits } from '../fields'
import { meta, readNatively } from '../native'
import { given, HOST32, onlyWhere, rangeTest } from '../native-tests'
import { flag, option } from '../option'
import { accountRange } from '../values/account'

/** linux/netfilter/xt_owner.h */
export const owner = match('owner', {
  hooks: ['OUTPUT', 'POSTROUTING'],
  revisions: { 1: struct('struct xt_owner_match_info', 20, { uid: pair(u32), gid: pair(u32), match: u8, invert: u8 }) },
  atLeastOne: [['socket-exists', 'uid-owner', 'gid-owner']],
  bits: ({ match }) => [[match, 0x0f]],
  // Where it is negated, a packet that no socket sent matches, which has no owner in nf_tables.
  native: ({ uid, gid, match, invert }) =>
    readNatively(
      given(bit(match, 0x01), rangeTest(meta(NFT_META.SKUID), HOST32, { range: uid })),
      given(bit(match, 0x02), rangeTest(meta(NFT_META.SKGID), HOST32, { range: gid })),
      onlyWhere(both(bits(match, 0x0c), invert), [0, 0]),
    ),
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
          ? [about(i === 0 ? 'uid-owner' : 'gid-owner', 'the range is reversed, or holds the number of nobody')]
          : []
      })[0],
})
