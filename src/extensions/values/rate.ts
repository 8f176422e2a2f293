/** Rates of packets and bytes. */
import { readDecimal, readInteger } from './integer'
import { findName } from './names'
import { halves, mismatch, type ValueType } from './value'

/** A number of packets per number of seconds. The seconds are those of one of the units. */
export type Rate = readonly [packets: number, seconds: number]

const SECONDS = { second: 1, minute: 60, hour: 60 * 60, day: 24 * 60 * 60 }

/** The printed units by seconds, shortest first. */
const PRINTED = new Map([
  [SECONDS.second, 'sec'],
  [SECONDS.minute, 'min'],
  [SECONDS.hour, 'hour'],
  [SECONDS.day, 'day'],
])

function secondsOf(unit: string): number {
  const name = findName(Object.keys(SECONDS) as (keyof typeof SECONDS)[], unit, { anyCase: true, prefixes: true })
  return name === undefined ? mismatch() : SECONDS[name]
}

/** A rate; of bytes if the seconds are 0. */
export function formatFlow([many, seconds]: Rate): string {
  return seconds === 0 ? `${formatBytes(many)}/s` : `${many}/${PRINTED.get(seconds)}`
}

/** `packets[/unit]`. The unit may be abbreviated; the default is a second. @param max packets per second */
export const rate = (max: number): ValueType<Rate> => ({
  expects: `packets[/second, /minute, /hour or /day], at most ${max} a second`,
  parse(word) {
    const [amount, unit = 'second'] = halves(word, '/')
    const packets = readDecimal(amount) ?? mismatch()
    const seconds = secondsOf(unit)
    if (packets > max * seconds) return mismatch('the rate is too high')
    return packets === 0 ? mismatch('a rate cannot be 0') : [packets, seconds]
  },
  format: formatFlow,
})

/** The time from packet to packet, in ticks. @param ticks per second */
export const periodOf = ([packets, seconds]: Rate, ticks: number): number => Math.floor((ticks * seconds) / packets)

/**
 * The rate in the shortest unit with the same period; if there is none, the next slower rate per day.
 * @param listed accepts a rate whose period is one tick longer, as listings do
 */
export function rateOf(period: number, ticks: number, listed = false): Rate {
  if (period === 0) return [ticks, SECONDS.second]
  const rates = [...PRINTED.keys()].map((seconds) => [periodOf([period, seconds], ticks), seconds] as const)
  const isNear = ([packets, seconds]: Rate): boolean => {
    const left = (ticks * seconds) % period
    return packets > 0 && (left < packets || (listed && left === packets))
  }
  return rates.find(isNear) ?? (rates.at(-1) as Rate)
}

const BYTES = new Map([
  ['mb', 1024 * 1024],
  ['kb', 1024],
  ['b', 1],
])

/** Bytes in the greatest unit that loses nothing. */
export const formatBytes = (bytes: number): string => {
  const [unit, size] = [...BYTES].find(([, size]) => bytes >= size && bytes % size === 0) ?? ['b', 1]
  return `${bytes / size}${unit}`
}

/** Rounds `bytes` to the greatest unit in which it stays `same`. */
export const roundBytes = (bytes: number, same: (rounded: number) => boolean): number =>
  [...BYTES.values()].map((size) => Math.floor(bytes / size) * size).find((rounded) => rounded > 0 && same(rounded)) ??
  bytes

/** The bytes for an amount and a unit: `512kb`. The unit is in lower case. */
export const bytesOf = (amount: number, unit: string): number => amount * (BYTES.get(unit) ?? mismatch())

/** A rate of packets, or of bytes per second if the seconds are 0. */
export type Flow = Rate

/** As {@link rate}, or `512kb/s`. */
export const flow = (max: number): ValueType<Flow> => {
  const packets = rate(max)
  return {
    expects: `${packets.expects}; or bytes a second such as 512kb/s`,
    parse(word, context) {
      const [, amount, unit, second] = /^\s*\+?(\d+)(b|kb|mb)\/(\w+)$/.exec(word) ?? []
      if (amount === undefined || unit === undefined || second === undefined) return packets.parse(word, context)
      const bytes = bytesOf(Number(amount), unit)
      if (secondsOf(second) !== SECONDS.second) return mismatch()
      return bytes === 0 ? mismatch('a rate cannot be 0') : [bytes, 0]
    },
    format: formatFlow,
  }
}

/** A number of packets, or of bytes. */
export type Amount = readonly [amount: number, isBytes: boolean]

/** A number, optionally followed by k (times 1024) or m (times 1024²), and then optionally by b for bytes. */
export const amount: ValueType<Amount> = {
  expects: 'a number of packets, or of bytes such as 1mb',
  parse(word) {
    const [, digits = '', letter = ''] = /^(\w*?)([km]?)b?$/.exec(word.trim()) ?? []
    return [bytesOf(readInteger(digits) || mismatch(), `${letter}b`), false]
  },
  format: ([number, isBytes]) => (isBytes ? formatBytes(number) : String(number)),
}
