/** Changes the packet's hop limit. */

import { u8 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { target } from '../extension'
import { hopChange, hopChanges, refuseHopChange } from '../hop-limit'
import { network } from '../native'

/** linux/netfilter_ipv6/ip6t_HL.h */
export const HL = target('HL', {
  families: ['ipv6'],
  tables: ['mangle'],
  revisions: { 0: struct('struct ip6t_HL_info', 2, { mode: u8, hopLimit: u8 }) },
  atLeastOne: true,
  list: 'HL',
  does: ({ mode, hopLimit }) => hopChange(network(7, 1), { mode, value: hopLimit }),
  options: ({ mode, hopLimit }) => hopChanges('hl', { mode, value: hopLimit }),
  check: ({ mode, hopLimit }) => refuseHopChange('hl', { mode, value: hopLimit }),
})
