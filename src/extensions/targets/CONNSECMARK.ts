/** Copies the security mark of the packet to its connection, or back. */

import { u8 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { nothing } from '../evaluation'
import { about, target } from '../extension'
import { is } from '../fields'
import { flag } from '../option'

const [SAVE, RESTORE] = [1, 2] as const

/** linux/netfilter/xt_CONNSECMARK.h */
export const CONNSECMARK = target('CONNSECMARK', {
  tables: ['mangle', 'security'],
  revisions: { 0: struct('struct xt_connsecmark_target_info', 1, { mode: u8 }) },
  atLeastOne: true,
  list: 'CONNSECMARK',
  does: nothing,
  options: ({ mode }) => ({
    save: flag(is(mode, SAVE, 0), { excludes: ['restore'], list: 'save' }),
    restore: flag(is(mode, RESTORE, 0), { list: 'restore' }),
  }),
  check:
    ({ mode }) =>
    (bytes, at) => {
      const value = mode.read(bytes, at)
      return value === SAVE || value === RESTORE ? undefined : about('save', 'one of --save and --restore is required')
    },
})
