/** The time at which the packet arrives. */

import { ERRNO } from '../../abi/errno'
import { u8, u32 } from '../../binary/codec'
import { bit, struct } from '../../binary/struct'
import { circumstance } from '../evaluation'
import { about, match } from '../extension'
import { either, is, not, unless } from '../fields'
import { flag, option, synonym } from '../option'
import { date, daytime, LAST_SECOND, monthdays, weekdays } from '../values/time'

const ALL_MONTHDAYS = 0xffff_fffe
const ALL_WEEKDAYS = 0xfe
const LAST_DATE = 0x7fff_ffff

/** `!` before days selects the other days, and the rule stores these. */
const daysOf = (all: number) => ({
  absent: all,
  negate: (days: number) => (~days & all) >>> 0,
  refuses: (days: number) => (days === 0 ? 'it excludes all days' : undefined),
  list: 'on $',
})

/** linux/netfilter/xt_time.h */
export const time = match('time', {
  revisions: {
    0: struct('struct xt_time_info', 24, {
      dateStart: u32,
      dateStop: u32,
      daytimeStart: u32,
      daytimeStop: u32,
      monthdaysMatch: u32,
      weekdaysMatch: u8,
      flags: u8,
    }),
  },
  asks: circumstance('what time it is'),
  options: ({ dateStart, dateStop, daytimeStart, daytimeStop, monthdaysMatch, weekdaysMatch, flags }) => {
    const local = bit(flags, 0x01)
    const stops = not(is(daytimeStop, LAST_SECOND, 0))
    const starts = not(is(daytimeStart, 0, 0))
    return {
      timestart: option(daytime, daytimeStart, { always: stops, list: 'from $' }),
      timestop: option(daytime, daytimeStop, { absent: LAST_SECOND, always: starts, list: 'to $' }),
      monthdays: option(monthdays, monthdaysMatch, daysOf(ALL_MONTHDAYS)),
      weekdays: option(weekdays, weekdaysMatch, daysOf(ALL_WEEKDAYS)),
      datestart: option(date, dateStart, { list: 'starting from $' }),
      datestop: option(date, dateStop, { absent: LAST_DATE, always: true, list: 'until date $' }),
      kerneltz: flag(local, { aliases: ['localtz'], list: '' }),
      utc: synonym('kerneltz', flag(unless(local))),
      contiguous: flag(bit(flags, 0x02), { list: 'contiguous' }),
    }
  },
  check: ({ daytimeStart, daytimeStop, flags }) => {
    const contiguous = bit(flags, 0x02)
    return (bytes, at) => {
      const [start, stop] = [daytimeStart.read(bytes, at), daytimeStop.read(bytes, at)]
      if (start > LAST_SECOND) return about('timestart', 'must be at most 23:59:59', ERRNO.EDOM)
      if (stop > LAST_SECOND) return about('timestop', 'must be at most 23:59:59', ERRNO.EDOM)
      if (flags.read(bytes, at) > 0x03) return 'flags that the kernel does not know'
      return contiguous.read(bytes, at) && start < stop
        ? about('contiguous', '--contiguous cannot be used with a --timestop later than --timestart')
        : undefined
    }
  },
  list: ({ dateStop, flags }) => {
    const zone = either(bit(flags, 0x01), '', 'UTC')
    return ({
      bytes,
      at,
      texts: { weekdays: week, monthdays: month, timestart, timestop, datestop, datestart, contiguous },
    }) => {
      const until = dateStop.read(bytes, at) === LAST_DATE ? undefined : datestop
      return ['TIME', timestart, timestop, week, month, datestart, until, zone(bytes, at), contiguous]
        .filter(Boolean)
        .join(' ')
    }
  },
})
