/** A quota of bytes: packets match until it is used up. */

import { raw, u32, u64 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { match } from '../extension'
import { option } from '../option'
import { integer64 } from '../values/integer'

/** linux/netfilter/xt_quota.h */
export const quota = match('quota', {
  revisions: { 0: struct('struct xt_quota_info', 24, { flags: u32, pad: u32, quota: u64, master: raw(8, 8) }) },
  restarts: 'the quota starts over',
  bits: ({ flags }) => [[flags, 0x01]],
  private: ({ master }) => [master],
  translate: ({ flags, quota }) => {
    const isOver = bit(flags, 0x01)
    return (bytes, at) => `quota ${isOver.read(bytes, at) ? 'over ' : ''}${quota.read(bytes, at)} bytes`
  },
  asks: circumstance('how many bytes came before'),
  options: ({ flags, quota }) => ({
    quota: option(integer64, quota, { required: true, negation: bit(flags, 0x01), list: 'quota: $ bytes' }),
  }),
})
