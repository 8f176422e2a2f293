/** Fills in the packet's checksum, which is otherwise left to hardware. */

import { u8 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { nothing } from '../evaluation'
import { about, target } from '../extension'
import { flag } from '../option'

const FILL = 0x01

/** linux/netfilter/xt_CHECKSUM.h */
export const CHECKSUM = target('CHECKSUM', {
  tables: ['mangle'],
  revisions: { 0: struct('struct xt_CHECKSUM_info', 1, { operation: u8 }) },
  atLeastOne: true,
  list: 'CHECKSUM',
  does: nothing,
  options: ({ operation }) => ({ 'checksum-fill': flag(bit(operation, FILL), { list: 'fill' }) }),
  check:
    ({ operation }) =>
    (bytes, at) =>
      operation.read(bytes, at) === FILL ? undefined : about('checksum-fill', '--checksum-fill is the only operation'),
})
