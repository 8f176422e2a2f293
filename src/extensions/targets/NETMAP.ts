/** Maps a whole network of addresses onto another one. */

import { bit, both } from '../../binary/struct'
import { ACCEPTED } from '../evaluation'
import { about, target } from '../extension'
import { view } from '../fields'
import { natRange, natRangeIPv4, oneRange } from '../nat'
import { option } from '../option'
import { addressPrefix, prefixLength, prefixMask } from '../values/address'
import { RANGE } from '../values/nat'

type Bytes = Uint8Array
const each = (bytes: Bytes, mask: Bytes, change: (byte: number, mask: number) => number): Bytes =>
  bytes.map((byte, i) => change(byte, mask[i] as number))

/** linux/netfilter/nf_nat.h */
export const NETMAP = target('NETMAP', {
  tables: ['nat'],
  revisions: { 0: { ipv4: natRangeIPv4, ipv6: natRange } },
  fixed: oneRange,
  check: ({ flags }) => {
    const hasAddresses = bit(flags, RANGE.ADDRESSES)
    return (bytes, at) => (hasAddresses.read(bytes, at) ? undefined : about('to', '--to is required'))
  },
  does:
    ({ minAddr, maxAddr }) =>
    (bytes, at) => {
      const [first, last] = [minAddr.read(bytes, at).slice(), maxAddr.read(bytes, at).slice()]
      const mask = each(first, last, (a, b) => ~(a ^ b))
      return [{ kind: 'translate', address: first, mask }, ACCEPTED]
    },
  options: ({ flags, minAddr, maxAddr }) => {
    // From the first address of the network to its last.
    const network = view(
      both(minAddr, maxAddr),
      ([first, last]) => [first, prefixLength(each(first, last, (a, b) => ~(a ^ b))) ?? first.length * 8] as const,
      ([address, length]) => {
        const mask = prefixMask(length, address.length)
        return [each(address, mask, (a, m) => a & m), each(address, mask, (a, m) => a | ~m)] as const
      },
    )
    return {
      to: option(addressPrefix, network, { required: true, present: bit(flags, RANGE.ADDRESSES), list: 'to:$' }),
    }
  },
})
