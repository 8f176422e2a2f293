/** Dates, times of day, days of the week and of the month. */
import { readDecimal, readInteger } from './integer'
import { mismatch, type ValueType } from './value'

const two = (number: number): string => String(number).padStart(2, '0')

const DATE = /^(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:T(?:(\d\d?)(?::(\d\d?)(?::(\d\d?))?)?)?)?)?)?$/
const [FIRST_YEAR, LAST_YEAR] = [1970, 2038] as const

/** Seconds since 1970 in UTC. */
export const date: ValueType<number, string> = {
  expects: `a date YYYY[-MM[-DD[Thh[:mm[:ss]]]]], ${FIRST_YEAR} to ${LAST_YEAR}`,
  parse(word) {
    const said = DATE.exec(word)?.slice(1) ?? mismatch()
    const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = said.map(
      (part) => part && Number(part),
    ) as number[]
    const time = new Date(Date.UTC(year, month - 1, day, hour, minute, second))
    const isOne =
      time.getUTCMonth() === month - 1 && time.getUTCDate() === day && hour < 24 && minute < 60 && second < 60
    return isOne && year >= FIRST_YEAR && year <= LAST_YEAR ? time.getTime() / 1000 : mismatch('there is no such date')
  },
  format: (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19),
  list: (seconds) => new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' '),
}

/** The last second of a day. */
export const LAST_SECOND = 24 * 60 * 60 - 1

/** Seconds since midnight. */
export const daytime: ValueType<number, string> = {
  expects: 'a time hh:mm[:ss], 00:00:00 to 23:59:59',
  parse(word) {
    const [hour = 0, minute = 0, second = 0] = (
      /^(\d\d?):(\d\d?)(?::(\d\d?))?$/.exec(word)?.slice(1) ?? mismatch()
    ).map((part = '0') => Number(part))
    return hour < 24 && minute < 60 && second < 60
      ? (hour * 60 + minute) * 60 + second
      : mismatch('there is no such time')
  },
  format: (seconds) =>
    [seconds / 3600, (seconds / 60) % 60, seconds % 60].map((part) => two(Math.floor(part))).join(':'),
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const

/** Days as bits; the first day is bit 1. An empty item after the last comma is ignored. */
const days = (
  expects: string,
  last: number,
  dayOf: (word: string) => number | undefined,
  nameOf: (day: number) => string,
  listed = nameOf,
): ValueType<number> => {
  const bit = (word: string): number => {
    const day = dayOf(word) ?? 0
    return day < 1 || day > last ? mismatch(`there is no day ${JSON.stringify(word)}`) : 2 ** day
  }
  const names = (bits: number, spell: (day: number) => string): string =>
    Array.from({ length: last }, (_, i) => i + 1)
      .filter((day) => ((bits >>> day) & 1) === 1)
      .map(spell)
      .join(',')
  return {
    expects,
    parse: (word) =>
      word
        .replace(/,$/, '')
        .split(',')
        .reduce((bits, one) => (bits | bit(one)) >>> 0, 0),
    format: (bits) => names(bits, nameOf),
    list: (bits) => names(bits, listed),
  }
}

const weekday = (word: string): number | undefined =>
  readDecimal(word) ??
  (/^..?.?$/.test(word) && word.length > 1 ? DAYS.findIndex((day) => day.startsWith(word)) + 1 : undefined)

/** Days of the week, as bits. */
export const weekdays = days(
  `a comma list of ${DAYS.join(', ')}, or 1 to 7`,
  7,
  weekday,
  (day) => DAYS[day - 1] as string,
)

/** One or two digits: iptables reads what follows them as the next day. */
const monthday = (word: string): number | undefined => (/^..?$/.test(word) ? readInteger(word) : undefined)

/** The endings as iptables prints them, including 11st to 13rd. */
const ENDINGS = ['th', 'st', 'nd', 'rd']

/** Days of the month, as bits. */
export const monthdays = days(
  'a comma list of days 1 to 31',
  31,
  monthday,
  String,
  (day) => `${day}${ENDINGS[day % 10] ?? 'th'}`,
)
