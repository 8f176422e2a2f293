/** A limit on the rate of matching packets, which a burst may exceed. */

import { ERRNO } from '../../abi/errno'
import { NFT_LIMIT_PKTS } from '../../abi/nf-tables'
import { raw, u32 } from '../../binary/codec'
import { struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { about, match, suspicion } from '../extension'
import { view } from '../fields'
import { native } from '../native'
import { expression } from '../native-actions'
import { option } from '../option'
import { integer } from '../values/integer'
import { formatFlow, periodOf, type Rate, rate, rateOf } from '../values/rate'
import { same } from '../values/value'

/** XT_LIMIT_SCALE: ticks per second. The time between two packets is stored in ticks. */
const TICKS = 10_000
const MAX_BURST = 10_000

/** In nf_tables' form: a number of packets per number of seconds. linux/netfilter/nf_tables.h */
type LimitData = { rate: bigint; unit: bigint; burst: number; type: number; flags: number }

/** linux/netfilter/xt_limit.h */
export const limit = match('limit', {
  revisions: {
    0: struct('struct xt_rateinfo', 40, {
      avg: u32,
      burst: u32,
      prev: raw(8, 8),
      credit: u32,
      creditCap: u32,
      cost: u32,
      pad: u32,
      master: raw(8, 8),
    }),
  },
  restarts: 'the burst is full again',
  private: ({ prev, credit, creditCap, cost, pad, master }) => [prev, credit, creditCap, cost, pad, master],
  native: ({ avg, burst }) =>
    native(
      expression<LimitData>('limit', {
        write(bytes, at) {
          const [packets, seconds] = rateOf(avg.read(bytes, at), TICKS, true)
          const size = burst.read(bytes, at)
          // The kernel treats 0 as a missing burst.
          if (size === 0) return undefined
          return { rate: BigInt(packets), unit: BigInt(seconds), burst: size, type: NFT_LIMIT_PKTS, flags: 0 }
        },
        read({ rate: packets = 0n, unit: seconds = 0n, burst: size = 0, type, flags }, bytes, at) {
          if (type !== NFT_LIMIT_PKTS || flags !== 0 || packets === 0n || size < 1 || size > MAX_BURST) return false
          const period = periodOf([Number(packets), Number(seconds)], TICKS)
          // Rates that cannot be expressed exactly would be rounded to others.
          if (!same(rateOf(period, TICKS, true), [Number(packets), Number(seconds)])) return false
          avg.write(bytes, at, period)
          burst.write(bytes, at, size)
          return true
        },
      }),
    ),
  asks: circumstance('how many packets came before'),
  options: ({ avg, burst }) => ({
    limit: option(
      rate(TICKS),
      view(
        avg,
        (period) => rateOf(period, TICKS),
        (one: Rate) => periodOf(one, TICKS),
      ),
      { always: true, absent: [3, 60 * 60] },
    ),
    'limit-burst': option(integer(MAX_BURST), burst, { absent: 5 }),
  }),
  check:
    ({ burst }) =>
    (bytes, at) =>
      burst.read(bytes, at) === 0 ? about('limit-burst', 'must be at least 1', ERRNO.ERANGE) : undefined,
  // How long a burst may take depends on the kernel's timer frequency.
  suspects: () => () => [
    suspicion('limit-burst', ERRNO.ERANGE, 'at this rate, the burst takes longer to refill than this kernel can count'),
  ],
  usage:
    ({ avg, burst }) =>
    (bytes, at) =>
      avg.read(bytes, at) * burst.read(bytes, at) > 0xffff_ffff
        ? about('limit-burst', 'at this rate, the burst takes longer to refill than the kernel can count')
        : undefined,
  list:
    ({ avg, burst }) =>
    ({ bytes, at }) =>
      `limit: avg ${formatFlow(rateOf(avg.read(bytes, at), TICKS, true))} burst ${burst.read(bytes, at)}`,
})
