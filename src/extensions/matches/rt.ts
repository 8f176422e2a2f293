/** The Routing header of IPv6. */

import { PROTOCOLS } from '../../abi/protocols'
import { array, type Field, pair, raw, u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { ofHeader } from '../evaluation'
import { about, match } from '../extension'
import { bits, counted } from '../fields'
import { headerSize } from '../ipv6-headers'
import { listRange } from '../listing'
import { optionalHeader, readNatively } from '../native'
import {
  given,
  isZero,
  NETWORK8,
  type NumberRange,
  onlyWhere,
  presence,
  rangeAsTest,
  rangeTest,
  valueTest,
} from '../native-tests'
import { joined, nftRange, nftRangeOf } from '../nft-words'
import { flag, option } from '../option'
import { addressList } from '../values/address'
import { any32, integer, range32 } from '../values/integer'
import { same } from '../values/value'

/** IP6T_RT_HOPS */
const HOPS = 16
const NO_HOP = new Uint8Array(16)

const [TYPE, RESERVED, HOP_LIST, NOT_STRICT] = [0x01, 0x08, 0x10, 0x20] as const

const number = integer(0xffff_ffff)

/** The part of a range that fits into a byte; an empty range if there is none. */
const inByte = ([first, last]: NumberRange): NumberRange => (first > 0xff ? [1, 0] : [first, Math.min(last, 0xff)])

/** Whether the addresses equal the hops or, if `isLoose`, contain them in order. */
function passes(addresses: Uint8Array, hops: readonly Uint8Array[], isLoose: boolean): boolean {
  const there = Array.from({ length: Math.floor(addresses.length / 16) }, (_, i) =>
    addresses.subarray(16 * i, 16 * (i + 1)),
  )
  if (!isLoose) return there.length === hops.length && there.every((one, i) => same(one, hops[i]))
  let next = 0
  for (const one of there) if (next < hops.length && same(one, hops[next])) next++
  return next === hops.length
}

/** linux/netfilter_ipv6/ip6t_rt.h */
export const rt = match('rt', {
  families: ['ipv6'],
  revisions: {
    0: struct('struct ip6t_rt', 280, {
      rtType: u32,
      segsleft: pair(u32),
      hdrlen: u32,
      flags: u8,
      invflags: u8,
      addrs: array(raw(16, 4), HOPS),
      addrnr: u8,
    }),
  },
  bits: ({ invflags }) => [[invflags, 0x07]],
  check: ({ flags, rtType, invflags, addrnr }) => {
    const ofType0 = bit(flags, RESERVED | HOP_LIST | NOT_STRICT)
    const isType0 = (bytes: Uint8Array, at: number): boolean =>
      bit(flags, TYPE).read(bytes, at) && rtType.read(bytes, at) === 0 && !bit(invflags, TYPE).read(bytes, at)
    return (bytes, at) => {
      if (addrnr.read(bytes, at) > HOPS) return about('rt-0-addrs', `there can be at most ${HOPS} addresses`)
      return ofType0.read(bytes, at) && !isType0(bytes, at)
        ? about('rt-type', '--rt-0-res, --rt-0-addrs and --rt-0-not-strict need --rt-type 0')
        : undefined
    }
  },
  list: 'rt',
  native: ({ rtType, segsleft, flags, invflags }) => {
    const header = (offset: number) => optionalHeader(PROTOCOLS['ipv6-route'], offset, 1)
    const type = valueTest(header(2), u8, { value: rtType, negation: bit(invflags, TYPE) })
    const left = rangeTest(header(3), NETWORK8, { range: segsleft, negation: bit(invflags, 0x02) })
    return readNatively(
      presence(header(0), flags),
      given(bit(flags, TYPE), type),
      given(bit(flags, 0x02), left),
      onlyWhere(bits(flags, 0x04 | RESERVED | HOP_LIST | NOT_STRICT), 0),
    )
  },
  translate:
    ({ rtType, segsleft, flags, invflags }) =>
    (bytes, at) => {
      const isSet = (field: Field<number>, mask: number): boolean => (field.read(bytes, at) & mask) !== 0
      // The match compares the length in bytes, the header stores it in units of 8 bytes; nft cannot test addresses.
      if (isSet(flags, 0x04 | RESERVED | HOP_LIST | NOT_STRICT)) return undefined
      const type = rtType.read(bytes, at)
      const words = [
        ...(isSet(flags, TYPE) ? [nftRange('rt type', [type, type], isSet(invflags, TYPE))] : []),
        ...(isSet(flags, 0x02)
          ? [nftRangeOf('rt seg-left', segsleft.read(bytes, at), isSet(invflags, 0x02), any32)]
          : []),
      ]
      return joined(words) || (words.includes(undefined) ? undefined : 'exthdr rt exists')
    },
  asks: ({ rtType, segsleft, hdrlen, flags, invflags, addrs, addrnr }) => {
    const number = PROTOCOLS['ipv6-route']
    const header = (offset: number) => optionalHeader(number, offset, 1)
    return (bytes, at) => {
      const isAsked = (mask: number): boolean => bit(flags, mask).read(bytes, at)
      const not = (mask: number): boolean => bit(invflags, mask).read(bytes, at)
      const type = rtType.read(bytes, at)
      const [size, hops] = [hdrlen.read(bytes, at), counted(addrnr, addrs, NO_HOP).read(bytes, at)]
      return [
        rangeAsTest(header(3), NETWORK8, inByte(segsleft.read(bytes, at)), not(0x02)),
        ...(isAsked(TYPE) ? [rangeAsTest(header(2), NETWORK8, inByte([type, type]), not(TYPE))] : []),
        ofHeader(number, (whole) => {
          const length = headerSize(number, whole[1] as number)
          if (length > whole.length || (isAsked(0x04) && (length === size) === not(0x04))) return false
          if (isAsked(RESERVED) && !isZero(whole.subarray(4, 8))) return false
          return !isAsked(HOP_LIST) || passes(whole.subarray(8, length), hops, isAsked(NOT_STRICT))
        }),
      ]
    }
  },
  options: ({ rtType, segsleft, hdrlen, flags, invflags, addrs, addrnr }) => {
    const stored = (mask: number) => ({ present: bit(flags, mask), negation: bit(invflags, mask) })
    return {
      // A listing prints it as a signed number.
      'rt-type': option(number, rtType, {
        ...stored(TYPE),
        list: (type, { negated }) => `type:${negated ? '!' : ''}${type | 0}`,
      }),
      'rt-segsleft': option(range32, segsleft, { absent: any32, ...stored(0x02), list: listRange('segsleft', any32) }),
      'rt-len': option(number, hdrlen, { ...stored(0x04), list: 'length:[!]$' }),
      'rt-0-res': flag(bit(flags, RESERVED), { needs: ['rt-type'], trails: true, list: 'reserved' }),
      'rt-0-addrs': option(addressList(HOPS), counted(addrnr, addrs, NO_HOP), {
        present: bit(flags, HOP_LIST),
        needs: ['rt-type'],
        trails: true,
        list: '0-addrs $',
      }),
      'rt-0-not-strict': flag(bit(flags, NOT_STRICT), { needs: ['rt-0-addrs'], trails: true, list: '0-not-strict' }),
    }
  },
})
