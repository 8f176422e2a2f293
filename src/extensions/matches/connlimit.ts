/** The number of simultaneous connections of a host or network. */

import { FAMILIES } from '../../abi/family'
import { raw, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { match } from '../extension'
import { either, not, unless } from '../fields'
import { flag, option, synonym } from '../option'
import { formatAddress, prefix, prefixLength, unusedAddress } from '../values/address'
import { integer } from '../values/integer'

/** linux/netfilter/xt_connlimit.h */
export const connlimit = match('connlimit', {
  revisions: {
    1: struct('struct xt_connlimit_info', 32, { mask: raw(16, 4), limit: u32, flags: u32, data: raw(8, 8) }),
  },
  restarts: 'connection counting starts from zero, and an open connection is counted with its next packet',
  private: ({ data }) => [data],
  unused: ({ mask }, family) => unusedAddress(mask, family),
  translate:
    ({ mask, limit, flags }, family) =>
    (bytes, at, context) => {
      const { addressSize: size } = FAMILIES[family]
      const bits = mask.read(bytes, at).slice(0, size)
      // iptables-translate drops a mask that is not a prefix.
      if (prefixLength(bits) === undefined) return undefined
      const has = (flag: number): boolean => bit(flags, flag).read(bytes, at)
      const header = family === 'ipv4' ? 'ip' : 'ip6'
      const address = `${header} ${has(0x02) ? 'daddr' : 'saddr'}`
      const masked = bits.every((byte) => byte === 0xff) ? address : `${address} and ${formatAddress(bits, context)}`
      const count = `ct count ${has(0x01) ? '' : 'over '}${limit.read(bytes, at)}`
      return { set: 'connlimit', type: `${family}_addr`, words: (name) => `add @${name} { ${masked} ${count} }` }
    },
  asks: circumstance('how many connections there are'),
  options: ({ mask, limit, flags }) => {
    const isUpTo = bit(flags, 0x01)
    const byDestination = bit(flags, 0x02)
    const connections = integer(0xffff_ffff)
    return {
      'connlimit-above': option(connections, limit, {
        required: true,
        negation: isUpTo,
        spelled: either(isUpTo, 'connlimit-upto', 'connlimit-above'),
        list: (_, { negated, words: [count] }) => `${negated ? '<=' : '>'} ${count}`,
      }),
      'connlimit-upto': synonym(
        'connlimit-above',
        option(connections, limit, { required: true, negation: not(isUpTo) }),
      ),
      'connlimit-mask': option(prefix, mask, { always: true, absent: new Uint8Array(16).fill(0xff), list: '$' }),
      'connlimit-saddr': flag(unless(byDestination), {
        spelled: either(byDestination, 'connlimit-daddr', 'connlimit-saddr'),
      }),
      'connlimit-daddr': synonym('connlimit-saddr', flag(byDestination)),
    }
  },
  list: ({ flags }) => {
    const side = either(bit(flags, 0x02), 'dst', 'src')
    return ({ bytes, at, texts: { 'connlimit-mask': mask, 'connlimit-above': limit } }) =>
      `#conn ${side(bytes, at)}/${mask} ${limit}`
  },
})
