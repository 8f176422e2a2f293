/** The Segment Routing header of IPv6. */

import { PROTOCOLS } from '../../abi/protocols'
import { type Field, raw, u8, u16 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { ofHeader } from '../evaluation'
import { match } from '../extension'
import { constant } from '../fields'
import { headerSize } from '../ipv6-headers'
import { option } from '../option'
import { prefixedAddress } from '../values/address'
import { integer } from '../values/integer'
import { mismatch } from '../values/value'

const head = { nextHdr: u8, hdrLen: u8, segsLeft: u8, lastEntry: u8, tag: u16 }
const flags = { mtFlags: u16, mtInvflags: u16 }
const inet6Addr = raw(16, 4)

const byte = integer(255)
const NO_SID = constant([new Uint8Array(16), new Uint8Array(16)] as const)
const never = { present: constant(false), negation: constant(false) }

/**
 * A number that up to three options compare with, each with a bit in `flags`. It is kept while another option
 * uses it.
 */
const compared = (number: Field<number>, flags: Field<number>, own: number, all: number): Field<number> => ({
  ...number,
  read: (bytes, at) => (bit(flags, own).read(bytes, at) ? number.read(bytes, at) : undefined) as number,
  write(bytes, at, value: number | undefined) {
    if (!bit(flags, all & ~own).read(bytes, at)) number.write(bytes, at, value ?? 0)
    else if (value !== undefined && value !== number.read(bytes, at))
      mismatch('-eq, -gt and -lt of one field must have the same number')
  },
})

/** The routing type of a Segment Routing header (RFC 8754). */
const SEGMENT_ROUTING = 4

const isUnder = (there: Uint8Array, address: Uint8Array, mask: Uint8Array): boolean =>
  address.every((byte, i) => (((there[i] as number) ^ byte) & (mask[i] as number)) === 0)

/** linux/netfilter_ipv6/ip6t_srh.h */
export const srh = match('srh', {
  families: ['ipv6'],
  revisions: {
    0: struct('struct ip6t_srh', 10, { ...head, ...flags }),
    1: struct('struct ip6t_srh1', 108, {
      ...head,
      psidAddr: inet6Addr,
      nsidAddr: inet6Addr,
      lsidAddr: inet6Addr,
      psidMsk: inet6Addr,
      nsidMsk: inet6Addr,
      lsidMsk: inet6Addr,
      ...flags,
    }),
  },
  bits: ({ mtFlags, mtInvflags }) => [
    [mtFlags, 0x3fff],
    [mtInvflags, 0x3fff],
  ],
  list: 'srh',
  asks: ({ nextHdr, hdrLen, segsLeft, lastEntry, tag, mtFlags, mtInvflags, ...at }) => {
    const number = PROTOCOLS['ipv6-route']
    const compares = {
      eq: (a: number, b: number) => a === b,
      gt: (a: number, b: number) => a > b,
      lt: (a: number, b: number) => a < b,
    }
    return (bytes, place) => {
      const isAsked = (mask: number): boolean => bit(mtFlags, mask).read(bytes, place)
      const meets = (mask: number, truth: () => boolean): boolean =>
        !isAsked(mask) || truth() !== bit(mtInvflags, mask).read(bytes, place)
      const compared = (
        has: number,
        field: Field<number>,
        [eq, gt, lt]: readonly [number, number, number],
      ): boolean => {
        const wanted = field.read(bytes, place)
        return (
          meets(eq, () => compares.eq(has, wanted)) &&
          meets(gt, () => compares.gt(has, wanted)) &&
          meets(lt, () => compares.lt(has, wanted))
        )
      }
      const isSegment = (
        mask: number,
        [address, bits]: readonly [Field<Uint8Array>, Field<Uint8Array>],
        there: Uint8Array | undefined,
      ) =>
        !isAsked(mask) ||
        (there !== undefined && meets(mask, () => isUnder(there, address.read(bytes, place), bits.read(bytes, place))))
      return [
        ofHeader(number, (header) => {
          const [next, length, type, left, last] = header as unknown as [number, number, number, number, number]
          if (headerSize(number, length) > header.length || type !== SEGMENT_ROUTING || left > last) return false
          const segment = (i: number): Uint8Array | undefined =>
            i < 0 || i > last ? undefined : header.subarray(8 + 16 * i, 8 + 16 * (i + 1))
          return (
            meets(0x0001, () => next === nextHdr.read(bytes, place)) &&
            compared(length, hdrLen, [0x0002, 0x0004, 0x0008]) &&
            compared(left, segsLeft, [0x0010, 0x0020, 0x0040]) &&
            compared(last, lastEntry, [0x0080, 0x0100, 0x0200]) &&
            // The kernel compares it without converting it to host byte order.
            meets(0x0400, () => u16.read(header, 6) === tag.read(bytes, place)) &&
            (!('psidAddr' in at) ||
              (isSegment(0x0800, [at.psidAddr, at.psidMsk], segment(left + 1)) &&
                isSegment(0x1000, [at.nsidAddr, at.nsidMsk], segment(left - 1)) &&
                isSegment(0x2000, [at.lsidAddr, at.lsidMsk], segment(0))))
          )
        }),
      ]
    }
  },
  options: ({ mtFlags, mtInvflags, ...at }) => {
    const stored = (mask: number) => ({ present: bit(mtFlags, mask), negation: bit(mtInvflags, mask) })
    const number = (field: Field<number>, all: number, own: number, label: string) =>
      option(byte, compared(field, mtFlags, own, all), { ...stored(own), list: `${label}:[!]$` })
    const sids = 'psidAddr' in at ? at : undefined
    const sid = (
      address: Field<Uint8Array> | undefined,
      mask: Field<Uint8Array> | undefined,
      own: number,
      label: string,
    ) =>
      option(prefixedAddress, address && mask ? both(address, mask) : NO_SID, {
        ...(sids === undefined ? never : stored(own)),
        list: `${label} [!] $`,
      })
    return {
      'srh-next-hdr': option(byte, at.nextHdr, { ...stored(0x0001), list: 'next-hdr:[!]$' }),
      'srh-hdr-len-eq': number(at.hdrLen, 0x000e, 0x0002, 'hdr-len-eq'),
      'srh-hdr-len-gt': number(at.hdrLen, 0x000e, 0x0004, 'hdr-len-gt'),
      'srh-hdr-len-lt': number(at.hdrLen, 0x000e, 0x0008, 'hdr-len-lt'),
      'srh-segs-left-eq': number(at.segsLeft, 0x0070, 0x0010, 'segs-left-eq'),
      'srh-segs-left-gt': number(at.segsLeft, 0x0070, 0x0020, 'segs-left-gt'),
      'srh-segs-left-lt': number(at.segsLeft, 0x0070, 0x0040, 'segs-left-lt'),
      'srh-last-entry-eq': number(at.lastEntry, 0x0380, 0x0080, 'last-entry-eq'),
      'srh-last-entry-gt': number(at.lastEntry, 0x0380, 0x0100, 'last-entry-gt'),
      'srh-last-entry-lt': number(at.lastEntry, 0x0380, 0x0200, 'last-entry-lt'),
      'srh-tag': option(integer(65535), at.tag, { ...stored(0x0400), list: 'tag:[!]$' }),
      'srh-psid': sid(sids?.psidAddr, sids?.psidMsk, 0x0800, 'psid'),
      'srh-nsid': sid(sids?.nsidAddr, sids?.nsidMsk, 0x1000, 'nsid'),
      'srh-lsid': sid(sids?.lsidAddr, sids?.lsidMsk, 0x2000, 'lsid'),
    }
  },
})
