/** Passes packets to a logging backend, which tells programs of them through netlink. */
import { u16, u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { about, isTerminated, target } from '../extension'
import { view } from '../fields'
import { option } from '../option'
import { integer } from '../values/integer'
import { line, quoted } from '../values/string'

const length = integer(0xffff_ffff)

/** linux/netfilter/xt_NFLOG.h */
export const NFLOG = target('NFLOG', {
  revisions: {
    0: struct('struct xt_nflog_info', 76, {
      len: u32,
      group: u16,
      threshold: u16,
      flags: u16,
      pad: u16,
      prefix: chars(64),
    }),
  },
  bits: ({ flags }) => [[flags, 0x01]],
  options: ({ len, group, threshold, flags, prefix }) => {
    const isSize = bit(flags, 0x01)
    // The length without the flag, which the kernel overlooks.
    const range = view(
      both(len, isSize),
      ([bytes, sized]) => (sized ? undefined : bytes),
      (bytes) => [bytes, false] as const,
    )
    return {
      'nflog-prefix': option(quoted(line(63, 1)), prefix),
      'nflog-group': option(integer(65535), group),
      'nflog-range': option(length, range, { excludes: ['nflog-size'] }),
      'nflog-size': option(length, len, { present: isSize }),
      'nflog-threshold': option(integer(65535), threshold),
    }
  },
  check:
    ({ prefix }) =>
    (bytes, at) =>
      isTerminated(prefix, bytes, at) ? undefined : about('nflog-prefix', 'the prefix does not end'),
})
