/** The packet's hop limit. */
import { u8 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { match } from '../extension'
import { hopComparisons, hopTests } from '../hop-limit'
import { network, readNatively } from '../native'

/** linux/netfilter_ipv6/ip6t_hl.h */
export const hl = match('hl', {
  families: ['ipv6'],
  revisions: { 0: struct('struct ip6t_hl_info', 2, { mode: u8, hopLimit: u8 }) },
  atLeastOne: true,
  list: 'HL match HL',
  native: ({ mode, hopLimit }) => readNatively(hopTests(network(7, 1), { mode, value: hopLimit })),
  options: ({ mode, hopLimit }) => hopComparisons('hl', { mode, value: hopLimit }),
})
