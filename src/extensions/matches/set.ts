/** Membership in an ipset. */
import { ERRNO } from '../../abi/errno'
import { raw, u8, u16, u32, u64 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { match } from '../extension'
import { among, bits, is } from '../fields'
import { flag, negatedFlag, option } from '../option'
import { integer64 } from '../values/integer'
import { directions, MAX_DIRECTIONS, setName } from '../values/ipset'

/** How a counter of the set's element is compared. linux/netfilter/ipset/ip_set.h */
const [EQ, NE, LT, GT] = [1, 2, 3, 4] as const

const matchSet = { index: u16, dim: u8, setFlags: u8 }
const counter = { packetsValue: u64, packetsOp: u8, bytesValue: u64, bytesOp: u8 }

/** linux/netfilter/xt_set.h */
export const set = match('set', {
  revisions: { 4: struct('struct xt_set_info_match_v4', 48, { ...matchSet, ...counter, pad: raw(7), flags: u32 }) },
  check:
    ({ dim }) =>
    (bytes, at) =>
      dim.read(bytes, at) > MAX_DIRECTIONS
        ? { reason: `a set has at most ${MAX_DIRECTIONS} dimensions`, errno: ERRNO.ERANGE }
        : undefined,
  options: ({ index, dim, setFlags, packetsValue, packetsOp, bytesValue, bytesOp, flags }) => ({
    'match-set': option([setName, directions], both(index, both(dim, bits(setFlags, 0x7e))), {
      aliases: ['set'],
      required: true,
      negation: bit(setFlags, 0x01),
    }),
    'return-nomatch': flag(bit(flags, 0x80)),
    'update-counters': negatedFlag(bit(flags, 0x08)),
    'update-subcounters': negatedFlag(bit(flags, 0x10)),
    'packets-eq': option(integer64, packetsValue, {
      present: among(packetsOp, [EQ, NE]),
      negation: is(packetsOp, NE, EQ),
      excludes: ['packets-lt', 'packets-gt'],
    }),
    'packets-lt': option(integer64, packetsValue, { present: among(packetsOp, [LT]), excludes: ['packets-gt'] }),
    'packets-gt': option(integer64, packetsValue, { present: among(packetsOp, [GT]) }),
    'bytes-eq': option(integer64, bytesValue, {
      present: among(bytesOp, [EQ, NE]),
      negation: is(bytesOp, NE, EQ),
      excludes: ['bytes-lt', 'bytes-gt'],
    }),
    'bytes-lt': option(integer64, bytesValue, { present: among(bytesOp, [LT]), excludes: ['bytes-gt'] }),
    'bytes-gt': option(integer64, bytesValue, { present: among(bytesOp, [GT]) }),
  }),
})
