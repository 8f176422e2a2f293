/** Writes packets to the kernel's log. */

import { u8 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { text as chars, encodedLength } from '../../binary/text'
import { nothing } from '../evaluation'
import { about, isTerminated, target } from '../extension'
import { readNatively } from '../native'
import { expression } from '../native-actions'
import { flag, option } from '../option'
import { nameOrNumber } from '../values/names'
import { line } from '../values/string'

const LEVELS = { emerg: 0, panic: 0, alert: 1, crit: 2, error: 3, warning: 4, notice: 5, info: 6, debug: 7 }

const LISTED_LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug']

/** The expression `log` of nf_tables; with a group, it is NFLOG. linux/netfilter/nf_tables.h */
type LogData = { prefix?: string; level?: number; flags?: number }
const KNOWN_FLAGS = 0x2f
const MAX_PREFIX = 29

/** linux/netfilter/xt_LOG.h */
export const LOG = target('LOG', {
  revisions: { 0: struct('struct xt_log_info', 32, { level: u8, logflags: u8, prefix: chars(30) }) },
  check:
    ({ level, prefix }) =>
    (bytes, at) => {
      if (level.read(bytes, at) > LEVELS.debug) return about('log-level', 'must be 0 to 7')
      return isTerminated(prefix, bytes, at) ? undefined : about('log-prefix', 'the prefix is not terminated')
    },
  list:
    ({ level, logflags }) =>
    ({ bytes, at, numeric, texts: { 'log-prefix': prefix, 'log-level': _, ...flags } }) => {
      const number = level.read(bytes, at)
      const said = numeric
        ? [`flags ${logflags.read(bytes, at)}`, `level ${number}`]
        : [`level ${LISTED_LEVELS[number] ?? number}`, ...Object.values(flags)]
      return ['LOG', ...said, ...(prefix === undefined ? [] : [prefix])].join(' ')
    },
  native: ({ level, logflags, prefix }) =>
    readNatively(
      expression<LogData>('log', {
        write(bytes, at) {
          const [text, flags] = [prefix.read(bytes, at), logflags.read(bytes, at)]
          return { ...(text !== '' && { prefix: text }), level: level.read(bytes, at), ...(flags !== 0 && { flags }) }
        },
        read({ prefix: text = '', level: number = LEVELS.warning, flags = 0, ...rest }, bytes, at) {
          if (Object.values(rest).some((value) => value !== undefined)) return false
          if (number > LEVELS.debug || (flags & ~KNOWN_FLAGS) !== 0 || encodedLength(text) > MAX_PREFIX) return false
          prefix.write(bytes, at, text)
          level.write(bytes, at, number)
          logflags.write(bytes, at, flags)
          return true
        },
      }),
    ),
  does: nothing,
  options: ({ level, logflags, prefix }) => ({
    'log-prefix': option(line(MAX_PREFIX, 1), prefix, { list: 'prefix "$"' }),
    'log-level': option(nameOrNumber(LEVELS, 7), level, { absent: LEVELS.warning }),
    'log-tcp-sequence': flag(bit(logflags, 0x01), { list: 'tcp-sequence' }),
    'log-tcp-options': flag(bit(logflags, 0x02), { list: 'tcp-options' }),
    'log-ip-options': flag(bit(logflags, 0x04), { list: 'ip-options' }),
    'log-uid': flag(bit(logflags, 0x08), { list: 'uid' }),
    'log-macdecode': flag(bit(logflags, 0x20), { list: 'macdecode' }),
  }),
})
