/** The packet's time to live. */
import { u8 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { match } from '../extension'
import { hopComparisons, hopTests } from '../hop-limit'
import { network, readNatively } from '../native'

/** linux/netfilter_ipv4/ipt_ttl.h */
export const ttl = match('ttl', {
  families: ['ipv4'],
  revisions: { 0: struct('struct ipt_ttl_info', 2, { mode: u8, ttl: u8 }) },
  atLeastOne: true,
  list: 'TTL match TTL',
  native: ({ mode, ttl }) => readNatively(hopTests(network(8, 1), { mode, value: ttl })),
  options: ({ mode, ttl }) => hopComparisons('ttl', { mode, value: ttl }),
})
