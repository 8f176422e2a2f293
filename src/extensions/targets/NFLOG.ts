/** Passes packets to a logging backend, which reports them to programs over netlink. */

import { u16, u32 } from '../../binary/codec'
import { bit, both, struct } from '../../binary/struct'
import { text as chars, encodedLength } from '../../binary/text'
import { nothing } from '../evaluation'
import { about, isTerminated, target } from '../extension'
import { view } from '../fields'
import { native } from '../native'
import { expression } from '../native-actions'
import { option } from '../option'
import { integer } from '../values/integer'
import { line, quoted } from '../values/string'

/** The expression `log` of nf_tables. linux/netfilter/nf_tables.h */
interface LogData {
  prefix?: string
  group?: number
  snaplen?: number
  qthreshold?: number
  level?: number
  flags?: number
}

const MAX_PREFIX = 63
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
  native: ({ len, group, threshold, flags, prefix }) =>
    native(
      expression<LogData & Readonly<Record<string, unknown>>>('log', {
        write(bytes, at) {
          const text = prefix.read(bytes, at)
          const packets = threshold.read(bytes, at)
          return {
            ...(text !== '' && { prefix: text }),
            group: group.read(bytes, at),
            ...(bit(flags, 0x01).read(bytes, at) && { snaplen: len.read(bytes, at) }),
            ...(packets !== 0 && { qthreshold: packets }),
          }
        },
        read(data, bytes, at) {
          // Without a group, it writes to the kernel's log, as LOG does.
          if (data.group === undefined || data.level !== undefined || data.flags !== undefined) return false
          if (encodedLength(data.prefix ?? '') > MAX_PREFIX) return false
          prefix.write(bytes, at, data.prefix ?? '')
          group.write(bytes, at, data.group)
          len.write(bytes, at, data.snaplen ?? 0)
          bit(flags, 0x01).write(bytes, at, data.snaplen !== undefined)
          threshold.write(bytes, at, data.qthreshold ?? 0)
          return true
        },
      }),
    ),
  does: nothing,
  options: ({ len, group, threshold, flags, prefix }) => {
    const isSize = bit(flags, 0x01)
    // The length without the flag: the kernel ignores it.
    const range = view(
      both(len, isSize),
      ([bytes, sized]) => (sized ? undefined : bytes),
      (bytes) => [bytes, false] as const,
    )
    return {
      'nflog-prefix': option(quoted(line(MAX_PREFIX, 1)), prefix),
      'nflog-group': option(integer(65535), group),
      'nflog-range': option(length, range, { excludes: ['nflog-size'] }),
      'nflog-size': option(length, len, { present: isSize }),
      'nflog-threshold': option(integer(65535), threshold),
    }
  },
  check:
    ({ prefix }) =>
    (bytes, at) =>
      isTerminated(prefix, bytes, at) ? undefined : about('nflog-prefix', 'the prefix is not terminated'),
})
