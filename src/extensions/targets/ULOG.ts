/** The predecessor of NFLOG. Linux has not had it since version 3.17, so the UAPI headers do not have it either. */

import { u32, u64 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { nothing } from '../evaluation'
import { target } from '../extension'
import { view } from '../fields'
import { option } from '../option'
import { integer, integer64 } from '../values/integer'
import { line, quoted } from '../values/string'

const [FIRST, LAST] = [1, 32]
/** Groups are bits; iptables uses the lowest one set. */
const groupOf = (bits: number): number => (bits === 0 ? 0 : Math.log2((bits & -bits) >>> 0) + 1)

export const ULOG = target('ULOG', {
  families: ['ipv4'],
  revisions: {
    0: struct('', 56, { nlGroup: u32, copyRange: u64, qthreshold: u64, prefix: chars(32) }),
  },
  list:
    ({ nlGroup, copyRange, qthreshold, prefix }) =>
    ({ bytes, at }) => {
      const said = prefix.read(bytes, at)
      const [range, threshold] = [copyRange.read(bytes, at), qthreshold.read(bytes, at)]
      const shown = said === '' ? '' : ` prefix "${said}"`
      return `ULOG copy_range ${range} nlgroup ${groupOf(nlGroup.read(bytes, at))}${shown} queue_threshold ${threshold}`
    },
  does: nothing,
  options: ({ nlGroup, copyRange, qthreshold, prefix }) => {
    const group = view(nlGroup, groupOf, (number) => 2 ** (number - 1))
    return {
      'ulog-prefix': option(quoted(line(31, 1)), prefix),
      'ulog-nlgroup': option(integer(LAST, FIRST), group, { absent: FIRST }),
      'ulog-cprange': option(integer64, copyRange),
      'ulog-qthreshold': option({ ...integer64, expects: 'a number from 1 to 50' }, qthreshold, {
        absent: 1n,
        refuses: (packets) => (packets < 1n || packets > 50n ? 'it is out of range' : undefined),
      }),
    }
  },
})
