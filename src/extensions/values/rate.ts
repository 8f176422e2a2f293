/** Rates of packets, and of bytes. */
import { readDecimal, readInteger } from './integer'
import { findName } from './names'
import { halves, mismatch, type ValueType } from './value'

/** So many packets in so many seconds, which are those of one of the units. */
export type Rate = readonly [packets: number, seconds: number]

const SECONDS = { second: 1, minute: 60, hour: 60 * 60, day: 24 * 60 * 60 }

/** By seconds, shortest first, as they are printed. */
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

/** A rate, of bytes where the seconds are 0. */
export function formatFlow([many, seconds]: Rate): string {
  return seconds === 0 ? `${formatBytes(many)}/s` : `${many}/${PRINTED.get(seconds)}`
}

/** `packets[/unit]`, the unit cut short at will and a second where it is left out. @param max packets a second */
export const rate = (max: number): ValueType<Rate> => ({
  expects: `packets[/second, /minute, /hour or /day], at most ${max} a second`,
  parse(word) {
    const [amount, unit = 'second'] = halves(word, '/')
    const packets = readDecimal(amount) ?? mismatch()
    const seconds = secondsOf(unit)
    if (packets > max * seconds) return mismatch('it is too fast')
    return packets === 0 ? mismatch('it is no rate') : [packets, seconds]
  },
  format: formatFlow,
})

/** The time from packet to packet, of which a second has `ticks`. */
export const periodOf = ([packets, seconds]: Rate, ticks: number): number => Math.floor((ticks * seconds) / packets)

/**
 * The rate in the shortest unit that has the same period; the next slower one a day where none has.
 * @param listed takes one that has a tick more, as listings do
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

/** Bytes in the greatest unit that takes nothing from them. */
export const formatBytes = (bytes: number): string => {
  const [unit, size] = [...BYTES].find(([, size]) => bytes >= size && bytes % size === 0) ?? ['b', 1]
  return `${bytes / size}${unit}`
}

/** What `bytes` becomes in the greatest unit in which it stays `same`. */
export const roundBytes = (bytes: number, same: (rounded: number) => boolean): number =>
  [...BYTES.values()].map((size) => Math.floor(bytes / size) * size).find((rounded) => rounded > 0 && same(rounded)) ??
  bytes

/** The bytes that an amount and a unit stand for: `512kb`. The unit is written in small letters. */
export const bytesOf = (amount: number, unit: string): number => amount * (BYTES.get(unit) ?? mismatch())

/** A rate of packets, or so many bytes a second where the seconds are 0. */
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
      return bytes === 0 ? mismatch('it is no rate') : [bytes, 0]
    },
    format: formatFlow,
  }
}

/** So many packets, or bytes. */
export type Amount = readonly [amount: number, isBytes: boolean]

/** A number, with k or m behind it 1024 times as great once or twice, and b at its end as one likes. */
export const amount: ValueType<Amount> = {
  expects: 'a number of packets, or of bytes such as 1mb',
  parse(word) {
    const [, digits = '', letter = ''] = /^(\w*?)([km]?)b?$/.exec(word.trim()) ?? []
    return [bytesOf(readInteger(digits) || mismatch(), `${letter}b`), false]
  },
  format: ([number, isBytes]) => (isBytes ? formatBytes(number) : String(number)),
}
