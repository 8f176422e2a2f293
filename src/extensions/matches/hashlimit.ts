/** A rate limit like that of the match limit, but separate for each address, network or port. */

import { ERRNO } from '../../abi/errno'
import { type Field, raw, u8, u32, u64 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { circumstance } from '../evaluation'
import { about, match, suspicion } from '../extension'
import { bits, constant, either, not, view } from '../fields'
import { flag, option, synonym } from '../option'
import { prefixBits } from '../values/address'
import { decimal, integer } from '../values/integer'
import { nameList } from '../values/names'
import { type Amount, amount, type Flow, flow, formatFlow, periodOf, rateOf, roundBytes } from '../values/rate'
import { isFileName, name as text } from '../values/string'
import { mismatch } from '../values/value'

const KEYS = { srcip: 0x04, srcport: 0x08, dstip: 0x01, dstport: 0x02 }
const [ABOVE, BYTES, MATCH] = [0x10, 0x20, 0x40] as const
const keys = nameList(KEYS, { emptyItems: true })

const table = { size: u32, max: u32, gcInterval: u32, expire: u32 }
const masks = { srcmask: u8, dstmask: u8 }
const cost = { avg: u64, burst: u64, mode: u32 }
const hinfo = raw(8, 8)

/** Ticks per second: XT_HASHLIMIT_SCALE_v2, and XT_HASHLIMIT_SCALE of revision 1. */
const [TICKS, TICKS_1] = [1_000_000, 10_000] as const
const MAX = 0xffff_ffff
const [MAX_BURST, MAX_TABLE, MAX_INTERVAL] = [1_000_000, 1_048_576, 0x7fff_ffff] as const
const [USUAL_BURST, USUAL_GC, USUAL_EXPIRE, USUAL_EXPIRE_BURST] = [5, 1000, 15_000, 60_000] as const
const [NOTHING, NO_BURST]: readonly [Flow, Amount] = [
  [0, 1],
  [0, false],
]

/** Bytes are counted in units of sixteen; a byte rate is stored as the cost of one unit. */
const costOf = (bytes: number): number => Math.floor(MAX / (Math.floor(bytes / 16) + 1))
const bytesAt = (one: number): number => Math.max(0, Math.floor(MAX / Math.max(1, one)) - 1) * 16

const isSmall = (field: Field<number> | Field<bigint>): field is Field<number> => field.size === 4
const numbered = (field: Field<number> | Field<bigint>): Field<number> =>
  isSmall(field) ? field : view(field, Number, BigInt)

/** The members from which rate, burst and expiry are computed, in each revision. linux/netfilter/xt_hashlimit.h */
interface Bucket {
  readonly avg: Field<number> | Field<bigint>
  readonly burst: Field<number> | Field<bigint>
  readonly mode: Field<number>
  readonly expire: Field<number>
  readonly interval?: Field<number>
}

/** Rate, burst and expiry: how each is stored, and its default, depend on the others. */
function bucketOf(at: Bucket) {
  const [avg, burst] = [numbered(at.avg), numbered(at.burst)]
  const ticks = isSmall(at.avg) ? TICKS_1 : TICKS
  const interval = at.interval ?? constant(0)
  const [inBytes, isMatch] = [bit(at.mode, BYTES), bit(at.mode, MATCH)]
  /** @param listed factor of the period in a listing; 0 outside of listings */
  const flowAt = (bytes: Uint8Array, place: number, listed = 0): Flow => {
    const period = avg.read(bytes, place)
    if (!inBytes.read(bytes, place)) return rateOf(period * (listed || 1), ticks, listed > 0)
    const rounded = roundBytes(bytesAt(period), (one) => one <= MAX && costOf(one) === period)
    return [Math.max(1, rounded), 0]
  }
  const usualExpire = (bytes: Uint8Array, place: number, [, seconds]: Flow): number =>
    seconds > 0 ? seconds * 1000 : burst.read(bytes, place) > 0 ? USUAL_EXPIRE_BURST : USUAL_EXPIRE
  const rate: Field<Flow> = {
    ...avg,
    read: (bytes, place) => flowAt(bytes, place),
    write(bytes, place, said) {
      const [many, seconds] = said
      const isSaid = many > 0
      const classifies = isSaid && isMatch.read(bytes, place)
      if (classifies && interval.read(bytes, place) === 0) interval.write(bytes, place, seconds || 1)
      const period = seconds === 0 ? costOf(many) : periodOf([many, classifies ? 1 : seconds], ticks)
      if (isSaid && period === 0) mismatch('the rate is too high')
      avg.write(bytes, place, isSaid ? period : 0)
      inBytes.write(bytes, place, seconds === 0)
      burst.write(bytes, place, isSaid && seconds > 0 ? USUAL_BURST : 0)
      at.expire.write(bytes, place, isSaid ? usualExpire(bytes, place, said) : 0)
    },
  }
  const peak: Field<Amount> = {
    ...burst,
    read(bytes, place) {
      const held = burst.read(bytes, place)
      if (held === 0) return NO_BURST
      if (!inBytes.read(bytes, place)) return [held, false]
      const one = bytesAt(avg.read(bytes, place))
      return [roundBytes(held * one, (said) => Math.ceil(said / one) === held), true]
    },
    write(bytes, place, [many]) {
      const one = bytesAt(avg.read(bytes, place))
      if (inBytes.read(bytes, place)) {
        if (many > MAX || (many > 0 && (one === 0 || many < one)))
          mismatch(`it must be at least ${one} bytes, and less than 4gb`)
        burst.write(bytes, place, many === 0 ? 0 : Math.ceil(many / one))
        at.expire.write(bytes, place, usualExpire(bytes, place, [many, 0]))
        return
      }
      if (many > MAX_BURST && avg.read(bytes, place) > 0) mismatch(`it must be at most ${MAX_BURST} packets`)
      burst.write(bytes, place, many === 0 && avg.read(bytes, place) > 0 ? USUAL_BURST : many)
    },
  }
  const expiry: Field<number> = {
    ...at.expire,
    read(bytes, place) {
      const held = at.expire.read(bytes, place)
      const isUsual = avg.read(bytes, place) > 0 && held === usualExpire(bytes, place, flowAt(bytes, place))
      return isUsual ? 0 : held
    },
    write: (bytes, place, said) =>
      at.expire.write(
        bytes,
        place,
        said || (avg.read(bytes, place) === 0 ? 0 : usualExpire(bytes, place, flowAt(bytes, place))),
      ),
  }
  const sampled: Field<number> = {
    ...interval,
    read(bytes, place) {
      const held = interval.read(bytes, place)
      return held === (isMatch.read(bytes, place) ? 1 : 0) ? 0 : held
    },
    write: (bytes, place, said) => interval.write(bytes, place, said),
  }
  return { rate, peak, expiry, sampled, inBytes, isMatch, burst, interval, flowAt, usualExpire }
}

const leading = ['hashlimit-rate-match', 'hashlimit-rate-interval', 'hashlimit-upto', 'hashlimit-burst'] as const

export const hashlimit = match('hashlimit', {
  revisions: {
    1: struct('struct xt_hashlimit_mtinfo1', 56, {
      name: chars(16),
      ...{ mode: u32, avg: u32, burst: u32, ...table, ...masks },
      hinfo,
    }),
    2: struct('struct xt_hashlimit_mtinfo2', 304, { name: chars(255), ...cost, ...table, ...masks, hinfo }),
    3: struct('struct xt_hashlimit_mtinfo3', 312, {
      name: chars(255),
      ...cost,
      ...table,
      interval: u32,
      ...masks,
      hinfo,
    }),
  },
  bits: (at) => [[at.mode, 'interval' in at ? 0x7f : 0x3f]],
  private: ({ hinfo }) => [hinfo],
  leading,
  asks: circumstance('how many packets came before'),
  options: (at, family) => {
    const { rate, peak, expiry, sampled, isMatch } = bucketOf(at)
    const isAbove = bit(at.mode, ABOVE)
    const whole = family === 'ipv4' ? 32 : 128
    const size = integer(MAX_TABLE)
    const limits = { required: true, absent: NOTHING }
    return {
      'hashlimit-upto': option(flow(TICKS), rate, {
        ...limits,
        aliases: ['hashlimit'],
        negation: isAbove,
        spelled: either(isAbove, 'hashlimit-above', 'hashlimit-upto'),
      }),
      'hashlimit-above': synonym('hashlimit-upto', option(flow(TICKS), rate, { ...limits, negation: not(isAbove) })),
      'hashlimit-burst': option(amount, peak, { absent: NO_BURST, list: 'burst $' }),
      'hashlimit-mode': option(keys, bits(at.mode, 0x0f), {
        list: (_, { words: [word = ''] }) => `mode ${word.replaceAll(',', '-')}`,
      }),
      'hashlimit-name': option(text(254), at.name, { required: true }),
      'hashlimit-htable-size': option(size, at.size, { list: 'htable-size $' }),
      'hashlimit-htable-max': option(size, at.max, { list: 'htable-max $' }),
      'hashlimit-htable-gcinterval': option(integer(MAX, 1), at.gcInterval, {
        absent: USUAL_GC,
        list: 'htable-gcinterval $',
      }),
      'hashlimit-htable-expire': option(integer(MAX, 1), expiry),
      'hashlimit-srcmask': option(prefixBits, at.srcmask, { absent: whole, list: 'srcmask $' }),
      'hashlimit-dstmask': option(prefixBits, at.dstmask, { absent: whole, list: 'dstmask $' }),
      'hashlimit-rate-match': flag(isMatch, { list: 'rate-match' }),
      'hashlimit-rate-interval': option(decimal(MAX_INTERVAL, 1), sampled, { list: 'rate-interval $' }),
    }
  },
  suspects: () => () => [
    suspicion(
      'hashlimit-burst',
      ERRNO.ERANGE,
      'at this rate, the burst takes longer to refill than this kernel can count',
    ),
  ],
  check: ({ name, gcInterval, srcmask, dstmask, ...at }, family) => {
    const { burst, interval, inBytes, isMatch } = bucketOf(at)
    const whole = family === 'ipv4' ? 32 : 128
    const avg = isSmall(at.avg) ? view(at.avg, BigInt, Number) : at.avg
    return (bytes, place) => {
      const is0 = (field: Field<number>): boolean => field.read(bytes, place) === 0
      if (is0(gcInterval) || is0(at.expire))
        return about(is0(gcInterval) ? 'hashlimit-htable-gcinterval' : 'hashlimit-htable-expire', 'must not be 0')
      if (srcmask.read(bytes, place) > whole) return about('hashlimit-srcmask', `must be at most ${whole}`)
      if (dstmask.read(bytes, place) > whole) return about('hashlimit-dstmask', `must be at most ${whole}`)
      const said = name.read(bytes, place)
      if (!isFileName(said))
        return about('hashlimit-name', `${JSON.stringify(said)} cannot be the name of a file in /proc`)
      const rate = avg.read(bytes, place)
      if (isMatch.read(bytes, place)) {
        if (rate < 1n || rate > MAX) return about('hashlimit-upto', 'the rate is out of range', ERRNO.ERANGE)
        return is0(interval) ? about('hashlimit-rate-interval', 'must not be 0') : undefined
      }
      // Linux uses the lower 32 bits of the cost of 16 bytes, which must be at least 2.
      if (inBytes.read(bytes, place))
        return BigInt.asUintN(32, rate) < 2n ? about('hashlimit-upto', 'the rate is too high') : undefined
      return is0(burst) ? about('hashlimit-burst', 'must be at least 1', ERRNO.ERANGE) : undefined
    }
  },
  // With --hashlimit-rate-match, a listing shows the rate per interval, and compares the expiry with the default for that rate.
  list: (at) => {
    const { flowAt, usualExpire, interval, isMatch } = bucketOf(at)
    const side = either(bit(at.mode, ABOVE), 'above', 'up to')
    return ({ bytes, at: place, texts }) => {
      const said = (name: string): string | undefined => texts[`hashlimit-${name}`]
      const shown = flowAt(bytes, place, interval.read(bytes, place) || 1)
      const expire = at.expire.read(bytes, place)
      return [
        `limit: ${side(bytes, place)} ${formatFlow(shown)}`,
        ...['burst', 'mode', 'htable-size', 'htable-max', 'htable-gcinterval'].map(said),
        expire === usualExpire(bytes, place, shown) ? undefined : `htable-expire ${expire}`,
        ...['srcmask', 'dstmask', 'rate-match'].map(said),
        isMatch.read(bytes, place) ? said('rate-interval') : undefined,
      ]
        .filter(Boolean)
        .join(' ')
    }
  },
})
