/** Sets the packet's mark to a hash of its header fields. */

import { NFT_META } from '../../abi/nf-tables'
import { be16, be32, type Field, raw, u16, u32 } from '../../binary/codec'
import { bit, struct, within } from '../../binary/struct'
import { forget } from '../evaluation'
import { about, target } from '../extension'
import { meta } from '../native'
import { option } from '../option'
import { prefix, prefixLength, unusedAddress } from '../values/address'
import { hex, integer, paddedHex } from '../values/integer'
import { nameList } from '../values/names'
import { mismatch, same } from '../values/value'

/** enum of XT_HMARK_*, as bits */
const FLAG = {
  SRC: 1 << 0,
  DST: 1 << 1,
  SPI: 1 << 2,
  SPI_MASK: 1 << 3,
  SPORT: 1 << 4,
  DPORT: 1 << 5,
  SPORT_MASK: 1 << 6,
  DPORT_MASK: 1 << 7,
  PROTO_MASK: 1 << 8,
  RND: 1 << 9,
  MODULUS: 1 << 10,
  OFFSET: 1 << 11,
  CT: 1 << 12,
  METHOD_L3: 1 << 13,
}

/** `union hmark_ports`: two ports, or the index of an ESP or AH association. */
const ports = struct('union hmark_ports', 4, { src: be16, dst: be16 }).fields
const whole = struct('union hmark_ports', 4, { spi: be32 }).fields

const members = nameList(
  {
    src: FLAG.SRC,
    dst: FLAG.DST,
    sport: FLAG.SPORT_MASK,
    dport: FLAG.DPORT_MASK,
    spi: FLAG.SPI_MASK,
    proto: FLAG.PROTO_MASK,
    ct: FLAG.CT,
  },
  { anyCase: true, prefixes: true },
)

/** What a member of the tuple sets: all bits of a mask. */
type Full = readonly [member: number, mask: Field<unknown>, value: unknown]

/** All members except `ct` are stored and printed as masks. A mask that was given with another value is not overwritten. */
const tuple = (flags: Field<number>, masks: readonly Full[]): Field<number> => ({
  ...flags,
  read: (bytes, at) => flags.read(bytes, at) & FLAG.CT,
  write(bytes, at, value) {
    for (const [member, mask, full] of masks.filter(([one]) => (value & one) !== 0)) {
      if ((flags.read(bytes, at) & member) !== 0 && !same(mask.read(bytes, at), full))
        mismatch('the mask of one of these is given as well')
      mask.write(bytes, at, full)
    }
    flags.write(bytes, at, (flags.read(bytes, at) & ~FLAG.CT) | value)
  },
})

/** iptables lists a full IPv6 mask as empty text. */
const mask: typeof prefix = {
  ...prefix,
  list(bytes, listing) {
    const word = prefix.format(bytes, listing)
    return word === '128' ? '' : word
  },
}
const port = paddedHex(0xffff, 4)
const index = paddedHex(0xffff_ffff, 8)
const number = integer(0xffff_ffff)

/** linux/netfilter/xt_HMARK.h */
export const HMARK = target('HMARK', {
  revisions: {
    0: struct('struct xt_hmark_info', 60, {
      srcMask: raw(16, 4),
      dstMask: raw(16, 4),
      portMask: raw(4, 4),
      portSet: raw(4, 4),
      flags: u32,
      protoMask: u16,
      hashrnd: u32,
      hmodulus: u32,
      hoffset: u32,
    }),
  },
  unused: ({ srcMask, dstMask }, family) => [srcMask, dstMask].flatMap((mask) => unusedAddress(mask, family)),
  atLeastOne: [
    [
      'hmark-tuple',
      'hmark-src-prefix',
      'hmark-dst-prefix',
      'hmark-sport-mask',
      'hmark-dport-mask',
      'hmark-spi-mask',
      'hmark-sport',
      'hmark-dport',
      'hmark-spi',
      'hmark-proto-mask',
    ],
  ],
  // They are read before the tuple, which must not overwrite them.
  leading: [
    'hmark-src-prefix',
    'hmark-dst-prefix',
    'hmark-sport-mask',
    'hmark-dport-mask',
    'hmark-spi-mask',
    'hmark-proto-mask',
  ],
  list:
    () =>
    ({ texts: { 'hmark-mod': mod, 'hmark-offset': offset, 'hmark-tuple': ct, ...others } }) =>
      ['HMARK', mod, offset, ct, ...Object.values(others), ''].filter((text) => text !== undefined).join(' '),
  does: () => () => [forget(meta(NFT_META.MARK))],
  options: ({ srcMask, dstMask, portMask, portSet, flags, protoMask, hashrnd, hmodulus, hoffset }) => {
    const refuses = (bytes: Uint8Array) =>
      prefixLength(bytes) === undefined ? 'the mask is not contiguous' : undefined
    const at = (bits: number, name: string) => ({ present: bit(flags, bits), list: `${name} $` })
    const [sports, dports, spis] = [
      within(portMask, ports.src),
      within(portMask, ports.dst),
      within(portMask, whole.spi),
    ]
    const all = new Uint8Array(16).fill(0xff)
    const masks: readonly Full[] = [
      [FLAG.SRC, srcMask, all],
      [FLAG.DST, dstMask, all],
      [FLAG.SPORT_MASK, sports, 0xffff],
      [FLAG.DPORT_MASK, dports, 0xffff],
      [FLAG.SPI_MASK, spis, 0xffff_ffff],
      [FLAG.PROTO_MASK, protoMask, 0xffff],
    ]
    return {
      'hmark-src-prefix': option(mask, srcMask, { ...at(FLAG.SRC, 'src-prefix'), refuses }),
      'hmark-dst-prefix': option(mask, dstMask, { ...at(FLAG.DST, 'dst-prefix'), refuses }),
      'hmark-sport-mask': option(port, sports, { ...at(FLAG.SPORT_MASK, 'sport-mask'), excludes: ['hmark-spi-mask'] }),
      'hmark-dport-mask': option(port, dports, { ...at(FLAG.DPORT_MASK, 'dport-mask'), excludes: ['hmark-spi-mask'] }),
      'hmark-spi-mask': option(index, spis, at(FLAG.SPI_MASK, 'spi-mask')),
      'hmark-sport': option(port, within(portSet, ports.src), { ...at(FLAG.SPORT, 'sport'), excludes: ['hmark-spi'] }),
      'hmark-dport': option(port, within(portSet, ports.dst), { ...at(FLAG.DPORT, 'dport'), excludes: ['hmark-spi'] }),
      'hmark-spi': option(index, within(portSet, whole.spi), at(FLAG.SPI, 'spi')),
      'hmark-proto-mask': option(paddedHex(0xffff, 2), protoMask, at(FLAG.PROTO_MASK, 'proto-mask')),
      'hmark-rnd': option(index, hashrnd, { ...at(FLAG.RND, 'rnd'), required: true }),
      'hmark-mod': option(integer(0xffff_ffff, 1), hmodulus, { ...at(FLAG.MODULUS, 'mod'), required: true }),
      'hmark-offset': option({ ...number, list: (value) => hex(value) }, hoffset, {
        present: bit(flags, FLAG.OFFSET),
        list: '+ $',
      }),
      'hmark-tuple': option(members, tuple(flags, masks), { list: () => 'ct,' }),
    }
  },
  check: ({ flags, protoMask, hmodulus }) => {
    const has = (bits: number, ...masks: number[]): boolean => masks.some((mask) => (bits & mask) !== 0)
    return (bytes, at) => {
      const given = flags.read(bytes, at)
      if (hmodulus.read(bytes, at) === 0) return about('hmark-mod', 'must not be 0')
      if (protoMask.read(bytes, at) !== 0 && has(given, FLAG.METHOD_L3))
        return about('hmark-tuple', 'the protocol cannot be used when only addresses are hashed')
      if (has(given, FLAG.SPI_MASK) && has(given, FLAG.SPORT_MASK, FLAG.DPORT_MASK))
        return about('hmark-spi-mask', '--hmark-spi-mask excludes masks of ports')
      if (has(given, FLAG.SPI) && has(given, FLAG.SPORT, FLAG.DPORT))
        return about('hmark-spi', '--hmark-spi excludes ports')
      return undefined
    }
  },
})
