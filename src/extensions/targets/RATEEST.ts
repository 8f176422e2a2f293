/** Estimates the rate of matching packets, for the match rateest. */

import { ERRNO } from '../../abi/errno'
import { type Field, raw, u8 } from '../../binary/codec'
import { both, struct } from '../../binary/struct'
import { text as chars } from '../../binary/text'
import { nothing } from '../evaluation'
import { about, suspicion, target } from '../extension'
import { view } from '../fields'
import { option } from '../option'
import { duration } from '../values/fraction'
import { name as text } from '../values/string'

/** Microseconds of each interval by number, starting at -2. */
const INTERVALS = [250_000, 500_000, 1_000_000, 2_000_000, 4_000_000, 8_000_000]
const FIRST = -2
const MAX_LOG = 30

const intervalOf = (stored: number): number | undefined => INTERVALS[(stored - FIRST) & 0xff]

/** The greatest `ewmaLog` with which the moving average has a time constant of at most `time`; above MAX_LOG if that is too long. */
function logOf(interval: number, time: number): number {
  const reached = (log: number): number => -interval / Math.log(1 - 2 ** -log)
  let log = 0
  while (log <= MAX_LOG && reached(log + 1) <= time) log++
  return log
}

/** linux/netfilter/xt_RATEEST.h */
export const RATEEST = target('RATEEST', {
  revisions: {
    0: struct('struct xt_rateest_target_info', 32, { name: chars(16), interval: u8, ewmaLog: u8, est: raw(8, 8) }),
  },
  private: ({ est }) => [est],
  leading: ['rateest-interval'],
  suspects:
    ({ name }) =>
    (bytes, at) => {
      const said = JSON.stringify(name.read(bytes, at))
      return [suspicion('rateest-name', ERRNO.EINVAL, `another rule estimates ${said} with other settings`, true)]
    },
  does: nothing,
  options: ({ name, interval: stored, ewmaLog }) => {
    const interval = view(stored, intervalOf, (time: number) => (INTERVALS.indexOf(time) + FIRST) & 0xff)
    const average: Field<number> = {
      ...both(interval, ewmaLog),
      read: (bytes, at) => interval.read(bytes, at) * 2 ** ewmaLog.read(bytes, at),
      write: (bytes, at, time) => ewmaLog.write(bytes, at, logOf(interval.read(bytes, at), time)),
    }
    return {
      'rateest-name': option(text(15), name, { required: true, list: 'name $' }),
      'rateest-interval': option({ ...duration, expects: '250ms, 500ms, 1s, 2s, 4s or 8s' }, interval, {
        required: true,
        refuses: (time) => (INTERVALS.includes(time) ? undefined : 'there is no such interval'),
        list: 'interval $',
      }),
      'rateest-ewmalog': option(duration, average, { required: true, list: 'ewmalog $' }),
    }
  },
  check:
    ({ interval, ewmaLog }) =>
    (bytes, at) => {
      if (intervalOf(interval.read(bytes, at)) === undefined)
        return about('rateest-interval', 'there is no such interval')
      const log = ewmaLog.read(bytes, at)
      return log < 1 || log > MAX_LOG
        ? about('rateest-ewmalog', '--rateest-ewmalog must be longer than --rateest-interval, but not by too much')
        : undefined
    },
})
