/** Changes the packet's time to live. */

import { u8 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { target } from '../extension'
import { hopChange, hopChanges, refuseHopChange } from '../hop-limit'
import { network } from '../native'

/** linux/netfilter_ipv4/ipt_TTL.h */
export const TTL = target('TTL', {
  families: ['ipv4'],
  tables: ['mangle'],
  revisions: { 0: struct('struct ipt_TTL_info', 2, { mode: u8, ttl: u8 }) },
  atLeastOne: true,
  list: 'TTL',
  does: ({ mode, ttl }) => hopChange(network(8, 1), { mode, value: ttl }),
  options: ({ mode, ttl }) => hopChanges('ttl', { mode, value: ttl }),
  check: ({ mode, ttl }) => refuseHopChange('ttl', { mode, value: ttl }),
})
